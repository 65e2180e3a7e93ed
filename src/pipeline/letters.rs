//! One e-mail for all readers of a notice, or, where it can be answered, one for each: with an
//! address of their own that nobody can guess.

use jiff::{SignedDuration, Timestamp};

use super::record::json;
use super::tell::About;
use super::views::Frozen;
use super::{Pipeline, Result, after};
use crate::command::{self, Covered};
use crate::notify::Notice;
use crate::store::AnyConnection;
use crate::store::tokens::{self, TokenRow};

/// How long an alert can be answered.
const LIFE: SignedDuration = SignedDuration::from_hours(14 * 24);

/// An e-mail on its way to one reader.
pub(super) struct Letter {
    pub(super) mail: Frozen,
    pub(super) recipient: String,
    pub(super) due: Timestamp,
}

impl Pipeline {
    /// Whether anybody vouches for those who would answer, and tokens can be made.
    pub(super) fn takes_replies(&self) -> bool {
        self.chance.is_some() && self.settings.mailboxes.iter().any(|mailbox| mailbox.authserv_id.is_some())
    }

    /// The e-mails that a notice calls for.
    pub(super) async fn letters(
        &self,
        db: &mut AnyConnection,
        about: &About<'_>,
        notice: &Notice,
    ) -> Result<Vec<Letter>> {
        let mut letters = Vec::new();
        let mut shared = None;
        for (recipient, due) in &notice.recipients {
            // What is said in confidence is settled in person.
            let own = if notice.private { None } else { self.token(db, about, notice, recipient).await? };
            let mail = match (own, &shared) {
                (Some(address), _) => self.write_alert(db, about, notice, Some((recipient, &address))).await?,
                (None, Some(mail)) => Frozen::clone(mail),
                (None, None) => shared.insert(self.write_alert(db, about, notice, None).await?).clone(),
            };
            letters.push(Letter { mail, recipient: recipient.clone(), due: *due });
        }
        Ok(letters)
    }

    /// The address at which one reader of a notice can answer it; recorded by the hash of its token.
    async fn token(
        &self,
        db: &mut AnyConnection,
        about: &About<'_>,
        notice: &Notice,
        recipient: &str,
    ) -> Result<Option<String>> {
        let Some(chance) = self.chance.filter(|_| self.takes_replies()) else { return Ok(None) };
        let covers: Vec<Covered> = notice
            .lines
            .iter()
            .map(|line| {
                let told = about.named(&line.incident).map(|named| &named.told.keys).into_iter().flatten();
                let mut keys: Vec<String> = told.chain(&line.cites).cloned().collect();
                keys.dedup();
                Covered { incident: line.incident.clone(), keys, cites: line.cites.clone() }
            })
            .collect();
        let incidents: Vec<&str> = covers.iter().map(|c| c.incident.as_str()).collect();
        let purpose = format!("token\n{}\n{recipient}\n{}", incidents.join(" "), about.now);
        let Some(bytes) = chance(&purpose) else { return Ok(None) };
        let token = command::token(bytes);
        let row = TokenRow {
            hash: command::hash_of(&token),
            person: recipient.to_owned(),
            account: about.account.id.clone(),
            covers: json(&covers, "token")?,
            issued_us: about.now.as_microsecond(),
            expires_us: after(about.now, LIFE).as_microsecond(),
        };
        tokens::issue(db, &row).await?;
        Ok(command::reply_address(&self.settings.service.address, &token))
    }
}
