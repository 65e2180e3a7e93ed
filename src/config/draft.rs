//! What the operator wrote, table by table. Names of other tables are kept as
//! references, to be looked up once every file is read.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::SignedDuration;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use super::fields::Fields;
use super::settings::{
    Account, After, Alerts, Auth, DEFAULT, Digest, EmptyDigest, Kind, Mailbox, Member, Privacy,
    Relay, Role, Rung, Sensitivity, Server, Service, StaffTone, Step, Target, Tls,
};
use super::span::{parse_span, parse_working_span};
use super::values::{
    address, addresses, count, days, domains, exceptions, never, path, refuse, required,
    required_address, secret, span, time, week, zone,
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
        self.names.push(Named {
            what,
            name: name.to_owned(),
            file: f.file().to_owned(),
            line: f.line(),
        });
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
const KINDS: [(&str, Kind); 3] = [
    ("client", Kind::Client),
    ("vendor", Kind::Vendor),
    ("partner", Kind::Partner),
];

pub(super) fn service(f: &mut Fields<'_, '_>, folder: &Path) -> Option<Service> {
    f.only(&[
        "address",
        "domains",
        "time_zone",
        "store",
        "rules",
        "never",
        "metrics",
        "templates",
        "people",
    ]);
    let address = required_address(f, "address", "watch@yourfirm.example");
    if !f.has("domains") {
        f.complain(
            "domains",
            "`domains` is missing",
            "add domains = [\"yourfirm.example\"], the firm's own",
        );
    }
    let domains_found = domains(f, "domains");
    let metrics = f
        .text("metrics")
        .unwrap_or_else(|| "127.0.0.1:9469".to_owned());
    let service = Service {
        address: address?,
        domains: domains_found,
        time_zone: zone(f, "time_zone").unwrap_or(TimeZone::UTC),
        store: store(f, folder),
        rules: f
            .texts("rules")
            .into_iter()
            .map(|p| folder.join(p.value))
            .collect(),
        never: never(f, "never"),
        metrics: metrics_address(f, &metrics),
        templates: path(f, "templates", folder),
        people: domains(f, "people"),
    };
    (!service.domains.is_empty()).then_some(service)
}

fn store(f: &mut Fields<'_, '_>, folder: &Path) -> String {
    let Some(text) = f.text("store") else {
        return "sqlite:/var/lib/barometer/barometer.db".to_owned();
    };
    if let Some(file) = text.strip_prefix("sqlite:") {
        let file = file
            .strip_prefix("//")
            .filter(|rest| rest.starts_with('/'))
            .unwrap_or(file);
        if file.is_empty() || file.starts_with(":memory:") {
            f.complain(
                "store",
                "a store in memory would lose everything",
                "name a file: \"sqlite:/var/lib/barometer/barometer.db\"",
            );
        }
        return format!("sqlite:{}", folder.join(file).display());
    }
    if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
        f.complain(
            "store",
            format!("{text:?} is no store"),
            "write \"sqlite:PATH\" or \"postgres://USER@HOST/DATABASE\"",
        );
    }
    text
}

fn metrics_address(f: &mut Fields<'_, '_>, text: &str) -> Option<std::net::SocketAddr> {
    if text == "off" {
        return None;
    }
    let address = text
        .parse()
        .ok()
        .filter(|a: &std::net::SocketAddr| a.ip().is_loopback());
    if address.is_none() {
        f.complain(
            "metrics",
            format!("{text:?} is no loopback address with a port"),
            "write \"127.0.0.1:9469\", or \"off\"",
        );
    }
    address
}

/// Keys of a server, beside those of the table it stands in.
const SERVER: [&str; 8] = [
    "host", "port", "tls", "ca_file", "user", "password", "auth", "token",
];

fn server(f: &mut Fields<'_, '_>, folder: &Path, ports: [u16; 2]) -> Option<Server> {
    let host = required(f, "host", "mail.yourfirm.example");
    let tls = f.choice(
        "tls",
        &[
            ("implicit", Tls::Implicit),
            ("starttls", Tls::StartTls),
            ("none", Tls::None),
        ],
    );
    let tls = tls.unwrap_or_default();
    let usual = if tls == Tls::Implicit {
        ports[0]
    } else {
        ports[1]
    };
    let port = count(f, "port", 65_535).map_or(usual, |n| u16::try_from(n).unwrap_or(usual));
    let ca_file = path(f, "ca_file", folder);
    let auth = auth(f, folder);
    let host = host?;
    if tls == Tls::None && !is_loopback(&host) {
        f.complain(
            "tls",
            "without TLS, passwords and mail can be read on the way",
            "write \"implicit\" or \"starttls\"; \"none\" is for loopback alone",
        );
    }
    Some(Server {
        host,
        port,
        tls,
        ca_file,
        user: f.text("user").unwrap_or_default(),
        auth,
    })
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .parse()
            .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

fn auth(f: &mut Fields<'_, '_>, folder: &Path) -> Option<Auth> {
    type Make = fn(super::settings::Secret) -> Auth;
    let kinds: [(&str, Make); 5] = [
        ("password", Auth::Password),
        ("oauth_google", Auth::OauthGoogle),
        ("oauth_google_service", Auth::OauthGoogleService),
        ("oauth_ms_device", Auth::OauthMsDevice),
        ("oauth_ms_app", Auth::OauthMsApp),
    ];
    let by_password = f.text("auth").is_none_or(|kind| kind == "password");
    let make = if f.has("auth") {
        f.choice("auth", &kinds)?
    } else {
        Auth::Password
    };
    let (key, other) = if by_password {
        ("password", "token")
    } else {
        ("token", "password")
    };
    if f.has(other) {
        f.complain(
            other,
            format!("`{other}` does not go with this `auth`"),
            format!("write `{key}` instead"),
        );
    }
    if f.has("auth") && !f.has(key) {
        f.complain(
            key,
            format!("`{key}` is missing"),
            format!("add {key} = {{ credential = \"NAME\" }}"),
        );
    }
    secret(f, key, folder).map(make)
}

pub(super) fn relay(f: &mut Fields<'_, '_>, folder: &Path) -> Option<Relay> {
    let known: Vec<&str> = SERVER.iter().copied().chain(["folder"]).collect();
    f.only(&known);
    if !f.has("folder") {
        return server(f, folder, [465, 587]).map(Relay::Smtp);
    }
    for key in SERVER.iter().filter(|key| f.has(key)).collect::<Vec<_>>() {
        f.complain(
            key,
            format!("`{key}` does not go with `folder`"),
            "name a server or a folder, not both",
        );
    }
    path(f, "folder", folder).map(Relay::Folder)
}

pub(super) fn alerts(f: &mut Fields<'_, '_>) -> Alerts {
    f.only(&[
        "group_wait",
        "group_interval",
        "repeat_interval",
        "max_repeats",
        "send",
        "cap_per_hour",
    ]);
    let mut alerts = usual_alerts();
    alerts.group_wait = span(f, "group_wait").unwrap_or(alerts.group_wait);
    alerts.group_interval = span(f, "group_interval").unwrap_or(alerts.group_interval);
    f.within("repeat_interval", |f| {
        f.only(&["critical", "warning"]);
        alerts.repeat_critical = span(f, "critical").unwrap_or(alerts.repeat_critical);
        alerts.repeat_warning = span(f, "warning").unwrap_or(alerts.repeat_warning);
    });
    alerts.max_repeats = count(f, "max_repeats", 100).unwrap_or(alerts.max_repeats);
    alerts.cap_per_hour = count(f, "cap_per_hour", 1_000).unwrap_or(alerts.cap_per_hour);
    if let Some(week) = week(f, "send") {
        if week.iter().all(Vec::is_empty) {
            f.complain(
                "send",
                "there is no hour at which a warning may be sent",
                "name at least one window",
            );
        }
        alerts.send.week = week;
    }
    alerts
}

pub(super) fn usual_alerts() -> Alerts {
    let mut send = Calendar::office();
    send.week
        .iter_mut()
        .filter(|day| !day.is_empty())
        .for_each(|day| *day = vec![(8 * 60, 18 * 60)]);
    Alerts {
        group_wait: SignedDuration::from_mins(2),
        group_interval: SignedDuration::from_mins(15),
        repeat_critical: SignedDuration::from_hours(4),
        repeat_warning: SignedDuration::from_hours(24),
        max_repeats: 5,
        send,
        cap_per_hour: 20,
    }
}

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

pub(super) fn digest(f: &mut Fields<'_, '_>) -> Digest {
    f.only(&["at", "weekly", "empty"]);
    let empties = [
        ("skip", EmptyDigest::Skip),
        ("short", EmptyDigest::Short),
        ("heartbeat", EmptyDigest::Heartbeat),
    ];
    let usual = usual_digest();
    Digest {
        at: time(f, "at").unwrap_or(usual.at),
        weekly: f.choice("weekly", &WEEKDAYS).unwrap_or(usual.weekly),
        empty: f.choice("empty", &empties).unwrap_or_default(),
    }
}

pub(super) fn usual_digest() -> Digest {
    Digest {
        at: 7 * 60 + 30,
        weekly: Weekday::Monday,
        empty: EmptyDigest::default(),
    }
}

pub(super) fn privacy(f: &mut Fields<'_, '_>) -> Privacy {
    f.only(&["staff_tone", "keep_raw"]);
    let usual = usual_privacy();
    Privacy {
        staff_tone: f
            .choice(
                "staff_tone",
                &[("manager", StaffTone::Manager), ("off", StaffTone::Off)],
            )
            .unwrap_or_default(),
        keep_raw: span(f, "keep_raw").unwrap_or(usual.keep_raw),
    }
}

pub(super) fn usual_privacy() -> Privacy {
    Privacy {
        staff_tone: StaffTone::Manager,
        keep_raw: SignedDuration::from_hours(400 * 24),
    }
}

/// Reads all that may stand more than once in a file.
pub(super) fn lists(lists: &mut Lists, f: &mut Fields<'_, '_>, base: &Base<'_>) {
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
    let known: Vec<&str> = SERVER
        .iter()
        .copied()
        .chain(["name", "folder", "after", "authserv_id", "calendar"])
        .collect();
    f.only(&known);
    let name = required(f, "name", "watch");
    let server = server(f, base.folder, [993, 143]);
    if server.is_some() && !f.has("user") {
        f.complain(
            "user",
            "`user` is missing",
            "add the log-in name of the mailbox",
        );
    }
    if !f.has("password") && !f.has("token") {
        f.complain(
            "password",
            "`password` is missing",
            "add password = { credential = \"imap-password\" }, or `auth` and `token`",
        );
    }
    let after = after(f);
    let calendar = f.text("calendar");
    lists.refer(f, To::Calendar, "calendar", calendar.as_slice());
    let name = name?;
    lists.name(f, "mailbox", &name);
    let folder = f.text("folder").unwrap_or_else(|| "INBOX".to_owned());
    Some(Mailbox {
        name,
        server: server?,
        folder,
        after,
        authserv_id: f.text("authserv_id"),
        calendar,
    })
}

fn after(f: &mut Fields<'_, '_>) -> After {
    let Some(text) = f.text("after") else {
        return After::Keep;
    };
    match text.as_str() {
        "keep" => After::Keep,
        "flag" => After::Flag,
        _ => match text
            .strip_prefix("move:")
            .map(str::trim)
            .filter(|folder| !folder.is_empty())
        {
            Some(folder) => After::Move(folder.to_owned()),
            None => {
                f.complain(
                    "after",
                    format!("{text:?} is no value of `after`"),
                    "write \"keep\", \"flag\" or \"move:FOLDER\"",
                );
                After::Keep
            }
        },
    }
}

fn member(f: &mut Fields<'_, '_>, lists: &mut Lists, base: &Base<'_>) -> Option<Member> {
    f.only(&[
        "address",
        "name",
        "role",
        "reports_to",
        "deputy",
        "time_zone",
        "digest_at",
        "digest_days",
    ]);
    let found = required_address(f, "address", "dana@yourfirm.example");
    let reports_to = address(f, "reports_to");
    let deputy = address(f, "deputy");
    lists.refer(f, To::Member, "reports_to", reports_to.as_slice());
    lists.refer(f, To::Member, "deputy", deputy.as_slice());
    let role = f.choice("role", &ROLES).unwrap_or_default();
    let time_zone = zone(f, "time_zone").unwrap_or_else(|| base.zone.clone());
    let digest_at = time(f, "digest_at").unwrap_or(base.digest_at);
    let digest_days =
        days(f, "digest_days").unwrap_or([true, true, true, true, true, false, false]);
    let address = found?;
    lists.name(f, "member", &address);
    let local = address.split('@').next().unwrap_or(&address).to_owned();
    let name = f
        .text("name")
        .filter(|name| !name.trim().is_empty())
        .unwrap_or(local);
    Some(Member {
        address,
        name,
        role,
        reports_to,
        deputy,
        time_zone,
        digest_at,
        digest_days,
    })
}

fn account(f: &mut Fields<'_, '_>, lists: &mut Lists) -> Option<Account> {
    f.only(&[
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
        "target",
        "ladder",
        "critical_any_time",
    ]);
    let id = required(f, "id", "acme");
    let owner = address(f, "owner");
    let managers = addresses(f, "managers");
    let works_with: Vec<String> = f.texts("works_with").into_iter().map(|t| t.value).collect();
    let (calendar, target, ladder) = (f.text("calendar"), f.text("target"), f.text("ladder"));
    lists.refer(f, To::Member, "owner", owner.as_slice());
    lists.refer(f, To::Member, "managers", &managers);
    lists.refer(f, To::Account, "works_with", &works_with);
    lists.refer(f, To::Calendar, "calendar", calendar.as_slice());
    lists.refer(f, To::Target, "target", target.as_slice());
    lists.refer(f, To::Ladder, "ladder", ladder.as_slice());
    let sensitivities = [
        ("calm", Sensitivity::Calm),
        ("normal", Sensitivity::Normal),
        ("watch", Sensitivity::Watch),
    ];
    let domains = domains(f, "domains");
    let addresses = addresses(f, "addresses");
    if domains.is_empty() && addresses.is_empty() {
        f.complain(
            "domains",
            "no mail can be filed under this account",
            "add `domains`, or `addresses` for single people",
        );
    }
    let kind = f.choice("kind", &KINDS).unwrap_or_default();
    let cadence_days = cadence(f);
    let sensitivity = f.choice("sensitivity", &sensitivities).unwrap_or_default();
    let stop_phrases = f
        .texts("stop_phrases")
        .into_iter()
        .map(|t| t.value)
        .collect();
    let resting = f
        .choice("state", &[("active", false), ("resting", true)])
        .unwrap_or(false);
    let critical_any_time = f.boolean("critical_any_time").unwrap_or(true);
    let id = id?;
    lists.name(f, "account", &id);
    let name = f
        .text("name")
        .filter(|name| !name.trim().is_empty())
        .unwrap_or_else(|| id.clone());
    Some(Account {
        id,
        name,
        kind,
        domains,
        addresses,
        owner,
        managers,
        cadence_days,
        sensitivity,
        stop_phrases,
        resting,
        works_with,
        calendar: calendar.unwrap_or_default(),
        target,
        ladder,
        critical_any_time,
        provisional: false,
    })
}

/// A rhythm: a word, or a span of whole days.
fn cadence(f: &mut Fields<'_, '_>) -> Option<u16> {
    let text = f.text("cadence")?;
    let words = [
        ("daily", 1),
        ("weekly", 7),
        ("fortnightly", 14),
        ("monthly", 31),
        ("quarterly", 92),
    ];
    let word = words
        .iter()
        .find(|(word, _)| *word == text)
        .map(|(_, days)| *days);
    let days = word.or_else(|| {
        let hours = parse_span(&text).ok()?.as_hours();
        u16::try_from(hours / 24)
            .ok()
            .filter(|days| *days > 0 && hours % 24 == 0)
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
    let calendar = Calendar {
        zone: zone(f, "zone").unwrap_or_else(|| base.zone.clone()),
        week: week(f, "week").unwrap_or(usual.week),
        days: exceptions(f),
    };
    if calendar.week.iter().all(Vec::is_empty) {
        f.complain(
            "week",
            "this calendar has no working time",
            "name at least one window",
        );
    }
    calendar
}

fn target(f: &mut Fields<'_, '_>, lists: &mut Lists) -> Target {
    f.only(&[
        "calendar",
        "first_response",
        "next_response",
        "keep_informed",
        "warn_at",
        "applies",
    ]);
    let calendar = f.text("calendar");
    lists.refer(f, To::Calendar, "calendar", calendar.as_slice());
    let warn_at = f.number("warn_at").unwrap_or(0.75);
    if !(warn_at > 0.0 && warn_at <= 1.0) {
        f.complain(
            "warn_at",
            format!("`warn_at` is {warn_at}"),
            "write a share above 0, at most 1",
        );
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
    let span = if text == "0" {
        parse_working_span("0m")
    } else {
        parse_working_span(&text)
    };
    span.unwrap_or_else(|error| {
        refuse(f, key, &error.to_string());
        WorkingSpan::default()
    })
}

/// Least time between two steps.
const STEP: SignedDuration = SignedDuration::from_mins(10);

fn ladder(f: &mut Fields<'_, '_>, lists: &mut Lists) -> Vec<Step> {
    f.only(&["steps"]);
    let steps = f.each("steps", |f| step(f, lists));
    if steps.is_empty() {
        f.complain(
            "steps",
            "this ladder has no step",
            "add steps = [{ to = \"owner\", after = \"0m\" }]",
        );
    }
    if steps
        .iter()
        .zip(steps.iter().skip(1))
        .any(|(one, next)| next.after.saturating_sub(one.after) < STEP)
    {
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
        let roles: Vec<(&str, Option<Role>)> = std::iter::once(("owner", None))
            .chain(ROLES.iter().map(|(name, role)| (*name, Some(*role))))
            .collect();
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
