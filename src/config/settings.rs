//! The settings once they hold together: names resolved, defaults filled in.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::SignedDuration;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::calendar::{Calendar, WorkingSpan};

/// Name of the calendar that stands where none is named.
pub const DEFAULT: &str = "default";

/// What an organisation is to us.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Buys from us.
    #[default]
    Client,
    /// Sells to us.
    Vendor,
    /// Works beside us.
    Partner,
}

/// How easily an account's mail alerts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sensitivity {
    /// Warnings need more.
    Calm,
    /// As the rules say.
    #[default]
    Normal,
    /// Info that is negative becomes a warning.
    Watch,
}

/// What a member does in the firm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Writes to clients and vendors.
    #[default]
    Member,
    /// Handles money.
    Finance,
    /// Runs Barometer.
    Admin,
    /// Leads members; gets alerts.
    Manager,
    /// Leads managers.
    Director,
}

/// Where a secret is kept; never the secret itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Secret {
    /// A systemd credential of this name.
    Credential(String),
    /// The first line of a file.
    File(PathBuf),
    /// An environment variable.
    Env(String),
}

/// How we prove who we are to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// By password.
    Password(Secret),
    /// By an access token of Google, granted by a person.
    OauthGoogle(Secret),
    /// By a service account of Google with domain-wide delegation.
    OauthGoogleService(Secret),
    /// By an access token of Microsoft, granted by a person with a device code.
    OauthMsDevice(Secret),
    /// By an application of Microsoft.
    OauthMsApp(Secret),
}

/// How the connection is kept private.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tls {
    /// From the first byte.
    #[default]
    Implicit,
    /// After STARTTLS, which must succeed.
    StartTls,
    /// Not at all; for loopback only.
    None,
}

/// A server that we log in to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the connection is kept private.
    pub tls: Tls,
    /// A file of certificates trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Log-in name.
    pub user: String,
    /// How we prove who we are; `None` for a relay that asks for nothing.
    pub auth: Option<Auth>,
}

/// What becomes of a message on the server once it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum After {
    /// Nothing.
    #[default]
    Keep,
    /// It is flagged as seen.
    Flag,
    /// It is moved to this folder.
    Move(String),
}

/// A mailbox that is read.
#[derive(Debug, Clone)]
pub struct Mailbox {
    /// Short name in commands and stores.
    pub name: String,
    /// Its server.
    pub server: Server,
    /// Folder on the server.
    pub folder: String,
    /// What becomes of a message once it is stored.
    pub after: After,
    /// Whose Authentication-Results are trusted, if anyone's.
    pub authserv_id: Option<String>,
    /// Name of the calendar of accounts first seen here.
    pub calendar: Option<String>,
}

/// Where e-mails leave.
#[derive(Debug, Clone)]
pub enum Relay {
    /// By SMTP.
    Smtp(Server),
    /// Into a folder, as `.eml` files.
    Folder(PathBuf),
}

/// The inbox and the firm.
#[derive(Debug, Clone)]
pub struct Service {
    /// The service inbox, lower case.
    pub address: String,
    /// Our domains, lower case; sub-domains count.
    pub domains: Vec<String>,
    /// The firm's zone.
    pub time_zone: TimeZone,
    /// `sqlite:PATH` or `postgres://…`.
    pub store: String,
    /// Folders of the firm's own rules.
    pub rules: Vec<PathBuf>,
    /// What is not recorded.
    pub never: Never,
    /// Address of the metrics page; `None` is off. Loopback only.
    pub metrics: Option<std::net::SocketAddr>,
    /// Folder of mail templates that replace the shipped ones.
    pub templates: Option<PathBuf>,
    /// Domains whose "automatic" headers are not believed.
    pub people: Vec<String>,
}

/// Addresses, domains and subject tags that are not recorded.
#[derive(Debug, Clone, Default)]
pub struct Never {
    /// Addresses, lower case.
    pub addresses: Vec<String>,
    /// Domains, lower case; sub-domains count.
    pub domains: Vec<String>,
    /// Tags such as `#private`, lower case.
    pub tags: Vec<String>,
}

impl Never {
    /// Whether mail of this address (`local@domain`, lower case) is not to be recorded.
    #[must_use]
    pub fn covers(&self, address: &str) -> bool {
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
        self.addresses.iter().any(|a| a == address) || self.domains.iter().any(|d| is_below(domain, d))
    }
}

/// Whether `domain` is `parent` or one of its sub-domains.
#[must_use]
pub fn is_below(domain: &str, parent: &str) -> bool {
    domain.strip_suffix(parent).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// One of us.
#[derive(Debug, Clone)]
pub struct Member {
    /// Address, lower case.
    pub address: String,
    /// Full name; the local part where none is set.
    pub name: String,
    /// What they do.
    pub role: Role,
    /// Address of whom they report to.
    pub reports_to: Option<String>,
    /// Address of who stands in.
    pub deputy: Option<String>,
    /// Their zone.
    pub time_zone: TimeZone,
    /// Local time of the digest, minutes from midnight.
    pub digest_at: u16,
    /// Days a digest is sent, Monday first.
    pub digest_days: [bool; 7],
}

/// One organisation we work with.
#[derive(Debug, Clone)]
pub struct Account {
    /// Short name in commands and stores; a provisional account's is its domain.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// What it is to us.
    pub kind: Kind,
    /// Domains, lower case; sub-domains count.
    pub domains: Vec<String>,
    /// Single addresses at public mail providers, lower case.
    pub addresses: Vec<String>,
    /// Address of the member who looks after it.
    pub owner: Option<String>,
    /// Who gets alerts and digests: as set, else the owner's superior, else every manager.
    pub managers: Vec<String>,
    /// The rhythm agreed with them, in days between two contacts.
    pub cadence_days: Option<u16>,
    /// How easily its mail alerts.
    pub sensitivity: Sensitivity,
    /// Phrases it uses harmlessly.
    pub stop_phrases: Vec<String>,
    /// Whether it is at rest: no silence, no clocks.
    pub resting: bool,
    /// Ids of accounts that share a client with it.
    pub works_with: Vec<String>,
    /// Name of its calendar.
    pub calendar: String,
    /// The zone its people live in, where one is set.
    pub time_zone: Option<TimeZone>,
    /// Name of its response target, where one is set.
    pub target: Option<String>,
    /// Name of its ladder, where one is set.
    pub ladder: Option<String>,
    /// Whether critical alerts leave outside sending hours.
    pub critical_any_time: bool,
    /// Whether it was made from an unknown domain.
    pub provisional: bool,
}

/// The times allowed until we answer, and how often we must write.
#[derive(Debug, Clone)]
pub struct Target {
    /// Name of the calendar it runs on; the account's where none is named.
    pub calendar: Option<String>,
    /// From the first inbound message of a thread.
    pub first_response: WorkingSpan,
    /// From the oldest unanswered inbound message.
    pub next_response: WorkingSpan,
    /// We write at least this often while a thread is open; zero is off.
    pub keep_informed: WorkingSpan,
    /// Share of the time after which it is about to be missed, above 0, at most 1.
    pub warn_at: f64,
    /// The kind of account it applies to; every kind where none is named.
    pub kind: Option<Kind>,
}

/// Who is told next while nobody answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rung {
    /// The account's owner.
    Owner,
    /// Everybody of a role.
    Role(Role),
    /// One member, by address.
    Member(String),
}

/// One step of a ladder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Who is told.
    pub to: Rung,
    /// Working time without an answer since the alert.
    pub after: SignedDuration,
}

/// How alerts are grouped, repeated and held back.
#[derive(Debug, Clone)]
pub struct Alerts {
    /// How long a warning waits for company.
    pub group_wait: SignedDuration,
    /// Least time between two e-mails about one account.
    pub group_interval: SignedDuration,
    /// When a critical alert that nobody answered is sent again.
    pub repeat_critical: SignedDuration,
    /// When a warning that nobody answered is sent again.
    pub repeat_warning: SignedDuration,
    /// How often the same is said again.
    pub max_repeats: u32,
    /// Sending hours, in the reader's zone.
    pub send: Calendar,
    /// Most alerts to one reader in an hour.
    pub cap_per_hour: u32,
}

/// What a digest does on a day without news.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EmptyDigest {
    /// Nothing is sent.
    Skip,
    /// A short one is sent on Mondays, none on other days.
    #[default]
    Short,
    /// One line says that all is well.
    Heartbeat,
}

/// When digests are sent.
#[derive(Debug, Clone)]
pub struct Digest {
    /// Local time, minutes from midnight, where a member sets none.
    pub at: u16,
    /// Day of the weekly one.
    pub weekly: Weekday,
    /// What happens on a day without news.
    pub empty: EmptyDigest,
}

/// Who learns of the tone of our own mail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StaffTone {
    /// The writer's own superior, alone.
    #[default]
    Manager,
    /// Nobody.
    Off,
}

/// What is kept and shown of people.
#[derive(Debug, Clone)]
pub struct Privacy {
    /// Who learns of the tone of our own mail.
    pub staff_tone: StaffTone,
    /// How long raw messages are kept.
    pub keep_raw: SignedDuration,
}

/// Settings that hold together.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The inbox and the firm.
    pub service: Service,
    /// Mailboxes that are read.
    pub mailboxes: Vec<Mailbox>,
    /// Where e-mails leave; `None` where no relay is set.
    pub relay: Option<Relay>,
    /// Members, in the order written.
    pub members: Vec<Member>,
    /// Accounts, in the order written.
    pub accounts: Vec<Account>,
    /// Calendars by name; [`DEFAULT`] is always there.
    pub calendars: BTreeMap<String, Calendar>,
    /// Response targets by name.
    pub targets: BTreeMap<String, Target>,
    /// Ladders by name, steps in order of time.
    pub ladders: BTreeMap<String, Vec<Step>>,
    /// How alerts are grouped, repeated and held back.
    pub alerts: Alerts,
    /// When digests are sent.
    pub digest: Digest,
    /// What is kept and shown of people.
    pub privacy: Privacy,
    /// The key of reply tokens.
    pub token_key: Option<Secret>,
}

impl Settings {
    /// The member with this address (lower case).
    #[must_use]
    pub fn member(&self, address: &str) -> Option<&Member> {
        self.members.iter().find(|m| m.address == address)
    }

    /// The configured account with this id.
    #[must_use]
    pub fn account(&self, id: &str) -> Option<&Account> {
        self.accounts.iter().find(|a| a.id == id)
    }

    /// Addresses of those who look after Barometer: the administrators, else everybody who manages.
    #[must_use]
    pub fn caretakers(&self) -> Vec<String> {
        let admins = self.members.iter().filter(|m| m.role == Role::Admin).map(|m| m.address.clone());
        let admins: Vec<String> = admins.collect();
        if admins.is_empty() { everybody_who_manages(&self.members) } else { admins }
    }

    /// An account made from an unknown domain: every manager reads of it.
    #[must_use]
    pub fn provisional(&self, domain: &str) -> Account {
        Account {
            id: domain.to_owned(),
            name: domain.to_owned(),
            kind: Kind::Client,
            domains: vec![domain.to_owned()],
            addresses: Vec::new(),
            owner: None,
            managers: everybody_who_manages(&self.members),
            cadence_days: None,
            sensitivity: Sensitivity::Normal,
            stop_phrases: Vec::new(),
            resting: false,
            works_with: Vec::new(),
            calendar: DEFAULT.to_owned(),
            time_zone: None,
            target: None,
            ladder: None,
            critical_any_time: true,
            provisional: true,
        }
    }

    /// When we work for this account.
    #[must_use]
    pub fn calendar_of(&self, account: &Account) -> &Calendar {
        self.calendars.get(&account.calendar).unwrap_or_else(|| self.default_calendar())
    }

    /// How soon an account is answered: by the target it names, else by the only one that applies to its kind.
    #[must_use]
    pub fn target_of(&self, account: &Account) -> Option<&Target> {
        let named = account.target.as_ref().and_then(|name| self.targets.get(name));
        named.or_else(|| {
            let mut fit = self.targets.values().filter(|t| t.kind.is_none_or(|kind| kind == account.kind));
            fit.next().filter(|_| fit.next().is_none())
        })
    }

    /// When we work.
    #[must_use]
    pub fn default_calendar(&self) -> &Calendar {
        self.calendars.get(DEFAULT).unwrap_or(&self.alerts.send)
    }

    /// Whom a member reports to, nearest first; empty for a stranger.
    #[must_use]
    pub fn superiors_of(&self, address: &str) -> Vec<&Member> {
        let above = |address: &str| self.member(address)?.reports_to.as_deref().and_then(|a| self.member(a));
        // A circle is refused when settings are read; the bound holds without that.
        std::iter::successors(above(address), |m| above(&m.address)).take(self.members.len()).collect()
    }
}

/// Addresses of the managers; of the directors, then the administrators, where there is none.
pub(super) fn everybody_who_manages(members: &[Member]) -> Vec<String> {
    let of =
        |role: Role| -> Vec<String> { members.iter().filter(|m| m.role == role).map(|m| m.address.clone()).collect() };
    [Role::Manager, Role::Director, Role::Admin].into_iter().map(of).find(|found| !found.is_empty()).unwrap_or_default()
}
