//! What people have corrected for good: it beats what rules and filing find, now and when mail is folded anew.
//!
//! Each correction is a line of the log of answers, is listed by `rules list`, and can be taken back. A rule that was
//! wrong loses a tenth of its points for that account each time, and never more than half of them.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::obey::Order;
use super::rethread::rethread_one;
use super::so_far::{Logged, standing};
use super::{Event, Pipeline, Result};
use crate::command::{Covered, Verb};
use crate::config::Kind;
use crate::filing::Attribution;
use crate::judge::learned::LEARNED;
use crate::judge::{Severity, signal};
use crate::notify::receipt;
use crate::read::Direction;
use crate::store::{AnyConnection, accounts, answers, messages, threads};
use crate::watch::Entry;

/// What one correction takes from a rule, and what is left at least, in points of a hundred.
const LESS: u8 = 10;
const LEAST: u8 = 50;

/// A rule that people have corrected for one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// The account.
    pub account: String,
    /// The rule.
    pub rule: String,
    /// How many of a hundred points are left.
    pub left: u8,
}

/// Every correction of a rule that stands, by account and rule.
///
/// # Errors
///
/// Where the store cannot be read.
pub async fn corrections(db: &mut AnyConnection) -> Result<Vec<Correction>> {
    let mut left: BTreeMap<(String, String), u8> = BTreeMap::new();
    for (row, logged) in standing(answers::far_reaching(db).await?)? {
        for rule in logged.rules {
            let points = left.entry((row.account.clone(), rule)).or_insert(100);
            *points = points.saturating_sub(LESS).max(LEAST);
        }
    }
    Ok(left.into_iter().map(|((account, rule), left)| Correction { account, rule, left }).collect())
}

/// What judging and filing go by, beside rules and settings.
#[derive(Debug, Default)]
pub(super) struct Learnt {
    /// Account to rules and what is left of their points.
    pub(super) weights: HashMap<String, Vec<(String, u8)>>,
    /// A domain that has no account of its own, and the account it belongs to.
    filed: HashMap<String, String>,
}

impl Learnt {
    /// Mail of an unknown domain that somebody has filed.
    pub(super) fn refile(&self, filed: Attribution) -> Attribution {
        let to = filed.account.as_ref().filter(|_| filed.provisional).and_then(|domain| self.filed.get(domain));
        let Some(to) = to.cloned() else { return filed };
        let evidence = format!("{}, and a manager has filed mail of that domain here", filed.evidence);
        Attribution { account: Some(to), provisional: false, evidence, ..filed }
    }
}

/// What somebody said was wrong of an account: messages and findings by their key, and one signal or all of them.
pub(super) async fn wrong(db: &mut AnyConnection, account: &str) -> Result<Vec<(String, Option<String>)>> {
    let mut wrong = Vec::new();
    for (_, logged) in standing(answers::of_account(db, account).await?)? {
        let Verb::Wrong { signal } = logged.asks else { continue };
        wrong.extend(logged.covers.iter().flat_map(corrected).map(|key| (key.clone(), signal.clone())));
    }
    Ok(wrong)
}

/// Takes out of an account's messages what is wrong.
pub(super) fn correct(entries: &mut [Entry], wrong: &[(String, Option<String>)]) {
    let mut by_key: HashMap<&str, Vec<Option<&str>>> = HashMap::new();
    for (key, signal) in wrong {
        by_key.entry(key).or_default().push(signal.as_deref());
    }
    for entry in entries {
        for signal in by_key.get(entry.key.as_str()).into_iter().flatten() {
            strike(entry, *signal);
        }
    }
}

impl Pipeline {
    /// `wrong`: what was found in the messages that the alert cites is taken out for good.
    pub(super) async fn correct_for_good(
        &self,
        db: &mut AnyConnection,
        order: &Order<'_>,
        asks: Verb,
    ) -> Result<Vec<Event>> {
        let account = order.issued().account.clone();
        let Verb::Wrong { signal: wrong } = &asks else { return Ok(Vec::new()) };
        let mut logged = Logged::of(asks.clone(), order.covers());
        for key in order.covers().iter().flat_map(corrected) {
            let Some(verdict) = self.filed(db, key).await?.map(|filed| filed.verdict) else { continue };
            // Without a signal all of it was wrong, also what words were found to weigh together.
            if wrong.is_none() && !verdict.leanings.is_empty() {
                logged.rules.push(LEARNED.to_owned());
            }
            let found = verdict.signals.into_iter().filter(|s| wrong.as_ref().is_none_or(|wrong| s.signal == *wrong));
            logged.rules.extend(found.map(|s| s.rule).filter(|rule| !rule.is_empty()));
        }
        logged.rules.sort();
        logged.rules.dedup();
        self.log_answer(db, order, &logged).await?;
        accounts::outdate_fold(db, &account, order.now).await?;
        self.relearn(db).await?;
        self.tell(db, &account, Vec::new(), order.now).await
    }

    /// Takes up what was corrected since.
    pub(super) async fn relearn(&self, db: &mut AnyConnection) -> Result<()> {
        let mut learnt = Learnt::default();
        for Correction { account, rule, left } in corrections(db).await? {
            learnt.weights.entry(account).or_default().push((rule, left));
        }
        for (_, logged) in standing(answers::far_reaching(db).await?)? {
            if let (Verb::FileUnder { account }, Some(domain)) = (logged.asks, logged.sender) {
                learnt.filed.insert(domain, account);
            }
        }
        self.reader.reader().correct(learnt);
        Ok(())
    }

    /// `file under ACCOUNT`: all mail of a domain that has no account, or the messages that the alert cites.
    pub(super) async fn file_under(&self, db: &mut AnyConnection, order: &Order<'_>, name: &str) -> Result<Vec<Event>> {
        let from = self.account(&order.issued().account);
        let named = |id: &str, full: &str| id.to_lowercase() == name || full.to_lowercase() == name;
        let to = self.settings.accounts.iter().find(|account| named(&account.id, &account.name));
        let Some(to) = to.filter(|to| to.id != from.id) else {
            let why = "No other account has this id or name in the settings.";
            return self.answer(db, order, &receipt::in_vain(&from.name, why)).await;
        };
        let moved = if from.provisional {
            messages::of_account(db, &from.id).await?
        } else {
            let keys: Vec<String> = order.covers().iter().flat_map(corrected).cloned().collect();
            messages::by_content_keys(db, &keys).await?.into_iter().map(|(_, message)| message).collect()
        };
        let logged = Logged {
            sender: from.provisional.then(|| from.id.clone()),
            moved: moved.clone(),
            ..Logged::of(Verb::FileUnder { account: to.id.clone() }, order.covers())
        };
        self.log_answer(db, order, &logged).await?;
        let evidence = format!("{} filed it here", self.name_of(order.command.person()));
        self.relearn(db).await?;
        self.refile(db, (&from.id, &to.id), (&moved, &evidence), order.now).await
    }

    /// Takes `file under` back: what was moved then, and what the domain sends from now on.
    pub(super) async fn file_back(
        &self,
        db: &mut AnyConnection,
        order: &Order<'_>,
        logged: &Logged,
    ) -> Result<Vec<Event>> {
        let Verb::FileUnder { account } = &logged.asks else { return Ok(Vec::new()) };
        let evidence = format!("{} filed it elsewhere, and took that back", self.name_of(order.command.person()));
        self.relearn(db).await?;
        let home = order.issued().account.clone();
        self.refile(db, (account, &home), (&logged.moved, &evidence), order.now).await
    }

    /// Moves messages from one account to another, and folds and tells both anew.
    async fn refile(
        &self,
        db: &mut AnyConnection,
        (from, to): (&str, &str),
        (moved, evidence): (&[i64], &str),
        now: Timestamp,
    ) -> Result<Vec<Event>> {
        messages::refile(db, moved, to, evidence).await?;
        accounts::see_account(db, to, self.account(to).provisional, now).await?;
        let mut events = Vec::new();
        for account in [from, to] {
            rethread_one(db, account, now).await?;
            accounts::outdate_fold(db, account, now).await?;
            events.extend(self.tell(db, account, Vec::new(), now).await?);
        }
        threads::end_empty(db).await?;
        Ok(events)
    }
}

/// The messages that a correction is about: those that the alert cites; where it says the same again, all of them.
fn corrected(covered: &Covered) -> &[String] {
    if covered.cites.is_empty() { &covered.keys } else { &covered.cites }
}

/// Without that signal, or without any.
fn strike(entry: &mut Entry, wrong: Option<&str>) {
    entry.signals.retain(|signal| wrong.is_some_and(|wrong| signal != wrong));
    let direction = entry.direction.unwrap_or(Direction::Inbound);
    let rest = entry.signals.iter().map(|name| worth(name, direction, entry.kind)).max();
    entry.severity = entry.severity.min(rest.unwrap_or(Severity::None));
}

fn worth(name: &str, direction: Direction, kind: Kind) -> Severity {
    signal::severity_of(name, direction, kind)
}
