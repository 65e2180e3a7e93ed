//! What may stand more than once: mailboxes, members, accounts, and named tables.
//! Names of other tables are kept as references, to be looked up once every file
//! is read.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use super::draft::{SERVER, server};
use super::fields::Fields;
use super::settings::{Account, After, DEFAULT, Kind, Mailbox, Member, Role, Rung, Sensitivity, Step, Target};
use super::span::{parse_span, parse_working_span};
use super::values::{
    address, addresses, days, domains, exceptions, refuse, required, required_address, span, time, week, zone,
};
use crate::calendar::{Calendar, WorkingSpan};

/// What a key names, to be looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum To {
    Member,
    Account,
    Calendar,
    Target,
    Ladder,
}

/// A name, where it stands, and what it must be the name of.
#[derive(Debug, Clone)]
pub(super) struct Reference {
    pub to: To,
    pub name: String,
    pub key: &'static str,
    pub file: String,
    pub line: usize,
}

/// Where a named table was first defined.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub what: &'static str,
    pub name: String,
    pub file: String,
    pub line: usize,
}

/// Everything that may stand more than once, from all files.
#[derive(Debug, Default)]
pub(super) struct Lists {
    pub mailboxes: Vec<Mailbox>,
    pub members: Vec<Member>,
    pub accounts: Vec<Account>,
    pub calendars: BTreeMap<String, Calendar>,
    pub targets: BTreeMap<String, Target>,
    pub ladders: BTreeMap<String, Vec<Step>>,
    pub references: Vec<Reference>,
    pub names: Vec<Named>,
}

impl Lists {
    fn refer(&mut self, f: &Fields<'_, '_>, to: To, key: &'static str, names: &[String]) {
        let line = f.line_of(key);
        self.references.extend(names.iter().map(|name| Reference {
            to,
            name: name.clone(),
            key,
            file: f.file().to_owned(),
            line,
        }));
    }

    fn name(&mut self, f: &Fields<'_, '_>, what: &'static str, name: &str) {
        self.names.push(Named { what, name: name.to_owned(), file: f.file().to_owned(), line: f.line() });
    }
}

/// What lists are read with.
pub(super) struct Base<'a> {
    pub folder: &'a Path,
    pub zone: TimeZone,
    pub digest_at: u16,
}

const ROLES: [(&str, Role); 5] = [
    ("member", Role::Member),
    ("manager", Role::Manager),
    ("director", Role::Director),
    ("finance", Role::Finance),
    ("admin", Role::Admin),
];
const KINDS: [(&str, Kind); 3] = [("client", Kind::Client), ("vendor", Kind::Vendor), ("partner", Kind::Partner)];

/// Reads all that may stand more than once in a file.
pub(super) fn read(lists: &mut Lists, f: &mut Fields<'_, '_>, base: &Base<'_>) {
    let mailboxes = f.each("mailbox", |f| mailbox(f, lists, base));
    let members = f.each("member", |f| member(f, lists, base));
    let accounts = f.each("account", |f| account(f, lists));
    lists.mailboxes.extend(mailboxes);
    lists.members.extend(members);
    lists.accounts.extend(accounts);
    named(f, "calendar", |name, f| {
        lists.name(f, "calendar", name);
        let calendar = calendar(f, base);
        lists.calendars.insert(name.to_owned(), calendar);
    });
    named(f, "target", |name, f| {
        lists.name(f, "target", name);
        let target = target(f, lists);
        lists.targets.insert(name.to_owned(), target);
    });
    named(f, "ladder", |name, f| {
        lists.name(f, "ladder", name);
        let steps = ladder(f, lists);
        lists.ladders.insert(name.to_owned(), steps);
    });
}

fn named(f: &mut Fields<'_, '_>, key: &str, mut read: impl FnMut(&str, &mut Fields<'_, '_>)) {
    f.within(key, |f| {
        for name in f.keys() {
            f.within(&name, |f| read(&name, f));
        }
    });
}

fn mailbox(f: &mut Fields<'_, '_>, lists: &mut Lists, base: &Base<'_>) -> Option<Mailbox> {
    let known: Vec<&str> =
        SERVER.iter().copied().chain(["name", "folder", "after", "authserv_id", "calendar"]).collect();
    f.only(&known);
    let name = required(f, "name", "watch");
    let server = server(f, base.folder, [993, 143]);
    if !["password", "token", "auth"].iter().any(|key| f.has(key)) {
        if server.is_some() && !f.has("user") {
            f.complain("user", "`user` is missing", "add the name to log in with");
        }
        f.complain(
            "password",
            "`password` is missing",
            "add password = { credential = \"imap-password\" }, or `auth` and `token`",
        );
    }
    let after = after(f);
    let calendar = f.text("calendar");
    lists.refer(f, To::Calendar, "calendar", calendar.as_slice());
    let folder = f.text("folder").unwrap_or_else(|| "INBOX".to_owned());
    let authserv_id = f.text("authserv_id");
    let name = name?;
    lists.name(f, "mailbox", &name);
    Some(Mailbox { name, server: server?, folder, after, authserv_id, calendar })
}

fn after(f: &mut Fields<'_, '_>) -> After {
    let Some(text) = f.text("after") else {
        return After::Keep;
    };
    let folder = text.strip_prefix("move:").map(str::trim).filter(|folder| !folder.is_empty());
    match (text.as_str(), folder) {
        ("keep", _) => {}
        ("flag", _) => return After::Flag,
        (_, Some(folder)) => return After::Move(folder.to_owned()),
        _ => {
            let remedy = "write \"keep\", \"flag\" or \"move:FOLDER\"";
            f.complain("after", format!("{text:?} is no value of `after`"), remedy);
        }
    }
    After::Keep
}

fn member(f: &mut Fields<'_, '_>, lists: &mut Lists, base: &Base<'_>) -> Option<Member> {
    f.only(&["address", "name", "role", "reports_to", "deputy", "time_zone", "digest_at", "digest_days"]);
    let found = required_address(f, "address", "dana@yourfirm.example");
    let reports_to = address(f, "reports_to");
    let deputy = address(f, "deputy");
    lists.refer(f, To::Member, "reports_to", reports_to.as_slice());
    lists.refer(f, To::Member, "deputy", deputy.as_slice());
    let role = f.choice("role", &ROLES).unwrap_or_default();
    let time_zone = zone(f, "time_zone").unwrap_or_else(|| base.zone.clone());
    let digest_at = time(f, "digest_at").unwrap_or(base.digest_at);
    let digest_days = days(f, "digest_days").unwrap_or([true, true, true, true, true, false, false]);
    let name = f.text("name").filter(|name| !name.trim().is_empty());
    let address = found?;
    lists.name(f, "member", &address);
    let local = address.split('@').next().unwrap_or(&address).to_owned();
    let name = name.unwrap_or(local);
    Some(Member { address, name, role, reports_to, deputy, time_zone, digest_at, digest_days })
}

const ACCOUNT: [&str; 17] = [
    "id",
    "name",
    "kind",
    "domains",
    "addresses",
    "owner",
    "managers",
    "cadence",
    "sensitivity",
    "stop_phrases",
    "state",
    "works_with",
    "calendar",
    "time_zone",
    "target",
    "ladder",
    "critical_any_time",
];

fn account(f: &mut Fields<'_, '_>, lists: &mut Lists) -> Option<Account> {
    f.only(&ACCOUNT);
    let sensitivities = [("calm", Sensitivity::Calm), ("normal", Sensitivity::Normal), ("watch", Sensitivity::Watch)];
    let id = required(f, "id", "acme");
    let account = Account {
        id: id.clone().unwrap_or_default(),
        name: f.text("name").unwrap_or_default(),
        kind: f.choice("kind", &KINDS).unwrap_or_default(),
        domains: domains(f, "domains"),
        addresses: addresses(f, "addresses"),
        owner: address(f, "owner"),
        managers: addresses(f, "managers"),
        cadence_days: cadence(f),
        sensitivity: f.choice("sensitivity", &sensitivities).unwrap_or_default(),
        stop_phrases: f.texts("stop_phrases").into_iter().map(|t| t.value).collect(),
        resting: f.choice("state", &[("active", false), ("resting", true)]).unwrap_or(false),
        works_with: f.texts("works_with").into_iter().map(|t| t.value).collect(),
        calendar: f.text("calendar").unwrap_or_default(),
        time_zone: zone(f, "time_zone"),
        target: f.text("target"),
        ladder: f.text("ladder"),
        critical_any_time: f.boolean("critical_any_time").unwrap_or(true),
        provisional: false,
    };
    lists.refer(f, To::Member, "owner", account.owner.as_slice());
    lists.refer(f, To::Member, "managers", &account.managers);
    lists.refer(f, To::Account, "works_with", &account.works_with);
    let calendar = Some(account.calendar.clone()).filter(|name| !name.is_empty());
    lists.refer(f, To::Calendar, "calendar", calendar.as_slice());
    lists.refer(f, To::Target, "target", account.target.as_slice());
    lists.refer(f, To::Ladder, "ladder", account.ladder.as_slice());
    if account.domains.is_empty() && account.addresses.is_empty() {
        let remedy = "add `domains`, or `addresses` for single people";
        f.complain("domains", "no mail can be filed under this account", remedy);
    }
    let id = id?;
    lists.name(f, "account", &id);
    let name = if account.name.trim().is_empty() { id } else { account.name };
    Some(Account { name, ..account })
}

/// A rhythm: a word, or a span of whole days.
fn cadence(f: &mut Fields<'_, '_>) -> Option<u16> {
    let text = f.text("cadence")?;
    let words = [("daily", 1), ("weekly", 7), ("fortnightly", 14), ("monthly", 31), ("quarterly", 92)];
    let word = words.iter().find(|(word, _)| *word == text).map(|(_, days)| *days);
    let days = word.or_else(|| {
        let hours = parse_span(&text).ok()?.as_hours();
        u16::try_from(hours / 24).ok().filter(|days| *days > 0 && hours % 24 == 0)
    });
    if days.is_none() {
        f.complain(
            "cadence",
            format!("{text:?} is no rhythm"),
            "write daily, weekly, fortnightly, monthly, quarterly, or days such as \"10d\"",
        );
    }
    days
}

fn calendar(f: &mut Fields<'_, '_>, base: &Base<'_>) -> Calendar {
    f.only(&["zone", "week", "holidays", "half_days"]);
    let usual = Calendar::office();
    let before = f.complained();
    let calendar = Calendar {
        zone: zone(f, "zone").unwrap_or_else(|| base.zone.clone()),
        week: week(f, "week").unwrap_or(usual.week),
        days: exceptions(f),
    };
    if calendar.week.iter().all(Vec::is_empty) && f.complained() == before {
        f.complain("week", "this calendar has no working time", "name at least one window");
    }
    calendar
}

fn target(f: &mut Fields<'_, '_>, lists: &mut Lists) -> Target {
    f.only(&["calendar", "first_response", "next_response", "keep_informed", "warn_at", "applies"]);
    let calendar = f.text("calendar");
    lists.refer(f, To::Calendar, "calendar", calendar.as_slice());
    let warn_at = f.number("warn_at").unwrap_or(0.75);
    if !(warn_at > 0.0 && warn_at <= 1.0) {
        f.complain("warn_at", format!("`warn_at` is {warn_at}"), "write a share above 0, at most 1");
    }
    let kind = f.within("applies", |f| {
        f.only(&["kind"]);
        f.choice("kind", &KINDS)
    });
    Target {
        calendar,
        first_response: working(f, "first_response", "4h"),
        next_response: working(f, "next_response", "8h"),
        keep_informed: working(f, "keep_informed", "0m"),
        warn_at,
        kind: kind.flatten(),
    }
}

fn working(f: &mut Fields<'_, '_>, key: &str, usual: &str) -> WorkingSpan {
    let text = match f.text(key) {
        Some(text) => text,
        None if f.has(key) => return WorkingSpan::default(),
        None => usual.to_owned(),
    };
    let span = if text == "0" { parse_working_span("0m") } else { parse_working_span(&text) };
    span.unwrap_or_else(|error| {
        refuse(f, key, &error.to_string());
        WorkingSpan::default()
    })
}

/// Least time between two steps.
const STEP: SignedDuration = SignedDuration::from_mins(10);

fn ladder(f: &mut Fields<'_, '_>, lists: &mut Lists) -> Vec<Step> {
    let before = f.complained();
    f.only(&["steps"]);
    let steps = f.each("steps", |f| step(f, lists));
    if steps.is_empty() && f.complained() == before {
        f.complain("steps", "this ladder has no step", "add steps = [{ to = \"owner\", after = \"0m\" }]");
    }
    if steps.iter().zip(steps.iter().skip(1)).any(|(one, next)| next.after.saturating_sub(one.after) < STEP) {
        f.complain(
            "steps",
            "two steps stand less than 10 minutes apart, or out of order",
            "leave people at least 10m to answer",
        );
    }
    steps
}

fn step(f: &mut Fields<'_, '_>, lists: &mut Lists) -> Option<Step> {
    f.only(&["to", "after"]);
    let after = span(f, "after").unwrap_or(SignedDuration::ZERO);
    let to = required(f, "to", "manager")?;
    let rung = if to == "owner" {
        Rung::Owner
    } else if to.contains('@') {
        let member = address(f, "to")?;
        lists.refer(f, To::Member, "to", std::slice::from_ref(&member));
        Rung::Member(member)
    } else {
        let roles: Vec<(&str, Option<Role>)> =
            std::iter::once(("owner", None)).chain(ROLES.iter().map(|(name, role)| (*name, Some(*role)))).collect();
        Rung::Role(f.choice("to", &roles)??)
    };
    Some(Step { to: rung, after })
}

/// The calendar of an account that names none: its mailbox's where there is one, else the default.
pub(super) fn fallback_calendar(mailboxes: &[Mailbox]) -> String {
    match mailboxes {
        [only] => only.calendar.clone().unwrap_or_else(|| DEFAULT.to_owned()),
        _ => DEFAULT.to_owned(),
    }
}
