//! What those who look after Barometer are told: of mailboxes that begin, stall or fall silent,
//! and of e-mails that were given up. Each fact once.

use jiff::{SignedDuration, Timestamp};

use super::views::Posting;
use super::{Pipeline, Result, after, instant};
use crate::notify::compose::MailKind;
use crate::notify::notice::{self, NoticeView};
use crate::notify::retry;
use crate::store::AnyConnection;
use crate::store::mailboxes::{self, Epoch, Pulse};
use crate::store::outbox::{self, NewNotification, SetAside};

/// A mailbox that was not read for this long is told of.
const STALLED: SignedDuration = SignedDuration::from_mins(15);
/// Working time without a single message after which a mailbox is told of: two days of eight hours.
const SILENT: SignedDuration = SignedDuration::from_hours(16);
/// How often within a day a mailbox may be numbered anew before it is told of.
const RENUMBERED: i64 = 3;
const DAY: SignedDuration = SignedDuration::from_hours(24);

impl Pipeline {
    /// Tells those who look after Barometer that a folder is read for the first time, or under
    /// another UIDVALIDITY (`polled_before`), and that the `messages` in it are history.
    ///
    /// # Errors
    ///
    /// Where the store cannot be written.
    pub async fn introduce(
        &self,
        epoch: &Epoch,
        (messages, polled_before): (usize, Option<Timestamp>),
        now: Timestamp,
    ) -> Result<()> {
        let name = &epoch.mailbox;
        let view = match polled_before {
            None => NoticeView {
                headline: format!("the mailbox \"{name}\" is read from now on"),
                what: format!(
                    "{messages} messages lie in it. They are recorded as history, and nobody is told of them."
                ),
                lines: Vec::new(),
                next_step: "Nothing; `barometer accounts suggest` prints the settings of organisations it has met."
                    .to_owned(),
            },
            Some(_) => NoticeView {
                headline: format!("the mailbox \"{name}\" has been numbered anew"),
                what: format!(
                    "Its server gave all {messages} messages new numbers (UIDVALIDITY). They are read again; what is known is recognised, and told to nobody twice."
                ),
                lines: Vec::new(),
                next_step: "Nothing, unless it happens often: then ask whoever runs the mail server.".to_owned(),
            },
        };
        let mut tx = self.store.begin().await?;
        self.tell_caretakers(tx.db(), &format!("epoch {name} {}", epoch.uid_validity), &view, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Tells those who look after Barometer of mailboxes that were not read for long, that bring
    /// nothing, or that are numbered anew all the time; each time once. `troubles` holds mailbox and
    /// what is wrong with it; `begun` is when we began to read. Returns how many were told of.
    ///
    /// # Errors
    ///
    /// Where the store cannot be written.
    pub async fn report_mailboxes(
        &self,
        troubles: &[(String, String)],
        begun: Timestamp,
        now: Timestamp,
    ) -> Result<usize> {
        let since = now.checked_sub(DAY).unwrap_or(Timestamp::MIN);
        let mut db = self.store.read().await?;
        let pulses = mailboxes::pulses(&mut db, since).await?;
        drop(db);
        let pulse = |name: &str| pulses.iter().find(|pulse| pulse.mailbox == name);
        let stalled = troubles.iter().filter_map(|(name, trouble)| stalled(name, trouble, pulse(name), begun, now));
        let odd = pulses.iter().filter(|pulse| !troubles.iter().any(|(name, _)| *name == pulse.mailbox));
        let odd = odd.flat_map(|pulse| [self.silent(pulse, begun, now), renumbered(pulse, now)]).flatten();
        let reports: Vec<(String, NoticeView)> = stalled.chain(odd).collect();
        if reports.is_empty() {
            return Ok(0);
        }
        let mut tx = self.store.begin().await?;
        for (about, view) in &reports {
            self.tell_caretakers(tx.db(), about, view, now).await?;
        }
        tx.commit().await?;
        Ok(reports.len())
    }

    /// A mailbox that is read and has brought nothing for two days' work. One of which the settings
    /// know nothing any more may be as silent as it likes.
    fn silent(&self, pulse: &Pulse, begun: Timestamp, now: Timestamp) -> Option<(String, NoticeView)> {
        let name = &pulse.mailbox;
        let mailbox = self.settings.mailboxes.iter().find(|mailbox| mailbox.name == *name)?;
        let calendar = mailbox.calendar.as_ref().and_then(|name| self.settings.calendars.get(name));
        let calendar = calendar.unwrap_or_else(|| self.settings.default_calendar());
        let heard = instant(pulse.heard_us)?;
        // What came while we were away is found by our first poll.
        let polled = instant(pulse.polled_us)? >= begun;
        if !polled || calendar.working_between(heard, now) < SILENT {
            return None;
        }
        let view = NoticeView {
            headline: format!("nothing comes into the mailbox \"{name}\""),
            what: format!(
                "The last message came on {}: nothing in two working days, and its server answers. Either it is quiet, or the rules that copy mail to it have stopped.",
                heard.to_zoned(self.settings.service.time_zone.clone()).strftime("%a %-d %b at %H:%M")
            ),
            lines: Vec::new(),
            next_step: "Send a message to it yourself. If it does not come, look at the BCC and forward rules."
                .to_owned(),
        };
        Some((format!("silent {name} {}", pulse.heard_us), view))
    }

    /// Tells those who look after Barometer of an e-mail that was given up.
    pub(super) async fn report_set_aside(&self, db: &mut AnyConnection, one: &SetAside, now: Timestamp) -> Result<()> {
        if one.kind == "notice" {
            return Ok(());
        }
        let what = if one.state == "held" {
            "Twice the connection to the relay broke before it had answered. The e-mail may have arrived, once or twice, or not at all; it is not sent a third time."
        } else {
            "The relay could not be reached in time, or asked for patience until it was too late."
        };
        let view = NoticeView {
            headline: format!("one {} was not delivered", one.kind),
            what: what.to_owned(),
            lines: vec![format!("Number {} in the outbox, {}", one.id, one.state)],
            next_step: "Run `barometer check`; what the e-mail said is in the next digest.".to_owned(),
        };
        self.tell_caretakers(db, &format!("set aside {}", one.id), &view, now).await
    }

    /// Enqueues a notice for everybody who looks after Barometer. The same `about` again changes nothing.
    pub(super) async fn tell_caretakers(
        &self,
        db: &mut AnyConnection,
        about: &str,
        view: &NoticeView,
        now: Timestamp,
    ) -> Result<()> {
        let caretakers = self.settings.caretakers();
        let rows = caretakers.iter().map(|one| self.notice(view, about, one, now)).collect::<Result<Vec<_>>>()?;
        outbox::enqueue(db, &rows).await?;
        Ok(())
    }

    pub(super) fn notice(&self, view: &NoticeView, about: &str, to: &str, now: Timestamp) -> Result<NewNotification> {
        let rendered = notice::render(view, &self.templates)?;
        let mail = self.freeze(&rendered, &Posting { kind: MailKind::Alert, about, to: &[to], now })?;
        Ok(NewNotification {
            dedup_key: format!("{about}>{to}"),
            kind: "notice".to_owned(),
            recipient: to.to_owned(),
            bytes: mail.bytes,
            message_id: mail.message_id,
            due_us: now.as_microsecond(),
            expires_us: Some(retry::NOTICE_LIFE).map(|life| after(now, life).as_microsecond()),
            grave: false,
            account: None,
            incident: None,
        })
    }
}

/// A mailbox that could not be read for long.
fn stalled(
    name: &str,
    trouble: &str,
    pulse: Option<&Pulse>,
    begun: Timestamp,
    now: Timestamp,
) -> Option<(String, NoticeView)> {
    let last = pulse.and_then(|pulse| instant(pulse.polled_us));
    if now.duration_since(last.map_or(begun, |last| last.max(begun))) < STALLED {
        return None;
    }
    let since = last.map_or_else(|| "yet".to_owned(), |last| format!("since {}", last.strftime("%a %-d %b %H:%M UTC")));
    let view = NoticeView {
        headline: format!("the mailbox \"{name}\" is not read"),
        what: format!("It could not be read {since}. Mail in it waits on its server; nothing is lost."),
        lines: vec![format!("The last trouble: {trouble}")],
        next_step: "Run `barometer check`, which tries each step and names the remedy.".to_owned(),
    };
    Some((format!("stalled {name} {}", last.map_or(0, Timestamp::as_microsecond)), view))
}

/// A mailbox whose server gives its messages new numbers time and again: each time all is read again.
fn renumbered(pulse: &Pulse, now: Timestamp) -> Option<(String, NoticeView)> {
    if pulse.epochs <= RENUMBERED {
        return None;
    }
    let name = &pulse.mailbox;
    let view = NoticeView {
        headline: format!("the mailbox \"{name}\" is numbered anew all the time"),
        what: format!(
            "Its server gave all messages new numbers (UIDVALIDITY) {} times within a day. Each time they are read again; nothing is lost or told twice, and news may come late.",
            pulse.epochs
        ),
        lines: Vec::new(),
        next_step: "Ask whoever runs the mail server; a folder that is restored or copied again and again does this."
            .to_owned(),
    };
    Some((format!("renumbered {name} {}", now.strftime("%F")), view))
}
