//! Values of one key: addresses, domains, zones, hours, secrets. A wrong one is
//! complained of where it stands, and left out.

use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::fields::{Fields, Placed};
use super::settings::Secret;
use super::span::parse_span;
use crate::calendar::{Windows, parse_days, parse_time, parse_windows};

/// A text that must be there and not be blank.
pub(super) fn required(f: &mut Fields<'_, '_>, key: &str, example: &str) -> Option<String> {
    if !f.has(key) {
        f.complain(key, format!("`{key}` is missing"), format!("add {key} = {example:?}"));
        return None;
    }
    let text = f.text(key)?;
    if text.trim().is_empty() {
        f.complain(key, format!("`{key}` is empty"), format!("write for instance {example:?}"));
        return None;
    }
    Some(text.trim().to_owned())
}

/// Lower case, where it looks like `local@domain`.
fn as_address(text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    let (local, domain) = text.rsplit_once('@')?;
    let plain = !local.is_empty() && !text.contains(|c: char| c.is_whitespace() || "<>\",;:()".contains(c));
    (plain && as_domain(domain).is_some()).then_some(text)
}

/// Lower case, where it looks like a domain.
fn as_domain(text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    let label = |l: &str| !l.is_empty() && l.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_');
    (text.len() <= 253 && text.split('.').all(label)).then_some(text)
}

fn checked(
    f: &mut Fields<'_, '_>,
    key: &str,
    found: Option<String>,
    check: fn(&str) -> Option<String>,
    what: &str,
) -> Option<String> {
    let text = found?;
    let value = check(&text);
    if value.is_none() {
        f.complain(key, format!("{text:?} is no {what}"), format!("write one {what} in `{key}`"));
    }
    value
}

pub(super) fn required_address(f: &mut Fields<'_, '_>, key: &str, example: &str) -> Option<String> {
    let text = required(f, key, example);
    checked(f, key, text, as_address, "e-mail address")
}

pub(super) fn address(f: &mut Fields<'_, '_>, key: &str) -> Option<String> {
    let text = f.text(key);
    checked(f, key, text, as_address, "e-mail address")
}

pub(super) fn addresses(f: &mut Fields<'_, '_>, key: &str) -> Vec<String> {
    list(f, key, as_address, "e-mail address")
}

pub(super) fn domains(f: &mut Fields<'_, '_>, key: &str) -> Vec<String> {
    list(f, key, as_domain, "domain such as \"acme.example\"")
}

fn list(f: &mut Fields<'_, '_>, key: &str, check: fn(&str) -> Option<String>, what: &str) -> Vec<String> {
    let texts = f.texts(key);
    let mut found = Vec::new();
    for Placed { value, .. } in texts {
        match check(&value) {
            Some(one) if found.contains(&one) => {
                f.complain(key, format!("{value:?} stands twice in `{key}`"), "remove one of them");
            }
            Some(one) => found.push(one),
            None => f.complain(key, format!("{value:?} is no {what}"), format!("mend it in `{key}`")),
        }
    }
    found
}

/// What is not recorded: `@domain`, `local@domain` or `#tag`.
pub(super) fn never(f: &mut Fields<'_, '_>, key: &str) -> super::settings::Never {
    let mut never = super::settings::Never::default();
    for Placed { value, .. } in f.texts(key) {
        let text = value.trim().to_lowercase();
        if text.starts_with('#') && text.len() > 1 {
            never.tags.push(text);
        } else if let Some(domain) = text.strip_prefix('@').and_then(as_domain) {
            never.domains.push(domain);
        } else if let Some(address) = as_address(&text) {
            never.addresses.push(address);
        } else {
            let remedy = "write an address, a domain as \"@bank.example\", or a subject tag as \"#private\"";
            f.complain(key, format!("{value:?} is none of the three things `{key}` may name"), remedy);
        }
    }
    never
}

pub(super) fn zone(f: &mut Fields<'_, '_>, key: &str) -> Option<TimeZone> {
    let name = f.text(key)?;
    let zone = TimeZone::get(&name).ok();
    if zone.is_none() {
        f.complain(key, format!("{name:?} is no time zone"), "write one of the IANA names, such as \"Europe/London\"");
    }
    zone
}

pub(super) fn span(f: &mut Fields<'_, '_>, key: &str) -> Option<SignedDuration> {
    let text = f.text(key)?;
    parse_span(&text).map_err(|error| refuse(f, key, &error.to_string())).ok()
}

pub(super) fn time(f: &mut Fields<'_, '_>, key: &str) -> Option<u16> {
    let text = f.text(key)?;
    let minutes = parse_time(&text).map_err(|error| refuse(f, key, &error.to_string())).ok()?;
    if minutes >= crate::calendar::DAY_MINUTES {
        f.complain(key, "24:00 is the end of a day, not a time in it", "write 00:00");
        return None;
    }
    Some(minutes)
}

/// A complaint of a parser says what is wrong, then, after a semicolon, what to do.
pub(super) fn refuse(f: &mut Fields<'_, '_>, key: &str, error: &str) {
    let (what, remedy) = error.split_once("; ").unwrap_or((error, "mend it"));
    f.complain(key, format!("`{key}`: {what}"), remedy);
}

pub(super) fn days(f: &mut Fields<'_, '_>, key: &str) -> Option<[bool; 7]> {
    if !f.has(key) {
        return None;
    }
    let mut all = [false; 7];
    for Placed { value, .. } in f.texts(key) {
        match parse_days(&value) {
            Ok(days) => all.iter_mut().zip(days).for_each(|(all, day)| *all |= day),
            Err(error) => refuse(f, key, &error.to_string()),
        }
    }
    Some(all)
}

/// A week of windows, as `{ mon-thu = ["09:00-12:30"], fri = [] }`.
pub(super) fn week(f: &mut Fields<'_, '_>, key: &str) -> Option<[Windows; 7]> {
    f.within(key, |f| {
        let mut week: [Windows; 7] = Default::default();
        let mut set = [false; 7];
        for name in f.keys() {
            let windows = windows(f, &name);
            let days = match parse_days(&name) {
                Ok(days) => days,
                Err(error) => {
                    refuse(f, &name, &error.to_string());
                    continue;
                }
            };
            if days.iter().zip(set).any(|(day, set)| *day && set) {
                f.complain(&name, format!("a day of `{name}` has hours already"), "name each day once");
            }
            for ((open, set), day) in week.iter_mut().zip(&mut set).zip(days) {
                if day {
                    open.clone_from(&windows);
                    *set = true;
                }
            }
        }
        week
    })
}

fn windows(f: &mut Fields<'_, '_>, key: &str) -> Windows {
    let texts: Vec<String> = f.texts(key).into_iter().map(|t| t.value).collect();
    match parse_windows(&texts) {
        Ok(windows) => windows,
        Err(error) => {
            refuse(f, key, &error.to_string());
            Windows::new()
        }
    }
}

/// Days that are off, or have hours of their own.
pub(super) fn exceptions(f: &mut Fields<'_, '_>) -> std::collections::BTreeMap<Date, Windows> {
    let mut days = std::collections::BTreeMap::new();
    for Placed { value, .. } in f.texts("holidays") {
        if let Some(date) = date(f, "holidays", &value) {
            days.insert(date, Windows::new());
        }
    }
    let half = f.within("half_days", |f| {
        let read = |name: &String, f: &mut Fields<'_, '_>| Some((date(f, name, name)?, windows(f, name)));
        f.keys().iter().filter_map(|name| read(name, f)).collect::<Vec<_>>()
    });
    days.extend(half.unwrap_or_default());
    days
}

fn date(f: &mut Fields<'_, '_>, key: &str, text: &str) -> Option<Date> {
    let date = text.parse().ok();
    if date.is_none() {
        f.complain(key, format!("{text:?} is no date"), "write it as \"2026-12-25\"");
    }
    date
}

pub(super) fn secret(f: &mut Fields<'_, '_>, key: &str, folder: &Path) -> Option<Secret> {
    let remedy = "write { credential = \"NAME\" }, { file = \"PATH\" } or { env = \"NAME\" }";
    if f.is_text(key) {
        f.complain(key, format!("`{key}` is written out, and settings only say where a secret is kept"), remedy);
        return None;
    }
    if !f.has(key) {
        return None;
    }
    let found = f.within(key, |f| {
        f.only(&["credential", "file", "env"]);
        let credential = f.text("credential").map(Secret::Credential);
        let file = f.text("file").map(|p| Secret::File(folder.join(p)));
        let env = f.text("env").map(Secret::Env);
        let mut found: Vec<Secret> = [credential, file, env].into_iter().flatten().collect();
        (found.len() == 1).then(|| found.remove(0))
    });
    if found == Some(None) {
        f.complain(key, format!("`{key}` must name one place where the secret is kept"), remedy);
    }
    found.flatten()
}

pub(super) fn path(f: &mut Fields<'_, '_>, key: &str, folder: &Path) -> Option<PathBuf> {
    f.text(key).map(|text| folder.join(text))
}

/// A whole number from 0 to `most`.
pub(super) fn count(f: &mut Fields<'_, '_>, key: &str, most: u32) -> Option<u32> {
    let number = f.integer(key)?;
    let count = u32::try_from(number).ok().filter(|n| *n <= most);
    if count.is_none() {
        f.complain(key, format!("`{key}` is {number}"), format!("write a number from 0 to {most}"));
    }
    count
}
