//! The e-mails that follow an answer: to who gave it, where a person needs one, and to the others who had the alert.

use jiff::{SignedDuration, Timestamp};

use super::obey::Order;
use super::so_far::{self, Logged};
use super::views::{Frozen, Posting};
use super::{Event, Pipeline, Result, after, instant};
use crate::command::Verb;
use crate::notify::compose::MailKind;
use crate::notify::notice::{self, NoticeView};
use crate::notify::receipt;
use crate::store::outbox::{self, NewNotification};
use crate::store::{AnyConnection, answers, told};

/// How long an answer of ours is worth sending.
const LIFE: SignedDuration = SignedDuration::from_hours(6);

impl Pipeline {
    /// What a snooze was cut to.
    pub(super) async fn tell_of_cap(&self, db: &mut AnyConnection, order: &Order<'_>, end: Timestamp) -> Result<()> {
        let account = self.account(&order.issued().account).name;
        let what =
            format!("It is quiet until {}: a snooze of this gravity ends then at the latest.", self.moment(end, order));
        self.mail(db, order, &receipt::done(&account, what, Vec::new()), order.command.person()).await?;
        Ok(())
    }

    /// Tells the other readers at once what one of them answered: whom, and by which e-mail.
    pub(super) async fn show_others(
        &self,
        db: &mut AnyConnection,
        order: &Order<'_>,
        asks: &Verb,
    ) -> Result<(Vec<String>, Option<String>)> {
        let account = self.account(&order.issued().account);
        let names: Vec<String> = order.issued().covers.iter().map(|c| c.incident.clone()).collect();
        let when = if let Verb::Snooze { until } = asks { self.moment(*until, order) } else { String::new() };
        let person = self.name_of(order.command.person());
        let Some(view) = receipt::shown(&person, &account.name, asks, &when, &names) else {
            return Ok((Vec::new(), None));
        };
        let told = so_far::told_so_far(db, &account.id, &names).await?;
        let readers = names.iter().filter_map(|name| told.get(name)).flat_map(|told| &told.readers);
        let mut others: Vec<String> = readers.filter(|r| *r != order.command.person()).cloned().collect();
        others.retain(|reader| self.settings.member(reader).is_some());
        others.sort();
        others.dedup();
        let mut first = None;
        for other in &others {
            let mail = self.mail(db, order, &view, other).await?;
            first.get_or_insert(mail.message_id);
        }
        Ok((others, first))
    }

    /// An answer that needs no more than an e-mail to who gave it.
    pub(super) async fn answer(
        &self,
        db: &mut AnyConnection,
        order: &Order<'_>,
        view: &NoticeView,
    ) -> Result<Vec<Event>> {
        let asks = order.command.verb(&order.now.to_zoned(self.zone_of(Some(order.command.person()))));
        self.log_answer(db, order, &Logged::of(asks, Vec::new())).await?;
        self.mail(db, order, view, order.command.person()).await?;
        Ok(Vec::new())
    }

    /// One e-mail because of an answer, to an address of the settings.
    pub(super) async fn mail(
        &self,
        db: &mut AnyConnection,
        order: &Order<'_>,
        view: &NoticeView,
        to: &str,
    ) -> Result<Frozen> {
        let rendered = notice::render(view, &self.templates)?;
        let about = order.issued().covers.first().map_or(order.key.as_str(), |c| c.incident.as_str());
        let mail = self.freeze(&rendered, &Posting { kind: MailKind::Alert, about, to: &[to], now: order.now })?;
        let row = NewNotification {
            dedup_key: format!("answer {}>{to}", order.key),
            kind: "notice".to_owned(),
            recipient: to.to_owned(),
            bytes: mail.bytes.clone(),
            message_id: mail.message_id.clone(),
            due_us: order.now.as_microsecond(),
            expires_us: Some(after(order.now, LIFE).as_microsecond()),
            grave: false,
            account: Some(order.issued().account.clone()),
            incident: order.issued().covers.first().map(|c| c.incident.clone()),
        };
        outbox::enqueue(db, &[row]).await?;
        Ok(mail)
    }

    /// Who was told of the incidents of an alert, and what was answered, a line each.
    pub(super) async fn who_knows(&self, db: &mut AnyConnection, order: &Order<'_>) -> Result<Vec<String>> {
        let names: Vec<&String> = order.issued().covers.iter().map(|c| &c.incident).collect();
        let mut lines: Vec<(i64, String)> = Vec::new();
        for row in told::of_account(db, &order.issued().account).await? {
            if row.recipient.is_empty() || !row.incident.as_ref().is_some_and(|name| names.contains(&name)) {
                continue;
            }
            let readers: Vec<String> = row.recipient.split(' ').map(|reader| self.name_of(reader)).collect();
            lines.push((row.at_us, format!("was told: {}", readers.join(", "))));
        }
        for (row, logged) in so_far::standing(answers::of_account(db, &order.issued().account).await?)? {
            if logged.covers.iter().any(|c| names.contains(&&c.incident)) {
                lines.push((row.at_us, format!("{} answered: {}", self.name_of(&row.person), row.verb)));
            }
        }
        lines.sort();
        lines.dedup();
        let line = |(us, what): (i64, String)| {
            format!("{} {what}", instant(us).map_or_else(String::new, |at| self.moment(at, order)))
        };
        Ok(lines.into_iter().map(line).collect())
    }

    /// A moment as the one who gave the order reads it.
    pub(super) fn moment(&self, at: Timestamp, order: &Order<'_>) -> String {
        at.to_zoned(self.zone_of(Some(order.command.person()))).strftime("%a %-d %b %H:%M").to_string()
    }
}
