//! Whether a message settles a promise: by what its sentences show, by shared words,
//! by the thread, by the day.

use jiff::ToSpan as _;
use jiff::civil::Date;

use super::commitment::{Commitment, Standing};
use super::{Entry, Terms};
use crate::judge::{Deed, DeedSort, PromiseSort, Side};

/// Days after its time within which a word of the other side still speaks of a promise.
const RECENT_DAYS: i32 = 15;
/// Days after a call or a meeting within which mail tells of it.
const MEETING_DAYS: i32 = 7;

/// Days after its time within which a message may settle a promise in passing.
const AROUND_DAYS: i32 = 2;
/// Days after its time after which it takes more to be sure that a thing is what was promised.
const LATE_DAYS: i32 = 7;
/// Days before its time within which less shows that a promise was kept early.
const SOON_DAYS: i32 = 5;

/// Minutes after its hour that still count as the hour.
const LENIENT_MINUTES: i64 = 15;

/// What became of a promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Kept,
    KeptLate,
    KeptEarly,
    Broken,
    Withdrawn,
    /// To another day, or in favour of a promise of its own.
    Moved(Option<Date>),
}

/// How many stems two texts share.
pub(super) fn shared(one: &[String], other: &[String]) -> usize {
    one.iter().filter(|stem| other.contains(stem)).count()
}

/// Whether two texts speak of the same: half the words of the shorter one.
pub(super) fn alike(one: &[String], other: &[String]) -> bool {
    let least = one.len().min(other.len());
    shared(one, other) * 2 >= least.max(1)
}

/// For each promise, what a message shows of it.
pub(super) fn weigh(all: &[Commitment], entry: &Entry, side: Side, terms: &Terms<'_>) -> Vec<Option<Outcome>> {
    let today = terms.calendar.date_of(entry.sent_at);
    let mut found: Vec<Option<Outcome>> = all
        .iter()
        .map(|c| {
            let case = Case { c, entry, today, own: c.promise.by == side };
            match c.standing {
                Standing::Broken | Standing::Moved => case.outcome(terms).filter(|outcome| case.makes_good(*outcome)),
                _ => c.is_open().then(|| case.outcome(terms)).flatten(),
            }
        })
        .collect();
    let missed = |deed: &&Deed| deed.sort == DeedSort::Misses;
    if found.iter().all(Option::is_none) && entry.matter.deeds.iter().find(missed).is_some() {
        // Somebody misses something, and one promise has just run out: it is that.
        let lapsed = all.iter().enumerate().filter(|(_, c)| {
            let case = Case { c, entry, today, own: c.promise.by == side };
            c.is_open() && !case.own && case.has_run_out(terms) && case.is_recent() && c.subject == entry.matter.subject
        });
        if let Some((place, _)) = lapsed.max_by_key(|(_, c)| c.due_day())
            && let Some(slot) = found.get_mut(place)
        {
            *slot = Some(Outcome::Broken);
        }
    }
    found
}

/// One promise before one message.
struct Case<'a> {
    c: &'a Commitment,
    entry: &'a Entry,
    /// The local day on which the message was written.
    today: Date,
    /// Whether the message is of the side that promised.
    own: bool,
}

/// How a sentence hangs together with a promise.
struct Tie {
    /// Stems of the promise in the sentence; those of them that are not of its thread's subject; in the subject.
    sentence: usize,
    telling: usize,
    subject: usize,
    /// The same thread, or the very day.
    thread: bool,
    dated: bool,
}

impl Tie {
    fn any(&self) -> bool {
        self.sentence > 0 || self.subject > 0 || self.thread || self.dated
    }
}

impl Case<'_> {
    fn outcome(&self, terms: &Terms<'_>) -> Option<Outcome> {
        if let Some(renewed) = self.renewed() {
            return Some(renewed);
        }
        let found: Vec<Outcome> = self.entry.matter.deeds.iter().filter_map(|deed| self.of(deed, terms)).collect();
        let broken = found.iter().position(|outcome| *outcome == Outcome::Broken);
        let other = found.iter().position(|outcome| *outcome != Outcome::Broken);
        // That something is missed outweighs every thanks beside it; who brings something with
        // an apology for the delay has brought it.
        let place = if self.own { other.or(broken) } else { broken.or(other) };
        place.and_then(|place| found.get(place)).copied().or_else(|| self.in_passing(terms))
    }

    /// Whether what was broken is brought after all.
    fn makes_good(&self, outcome: Outcome) -> bool {
        let sort = if self.own { DeedSort::Delivers } else { DeedSort::Receives };
        let brings = |deed: &Deed| deed.sort == sort && self.tie(deed).sentence > 0;
        let named = self.own
            && self.entry.matter.deeds.iter().any(|d| d.sort == DeedSort::Delivers)
            && shared(&self.c.promise.about, &self.entry.matter.about) > 0;
        let soon = self.c.due_day().and_then(|due| due.checked_add(LATE_DAYS.days()).ok());
        let soon = soon.is_some_and(|until| self.today <= until);
        soon && outcome == Outcome::KeptLate && (self.entry.matter.deeds.iter().any(brings) || named)
    }

    /// Who promised gives another day instead of the thing.
    fn renewed(&self) -> Option<Outcome> {
        let due = self.c.due_day().filter(|_| self.own && self.c.promise.sort != PromiseSort::Recurring)?;
        let thread = !self.c.subject.is_empty() && self.c.subject == self.entry.matter.subject;
        let later = |p: &crate::judge::Promise| {
            let day = p.due.as_deref().and_then(|due| due.get(..10)?.parse::<Date>().ok());
            let same = alike(&p.about, &self.c.promise.about) || (thread && self.c.promise.about.len() < 2);
            day > Some(due) && same && p.by == self.c.promise.by && p.person == self.c.promise.person
        };
        let brings = |d: &Deed| d.sort == DeedSort::Delivers && self.tie(d).sentence > 0;
        if !self.entry.matter.promises.iter().any(later) || self.entry.matter.deeds.iter().any(brings) {
            return None;
        }
        Some(if self.is_due() { Outcome::Broken } else { Outcome::Moved(None) })
    }

    /// Whether a message may be what was promised: of its thread, to whom it was promised, or of whom a
    /// note says that they would write.
    fn may_bring(&self) -> bool {
        let entry = self.entry;
        let told = self.c.readers.is_empty() && entry.person == self.c.promise.person;
        let read = entry.readers().iter().any(|reader| self.c.readers.contains(reader));
        !self.own || self.c.readers.is_empty() || self.is_thread() || read || told
    }

    fn is_thread(&self) -> bool {
        !self.c.subject.is_empty() && self.c.subject == self.entry.matter.subject
    }

    /// Around its day, a message that speaks of the matter and of no trouble with it: ours is
    /// the thing itself or goes with it, a friendly one of theirs says that it came.
    fn in_passing(&self, terms: &Terms<'_>) -> Option<Outcome> {
        // Who promised speaks of trouble with this where a sentence names it; of others any trouble counts.
        let trouble = |deed: &Deed| {
            let tie = self.tie(deed);
            match deed.sort {
                DeedSort::Misses => !self.own && (tie.sentence > 0 || tie.dated),
                DeedSort::Slips | DeedSort::Withdraws => tie.sentence > 0 || tie.dated,
                _ => false,
            }
        };
        let due = self.c.due_day()?;
        let met = self.entry.is_note() && self.c.promise.sort == PromiseSort::Meeting;
        if met && self.has_run_out_or_begun(terms) && !self.entry.matter.deeds.iter().any(trouble) {
            // Who writes about them that day has been there.
            return due.checked_add(1.day()).is_ok_and(|next| self.today <= next).then_some(Outcome::Kept);
        }
        let until = due.checked_add(AROUND_DAYS.days()).unwrap_or(Date::MAX);
        let around = (due <= self.today && self.today <= until) || self.is_titled(due);
        if !around || self.entry.matter.deeds.iter().any(trouble) || self.c.promise.sort == PromiseSort::Recurring {
            return None;
        }
        let all = Deed { sort: DeedSort::Delivers, about: self.entry.matter.words.clone(), on: None };
        let tie = self.tie(&all);
        // Thanks alone, before its time, may be for the promise.
        let thanks = self.has_run_out(terms) && (self.entry.has("closing_courtesy") || self.entry.has("praise"));
        let received = self.entry.matter.deeds.iter().any(|d| d.sort == DeedSort::Receives);
        let friendly = thanks || received || self.entry.is_positive();
        let speaks = tie.telling > 0 && (tie.thread || tie.subject > 0 || tie.sentence > 1);
        // What a note says somebody would write, and they then write to the other side.
        let told = self.c.readers.is_empty()
            && self.own
            && self.entry.person == self.c.promise.person
            && self.entry.side().is_some()
            && (tie.sentence > 0 || self.today == due);
        let speaks = (speaks && self.may_bring()) || told;
        // On its day they write to whom they promised it, of nothing that is still to come.
        let plain = self.own && !self.entry.matter.asks && self.today == due;
        let to_come = self.entry.matter.promises.iter().any(|p| p.due.as_deref() > self.c.promise.due.as_deref());
        let same = self.entry.person == self.c.promise.person && self.may_bring();
        let alone = plain && !to_come && (tie.thread || same);
        let shows = (self.own && (speaks || alone)) || (!self.own && friendly && (speaks || tie.thread));
        shows.then(|| self.timed(&Deed { about: Vec::new(), ..all }, terms))
    }

    /// Shortly before its day, a message of who promised whose subject is the thing: "Gate passes".
    fn is_titled(&self, due: Date) -> bool {
        let soon = self.today < due && self.today.checked_add(SOON_DAYS.days()).is_ok_and(|soon| soon >= due);
        let named = shared(&self.c.promise.about, &self.entry.matter.about);
        let entry = self.entry;
        let own = self.own && self.c.promise.sort == PromiseSort::Delivery && !self.is_thread();
        soon && own && named > 0 && named * 2 >= entry.matter.about.len() && entry.matter.promises.is_empty()
    }

    fn of(&self, deed: &Deed, terms: &Terms<'_>) -> Option<Outcome> {
        let tie = self.tie(deed);
        let meets = self.c.promise.sort == PromiseSort::Meeting;
        match deed.sort {
            DeedSort::Called if meets => self.is_time_to_have_met().then_some(Outcome::Kept),
            DeedSort::Delivers | DeedSort::Keeps if self.own && meets => {
                (tie.any() && self.is_time_to_have_met()).then_some(Outcome::Kept)
            }
            DeedSort::Delivers | DeedSort::Keeps if self.own => self.arrives(&tie).then(|| self.timed(deed, terms)),
            DeedSort::Receives if !self.own && meets => {
                (tie.any() && self.is_time_to_have_met()).then_some(Outcome::Kept)
            }
            DeedSort::Receives if !self.own => self.received(&tie).then(|| self.timed(deed, terms)),
            DeedSort::Keeps => (tie.any() && self.is_due() && self.is_recent()).then_some(Outcome::Kept),
            DeedSort::Misses if !self.own => {
                let named = tie.sentence > 0 || tie.dated || (tie.thread && tie.subject == 0);
                (named && self.has_run_out(terms)).then_some(Outcome::Broken)
            }
            DeedSort::Slips if self.own && tie.any() && self.c.promise.due.is_some() => self.slipped(deed, &tie),
            DeedSort::Withdraws if !self.own => (tie.sentence > 0).then_some(Outcome::Withdrawn),
            DeedSort::Allows if !self.own => self.allowed(deed, &tie),
            _ => None,
        }
    }

    fn tie(&self, deed: &Deed) -> Tie {
        let about = &self.c.promise.about;
        let thread = !self.c.subject.is_empty() && self.c.subject == self.entry.matter.subject;
        let due = self.c.due_day();
        let of_subject = |stem: &String| self.c.subject.split(' ').any(|word| word.starts_with(stem.as_str()));
        let telling: Vec<String> = about.iter().filter(|stem| !of_subject(stem)).cloned().collect();
        let sentence = shared(about, &deed.about);
        Tie {
            sentence,
            // Where the promise has no words of its own, those of the subject must do.
            telling: if telling.is_empty() { sentence } else { shared(&telling, &deed.about) },
            subject: shared(about, &self.entry.matter.about),
            thread,
            dated: due.is_some() && due == self.day_of(deed) && due != Some(self.today),
        }
    }

    /// The day a sentence tells of: not later than today.
    fn day_of(&self, deed: &Deed) -> Option<Date> {
        let on: Date = deed.on.as_deref()?.parse().ok()?;
        let week_before = on.checked_sub(7.days()).ok();
        let month_before = on.checked_sub(1.month()).ok();
        [Some(on), week_before, month_before].into_iter().flatten().find(|day| *day <= self.today)
    }

    fn is_due(&self) -> bool {
        self.c.due_day().is_some_and(|due| due <= self.today)
    }

    fn is_recent(&self) -> bool {
        let since = self.today.checked_sub(RECENT_DAYS.days()).unwrap_or(Date::MIN);
        self.c.due_day().is_some_and(|due| due >= since)
    }

    /// Whether its time is over.
    fn has_run_out(&self, terms: &Terms<'_>) -> bool {
        self.c.due_at(terms.calendar).is_some_and(|due| due <= self.entry.sent_at)
    }

    /// Whether its hour has come; where it names none, its day.
    fn has_run_out_or_begun(&self, terms: &Terms<'_>) -> bool {
        let hour = self.c.promise.due.as_deref().is_some_and(|due| due.len() > 10);
        if hour { self.has_run_out(terms) } else { self.is_due() }
    }

    /// Whether its hour is over, and no mail of that hour can still be on its way.
    fn is_past_hour(&self, terms: &Terms<'_>) -> bool {
        let due = self.c.due_at(terms.calendar).and_then(|due| due.checked_add(LENIENT_MINUTES.minutes()).ok());
        due.is_some_and(|due| due <= self.entry.sent_at)
    }

    fn is_time_to_have_met(&self) -> bool {
        let until = |due: Date| due.checked_add(MEETING_DAYS.days()).unwrap_or(Date::MAX);
        let words = self.c.promise.words.to_lowercase();
        let by_then = words.contains("before ") || words.contains("by ");
        match self.c.due_day() {
            Some(due) if by_then && due > self.today => self.is_near(due),
            Some(due) => due <= self.today && self.today <= until(due),
            None => self.entry.sent_at > self.c.made_at,
        }
    }

    /// Who promised hands something over: is it this?
    fn arrives(&self, tie: &Tie) -> bool {
        match self.c.due_day() {
            None => tie.sentence >= 2 || (tie.thread && tie.sentence >= 1),
            Some(due) if due.checked_add(LATE_DAYS.days()).is_ok_and(|until| until < self.today) => tie.sentence > 1,
            Some(due) if self.today >= due => {
                tie.any() && (self.may_bring() || tie.sentence > 1 || (self.today == due && tie.sentence > 0))
            }
            Some(due) if tie.telling > 0 && self.c.promise.sort == PromiseSort::Delivery && self.is_near(due) => true,
            // Before its day it takes more to be sure that it is not something else.
            Some(_) if self.c.promise.sort != PromiseSort::Delivery => false,
            Some(_) => {
                (tie.sentence >= 2 && tie.telling >= 1)
                    || (tie.subject >= 2 && !tie.thread)
                    || (tie.telling >= 1 && (tie.thread || tie.subject >= 1))
                    || (tie.thread && self.c.promise.about.is_empty())
            }
        }
    }

    /// Whether its day is tomorrow or the day after.
    fn is_near(&self, due: Date) -> bool {
        self.today.checked_add(AROUND_DAYS.days()).is_ok_and(|near| near >= due)
    }

    /// The other side has received something: is it this?
    fn received(&self, tie: &Tie) -> bool {
        let most = tie.sentence * 2 >= self.c.promise.about.len().max(2);
        match self.c.due_day() {
            None => tie.sentence >= 2,
            Some(due) if self.today >= due && self.is_recent() => tie.any(),
            Some(due) if self.today >= due => tie.sentence >= 2,
            Some(_) if self.c.promise.sort != PromiseSort::Delivery => false,
            Some(due) => {
                let soon = self.today.checked_add(SOON_DAYS.days()).is_ok_and(|soon| soon >= due);
                (tie.sentence >= 2 && tie.telling >= 1) || (soon && tie.thread && tie.telling >= 1 && most)
            }
        }
    }

    /// On its day, on an earlier one, or late.
    fn timed(&self, deed: &Deed, terms: &Terms<'_>) -> Outcome {
        let Some(due) = self.c.due_day() else { return Outcome::Kept };
        let told = self.day_of(deed);
        let on = told.unwrap_or(self.today);
        if self.c.promise.sort == PromiseSort::Meeting {
            return Outcome::Kept;
        }
        if on > due {
            // Thanks that name no day come when people find the time for them.
            let over = matches!(self.c.standing, Standing::Lapsed | Standing::Broken | Standing::Moved);
            let thanks = !self.own && told.is_none() && !over;
            return if thanks { Outcome::Kept } else { Outcome::KeptLate };
        }
        if self.today < due {
            return Outcome::KeptEarly;
        }
        let hour = self.c.promise.due.as_deref().is_some_and(|due| due.len() > 10);
        let late = self.own && hour && told.is_none() && self.is_past_hour(terms);
        if late { Outcome::KeptLate } else { Outcome::Kept }
    }

    /// On its day or later a promise that slips is broken; before, with a new day, it is moved.
    fn slipped(&self, deed: &Deed, tie: &Tie) -> Option<Outcome> {
        let near = tie.sentence > 0 || tie.thread || tie.dated;
        if self.is_due() {
            return near.then_some(Outcome::Broken);
        }
        let later = self.entry.matter.promises.iter().any(|p| {
            let day = p.due.as_deref().and_then(|due| due.get(..10)?.parse::<Date>().ok());
            day > self.c.due_day() && (shared(&p.about, &self.c.promise.about) > 0 || tie.thread)
        });
        let named = deed.on.as_deref().and_then(|on| on.parse::<Date>().ok()).filter(|on| Some(*on) > self.c.due_day());
        if near && later {
            Some(Outcome::Moved(None))
        } else {
            named.filter(|_| near).map(|day| Outcome::Moved(Some(day)))
        }
    }

    fn allowed(&self, deed: &Deed, tie: &Tie) -> Option<Outcome> {
        let day: Date = deed.on.as_deref()?.parse().ok()?;
        let due = self.c.due_day()?;
        (tie.thread && self.today <= due && day > due).then_some(Outcome::Moved(Some(day)))
    }
}
