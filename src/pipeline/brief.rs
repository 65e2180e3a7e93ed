//! Gathers what the brief of an account shows: one look over everything that was ever filed
//! under it, and a second at the few messages that are named.
//!
//! What is private to a member's superior is left out: a brief is passed on.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{Timestamp, ToSpan as _};

use super::record::parse;
use super::{Pipeline, Result};
use crate::config::{Account, Role};
use crate::judge::{Severity, Side, ToneLabel, Verdict, signal};
use crate::notify::brief::{
    BriefView, Helped, MomentLine, Reference, SettledLine, TriedLine, Turn, TurnLine, WaitLine, WeekLine, WhoLine,
};
use crate::notify::{OpenLine, Rendered, Trend, brief, is_private_signal, shown};
use crate::read::Message;
use crate::store::{AnyConnection, accounts, commitments, findings, incidents, messages, periods, verdicts};
use crate::watch::past::{self, Effect, Remedy};
use crate::watch::{Entry, Finding, Incident, Phase, State, What};

/// Most people of each side, turning points, attempts, good moments and messages to read.
const PEOPLE: (usize, usize) = (10, 6);
const TURNS: usize = 16;
const TRIED: usize = 10;
const GOOD: usize = 6;
const READ: usize = 10;
/// Most messages to read about one incident.
const OF_ONE: usize = 3;
/// Days in which a message is still fresh.
const FRESH_DAYS: i64 = 30;
/// Signals that say something good, or turn things.
const KIND: [&str; 4] = ["deescalation", "contract_renewal", "praise", "roadblock_cleared"];

/// Everything of an account, read once.
struct Past {
    entries: Vec<Entry>,
    /// Message and place by content key.
    known: HashMap<String, (i64, usize)>,
    found: Vec<Finding>,
    /// Those worth an alert, with their names.
    incidents: Vec<(String, Incident)>,
    state: State,
    until: Timestamp,
}

impl Past {
    fn place(&self, key: &str) -> Option<usize> {
        self.known.get(key).map(|(_, place)| *place)
    }
}

impl Pipeline {
    /// All that one needs to know of an account, as of `now`.
    ///
    /// # Errors
    ///
    /// Where the store cannot be read.
    pub async fn brief_view(&self, db: &mut AnyConnection, account: &Account, now: Timestamp) -> Result<BriefView> {
        let past = self.past(db, account, now).await?;
        let calendar = self.settings.calendar_of(account);
        let standing = past.state.trend.standing(calendar, now);
        let points = |points: i64| u32::try_from(points.max(0)).unwrap_or(u32::MAX);
        let today = calendar.date_of(now);
        let weeks = past::weeks(&past.entries, &past.found, calendar, now).into_iter().map(|week| WeekLine {
            week: week.monday,
            pressure: points(week.pressure),
            goodwill: points(week.goodwill),
            inbound: week.inbound,
            outbound: week.outbound,
        });
        let mut promises = Vec::new();
        for row in commitments::open_of(db, &account.id).await? {
            if row.open_us.is_some_and(|made| made <= now.as_microsecond()) {
                let mut line = self.promise_view(parse(&row.doc, "commitment")?, today);
                line.person = self.known_name(db, line.person).await?;
                promises.push(line);
            }
        }
        let sent = |side: Side| past.entries.iter().filter(|e| e.side() == Some(side)).count() as u64;
        Ok(BriefView {
            account: self.account_view(account),
            until: now,
            first_at: past.entries.first().map(|e| e.sent_at),
            last_at: past.entries.last().map(|e| e.sent_at),
            inbound: sent(Side::Them),
            outbound: sent(Side::Us),
            pressure: points(standing.pressure),
            goodwill: points(standing.goodwill),
            trend: match standing.change {
                3.. => Trend::Better,
                ..=-3 => Trend::Worse,
                _ => Trend::Steady,
            },
            people: self.people(db, account, &past).await?,
            weeks: weeks.collect(),
            turns: self.turns(db, &past).await?,
            open: self.open_of(db, account, &past).await?,
            promises,
            settled: settled(&past.found),
            tried: self.tried(db, &past).await?,
            unanswered: self.unanswered(db, &past).await?,
            good: self.good_moments(db, &past).await?,
            read: self.to_read(db, &past, now).await?,
        })
    }

    /// A brief as text and page; times are told in the firm's zone.
    ///
    /// # Errors
    ///
    /// Where a replaced template fails.
    pub fn render_brief(&self, view: &BriefView) -> Result<Rendered> {
        Ok(brief::render(view, &self.templates, &self.settings.service.time_zone)?)
    }

    async fn past(&self, db: &mut AnyConnection, account: &Account, now: Timestamp) -> Result<Past> {
        let (mut entries, mut known) = (Vec::new(), HashMap::new());
        for (id, doc) in messages::entries(db, &account.id).await? {
            let entry: Entry = parse(&doc, "entry")?;
            if entry.sent_at <= now {
                known.insert(entry.key.clone(), (id, entries.len()));
                entries.push(entry);
            }
        }
        let mut found: Vec<Finding> = Vec::new();
        for row in findings::of_account(db, &account.id).await? {
            let one: Finding = parse(&row.doc, "finding")?;
            found.extend((one.at <= now).then_some(one));
        }
        let mut trouble = Vec::new();
        for row in incidents::of_account(db, &account.id).await? {
            let incident = shown(&parse::<Incident>(&row.doc, "incident")?, false);
            if !incident.causes.is_empty() && incident.severity >= Severity::Warning && incident.opened_at <= now {
                trouble.push((row.id, incident));
            }
        }
        // A look back from an earlier day must not know what came later.
        let fold = accounts::fold(db, &account.id).await?;
        let fold = fold.filter(|row| !row.state.is_empty() && row.last_key.0 <= now.as_microsecond());
        let terms = self.terms(account);
        let state = match fold {
            Some(row) => parse::<State>(&row.state, "fold")?.at(&terms, now),
            None => State::of(&entries, &terms).at(&terms, now),
        };
        Ok(Past { entries, known, found, incidents: trouble, state, until: now })
    }

    /// Which message that is.
    async fn reference(&self, db: &mut AnyConnection, past: &Past, key: &str) -> Result<Option<Reference>> {
        let Some((id, place)) = past.known.get(key) else {
            return Ok(None);
        };
        let (Some(row), Some(entry)) = (messages::get(db, *id).await?, past.entries.get(*place)) else {
            return Ok(None);
        };
        let message = match row.message_id.filter(|id| !id.is_empty()) {
            Some(id) => id,
            None => messages::source_of(db, *id).await?.unwrap_or_default(),
        };
        let (at, author) = (entry.sent_at, entry.name.clone());
        Ok(Some(Reference { at, author, subject: row.subject, message }))
    }

    /// Who is who: theirs first, the busiest first.
    async fn people(&self, db: &mut AnyConnection, account: &Account, past: &Past) -> Result<Vec<WhoLine>> {
        let difficult: BTreeSet<&str> =
            past.found.iter().filter(|f| f.what == What::DifficultPerson).map(|f| f.person.as_str()).collect();
        let mut lines = Vec::new();
        for side in [Side::Them, Side::Us] {
            let most = if side == Side::Them { PEOPLE.0 } else { PEOPLE.1 };
            for (person, mails) in busiest(&past.entries, side).into_iter().take(most) {
                let Some(last) = mails.last() else { continue };
                let title = match side {
                    Side::Us => self.title_of_member(person, account),
                    Side::Them => self.title_of(db, past, last).await?,
                };
                let note = if difficult.contains(person) { "most of what is bad here comes from them" } else { "" };
                lines.push(WhoLine {
                    side,
                    name: if side == Side::Us { self.name_of(person) } else { last.name.clone() },
                    address: if person.contains('@') { person.to_owned() } else { String::new() },
                    title,
                    messages: mails.len() as u64,
                    last_at: last.sent_at,
                    tone: (side == Side::Them).then(|| usual_tone(&mails)),
                    note: note.to_owned(),
                });
            }
        }
        Ok(lines)
    }

    fn title_of_member(&self, address: &str, account: &Account) -> String {
        let role = match self.settings.member(address).map(|m| m.role) {
            Some(Role::Director) => "director",
            Some(Role::Manager) => "manager",
            Some(Role::Finance) => "finance",
            Some(Role::Admin | Role::Member) => "",
            None => "no longer a member",
        };
        let owner = if account.owner.as_deref() == Some(address) { "looks after the account" } else { "" };
        [role, owner].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
    }

    /// What somebody calls themselves under their last message.
    async fn title_of(&self, db: &mut AnyConnection, past: &Past, last: &Entry) -> Result<String> {
        let Some((id, _)) = past.known.get(&last.key) else { return Ok(String::new()) };
        let Some(doc) = messages::doc(db, *id).await?.filter(|doc| !doc.is_empty()) else { return Ok(String::new()) };
        let message: Message = parse(&doc, "message")?;
        Ok(title_in(&message.texts.signature, &last.name).unwrap_or_default())
    }

    /// Where it turned: incidents and their end, and what was found out over time.
    async fn turns(&self, db: &mut AnyConnection, past: &Past) -> Result<Vec<TurnLine>> {
        let mut turns = Vec::new();
        for (_, incident) in &past.incidents {
            let gravest = incident.causes.iter().find(|c| c.severity == incident.severity).or(incident.causes.first());
            let reference = match gravest {
                Some(cause) => self.reference(db, past, &cause.key).await?,
                None => None,
            };
            let what = self.cause_headline(db, gravest).await?;
            let at = gravest.map_or(incident.opened_at, |c| c.sent_at);
            turns.push((incident.severity, TurnLine { at, turn: Turn::Worse, what, reference }));
            if incident.phase != Phase::Open {
                let topic = incident.topic.phrase();
                let reference = match &incident.calmed_by {
                    Some(key) => self.reference(db, past, key).await?,
                    None => None,
                };
                let (at, what) = match &reference {
                    Some(r) => (r.at, format!("{} calms it: {topic}", r.author)),
                    None => (incident.changed_at, format!("calmed with time: {topic}")),
                };
                turns.push((incident.severity, TurnLine { at, turn: Turn::Better, what, reference }));
            }
        }
        for one in &past.found {
            let (turn, what) = match one.what {
                What::Recovered | What::GoodNews => (Turn::Better, one.says.clone()),
                What::DifficultPerson => (Turn::Worse, one.says.clone()),
                _ => continue,
            };
            let reference = match &one.key {
                Some(key) => self.reference(db, past, key).await?,
                None => None,
            };
            turns.push((Severity::Warning, TurnLine { at: one.at, turn, what, reference }));
        }
        turns.retain(|(_, line)| line.at <= past.until);
        turns.sort_by_key(|(severity, line)| (std::cmp::Reverse(*severity), std::cmp::Reverse(line.at)));
        turns.truncate(TURNS);
        let mut turns: Vec<TurnLine> = turns.into_iter().map(|(_, line)| line).collect();
        turns.sort_by(|a, b| (a.at, &a.what).cmp(&(b.at, &b.what)));
        turns.dedup_by(|a, b| a.reference.is_some() && a.reference == b.reference && a.turn == b.turn);
        Ok(turns)
    }

    async fn open_of(&self, db: &mut AnyConnection, account: &Account, past: &Past) -> Result<Vec<OpenLine>> {
        let mut lines = Vec::new();
        for (name, incident) in past.incidents.iter().filter(|(_, i)| i.phase != Phase::Closed) {
            let state = if incident.phase == Phase::Calming { "calming" } else { "open" };
            let gravest = incident.causes.iter().max_by_key(|c| c.severity);
            lines.push(OpenLine {
                account: account.name.clone(),
                name: name.clone(),
                headline: self.cause_headline(db, gravest).await?,
                severity: incident.severity,
                calming: incident.phase == Phase::Calming,
                held: false,
                state: if incident.plan.is_some() { format!("{state}, with a plan") } else { state.to_owned() },
                opened_at: incident.opened_at,
                told_at: periods::last_told(db, name).await?.and_then(|us| Timestamp::from_microsecond(us).ok()),
                told_you: false,
            });
        }
        lines.sort_by_key(|line| std::cmp::Reverse(line.severity));
        Ok(lines)
    }

    async fn tried(&self, db: &mut AnyConnection, past: &Past) -> Result<Vec<TriedLine>> {
        let attempts = past::attempts(&past.entries);
        let mut lines = Vec::new();
        for attempt in attempts.iter().skip(attempts.len().saturating_sub(TRIED)) {
            let key = |place: usize| past.entries.get(place).map_or("", |e| e.key.as_str());
            let Some(reference) = self.reference(db, past, key(attempt.place)).await? else { continue };
            let shown_by = match attempt.shown_by {
                Some(place) => self.reference(db, past, key(place)).await?,
                None => None,
            };
            lines.push(TriedLine {
                what: match attempt.remedy {
                    Remedy::Plan => "a dated plan",
                    Remedy::Apology => "an apology",
                    Remedy::Call => "a call or a meeting",
                },
                helped: match attempt.effect {
                    Effect::Helped => Helped::Yes,
                    Effect::DidNotHelp => Helped::No,
                    Effect::Unclear => Helped::Unclear,
                },
                reference,
                shown_by,
            });
        }
        Ok(lines)
    }

    async fn unanswered(&self, db: &mut AnyConnection, past: &Past) -> Result<Vec<WaitLine>> {
        let mut lines = Vec::new();
        for wait in &past.state.clocks.waits {
            let reference = self.reference(db, past, &wait.key).await?;
            let person = wait.name.clone();
            lines.push(WaitLine { owed_by: wait.owed_by, person, since: wait.since, reference });
        }
        Ok(lines)
    }

    async fn good_moments(&self, db: &mut AnyConnection, past: &Past) -> Result<Vec<MomentLine>> {
        let kind = |e: &&Entry| {
            e.side() == Some(Side::Them) && e.severity < Severity::Warning && KIND.iter().any(|name| e.has(name))
        };
        let mut ranked: Vec<&Entry> = past.entries.iter().rev().filter(kind).collect();
        ranked.sort_by_key(|e| std::cmp::Reverse(usize::from(e.is_positive()) + weight_of_kindness(e)));
        ranked.truncate(GOOD);
        ranked.sort_by_key(|e| std::cmp::Reverse(e.sent_at));
        self.moments(db, past, &ranked).await
    }

    /// The messages to read: what began and ended trouble, what is open, what was kind.
    async fn to_read(&self, db: &mut AnyConnection, past: &Past, now: Timestamp) -> Result<Vec<MomentLine>> {
        let mut ranked = worth_reading(past, now);
        ranked.sort_by_key(|(place, (weight, _))| (std::cmp::Reverse(*weight), std::cmp::Reverse(*place)));
        let (mut chosen, mut of_one): (Vec<&Entry>, HashMap<usize, usize>) = (Vec::new(), HashMap::new());
        for (place, (_, incident)) in ranked {
            let used = incident.map(|n| of_one.entry(n).or_default());
            if used.as_ref().is_some_and(|used| **used >= OF_ONE) {
                continue;
            }
            if let Some(used) = used {
                *used += 1;
            }
            chosen.extend(past.entries.get(place));
            if chosen.len() == READ {
                break;
            }
        }
        chosen.sort_by_key(|e| e.position());
        self.moments(db, past, &chosen).await
    }

    async fn moments(&self, db: &mut AnyConnection, past: &Past, chosen: &[&Entry]) -> Result<Vec<MomentLine>> {
        let mut lines = Vec::new();
        for entry in chosen {
            let Some(reference) = self.reference(db, past, &entry.key).await? else { continue };
            let (what, words) = self.gist_of(db, past, entry).await?;
            lines.push(MomentLine { what, words, reference });
        }
        Ok(lines)
    }

    /// What a message does, by the gravest of its signals, and the words behind it.
    async fn gist_of(&self, db: &mut AnyConnection, past: &Past, entry: &Entry) -> Result<(String, String)> {
        let mut said = (String::new(), String::new());
        if let Some((id, _)) = past.known.get(&entry.key)
            && let Some(row) = verdicts::get(db, *id).await?
        {
            let verdict: Verdict = parse(&row.doc, "verdict")?;
            let direction = entry.direction.unwrap_or(crate::read::Direction::Inbound);
            let told = verdict.signals.iter().filter(|s| !is_private_signal(&s.signal) && entry.has(&s.signal));
            let tells = |name: &str| match name {
                _ if signal::is_negative(name) || KIND.contains(&name) => 2,
                "apology" => 1,
                _ => 0,
            };
            let gravest = told
                .filter(|s| plan_steps(entry) < 2 || tells(&s.signal) > 0)
                .max_by_key(|s| (signal::severity_of(&s.signal, direction, entry.kind), tells(&s.signal)));
            if let Some(gravest) = gravest {
                let direct = entry.matter.to.contains(&gravest.words);
                said = (format!("{} {}", entry.name, self.says(gravest, direct)), gravest.words.clone());
            }
        }
        if said.0.is_empty() {
            said.0 = if plan_steps(entry) > 1 {
                format!("{} sets out a plan of {} dated steps", entry.name, plan_steps(entry))
            } else {
                format!("{} wrote", entry.name)
            };
        }
        Ok(said)
    }
}

/// The people of one side with their mail, who wrote most first.
fn busiest(entries: &[Entry], side: Side) -> Vec<(&str, Vec<&Entry>)> {
    let mut seen: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in entries.iter().filter(|e| e.side() == Some(side)) {
        seen.entry(&entry.person).or_default().push(entry);
    }
    let mut ranked: Vec<_> = seen.into_iter().collect();
    ranked.sort_by_key(|(_, mails)| std::cmp::Reverse(mails.len()));
    ranked
}

fn plan_steps(entry: &Entry) -> usize {
    entry.matter.promises.iter().filter(|p| p.due.is_some()).count()
}

fn weight_of_kindness(entry: &Entry) -> usize {
    KIND.iter().zip([3, 3, 2, 1]).filter(|(name, _)| entry.has(name)).map(|(_, weight)| weight).sum()
}

/// Messages that tell the story, by place, with their weight and the incident they belong to.
fn worth_reading(past: &Past, now: Timestamp) -> Vec<(usize, (i64, Option<usize>))> {
    let mut weights: BTreeMap<usize, (i64, Option<usize>)> = BTreeMap::new();
    let fresh = now.checked_sub((FRESH_DAYS * 24).hours()).unwrap_or(Timestamp::MIN);
    let mut add = |key: &str, weight: i64, incident: Option<usize>| {
        let Some(place) = past.place(key) else { return };
        let known = weights.entry(place).or_default();
        known.0 = known.0.max(weight);
        known.1 = known.1.or(incident);
    };
    for (n, (_, incident)) in past.incidents.iter().enumerate() {
        let still = if incident.phase == Phase::Closed { 0 } else { 30 };
        for (first, cause) in incident.causes.iter().enumerate() {
            let grave = match cause.severity {
                Severity::Critical => 60,
                Severity::Warning => 40,
                _ => 10,
            };
            add(&cause.key, grave + still + if first == 0 { 15 } else { 0 }, Some(n));
        }
        for key in incident.calmed_by.iter().chain(&incident.plan) {
            add(key, 50 + still, Some(n));
        }
    }
    for entry in &past.entries {
        let kind = match entry.side() {
            Some(Side::Them) if entry.severity < Severity::Warning => 12 * weight_of_kindness(entry),
            Some(Side::Us) if plan_steps(entry) > 1 => 25,
            Some(Side::Us) if entry.has("apology") => 20,
            _ => 0,
        };
        let kind = i64::try_from(kind).unwrap_or(0);
        if kind > 0 {
            add(&entry.key, kind, None);
        }
    }
    let private = |e: &Entry| e.side() == Some(Side::Us) && e.signals.iter().any(|s| is_private_signal(s));
    let mut ranked: Vec<_> = weights.into_iter().collect();
    ranked.retain(|(place, _)| past.entries.get(*place).is_some_and(|e| !private(e)));
    for (place, (weight, _)) in &mut ranked {
        *weight += if past.entries.get(*place).is_some_and(|e| e.sent_at >= fresh) { 15 } else { 0 };
    }
    ranked
}

/// What became of the promises of each side that is known to have settled any.
fn settled(found: &[Finding]) -> Vec<SettledLine> {
    let count = |by: Side, whats: &[What]| {
        let of = |f: &&Finding| f.pledge.as_ref().is_some_and(|p| p.by == by) && whats.contains(&f.what);
        found.iter().filter(of).count() as u64
    };
    let line = |by: Side| SettledLine {
        by,
        kept: count(by, &[What::CommitmentKept, What::CommitmentKeptEarly]),
        late: count(by, &[What::CommitmentKeptLate]),
        broken: count(by, &[What::CommitmentBroken]),
    };
    [line(Side::Us), line(Side::Them)].into_iter().filter(|l| l.kept + l.late + l.broken > 0).collect()
}

/// How somebody usually sounds.
fn usual_tone(mails: &[&Entry]) -> &'static str {
    let points = |e: &&Entry| match e.tone {
        Some(ToneLabel::Hostile) => -3,
        Some(ToneLabel::Frustrated) => -2,
        Some(ToneLabel::Concerned) => -1,
        Some(ToneLabel::Positive) => 1,
        Some(ToneLabel::Grateful) => 2,
        Some(ToneLabel::Neutral) | None => 0,
    };
    let (sum, of) = (mails.iter().map(points).sum::<i64>() * 10, i64::try_from(mails.len()).unwrap_or(i64::MAX).max(1));
    match sum / of {
        ..=-15 => "angry",
        -14..=-8 => "displeased",
        -7..=-4 => "worried",
        -3..=3 => "matter-of-fact",
        4..=9 => "friendly",
        _ => "warm",
    }
}

/// Letters that a title may have at most.
const TITLE: usize = 48;

/// The words after somebody's name in their signature, where they look like a title.
fn title_in(signature: &str, name: &str) -> Option<String> {
    let mut lines = signature.lines().map(str::trim).filter(|line| !line.is_empty());
    let given = name.split_whitespace().next().filter(|word| !word.is_empty())?;
    let own = lines.by_ref().find(|line| line.starts_with(given))?;
    let beside = own.split_once([',', '|', '–', '—', '·']).map(|(_, title)| title);
    let title = beside.or_else(|| lines.next())?.split(['|', '·', ',']).next()?.trim();
    let words = title.split_whitespace().count();
    let plain = title.chars().all(|c| c.is_alphabetic() || c.is_whitespace() || "&/-.'’()".contains(c));
    (plain && (1..=6).contains(&words) && title.chars().count() <= TITLE).then(|| title.to_owned())
}

#[cfg(test)]
mod tests {
    use super::title_in;

    #[test]
    fn a_title_stands_after_the_name() {
        #[rustfmt::skip]
        let cases = [
            ("Jane Doe\nHead of Marketing\nACME Ltd, 0123 456", Some("Head of Marketing")),
            ("Jane Doe | Producer | ACME",                      Some("Producer")),
            ("Jane Doe, Operations & Supply, ACME",             Some("Operations & Supply")),
            ("Best,\nJane",                                     None),
            ("Jane Doe\n+44 123 456",                           None),
            ("Jane Doe\nwww.acme.example/jobs 12",              None),
            ("",                                                None),
        ];
        for (signature, title) in cases {
            assert_eq!(title_in(signature, "Jane Doe").as_deref(), title, "{signature}");
        }
    }
}
