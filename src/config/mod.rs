//! What the operator wrote, then settings that hold together.
//!
//! Reading names every complaint at once, each with file, line and remedy, so
//! that one edit can mend them all. [`Settings`] cannot be wrong: names are
//! resolved and defaults filled in.

mod check;
mod complaint;
mod draft;
pub(crate) mod fields;
mod include;
mod lists;
mod settings;
mod span;
mod values;

use std::path::Path;

use jiff::tz::TimeZone;
use toml::de::DeTable;

pub use complaint::{Complaint, Complaints};
pub use settings::{
    Account, After, Alerts, Auth, DEFAULT, Digest, EmptyDigest, Kind, Mailbox, Member, Never, Privacy, Relay, Role,
    Rung, Secret, Sensitivity, Server, Service, Settings, StaffTone, Step, Target, Tls, is_below,
};
pub use span::{BadSpan, parse_span, parse_working_span};

use fields::{Fields, Source};
use lists::{Base, Lists};

/// Tables that may stand in every file.
const LISTS: [&str; 6] = ["mailbox", "member", "account", "calendar", "target", "ladder"];
/// Tables that stand once, in the main file.
const SINGLE: [&str; 7] = ["include", "service", "relay", "alerts", "digest", "privacy", "secrets"];

/// A file of settings: its path, and its text.
struct Written {
    name: String,
    text: String,
}

/// Reads a settings file and what it includes. Relative paths in it are meant
/// from the file's folder.
///
/// # Errors
///
/// Names everything that is wrong, in all files.
pub fn load(path: &Path) -> Result<Settings, Complaints> {
    let text = include::text_of(path).map_err(|complaint| Complaints(vec![complaint]))?;
    let main = Written { name: path.display().to_string(), text };
    read(&main, |patterns, complaints| include::files(path, patterns, complaints))
}

/// Reads the text of a settings file that includes no other. `origin` is its
/// name in complaints, and where its relative paths start.
///
/// # Errors
///
/// Names everything that is wrong.
pub fn parse(text: &str, origin: &str) -> Result<Settings, Complaints> {
    let main = Written { name: origin.to_owned(), text: text.to_owned() };
    read(&main, |_, _| Vec::new())
}

fn read(
    main: &Written,
    included: impl FnOnce(&[fields::Placed<String>], &mut Vec<Complaint>) -> Vec<Written>,
) -> Result<Settings, Complaints> {
    let mut complaints = Vec::new();
    let folder = Path::new(&main.name).parent().unwrap_or(Path::new(""));
    let mut all = Lists::default();
    let mut one = Singles::default();
    with_table(main, &mut complaints, |f| {
        let known: Vec<&str> = SINGLE.into_iter().chain(LISTS).collect();
        f.only(&known);
        one = singles(f, folder);
        lists::read(&mut all, f, &one.base(folder));
    });
    let patterns = std::mem::take(&mut one.include);
    for file in included(&patterns, &mut complaints) {
        let folder = Path::new(&file.name).parent().unwrap_or(Path::new(""));
        let base = one.base(folder);
        with_table(&file, &mut complaints, |f| {
            for key in SINGLE.into_iter().filter(|key| f.has(key)).collect::<Vec<_>>() {
                f.complain(key, format!("`{key}` stands in an included file"), "move it to the main settings file");
            }
            let known: Vec<&str> = LISTS.into_iter().chain(SINGLE).collect();
            f.only(&known);
            lists::read(&mut all, f, &base);
        });
    }
    check::settle(&main.name, one, all, complaints)
}

/// What stands once.
#[derive(Default)]
struct Singles {
    include: Vec<fields::Placed<String>>,
    service: Option<Service>,
    relay: Option<Relay>,
    alerts: Option<Alerts>,
    digest: Option<Digest>,
    privacy: Option<Privacy>,
    token_key: Option<Secret>,
}

impl Singles {
    fn base<'a>(&self, folder: &'a Path) -> Base<'a> {
        Base {
            folder,
            zone: self.service.as_ref().map_or(TimeZone::UTC, |s| s.time_zone.clone()),
            digest_at: self.digest.as_ref().map_or(draft::usual_digest().at, |d| d.at),
        }
    }
}

fn singles(f: &mut Fields<'_, '_>, folder: &Path) -> Singles {
    if !f.has("service") {
        f.complain("service", "[service] is missing", "add [service] with `address` and `domains`");
    }
    Singles {
        include: f.texts("include"),
        service: f.within("service", |f| draft::service(f, folder)).flatten(),
        relay: f.within("relay", |f| draft::relay(f, folder)).flatten(),
        alerts: f.within("alerts", draft::alerts),
        digest: f.within("digest", draft::digest),
        privacy: f.within("privacy", draft::privacy),
        token_key: f
            .within("secrets", |f| {
                f.only(&["token_key"]);
                values::secret(f, "token_key", folder)
            })
            .flatten(),
    }
}

fn with_table(file: &Written, complaints: &mut Vec<Complaint>, read: impl FnOnce(&mut Fields<'_, '_>)) {
    let source = Source::new(&file.name, &file.text);
    let (table, errors) = DeTable::parse_recoverable(&file.text);
    for error in &errors {
        let start = error.span().map_or(0, |span| span.start);
        complaints.push(source.complain(start, None, error.message(), "mend the TOML"));
    }
    if errors.is_empty() {
        read(&mut Fields::new(&source, table.get_ref(), 0, complaints));
    }
}
