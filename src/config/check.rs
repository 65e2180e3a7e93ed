//! What tables say of each other: names that must exist, addresses that must not
//! stand twice, circles.

use std::collections::BTreeMap;

use super::complaint::{Complaint, Complaints};
use super::draft;
use super::fields::{nearest, nearest_address};
use super::lists::{Lists, Named, Reference, To, fallback_calendar};
use super::settings::{Account, DEFAULT, Member, Settings, everybody_who_manages, is_below};
use super::{Service, Singles};
use crate::calendar::Calendar;

/// Settings that hold together, or everything that is wrong.
pub(super) fn settle(
    main: &str,
    one: Singles,
    mut lists: Lists,
    mut complaints: Vec<Complaint>,
) -> Result<Settings, Complaints> {
    complaints.extend(lists.references.iter().filter_map(|r| unknown(r, &lists)));
    complaints.extend(twice(&lists.names));
    complaints.extend(circles(&lists));
    if let Some(service) = &one.service {
        complaints.extend(shared_addresses(&lists, service));
    }
    let service = match one.service {
        Some(service) if complaints.is_empty() => service,
        _ => return Err(Complaints(in_order(main, complaints))),
    };
    fill_in(&mut lists.accounts, &lists.members, &fallback_calendar(&lists.mailboxes));
    let zone = service.time_zone.clone();
    lists.calendars.entry(DEFAULT.to_owned()).or_insert(Calendar { zone: zone.clone(), ..Calendar::office() });
    let mut alerts = one.alerts.unwrap_or_else(draft::usual_alerts);
    alerts.send.zone = zone;
    Ok(Settings {
        service,
        mailboxes: lists.mailboxes,
        relay: one.relay,
        members: lists.members,
        accounts: lists.accounts,
        calendars: lists.calendars,
        targets: lists.targets,
        ladders: lists.ladders,
        alerts,
        digest: one.digest.unwrap_or_else(draft::usual_digest),
        privacy: one.privacy.unwrap_or_else(draft::usual_privacy),
        token_key: one.token_key,
    })
}

/// The main file first, each file from top to bottom.
fn in_order(main: &str, mut complaints: Vec<Complaint>) -> Vec<Complaint> {
    complaints.sort_by_cached_key(|c| (c.file != main, c.file.clone(), c.line));
    complaints
}

fn unknown(reference: &Reference, lists: &Lists) -> Option<Complaint> {
    let (what, known): (&str, Vec<&str>) = match reference.to {
        To::Member => ("member", lists.members.iter().map(|m| m.address.as_str()).collect()),
        To::Account => ("account", lists.accounts.iter().map(|a| a.id.as_str()).collect()),
        To::Calendar => ("calendar", lists.calendars.keys().map(String::as_str).chain([DEFAULT]).collect()),
        To::Target => ("target", lists.targets.keys().map(String::as_str).collect()),
        To::Ladder => ("ladder", lists.ladders.keys().map(String::as_str).collect()),
    };
    if known.contains(&reference.name.as_str()) {
        return None;
    }
    let table = match reference.to {
        To::Member | To::Account => format!("[[{what}]]"),
        To::Calendar | To::Target | To::Ladder => format!("[{what}.{}]", reference.name),
    };
    let near = if reference.to == To::Member { nearest_address } else { nearest };
    let remedy = match near(&reference.name, &known) {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("add {table}, or mend the name"),
    };
    let what = format!("`{}` names {:?}, and there is no such {what}", reference.key, reference.name);
    Some(complaint(&reference.file, reference.line, what, remedy))
}

fn complaint(file: &str, line: usize, what: String, remedy: impl Into<String>) -> Complaint {
    Complaint { file: file.to_owned(), line, rule: None, what, remedy: remedy.into() }
}

fn twice(names: &[Named]) -> Vec<Complaint> {
    let mut first: BTreeMap<(&str, &str), &Named> = BTreeMap::new();
    let mut found = Vec::new();
    for named in names {
        match first.get(&(named.what, named.name.as_str())) {
            Some(earlier) => {
                let what = format!(
                    "the {} {:?} is defined already, at {}:{}",
                    named.what, named.name, earlier.file, earlier.line
                );
                found.push(complaint(&named.file, named.line, what, "remove or rename one of them"));
            }
            None => {
                first.insert((named.what, &named.name), named);
            }
        }
    }
    found
}

fn place<'a>(lists: &'a Lists, what: &str, name: &str) -> (&'a str, usize) {
    let named = lists.names.iter().find(|n| n.what == what && n.name == name);
    named.map_or(("", 0), |n| (n.file.as_str(), n.line))
}

fn circles(lists: &Lists) -> Vec<Complaint> {
    let above = |address: &str| lists.members.iter().find(|m| m.address == address)?.reports_to.as_deref();
    let in_circle = |member: &&Member| {
        std::iter::successors(above(&member.address), |a| above(a))
            .take(lists.members.len())
            .any(|a| a == member.address)
    };
    let complain = |member: &Member| {
        let (file, line) = place(lists, "member", &member.address);
        let what = format!("{} reports, in the end, to themselves", member.address);
        complaint(file, line, what, "mend `reports_to`")
    };
    lists.members.iter().filter(in_circle).map(complain).collect()
}

/// A domain or address can be of one account, and not ours.
fn shared_addresses(lists: &Lists, service: &Service) -> Vec<Complaint> {
    let mut found = Vec::new();
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    for account in &lists.accounts {
        let (file, line) = place(lists, "account", &account.id);
        for name in account.domains.iter().chain(&account.addresses) {
            let domain = name.rsplit_once('@').map_or(name.as_str(), |(_, domain)| domain);
            if service.domains.iter().any(|ours| is_below(domain, ours)) {
                let what = format!("{name:?} is one of ours (`domains` of [service])");
                found.push(complaint(file, line, what, "an account is another organisation: remove it here or there"));
            }
            match owners.insert(name, &account.id) {
                Some(other) if other != account.id => {
                    let what = format!("{name:?} belongs to the account {other:?} already");
                    found.push(complaint(file, line, what, "leave it with one of them"));
                }
                _ => {}
            }
        }
    }
    found
}

/// Managers and calendars of accounts that name none.
fn fill_in(accounts: &mut [Account], members: &[Member], calendar: &str) {
    for account in accounts {
        if account.calendar.is_empty() {
            calendar.clone_into(&mut account.calendar);
        }
        if account.managers.is_empty() {
            let superior =
                account.owner.as_deref().and_then(|o| members.iter().find(|m| m.address == o)?.reports_to.clone());
            account.managers = superior.map_or_else(|| everybody_who_manages(members), |address| vec![address]);
        }
    }
}
