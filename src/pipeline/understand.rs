//! The pure middle of the way: bytes → message → account → verdict, on threads
//! with a large stack and a time limit, so that no message can take the process down
//! or hold up the others.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;

use super::corrections::Learnt;
use crate::command::{self, Unverified};
use crate::config::{Account, Kind, Role, Settings};
use crate::filing::{self, Acquaintance, Attribution, Directory, content_key};
use crate::judge::{self, Deed, Judge, Letter, Promise, Side, Tone, ToneLabel, Urgency, UrgencyLabel, Verdict};
use crate::read::{self, Address, Automatic, Direction, Habits, Message, Ours, Reading};
use crate::store::raw::Waiting;
use crate::watch::{Entry, Matter, Uncopied};

/// Wall time for reading and judging one message.
const BUDGET: Duration = Duration::from_secs(10);
/// Deep enough for any message that the scan lets through.
const STACK_BYTES: usize = 16 * 1024 * 1024;

/// The stages from bytes to verdict, with what they need to know.
pub struct Reader {
    settings: Arc<Settings>,
    ours: RwLock<Arc<Ours>>,
    directory: Directory,
    judge: Judge,
    members: Vec<String>,
    stopwatch: Option<Stopwatch>,
    learnt: RwLock<Arc<Learnt>>,
}

/// Time since some moment; a clock is not ours to read.
pub type Stopwatch = fn() -> Duration;

/// How long a message took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// Judging alone.
    pub rules: Duration,
    /// Everything from bytes to verdict.
    pub whole: Duration,
}

/// What the stages make of one message.
#[derive(Debug, Clone)]
pub struct Understood {
    /// What was read.
    pub message: Message,
    /// Where it belongs.
    pub filed: Attribution,
    /// What it says.
    pub verdict: Verdict,
    /// Members above our person whom it copies, lower case.
    pub superiors: Vec<String>,
    /// What it says where those are no news; `None` where that is the same.
    pub uncopied: Option<Uncopied>,
    /// Whether our own server found that it is not of who it says.
    pub doubtful: bool,
    /// What the other side is to us.
    pub kind: Kind,
    /// The answer to an alert that it is, true or not; then nothing was filed or judged.
    pub reply: Option<Unverified>,
    /// How long it took, where somebody measures.
    pub times: Option<Times>,
}

impl Reader {
    /// Settings and compiled rules.
    #[must_use]
    pub fn new(settings: Arc<Settings>, judge: Judge) -> Self {
        Self {
            ours: RwLock::new(Arc::new(super::ours(&settings))),
            directory: super::directory(&settings),
            members: settings.members.iter().map(|m| m.name.clone()).collect(),
            settings,
            judge,
            stopwatch: None,
            learnt: RwLock::default(),
        }
    }

    /// The same, measuring what each message takes.
    #[must_use]
    pub fn timed(self, stopwatch: Stopwatch) -> Self {
        Self { stopwatch: Some(stopwatch), ..self }
    }

    /// The compiled rules.
    #[must_use]
    pub fn judge(&self) -> &Judge {
        &self.judge
    }

    fn ours(&self) -> Arc<Ours> {
        Arc::clone(&self.ours.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on, what domains are known to repeat is no new text.
    pub fn learn(&self, habits: Habits) {
        let ours = Ours { habits, ..(*self.ours()).clone() };
        *self.ours.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ours);
    }

    /// From now on, this is what people have corrected.
    pub(super) fn correct(&self, learnt: Learnt) {
        *self.learnt.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(learnt);
    }

    fn learnt(&self) -> Arc<Learnt> {
        Arc::clone(&self.learnt.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes one message of `whole_bytes`, of which `raw` is all or the beginning, through reading, filing
    /// and judging. `arrived_at` is the store's word; else its headers'.
    #[must_use]
    pub fn understand(&self, raw: &[u8], whole_bytes: u64, arrived_at: Option<Timestamp>) -> Understood {
        let begun = self.stopwatch.map(|now| now());
        let ours = self.ours();
        let is_whole = raw.len() as u64 >= whole_bytes;
        let message = if is_whole { read::read(raw, &ours) } else { read::read_beginning(raw, &ours) };
        if let Some(reply) = command::reply(raw, &message, &self.settings) {
            return Understood {
                message,
                filed: Attribution { evidence: "an answer to an alert of ours".into(), ..Attribution::default() },
                verdict: flat(),
                superiors: Vec::new(),
                uncopied: None,
                doubtful: false,
                kind: Kind::Client,
                reply: Some(reply),
                times: None,
            };
        }
        let filed = self.learnt().refile(self.directory.attribute(&message));
        let filed = if filed.account.is_none() { self.about(&message, &[]).unwrap_or(filed) } else { filed };
        let account = self.account(&filed);
        let superiors = self.superiors(&message, account.as_ref());
        let kind = account.as_ref().map_or(Kind::Client, |a| a.kind);
        let arrived_at = arrived_at.or(message.arrived_at);
        let judged_from = self.stopwatch.map(|now| now());
        let verdict = self.verdict(&message, account.as_ref(), &superiors, arrived_at);
        let uncopied = verdict.signals.iter().any(|s| s.signal == "superior_copied").then(|| {
            let plain = self.verdict(&message, account.as_ref(), &[], arrived_at);
            let signals = plain.signals.iter().map(|s| s.signal.clone()).collect();
            Uncopied { signals, severity: plain.severity }
        });
        let times = self.stopwatch.zip(begun).zip(judged_from).map(|((now, begun), from)| {
            let end = now();
            Times { rules: end.saturating_sub(from), whole: end.saturating_sub(begun) }
        });
        let doubtful = command::is_doubtful(raw, &message, &self.settings);
        Understood { message, filed, verdict, superiors, uncopied, doubtful, kind, reply: None, times }
    }

    /// The account that a note among us names, by these people of accounts.
    pub(super) fn about(&self, message: &Message, people: &[Acquaintance]) -> Option<Attribution> {
        self.directory.about(message, people, &self.members)
    }

    fn account(&self, filed: &Attribution) -> Option<Account> {
        let id = filed.account.as_deref()?;
        Some(self.settings.account(id).cloned().unwrap_or_else(|| self.settings.provisional(id)))
    }

    fn verdict(
        &self,
        message: &Message,
        account: Option<&Account>,
        superiors: &[String],
        arrived_at: Option<Timestamp>,
    ) -> Verdict {
        if message.reading != Reading::Ok {
            return Verdict::silent();
        }
        let (Some(direction), None) = (message.direction, message.automatic) else {
            return flat();
        };
        let files: Vec<String> = message.attachments.iter().map(|a| a.name.clone()).collect();
        let fallback = self.settings.default_calendar();
        let calendar = account.map_or(fallback, |a| self.settings.calendar_of(a));
        let author = message.from.as_ref();
        let named = superiors.iter().filter_map(|address| self.settings.member(address));
        let learnt = self.learnt();
        let first_names = named.filter_map(|m| m.name.split_whitespace().next().map(str::to_owned));
        let superiors: Vec<String> = superiors.iter().cloned().chain(first_names).collect();
        let mut verdict = self.judge.judge(&Letter {
            subject: &message.subject,
            new_text: &message.texts.new_text,
            quoted_text: &message.texts.quoted_text,
            signature: &message.texts.signature,
            disclaimer: &message.texts.disclaimer,
            attachment_names: &files,
            direction,
            kind: account.map_or(Kind::Client, |a| a.kind),
            language: &message.language,
            at: arrived_at.map(|at| at.to_zoned(calendar.zone.clone())),
            written: message
                .sent_at
                .map(|at| arrived_at.map_or(at, |arrived| at.min(arrived)).to_zoned(calendar.zone.clone())),
            calendar,
            author: author.map_or("", |a| if a.address.is_empty() { &a.name } else { &a.address }),
            superiors_on_copy: &superiors,
            members: &self.members,
            high_priority: message.high_priority,
            reading_confidence: message.confidence,
            stop_phrases: account.map_or(&[], |a| &a.stop_phrases),
            corrected: account.and_then(|a| learnt.weights.get(&a.id)).map_or(&[], Vec::as_slice),
            sensitivity: account.map_or_else(Default::default, |a| a.sensitivity),
        });
        verdict.commitments = verdict.commitments.into_iter().filter_map(|p| self.owned(p, message)).collect();
        verdict
    }

    /// A promise with the address of whom it names; `None` where our mail tells of what
    /// strangers will do.
    fn owned(&self, promise: Promise, message: &Message) -> Option<Promise> {
        if promise.person.contains('@') {
            return Some(promise);
        }
        let who = promise.person.to_lowercase();
        let is = |name: &str| {
            let name = name.to_lowercase();
            name == who || name.split_whitespace().any(|part| part == who)
        };
        if let Some(member) = self.settings.members.iter().find(|m| is(&m.name)) {
            return Some(Promise { by: Side::Us, person: member.address.clone(), ..promise });
        }
        let theirs = |a: &&Address| !a.address.is_empty() && self.settings.member(&a.address).is_none();
        let among_us = message.direction == Some(Direction::Internal);
        if who.is_empty() {
            // The reader, where they are written to; in a note, whom it is about: filing knows.
            let reader = message.to.iter().find(theirs).filter(|_| !among_us).map(|a| a.address.clone());
            let person = reader.or_else(|| (among_us || is_inbound(message)).then(String::new))?;
            let author = message.from.as_ref().filter(|_| is_inbound(message)).map(|a| a.address.clone());
            return Some(Promise { person: author.unwrap_or(person), ..promise });
        }
        if let Some(contact) = message.people().filter(theirs).find(|a| is(&a.name)) {
            return Some(Promise { by: Side::Them, person: contact.address.clone(), ..promise });
        }
        let is_author = message.from.as_ref().is_some_and(|a| a.name == promise.person);
        (is_inbound(message) || is_author || (among_us && promise.by == Side::Them)).then_some(promise)
    }

    /// Members on To or Cc of an inbound message who lead the one it is written to.
    fn superiors(&self, message: &Message, account: Option<&Account>) -> Vec<String> {
        if message.direction != Some(Direction::Inbound) {
            return Vec::new();
        }
        let on_it: Vec<&str> = message.to.iter().chain(&message.cc).map(|a| a.address.as_str()).collect();
        let ours = on_it.iter().find(|a| self.settings.member(a).is_some_and(|m| m.role <= Role::Admin));
        let Some(person) = ours.copied().or(account.and_then(|a| a.owner.as_deref())) else {
            return Vec::new();
        };
        let above = self.settings.superiors_of(person);
        on_it
            .iter()
            .filter(|a| **a != person)
            .filter(|a| {
                above.iter().any(|m| m.address == **a)
                    || self.settings.member(a).is_some_and(|m| m.role == Role::Director)
            })
            .map(|a| (*a).to_owned())
            .collect()
    }
}

fn is_inbound(message: &Message) -> bool {
    message.direction == Some(Direction::Inbound)
}

/// Mail that no person wrote, or whose author is unknown, has no mood.
fn flat() -> Verdict {
    Verdict {
        tone: Some(Tone { label: ToneLabel::Neutral, score: 0 }),
        urgency: Some(Urgency { label: UrgencyLabel::Low, score: 0 }),
        ..Verdict::silent()
    }
}

impl Understood {
    /// The same for every copy of this message; of the raw bytes where author or date is unknown.
    #[must_use]
    pub fn key(&self, raw: &[u8]) -> String {
        content_key(&self.message, raw)
    }

    /// What watching needs to know of it.
    #[must_use]
    pub fn entry(&self, key: String, arrived_at: Timestamp, history: bool) -> Entry {
        let message = &self.message;
        let author = message.from.clone().unwrap_or_default();
        let person = if author.address.is_empty() { author.name.clone() } else { author.address.clone() };
        Entry {
            key,
            // A clock that runs ahead must not put a message into the future.
            sent_at: message.sent_at.unwrap_or(arrived_at).min(arrived_at),
            arrived_at,
            history,
            direction: message.direction,
            automatic: message.automatic.is_some(),
            name: if author.name.is_empty() { person.clone() } else { author.name },
            person,
            addressee: message.to.first().map(|a| a.address.clone()).unwrap_or_default(),
            superiors: self.superiors.clone(),
            kind: self.kind,
            signals: self.verdict.signals.iter().map(|s| s.signal.clone()).collect(),
            tone: self.verdict.tone.map(|t| t.label),
            urgency: self.verdict.urgency.map(|u| u.label),
            severity: self.verdict.severity,
            matter: self.matter(),
        }
    }

    fn matter(&self) -> Matter {
        let message = &self.message;
        let addresses = |list: &[Address]| {
            list.iter().map(|a| a.address.clone()).filter(|a| !a.is_empty()).take(MOST_READERS).collect()
        };
        let author = message.from.as_ref().filter(|_| message.direction == Some(Direction::Outbound));
        // A name that stands in both ties no sentence to a promise.
        let names: Vec<String> = message.people().flat_map(|a| judge::about(&a.name)).collect();
        let telling =
            |about: &[String]| about.iter().filter(|stem| !names.contains(stem)).cloned().collect::<Vec<String>>();
        let promises = self.verdict.commitments.iter();
        let promises = promises.map(|p| Promise { about: telling(&p.about), ..p.clone() }).collect();
        let deeds = self.verdict.deeds.iter().map(|d| Deed { about: telling(&d.about), ..d.clone() }).collect();
        let carrier = message.carrier.as_ref().and_then(|c| c.from.as_ref()).or(author);
        Matter {
            subject: filing::base_subject(&message.subject).chars().take(LONGEST_SUBJECT).collect(),
            about: self.verdict.about.clone(),
            words: telling(&self.verdict.words),
            to: addresses(&message.to),
            cc: addresses(&message.cc),
            brought_by: carrier.map_or_else(String::new, |a| a.address.clone()),
            asks: self.verdict.asks,
            calendar: message.automatic == Some(Automatic::Calendar),
            promises,
            deeds,
            nearly: judge::nearly(&self.verdict),
            bounced: message.bounced.iter().take(MOST_READERS).map(|address| address.to_lowercase()).collect(),
            doubtful: self.doubtful,
            uncopied: self.uncopied.clone(),
        }
    }
}

/// Most readers of a message that watching is told of.
const MOST_READERS: usize = 10;
/// So much of a subject tells threads apart, in characters.
const LONGEST_SUBJECT: usize = 120;

type Job = (usize, Arc<[u8]>, u64, Option<Timestamp>);
type Answer = (usize, Result<Box<Understood>, String>);

/// Threads that read; replaced when one of them is lost in a message.
pub(super) struct Pool {
    reader: Arc<Reader>,
    crew: Mutex<Crew>,
}

struct Crew {
    jobs: Sender<Job>,
    answers: Receiver<Answer>,
}

impl Pool {
    pub(super) fn new(reader: Reader) -> Self {
        let reader = Arc::new(reader);
        let crew = Mutex::new(Crew::hire(&reader));
        Self { reader, crew }
    }

    pub(super) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// One outcome a message, in order: what was understood, or what went wrong, in words.
    pub(super) fn understand(&self, waiting: &[Waiting]) -> Vec<Result<Box<Understood>, String>> {
        let mut outcomes: Vec<Option<Result<Box<Understood>, String>>> = waiting.iter().map(|_| None).collect();
        let mut crew = self.crew.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut sent = 0;
        for (n, copy) in waiting.iter().enumerate() {
            let arrived = copy.arrived_us.and_then(|us| Timestamp::from_microsecond(us).ok());
            let whole = u64::try_from(copy.whole_bytes).unwrap_or(0);
            if crew.jobs.send((n, copy.bytes.as_slice().into(), whole, arrived)).is_ok() {
                sent += 1;
            }
        }
        for _ in 0..sent {
            let Ok((n, outcome)) = crew.answers.recv_timeout(BUDGET) else {
                *crew = Crew::hire(&self.reader);
                break;
            };
            if let Some(slot) = outcomes.get_mut(n) {
                *slot = Some(outcome);
            }
        }
        let late = || Err(format!("reading took longer than {} s", BUDGET.as_secs()));
        outcomes.into_iter().map(|o| o.unwrap_or_else(late)).collect()
    }
}

impl Crew {
    fn hire(reader: &Arc<Reader>) -> Self {
        let (jobs, inbox) = channel::<Job>();
        let (outbox, answers) = channel::<Answer>();
        let inbox = Arc::new(Mutex::new(inbox));
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        for _ in 0..threads {
            let (reader, inbox, outbox) = (Arc::clone(reader), Arc::clone(&inbox), outbox.clone());
            // Where no thread can be had, the answers end early and the messages are tried again.
            drop(
                std::thread::Builder::new()
                    .name("reader".into())
                    .stack_size(STACK_BYTES)
                    .spawn(move || toil(&reader, &inbox, &outbox)),
            );
        }
        Self { jobs, answers }
    }
}

fn toil(reader: &Reader, inbox: &Mutex<Receiver<Job>>, outbox: &Sender<Answer>) {
    loop {
        let job = inbox.lock().unwrap_or_else(std::sync::PoisonError::into_inner).recv();
        let Ok((n, bytes, whole, arrived)) = job else { return };
        let outcome = catch_unwind(AssertUnwindSafe(|| Box::new(reader.understand(&bytes, whole, arrived))))
            .map_err(|_| "reading it failed inside the program; this is a defect worth reporting".to_owned());
        if outbox.send((n, outcome)).is_err() {
            return;
        }
    }
}
