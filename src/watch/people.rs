//! What single people do over time: who is the trouble, who contacts everybody, who
//! chases again and again, whose tone has changed.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};

use super::evidence::shared;
use super::finding::{Alarm, Finding, Told, What};
use super::trend::{Fading, points};
use super::{Entry, Terms};
use crate::config::Kind;
use crate::judge::{Severity, Side, ToneLabel, Topic, signal};

/// Letters that a slip of the pen may change, in a name of so many at least.
const SLIPS: usize = 2;
const LONG_NAME: usize = 6;
/// Most people of one account that are remembered; who wrote longest ago gives way.
const MOST: usize = 60;
/// Several of us contacted within so many minutes are a burst.
const BURST_MINUTES: i64 = 60;
/// A difficult person has written so much, so often badly, and has this share of all bad words, in percent.
const DIFFICULT: (u32, u32, i64) = (6, 4, 70);
/// Points of a message that is hard on its reader.
const UNKIND: i64 = 6;
/// Mail of the others that it takes to see that they are at ease.
const OTHERS: u32 = 3;
/// Mail of somebody that it takes to say how they usually write.
const USUALLY: u32 = 6;
/// Days before the same thing is said of a person again.
const AGAIN_DAYS: i64 = 60;
/// Days with mail, of sixty, that it takes to know how much is usual.
const USUAL_DAYS: usize = 5;
/// Most days with mail that are remembered of one person.
const MOST_DAYS: usize = 15;
/// So many messages a day are never a burst.
const BURST_LEAST: u32 = 5;
/// Points by which a tone must have fallen, and messages it takes to see it: of late, and before.
const TONE_STEP: i64 = 25;
const TONE_LEAST: (i64, i64) = (3, 6);

/// What is remembered of one person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The name they write under.
    pub name: String,
    /// Messages.
    count: u32,
    /// Of these, bad ones.
    negatives: u32,
    /// Points against, and for.
    bad: Fading,
    good: Fading,
    last_at: Timestamp,
    /// The last hour: when, to whom, about what.
    contacts: Vec<(Timestamp, String, Vec<String>)>,
    /// Messages by day, of the last days with mail within sixty.
    days: Vec<(Date, u32)>,
    /// When they asked at short notice, and outside our hours.
    short: Vec<Timestamp>,
    late: Vec<Timestamp>,
    /// Tone by month: number, messages, points.
    tones: Vec<(i64, i64, i64)>,
    /// Chasers since our last word: the subject, and how many.
    chased: Vec<(String, u32)>,
    /// When a thing was last said of them.
    said: BTreeMap<String, Timestamp>,
}

/// The people of an account, by address, else name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct People(BTreeMap<String, Person>);

impl People {
    /// How somebody usually writes, as the end of "usually"; `None` where too little is known.
    #[must_use]
    pub fn usually(&self, person: &str) -> Option<String> {
        let known = self.0.get(person).filter(|p| p.count >= USUALLY)?;
        let (sum, all) = known.tones.iter().fold((0, 0), |(sum, all), (_, n, points)| (sum + points, all + n));
        let mood = match sum.checked_div(all).unwrap_or(0) {
            _ if known.negatives * 2 > known.count => "displeased",
            10.. => "warm",
            _ => "matter-of-fact",
        };
        Some(match known.negatives {
            0 => format!("{mood}, in {} mails", known.count),
            displeased => format!("{mood}; displeased in {displeased} of {} mails, this one included", known.count),
        })
    }

    pub(super) fn take_in(&mut self, entry: &Entry, terms: &Terms<'_>) -> Vec<Finding> {
        match entry.side() {
            Some(Side::Them) => {}
            Some(Side::Us) if entry.matter.doubtful => return Vec::new(),
            Some(Side::Us) => {
                for person in self.0.values_mut() {
                    person.chased.retain(|(subject, _)| *subject != entry.matter.subject);
                }
                return Vec::new();
            }
            None => return Vec::new(),
        }
        let today = terms.calendar.date_of(entry.sent_at);
        let person = self.0.entry(entry.person.clone()).or_default();
        person.see(entry, today, terms);
        let mut found = person.patterns(entry, today);
        if let Some(oldest) = (self.0.len() > MOST).then(|| self.0.iter().min_by_key(|(_, p)| p.last_at)).flatten() {
            let oldest = oldest.0.clone();
            self.0.remove(&oldest);
        }
        found.extend(self.difficult(entry, today, terms));
        found
    }

    /// Who is meant by an address: whose it is, or whose it is but for a slip of the pen.
    pub(super) fn meant_by(&self, address: &str) -> Option<(&str, &str)> {
        let (local, domain) = address.rsplit_once('@')?;
        let near = |known: &str| {
            known == address
                || known.rsplit_once('@').is_some_and(|(other, at)| {
                    at == domain && local.len() >= LONG_NAME && strsim::damerau_levenshtein(other, local) <= SLIPS
                })
        };
        self.0.iter().find(|(known, _)| near(known)).map(|(known, person)| (known.as_str(), person.name.as_str()))
    }

    /// Whether nearly all that is bad at a client comes from one of several.
    fn difficult(&mut self, entry: &Entry, today: Date, terms: &Terms<'_>) -> Option<Finding> {
        if terms.kind != Kind::Client {
            return None;
        }
        let bad = |p: &Person| p.bad.on(today, terms.calendar).value();
        let good = |p: &Person| p.good.on(today, terms.calendar).value();
        let total: i64 = self.0.values().map(bad).sum();
        let (address, worst) = self.0.iter().max_by_key(|(_, p)| bad(p))?;
        let others = || self.0.iter().filter(|(other, p)| *other != address && p.name != worst.name).map(|(_, p)| p);
        let at_ease = others().map(|p| p.count).sum::<u32>() >= OTHERS
            && others().all(|p| bad(p) <= good(p) || bad(p) * 10 <= total);
        let (count, negatives, share) = DIFFICULT;
        let holds = worst.count >= count && worst.negatives >= negatives && bad(worst) * 100 > total * share && at_ease;
        let address = address.clone();
        let worst = holds.then(|| self.0.get_mut(&address)).flatten()?;
        worst.may_say("difficult", entry.sent_at).then(|| Finding {
            key: Some(entry.key.clone()),
            person: address.clone(),
            signals: vec!["person_vs_company".to_owned()],
            says: format!("What weighs at this account comes from {}; the others are at ease", worst.name),
            history: entry.history,
            ..Finding::new(format!("difficult:{address}:{today}"), What::DifficultPerson, entry.sent_at)
        })
    }
}

impl Person {
    fn see(&mut self, entry: &Entry, today: Date, terms: &Terms<'_>) {
        let good = points(entry).1;
        let bad = antagonism(entry);
        self.name.clone_from(&entry.name);
        self.count = self.count.saturating_add(1);
        // Who ends the work courteously is lost, and not difficult.
        self.negatives = self.negatives.saturating_add(u32::from(bad >= UNKIND));
        // As long as thirty working days: a pattern is slower than a mood.
        self.bad.add(bad, true, today, terms.calendar);
        self.good.add(good, true, today, terms.calendar);
        self.last_at = entry.sent_at;
        match self.days.last_mut() {
            Some((day, n)) if *day == today => *n += 1,
            _ => self.days.push((today, 1)),
        }
        let since = today.checked_sub(60.days()).unwrap_or(today);
        self.days.retain(|(day, _)| *day >= since);
        let surplus = self.days.len().saturating_sub(MOST_DAYS);
        self.days.drain(..surplus);
        let month = i64::from(today.since(Date::ZERO).map_or(0, |span| span.get_days())) / 30;
        match self.tones.last_mut() {
            Some((last, n, sum)) if *last == month => (*n, *sum) = (*n + 1, *sum + mood(entry)),
            _ => self.tones.push((month, 1, mood(entry))),
        }
        self.tones.retain(|(known, ..)| *known > month - 7);
    }

    /// Whether a thing was not said of them for long; it is now.
    fn may_say(&mut self, what: &str, at: Timestamp) -> bool {
        let since = at.checked_sub((AGAIN_DAYS * 24).hours()).unwrap_or(Timestamp::MIN);
        if self.said.get(what).is_some_and(|said| *said > since) {
            return false;
        }
        self.said.insert(what.to_owned(), at);
        true
    }

    fn patterns(&mut self, entry: &Entry, today: Date) -> Vec<Finding> {
        let mut found = Vec::new();
        let found_now = |name: &str, says: String| Finding {
            key: Some(entry.key.clone()),
            person: entry.person.clone(),
            signals: vec![name.to_owned()],
            says,
            history: entry.history,
            ..Finding::new(format!("{name}:{}:{today}", entry.person), What::Signal, entry.sent_at)
        };
        if let Some(reached) = self.burst(entry) {
            let says = format!("{} contacted {reached} of us within the hour about one matter", self.name);
            let alarm = Alarm { topic: Topic::Escalation, severity: Severity::Warning, to: Told::Manager };
            found.push(Finding { alarm: Some(alarm), ..found_now("contact_burst", says) });
        }
        if self.is_loud(today) && self.may_say("volume", entry.sent_at) {
            found.push(found_now("volume_burst", format!("{} writes far more than usual", self.name)));
        }
        if entry.has("short_notice_deadline") && third(&mut self.short, entry.sent_at, 30) {
            let says = format!("{} asked at short notice three times in thirty days", self.name);
            found.push(found_now("short_notice_deadline", says));
        }
        if entry.has("after_hours_demand") && third(&mut self.late, entry.sent_at, 14) {
            let says = format!("{} asked for work outside our hours three times in two weeks", self.name);
            found.push(found_now("after_hours_demand", says));
        }
        if let Some(times) = self.chases(entry) {
            let severity = if times > 2 { Severity::Warning } else { Severity::Info };
            let alarm = Alarm { topic: Topic::Pressure, severity, to: Told::Manager };
            let says = format!("{} has asked {times} times without an answer that we saw", self.name);
            found.push(Finding { alarm: Some(alarm), ..found_now("chaser", says) });
        }
        if self.has_cooled() && self.may_say("tone", entry.sent_at) {
            found.push(found_now("tone_shift", format!("{} sounds cooler than in the past", self.name)));
        }
        found
    }

    /// How many of us were contacted about one matter within the hour, where it is more than one.
    fn burst(&mut self, entry: &Entry) -> Option<usize> {
        let since = entry.sent_at.checked_sub(BURST_MINUTES.minutes()).unwrap_or(Timestamp::MIN);
        self.contacts.retain(|(at, ..)| *at >= since);
        let about = &entry.matter.about;
        let same = |other: &[String]| shared(about, other) > 0 || (about.is_empty() && other.is_empty());
        let mut reached: Vec<&str> = vec![&entry.addressee];
        for (_, addressee, matter) in &self.contacts {
            if same(matter) && !reached.contains(&addressee.as_str()) {
                reached.push(addressee);
            }
        }
        let count = reached.len();
        if entry.crosses() {
            self.contacts.push((entry.sent_at, entry.addressee.clone(), about.clone()));
            let surplus = self.contacts.len().saturating_sub(12);
            self.contacts.drain(..surplus);
        }
        let day = format!("burst {}", entry.matter.subject);
        self.said.retain(|what, at| !what.starts_with("burst ") || *at >= since);
        let fresh = count > 1 && entry.crosses() && !self.said.contains_key(&day);
        fresh.then(|| {
            self.said.insert(day, entry.sent_at);
            count
        })
    }

    fn is_loud(&self, today: Date) -> bool {
        let Some((last, now)) = self.days.last().copied() else { return false };
        let mut usual: Vec<u32> = self.days.iter().filter(|(day, _)| *day != today).map(|(_, n)| *n).collect();
        usual.sort_unstable();
        let median = usual.get(usual.len() / 2).copied().unwrap_or(0);
        last == today && usual.len() >= USUAL_DAYS && now >= BURST_LEAST && now > 3 * median
    }

    /// The second chaser since our last word about it, and the third.
    fn chases(&mut self, entry: &Entry) -> Option<u32> {
        if !entry.has("chaser") {
            return None;
        }
        let subject = &entry.matter.subject;
        if let Some((_, times)) = self.chased.iter_mut().find(|(known, _)| known == subject) {
            *times += 1;
            return Some(*times);
        }
        self.chased.push((subject.clone(), 1));
        let surplus = self.chased.len().saturating_sub(12);
        self.chased.drain(..surplus);
        None
    }

    /// Whether the last month sounds worse than the five before.
    fn has_cooled(&self) -> bool {
        let Some((month, n, sum)) = self.tones.last().copied() else { return false };
        let before = self.tones.iter().filter(|(known, ..)| *known != month);
        let (past, total) = before.fold((0, 0), |(n, sum), (_, m, points)| (n + m, sum + points));
        n >= TONE_LEAST.0 && past >= TONE_LEAST.1 && total / past - sum / n >= TONE_STEP
    }
}

/// Whether it is the third time within so many days; then the count begins anew.
fn third(times: &mut Vec<Timestamp>, at: Timestamp, days: i64) -> bool {
    let since = at.checked_sub((days * 24).hours()).unwrap_or(Timestamp::MIN);
    times.retain(|t| *t >= since);
    times.push(at);
    let is_third = times.len() >= 3;
    if is_third {
        times.clear();
    }
    is_third
}

/// Points against somebody themselves: how they write, and whom they go for. A calm decision is no quarrel.
fn antagonism(entry: &Entry) -> i64 {
    let conduct = |name: &String| matches!(signal::topic_of(name), Some(Topic::Conduct | Topic::Escalation));
    let aimed = if entry.signals.iter().any(conduct) { 8 } else { 0 };
    let tone = match entry.tone {
        Some(ToneLabel::Hostile) => 10,
        Some(ToneLabel::Frustrated) => 6,
        Some(ToneLabel::Concerned) => 1,
        _ => 0,
    };
    if tone < UNKIND { tone } else { tone + aimed }
}

/// A tone in points.
fn mood(entry: &Entry) -> i64 {
    match entry.tone {
        Some(ToneLabel::Hostile) => -80,
        Some(ToneLabel::Frustrated) => -40,
        Some(ToneLabel::Concerned) => -20,
        Some(ToneLabel::Positive) => 20,
        Some(ToneLabel::Grateful) => 40,
        Some(ToneLabel::Neutral) | None => 0,
    }
}
