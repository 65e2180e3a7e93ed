//! What a member's reply does. Only what [`command::verify`] made gets past the first function.
//!
//! Each answer is one line of the log, in the transaction that read it: the same message acts once, whoever
//! sends it again. Who is refused gets no answer, and the log of the program has no word of the mail.

use jiff::Timestamp;

use super::record::{json, parse};
use super::so_far::{self, Logged};
use super::{Event, Pipeline, Result, Understood, instant};
use crate::command::{self, Covered, Issued, Refusal, Trust, Verb, Verified};
use crate::filing::content_hash;
use crate::judge::Severity;
use crate::notify::{receipt, snooze_end};
use crate::store::answers::{self, NewAnswer};
use crate::store::incidents::{self, IncidentRow};
use crate::store::raw::Waiting;
use crate::store::{AnyConnection, accounts, outbox, tokens};

/// A verified command on its way into the log.
pub(super) struct Order<'a> {
    pub(super) copy: &'a Waiting,
    pub(super) message_id: Option<String>,
    pub(super) command: Verified,
    /// What makes two the same.
    pub(super) key: String,
    /// Those of its incidents that are not closed.
    pub(super) open: Vec<IncidentRow>,
    pub(super) now: Timestamp,
}

impl Order<'_> {
    pub(super) fn issued(&self) -> &Issued {
        self.command.issued()
    }

    /// What the alert covered of the incidents that are open.
    pub(super) fn covers(&self) -> Vec<Covered> {
        let is_open = |covered: &&Covered| self.open.iter().any(|row| row.id == covered.incident);
        self.issued().covers.iter().filter(is_open).cloned().collect()
    }
}

impl Pipeline {
    /// Does what a reply asks for, or nothing at all.
    pub(super) async fn obey(
        &self,
        db: &mut AnyConnection,
        copy: &Waiting,
        understood: &Understood,
        now: Timestamp,
    ) -> Result<Vec<Event>> {
        match self.order(db, copy, understood, now).await? {
            Ok(order) => {
                tracing::info!(copy = copy.copy, "a reply is obeyed");
                self.carry_out(db, &order).await
            }
            Err(refusal) => {
                // Machines answer, and messages come twice; the rest somebody may have meant.
                if matches!(refusal, Refusal::Automatic | Refusal::Blank | Refusal::History | Refusal::Replayed) {
                    tracing::info!(copy = copy.copy, "a reply has no effect: {refusal}");
                } else {
                    tracing::warn!(copy = copy.copy, "a reply has no effect: {refusal}");
                }
                Ok(Vec::new())
            }
        }
    }

    /// The one way from a message to a command.
    async fn order<'a>(
        &self,
        db: &mut AnyConnection,
        copy: &'a Waiting,
        understood: &Understood,
        now: Timestamp,
    ) -> Result<std::result::Result<Order<'a>, Refusal>> {
        let Some(reply) = understood.reply.as_ref().filter(|_| !copy.history) else {
            return Ok(Err(Refusal::History));
        };
        let hash = match reply.token_hash() {
            Ok(hash) => hash,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let trust = match Trust::of(&copy.bytes, &understood.message, self.vouching(&copy.source)) {
            Ok(trust) if self.settings.member(trust.author()).is_some() => trust,
            Ok(_) => return Ok(Err(Refusal::Stranger)),
            Err(refusal) => return Ok(Err(refusal)),
        };
        let issued = tokens::by_hash(db, &hash).await?.map(issued).transpose()?;
        let command = match command::verify(reply, issued, &trust, now) {
            Ok(command) => command,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let key = content_hash(format!("{}\n{hash}", understood.key(&copy.bytes)).as_bytes());
        if answers::is_known(db, &key).await? {
            return Ok(Err(Refusal::Replayed));
        }
        let mut open = incidents::of_account(db, &command.issued().account).await?;
        let covers = &command.issued().covers;
        open.retain(|row| row.state != "closed" && covers.iter().any(|c| c.incident == row.id));
        let message_id = understood.message.message_id.clone();
        Ok(Ok(Order { copy, message_id, command, key, open, now }))
    }

    /// The server that vouches for mail of the mailbox a copy came from; in a back-test, the first that is set.
    pub(super) fn vouching(&self, source: &str) -> Option<&str> {
        let mut mailboxes = self.settings.mailboxes.iter();
        let mailbox = if source.starts_with("imap:") {
            mailboxes.find(|mailbox| source.starts_with(&format!("imap:{}/{}/", mailbox.name, mailbox.folder)))
        } else {
            mailboxes.find(|mailbox| mailbox.authserv_id.is_some())
        };
        mailbox.and_then(|mailbox| mailbox.authserv_id.as_deref())
    }

    async fn carry_out(&self, db: &mut AnyConnection, order: &Order<'_>) -> Result<Vec<Event>> {
        let person = order.command.person();
        let zone = self.zone_of(Some(person));
        let asks = order.command.verb(&order.now.to_zoned(zone));
        let account = self.account(&order.issued().account).name;
        match asks {
            Verb::Help => self.answer(db, order, &receipt::help(&account)).await,
            Verb::Unclear => self.answer(db, order, &receipt::unclear(&account)).await,
            Verb::Who => {
                let lines = self.who_knows(db, order).await?;
                self.answer(db, order, &receipt::who(&account, lines)).await
            }
            Verb::Undo => self.take_back(db, order).await,
            Verb::Away { .. } | Verb::Back => self.absent(db, order, asks).await,
            _ if order.open.is_empty() => {
                self.answer(db, order, &receipt::in_vain(&account, "This is closed already.")).await
            }
            Verb::Wrong { .. } => self.correct_for_good(db, order, asks).await,
            Verb::FileUnder { account } => self.file_under(db, order, &account).await,
            _ => self.say(db, order, asks).await,
        }
    }

    /// Writes an answer down. Everything that has an effect comes by here.
    pub(super) async fn log_answer(&self, db: &mut AnyConnection, order: &Order<'_>, logged: &Logged) -> Result<()> {
        let new = NewAnswer {
            key: order.key.clone(),
            at_us: order.now.as_microsecond(),
            person: order.command.person().to_owned(),
            account: order.issued().account.clone(),
            verb: logged.asks.name().to_owned(),
            source: order.copy.source.clone(),
            doc: json(logged, "answer")?,
        };
        answers::append(db, &new).await?;
        Ok(())
    }

    /// `ack`, `mine`, `snooze`, `close`, `raise`: logged, shown to the others, and planned anew.
    async fn say(&self, db: &mut AnyConnection, order: &Order<'_>, asks: Verb) -> Result<Vec<Event>> {
        let account = order.issued().account.clone();
        let asks = match asks {
            Verb::Snooze { until } => {
                let gravest = order.open.iter().map(|row| row.severity.as_str());
                let severity =
                    if gravest.into_iter().any(|s| s == "critical") { Severity::Critical } else { Severity::Warning };
                let end = snooze_end(until, severity, order.now);
                if end < until {
                    self.tell_of_cap(db, order, end).await?;
                }
                Verb::Snooze { until: end }
            }
            asks => asks,
        };
        if let Verb::Close { reason } = &asks
            && command::counts_as_contact(reason)
        {
            let touch = (order.now.as_microsecond(), order.command.person(), "close");
            answers::touch(db, &account, &order.key, touch).await?;
        }
        self.log_answer(db, order, &Logged::of(asks.clone(), order.covers())).await?;
        if asks != Verb::Raise {
            for row in &order.open {
                outbox::cancel_reminders(db, &row.id, order.now).await?;
            }
        }
        let shown = self.show_others(db, order, &asks).await?;
        let mut events = said_events(order, &asks, &shown)?;
        events.extend(self.tell(db, &account, Vec::new(), order.now).await?);
        if asks == Verb::Raise && events.iter().all(|event| event.event != "ladder_step") {
            let why = "Everybody on its ladder knows already, or is told when sending hours begin.";
            self.mail(db, order, &receipt::in_vain(&self.account(&account).name, why), order.command.person()).await?;
        }
        Ok(events)
    }

    /// Takes back the last answer of the same person about the same incidents.
    async fn take_back(&self, db: &mut AnyConnection, order: &Order<'_>) -> Result<Vec<Event>> {
        let account = order.issued().account.clone();
        let mut rows = so_far::standing(answers::of_account(db, &account).await?)?;
        // Whether somebody is away is no matter of one account.
        rows.retain(|(_, logged)| !matches!(logged.asks, Verb::Away { .. } | Verb::Back));
        rows.extend(so_far::standing(answers::far_reaching(db).await?)?);
        rows.sort_by_key(|(row, _)| row.id);
        let about = |logged: &Logged| {
            let same = logged.covers.iter().any(|c| order.issued().covers.iter().any(|own| own.incident == c.incident));
            match logged.asks {
                Verb::Away { .. } | Verb::Back => true,
                Verb::Undo | Verb::Help | Verb::Who | Verb::Unclear => false,
                _ => same,
            }
        };
        let last = rows.into_iter().rev().find(|(row, logged)| row.person == order.command.person() && about(logged));
        let Some((row, logged)) = last else {
            let why = "There is no answer of yours to take back.";
            return self.answer(db, order, &receipt::in_vain(&self.account(&account).name, why)).await;
        };
        let undo = Logged { takes_back: Some(row.id), ..Logged::of(Verb::Undo, logged.covers.clone()) };
        self.log_answer(db, order, &undo).await?;
        if receipt::shown("", "", &logged.asks, "", &[]).is_some() {
            self.show_others(db, order, &Verb::Undo).await?;
        }
        if matches!(logged.asks, Verb::Wrong { .. }) {
            accounts::outdate_fold(db, &account, order.now).await?;
            self.relearn(db).await?;
        }
        if let Verb::FileUnder { .. } = logged.asks {
            return self.file_back(db, order, &logged).await;
        }
        self.tell(db, &account, Vec::new(), order.now).await
    }

    /// `away until …` and `back`.
    async fn absent(&self, db: &mut AnyConnection, order: &Order<'_>, asks: Verb) -> Result<Vec<Event>> {
        let person = order.command.person();
        self.log_answer(db, order, &Logged::of(asks.clone(), Vec::new())).await?;
        let what = match asks {
            Verb::Away { until } => match self.stand_ins(db, order.now).await?.get(person) {
                Some(deputy) => {
                    format!("Your alerts go to {} until {}.", self.name_of(deputy), self.moment(until, order))
                }
                None => "Nobody is set as your deputy, so your alerts still go to you; see `deputy` in the settings."
                    .to_owned(),
            },
            _ => "Your alerts go to you again.".to_owned(),
        };
        let account = self.account(&order.issued().account).name;
        self.mail(db, order, &receipt::done(&account, what, Vec::new()), person).await?;
        Ok(Vec::new())
    }
}

fn issued(row: tokens::TokenRow) -> Result<Issued> {
    Ok(Issued {
        covers: parse(&row.covers, "token")?,
        hash: row.hash,
        person: row.person,
        account: row.account,
        expires_at: instant(row.expires_us).unwrap_or(Timestamp::MIN),
    })
}

/// What happened to each incident that was answered.
fn said_events(order: &Order<'_>, asks: &Verb, shown: &(Vec<String>, Option<String>)) -> Result<Vec<Event>> {
    let name = match asks {
        Verb::Ack | Verb::Mine => "incident_acknowledged",
        Verb::Snooze { .. } => "incident_snoozed",
        Verb::Close { .. } => "incident_closed",
        _ => return Ok(Vec::new()),
    };
    let mut events = Vec::new();
    for row in &order.open {
        let incident: crate::watch::Incident = parse(&row.doc, "incident")?;
        events.push(Event {
            path: Some(order.copy.source.clone()),
            message_id: order.message_id.clone(),
            account: Some(row.account.clone()),
            incident: Some(row.id.clone()),
            topic: Some(incident.topic),
            severity: Some(incident.severity),
            person: Some(order.command.person().to_owned()),
            recipients: shown.0.clone(),
            notification: shown.1.clone(),
            ..Event::new(order.now, name)
        });
    }
    Ok(events)
}
