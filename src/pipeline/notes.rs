//! Notes among us: which account they are about, by the people we know there, and who
//! is meant where a promise names somebody without an address.

use super::{Pipeline, Result, Understood};
use crate::filing::Acquaintance;
use crate::judge::Side;
use crate::read::Direction;
use crate::store::raw::Waiting;
use crate::store::{AnyConnection, accounts};

impl Pipeline {
    /// Files the notes of a batch, and finds the addresses of whom its messages name.
    pub(super) async fn place_notes(
        &self,
        db: &mut AnyConnection,
        read: &mut [(&Waiting, Box<Understood>)],
    ) -> Result<()> {
        if !read.iter().any(|(_, understood)| is_note(understood) || names_somebody(understood)) {
            return Ok(());
        }
        let people: Vec<Acquaintance> = accounts::named_contacts(db)
            .await?
            .into_iter()
            .map(|c| Acquaintance { account: c.account, address: c.address, name: c.name })
            .collect();
        for (_, understood) in read {
            if is_note(understood)
                && let Some(filed) = self.reader.reader().about(&understood.message, &people)
            {
                understood.kind = filed
                    .account
                    .as_ref()
                    .and_then(|id| self.settings.account(id))
                    .map_or(understood.kind, |account| account.kind);
                understood.filed = filed;
            }
            name(understood, &people);
        }
        Ok(())
    }
}

/// Our own talk, which nobody has filed yet but by what it says.
fn is_note(understood: &Understood) -> bool {
    let (message, filed) = (&understood.message, &understood.filed);
    message.direction == Some(Direction::Internal)
        && message.automatic.is_none()
        && understood.reply.is_none()
        && (filed.account.is_none() || filed.doubt.is_some())
}

fn names_somebody(understood: &Understood) -> bool {
    understood.filed.account.is_some() && understood.verdict.commitments.iter().any(|p| !p.person.contains('@'))
}

/// Finds who is meant among the people of the account: by name, else whom the note is about.
fn name(understood: &mut Understood, people: &[Acquaintance]) {
    let Some(account) = understood.filed.account.clone() else { return };
    for promise in &mut understood.verdict.commitments {
        if promise.by != Side::Them || promise.person.contains('@') {
            continue;
        }
        let who = promise.person.to_lowercase();
        let here = || people.iter().filter(|p| p.account == account);
        let is = |p: &&Acquaintance| {
            let name = p.name.to_lowercase();
            !who.is_empty() && (name == who || name.split(' ').any(|part| part == who))
        };
        if let Some(found) = here().find(is) {
            promise.person.clone_from(&found.address);
        } else if who.is_empty() {
            promise.person = understood.filed.contact.clone().unwrap_or_else(|| account.clone());
        }
    }
}
