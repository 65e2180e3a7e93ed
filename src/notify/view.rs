//! What an e-mail shows, as plain data: no decision, no wording of ours, no markup.
//!
//! Built from the store by the plan, read by the templates. Strings may come from
//! hostile mail: every one of them is made harmless on its way into a template.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::config::Kind;
use crate::judge::{Severity, Side, ToneLabel, UrgencyLabel};

/// A person, as the reader should see them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PersonView {
    /// Name for people; may be empty where `address` is not.
    pub name: String,
    /// `local@domain`; may be empty where `name` is not.
    pub address: String,
    /// What to know of them, in a few words (`director`, `newly on copy`, `first mail from them`); empty where nothing.
    pub note: String,
}

/// The organisation that an e-mail or a line of it is about.
#[derive(Debug, Clone, Serialize)]
pub struct AccountView {
    /// Id, as commands take it.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// What it is to us.
    pub kind: Kind,
    /// Whether it was made from an unknown domain.
    pub provisional: bool,
    /// Name of the member who looks after it, where set.
    pub owner_name: Option<String>,
    /// The zone its people live in, where it is known: times are then shown in both.
    #[serde(skip)]
    pub zone: Option<TimeZone>,
}

/// Why an alert is sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertEvent {
    /// The first time this reader is told.
    First,
    /// It got worse, or there is a new cause.
    Update,
    /// The same again, because nobody has acknowledged it.
    Repeat,
}

/// One alert to one reader about one account.
#[derive(Debug, Clone, Serialize)]
pub struct AlertView {
    /// Why it is sent now.
    pub event: AlertEvent,
    /// The highest severity of its incidents.
    pub severity: Severity,
    /// The account.
    pub account: AccountView,
    /// Name of the reader.
    pub reader_name: String,
    /// Why this reader is told, as the end of "You are told because" (`you manage ACME Ltd`); empty where it goes without saying.
    pub reader_reason: String,
    /// What happened, the most severe first; never empty.
    pub incidents: Vec<IncidentView>,
    /// What is owed, by whom and since when, oldest first.
    pub owed: Vec<OwedView>,
    /// Open promises of either side, the next due first.
    pub promises: Vec<PromiseView>,
    /// The last exchanges with the account, newest first; at most three are shown.
    pub exchanges: Vec<ExchangeLine>,
    /// Names of the others who are told the same.
    pub told_also: Vec<String>,
    /// One thing to do next, a whole sentence.
    pub next_step: String,
    /// Whether the e-mail may be answered with a command; the footer then says how.
    pub takes_replies: bool,
}

impl AlertView {
    /// One e-mail for people in several zones tells times in one that it names: there is no "for you".
    pub fn tell_one_zone(&mut self) {
        self.account.zone = None;
        self.incidents
            .iter_mut()
            .flat_map(|incident| &mut incident.causes)
            .for_each(|cause| cause.clock_minutes = None);
    }
}

/// One topic with one account that people must know of.
#[derive(Debug, Clone, Serialize)]
pub struct IncidentView {
    /// Its name, as commands take it.
    pub name: String,
    /// Its topic, in words (`the work may end`, `response`).
    pub topic: String,
    /// How severe it is now.
    pub severity: Severity,
    /// Its state, in words (`open`, `open again`, `acknowledged by Dana Reyes`).
    pub state: String,
    /// When it began.
    pub opened_at: Timestamp,
    /// What happened, in at most about ten words, without the account's name and without a final point
    /// (`Jane Doe may end the work`). Subjects are built from it: keep it the same for the life of the incident
    /// unless a stronger cause comes.
    pub headline: String,
    /// The messages behind it that the reader has not been shown yet, newest first. Empty where time alone did it.
    pub causes: Vec<CauseView>,
    /// Facts without a message (`No contact either way for 3 working days after the complaint of 2 March`).
    pub facts: Vec<String>,
    /// What the gravest of its rules advises, a whole sentence; the alert has one step alone.
    pub advice: Option<String>,
}

/// One message behind an incident.
#[derive(Debug, Clone, Serialize)]
pub struct CauseView {
    /// Who wrote it.
    pub author: PersonView,
    /// To whom.
    pub to: Vec<PersonView>,
    /// Who was on copy.
    pub cc: Vec<PersonView>,
    /// When it was written, where known.
    pub sent_at: Option<Timestamp>,
    /// Minutes by which its author's clock was ahead of UTC; `None` where unknown, and for mail of our own.
    pub clock_minutes: Option<i16>,
    /// When it reached us.
    pub arrived_at: Timestamp,
    /// Whether it was written long before it arrived; the e-mail then says both times.
    pub late: bool,
    /// Its subject.
    pub subject: String,
    /// What the rules saw.
    pub signals: Vec<SignalLine>,
    /// The author's new text; shown clipped.
    pub excerpt: String,
    /// Its tone, where it was judged.
    pub tone: Option<ToneLabel>,
    /// Its urgency, where it was judged.
    pub urgency: Option<UrgencyLabel>,
    /// How its author usually writes, as the end of "usually"; empty where too little is known.
    pub usually: String,
    /// Why it is filed under this account (`jane@acme.example writes from acme.example`), as the end of "because".
    pub evidence: String,
    /// Who brought it to us, where not the author.
    pub forwarded_by: Option<PersonView>,
    /// What the forwarder typed above it.
    pub note: Option<String>,
    /// Where to find it: a Message-ID without brackets, or a file; empty where neither is known.
    pub reference: String,
}

/// A signal and the words behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignalLine {
    /// The signal, in words (`says they will go over your head`).
    pub phrase: String,
    /// The words in the mail; empty where it was computed.
    pub words: String,
}

/// Something owed: an answer, a decision, a promise that fell due.
#[derive(Debug, Clone, Serialize)]
pub struct OwedView {
    /// Who owes it.
    pub by: Side,
    /// Name of the person who owes it; empty where nobody is named.
    pub person: String,
    /// What is owed (`an answer to "Invoice 3017"`).
    pub what: String,
    /// Since when.
    pub since: Timestamp,
}

/// How a promise stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PromiseState {
    /// Not due yet.
    Open,
    /// Due within the day.
    Due,
    /// The time has passed, and nothing shows that it was kept.
    Overdue,
}

/// An open promise.
#[derive(Debug, Clone, Serialize)]
pub struct PromiseView {
    /// Whose it is.
    pub by: Side,
    /// Name of the person who made it.
    pub person: String,
    /// The words.
    pub words: String,
    /// The day it is due, on the reader's calendar, where one was named.
    pub due: Option<Date>,
    /// How it stands.
    pub state: PromiseState,
    /// Name of the account; shown in digests only, empty in alerts.
    pub account: String,
}

/// Which way an exchange went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// They wrote to us.
    Inbound,
    /// We wrote to them.
    Outbound,
}

/// One earlier message, in one line.
#[derive(Debug, Clone, Serialize)]
pub struct ExchangeLine {
    /// When it was written.
    pub at: Timestamp,
    /// Name of the writer.
    pub who: String,
    /// Which way it went.
    pub way: Way,
    /// Its subject or first sentence.
    pub gist: String,
}

/// Why a member's superior is told alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StaffMatter {
    /// The member's own mail was sharp.
    Coaching,
    /// Somebody outside belittled the member.
    Berated,
}

/// A private word to the superior of one member. It goes to nobody else, and into no digest.
#[derive(Debug, Clone, Serialize)]
pub struct StaffAlertView {
    /// Why it is sent.
    pub matter: StaffMatter,
    /// How severe it is.
    pub severity: Severity,
    /// The account.
    pub account: AccountView,
    /// Name of the reader.
    pub reader_name: String,
    /// The member concerned.
    pub member: PersonView,
    /// The messages, newest first; never empty.
    pub causes: Vec<CauseView>,
    /// The last exchanges with the account, newest first; at most three are shown.
    pub exchanges: Vec<ExchangeLine>,
    /// One thing to do next, a whole sentence; empty for the shipped one.
    pub next_step: String,
}

/// How long a digest looks back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DigestSpan {
    /// What is due or changed.
    Daily,
    /// Everything open, and the trend.
    Weekly,
}

/// One digest to one reader. Counts and content come from one snapshot.
#[derive(Debug, Clone, Serialize)]
pub struct DigestView {
    /// Daily or weekly.
    pub span: DigestSpan,
    /// Name of the reader.
    pub reader_name: String,
    /// The reader's local date.
    pub date: Date,
    /// Start of the time it covers.
    pub since: Timestamp,
    /// End of the time it covers: the snapshot.
    pub until: Timestamp,
    /// Answers that we owe, the oldest first.
    pub waiting: Vec<WaitLine>,
    /// What changed and was not told yet, by account, the weightiest first.
    pub changes: Vec<AccountChanges>,
    /// Accounts that have gone quiet, or where an agreed contact did not take place.
    pub quiet: Vec<NewsLine>,
    /// Incidents that are open: already told, so one line each.
    pub open: Vec<OpenLine>,
    /// Praise, recoveries, roadblocks cleared.
    pub good_news: Vec<NewsLine>,
    /// Promises that were kept.
    pub kept: Vec<NewsLine>,
    /// Promises due or overdue; all open ones in a weekly digest.
    pub promises: Vec<PromiseView>,
    /// Organisations that nobody has configured, the busiest first.
    pub strangers: Vec<StrangerLine>,
    /// Mail that could not be read or judged, by reason.
    pub unread: Vec<UnreadLine>,
    /// Trend of each account; weekly only, else empty.
    pub trends: Vec<TrendLine>,
    /// What only a week shows; weekly only, else empty.
    pub week: WeekView,
    /// What was done in the time it covers.
    pub counts: DigestCounts,
    /// The mailboxes that the daemon reads.
    pub mailboxes: Vec<MailboxLine>,
}

/// What changed at one account.
#[derive(Debug, Clone, Serialize)]
pub struct AccountChanges {
    /// The account.
    pub account: AccountView,
    /// What changed, newest first; never empty.
    pub lines: Vec<NewsLine>,
    /// Pressure and goodwill of the last eight weeks; empty where there is nothing to draw.
    pub chart: Vec<WeekPoint>,
}

/// Pressure and goodwill at the end of a week.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct WeekPoint {
    /// Decayed negative points, from 0, rounded.
    pub pressure: u32,
    /// Decayed positive points, from 0, rounded.
    pub goodwill: u32,
}

/// An answer that is owed.
#[derive(Debug, Clone, Serialize)]
pub struct WaitLine {
    /// Name of the account.
    pub account: String,
    /// Who waits.
    pub person: String,
    /// The subject they wrote about.
    pub subject: String,
    /// Since when.
    pub since: Timestamp,
    /// Whether the time that the target allows is over.
    pub late: bool,
}

/// What only a week shows.
#[derive(Debug, Clone, Default, Serialize)]
pub struct WeekView {
    /// How soon we answered, by account, those with late answers first.
    pub answers: Vec<AnswerLine>,
    /// What came up again and again, the most frequent first.
    pub causes: Vec<CauseLine>,
    /// People who are the trouble, not their firm.
    pub people: Vec<NewsLine>,
    /// What people said was wrong, the oldest first.
    pub corrections: Vec<CorrectionLine>,
    /// Rules that say little: corrected, told and never answered, or fired on much of the mail.
    pub rules: Vec<RuleLine>,
}

/// How soon we answered an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AnswerLine {
    /// Name of the account.
    pub account: String,
    /// Answers that were seen.
    pub seen: u64,
    /// How long the middle one took, in working time (`3 h`); empty where none was seen.
    pub median: String,
    /// What the target allows (`4 h`); empty where the account has none.
    pub allowed: String,
    /// Of the answers that were seen, those within the target.
    pub kept: u64,
    /// Times that the target was missed: an answer was late, or none was seen.
    pub late: u64,
}

/// Something that somebody said was wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CorrectionLine {
    /// When they said so.
    pub at: Timestamp,
    /// Name of the account.
    pub account: String,
    /// Name of who said so.
    pub who: String,
    /// What was wrong, in words (`complains about quality`); empty where it was all of it.
    pub what: String,
    /// Rules that weigh less at this account since.
    pub rules: Vec<String>,
}

/// What came up several times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CauseLine {
    /// The signal, in words.
    pub phrase: String,
    /// Messages that say so.
    pub messages: u64,
    /// Names of the accounts.
    pub accounts: Vec<String>,
}

/// How often a rule fired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleLine {
    /// Its id, as `rules list` has it.
    pub rule: String,
    /// Messages on which it fired.
    pub messages: u64,
    /// Of so many.
    pub of: u64,
    /// Of these messages, those that were worth an alert.
    pub told: u64,
    /// Of these, those that somebody answered for.
    pub answered: u64,
    /// Times that somebody said it was wrong.
    pub corrected: u64,
}

/// One thing that happened.
#[derive(Debug, Clone, Serialize)]
pub struct NewsLine {
    /// When.
    pub at: Timestamp,
    /// Name of the account; shown in good news only.
    pub account: String,
    /// What happened, a whole phrase that names who (`Jane Doe asks again about the storyboard`).
    pub headline: String,
    /// The words behind it; empty where it was computed.
    pub words: String,
    /// How severe it is.
    pub severity: Severity,
    /// Whether it was written long before it arrived.
    pub late: bool,
    /// Name of the member who earned it; empty where nobody is named.
    pub earned_by: String,
}

/// One open incident.
#[derive(Debug, Clone, Serialize)]
pub struct OpenLine {
    /// Name of the account.
    pub account: String,
    /// The incident's name, as commands take it.
    pub name: String,
    /// What happened.
    pub headline: String,
    /// How severe it is.
    pub severity: Severity,
    /// Its state, in words (`acknowledged by Dana Reyes`, `snoozed until Mon 09:00`).
    pub state: String,
    /// Whether it is getting better.
    pub calming: bool,
    /// Whether somebody knows of it and said so: acknowledged, taken over or snoozed.
    pub held: bool,
    /// When it began.
    pub opened_at: Timestamp,
    /// When this reader was last told, if ever.
    pub told_at: Option<Timestamp>,
    /// Whether it was this reader who was told.
    pub told_you: bool,
}

/// An organisation that nobody has configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StrangerLine {
    /// Its domain.
    pub domain: String,
    /// How many messages came from it or went to it.
    pub messages: u64,
}

/// Mail that could not be read or judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnreadLine {
    /// Why, as a phrase (`encrypted`, `set aside after three failures`).
    pub reason: String,
    /// How many messages.
    pub messages: u64,
}

/// Which way an account goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trend {
    /// Better than a week before.
    Better,
    /// As it was.
    Steady,
    /// Worse than a week before.
    Worse,
}

/// The trend of one account.
#[derive(Debug, Clone, Serialize)]
pub struct TrendLine {
    /// Name of the account.
    pub account: String,
    /// Decayed negative points, from 0, rounded.
    pub pressure: u32,
    /// Decayed positive points, from 0, rounded.
    pub goodwill: u32,
    /// Which way it goes.
    pub trend: Trend,
    /// Why, in a few words; empty where there is nothing to say.
    pub note: String,
    /// The last eight weeks; empty where there is nothing to draw.
    pub chart: Vec<WeekPoint>,
}

/// What was done in the time a digest covers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct DigestCounts {
    /// Messages read, automatic ones included.
    pub read: u64,
    /// Of these, automatic.
    pub automatic: u64,
    /// Messages that could not be read.
    pub unreadable: u64,
    /// Messages that still wait.
    pub waiting: u64,
}

/// What became of everything that a mailbox ever listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MailboxLine {
    /// Its name in the settings.
    pub name: String,
    /// Messages listed by its server.
    pub listed: u64,
    /// Of these, those that came to an end: read, copies, set aside, gone, not to be recorded.
    pub settled: u64,
    /// Of these, those that wait to be read.
    pub waiting: u64,
    /// Of these, those of which nothing is known: a fault.
    pub missing: u64,
}
