//! What settings mean, and what is said of those that cannot be right.
//!
//! `configs/good-*.toml` load. Each `configs/bad-*.toml` begins with comments:
//! every complaint owed for it, in order and word for word.

#![expect(clippy::unwrap_used, reason = "a failed step fails its test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use barometer::calendar::Calendar;
use barometer::config::{
    self, After, Auth, EmptyDigest, Kind, Relay, Role, Rung, Secret, Sensitivity, Settings, StaffTone, Tls,
};
use barometer::judge::signal;
use jiff::civil::{Weekday, date};
use jiff::{SignedDuration, tz::TimeZone};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn folder() -> PathBuf {
    root().join("tests/configs")
}

fn files(prefix: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.file_name().unwrap().to_string_lossy().starts_with(prefix));
    found.sort();
    assert!(!found.is_empty(), "no file begins with {prefix}");
    found
}

fn good(name: &str) -> Settings {
    config::load(&folder().join(name)).unwrap()
}

/// What is said of a file, with the folder's own path left out.
fn said_of(path: &Path) -> String {
    match config::load(path) {
        Ok(_) => "nothing".to_owned(),
        Err(complaints) => complaints.to_string().replace(&format!("{}/", folder().display()), ""),
    }
}

/// The comments that a file begins with.
fn owed(path: &Path) -> String {
    let bytes = fs::read(path).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    text.lines().map_while(|line| line.strip_prefix("# ")).collect::<Vec<_>>().join("\n")
}

#[test]
fn each_bad_file_gets_exactly_the_complaints_owed() {
    let wrong: Vec<String> = files("bad-")
        .iter()
        .filter(|path| said_of(path) != owed(path))
        .map(|path| format!("{}\nsaid: {}\nowed: {}", path.display(), said_of(path), owed(path)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn each_good_file_loads() {
    for path in files("good-") {
        assert_eq!(said_of(&path), "nothing", "{}", path.display());
    }
}

#[test]
fn a_missing_file_is_named_with_a_way_out() {
    assert_eq!(
        said_of(&folder().join("nowhere.toml")),
        "nowhere.toml: cannot read the settings (No such file or directory (os error 2)); name another file with \
         --config FILE, or write this one: deploy/barometer.example.toml is a start"
    );
}

#[test]
fn a_file_that_is_no_settings_file_is_not_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.mbox");
    fs::File::create(&path).unwrap().set_len(9 << 20).unwrap();
    let said = config::load(&path).unwrap_err().to_string();
    assert!(said.ends_with("this file is too large for settings; name the settings file with --config FILE"), "{said}");
}

#[test]
fn the_service_alone_is_enough() {
    let settings = good("good-smallest.toml");
    let service = &settings.service;
    assert_eq!(service.time_zone, TimeZone::UTC);
    assert_eq!(service.store, "sqlite:/var/lib/barometer/barometer.db");
    assert_eq!(service.metrics, Some("127.0.0.1:9469".parse().unwrap()));
    assert!(service.rules.is_empty() && service.people.is_empty() && service.templates.is_none());
    assert!(settings.mailboxes.is_empty() && settings.relay.is_none() && settings.token_key.is_none());
    assert_eq!(settings.default_calendar().week, Calendar::office().week);

    let alerts = &settings.alerts;
    assert_eq!(alerts.group_wait, SignedDuration::from_mins(2));
    assert_eq!(alerts.group_interval, SignedDuration::from_mins(15));
    assert_eq!(alerts.repeat_critical, SignedDuration::from_hours(4));
    assert_eq!(alerts.repeat_warning, SignedDuration::from_hours(24));
    assert_eq!((alerts.max_repeats, alerts.cap_per_hour), (5, 20));
    assert_eq!(alerts.send.week[0], [(8 * 60, 18 * 60)]);
    assert!(alerts.send.week[5].is_empty());

    assert_eq!((settings.digest.at, settings.digest.weekly), (7 * 60 + 30, Weekday::Monday));
    assert_eq!(settings.digest.empty, EmptyDigest::Short);
    assert_eq!(settings.privacy.staff_tone, StaffTone::Manager);
    assert_eq!(settings.privacy.keep_raw, SignedDuration::from_hours(400 * 24));
}

#[test]
fn a_first_set_up_has_one_mailbox_one_relay_and_one_manager() {
    let settings = good("good-first-set-up.toml");
    let mailbox = &settings.mailboxes[0];
    assert_eq!((mailbox.server.port, mailbox.server.tls), (993, Tls::Implicit));
    assert_eq!(mailbox.server.auth, Some(Auth::Password(Secret::Credential("imap-password".into()))));
    assert_eq!((mailbox.folder.as_str(), &mailbox.after), ("INBOX", &After::Keep));
    let Some(Relay::Smtp(server)) = &settings.relay else { panic!("a server was set") };
    assert_eq!(server.port, 465);
    let dana = settings.member("dana@northlight.example").unwrap();
    assert_eq!((dana.name.as_str(), dana.role, dana.digest_at), ("dana", Role::Manager, 7 * 60 + 30));
    assert_eq!(dana.digest_days, [true, true, true, true, true, false, false]);
    assert_eq!(settings.provisional("acme.example").managers, ["dana@northlight.example"]);
}

#[test]
fn relative_paths_start_at_the_file_that_names_them() {
    let settings = good("good-includes.toml");
    let here = |name: &str| folder().join(name);
    assert_eq!(settings.service.store, format!("sqlite:{}", here("data/barometer.db").display()));
    assert_eq!(settings.service.rules, [here("rules"), PathBuf::from("/srv/rules")]);
    assert_eq!(settings.service.templates, Some(here("mail")));
    assert!(matches!(&settings.relay, Some(Relay::Folder(path)) if *path == here("outbox")));
    let auth = settings.mailboxes[0].server.auth.clone();
    assert_eq!(auth, Some(Auth::Password(Secret::File(here("accounts/second.password")))));
}

#[test]
fn included_files_add_accounts_and_members() {
    let settings = good("good-includes.toml");
    let ids: Vec<&str> = settings.accounts.iter().map(|a| a.id.as_str()).collect();
    assert_eq!(ids, ["acme", "zenith"]);
    let acme = settings.account("acme").unwrap();
    assert_eq!((acme.name.as_str(), acme.kind, acme.sensitivity), ("acme", Kind::Client, Sensitivity::Normal));
    assert_eq!(acme.domains, ["acme.example", "acme-group.example"]);
    assert_eq!(acme.managers, ["dana@northlight.example"], "the owner's superior");
    assert!(acme.critical_any_time && !acme.resting);
    let zenith = settings.account("zenith").unwrap();
    assert_eq!((zenith.kind, zenith.resting, zenith.cadence_days), (Kind::Vendor, true, Some(14)));
    assert_eq!(zenith.managers, ["marcus@northlight.example"], "as set");
    let above: Vec<&str> = settings.superiors_of("sam@northlight.example").iter().map(|m| m.address.as_str()).collect();
    assert_eq!(above, ["dana@northlight.example", "marcus@northlight.example"]);
}

#[test]
fn an_account_without_owner_has_every_manager() {
    let text = |role: &str| {
        format!(
            "[service]\naddress = \"w@n.example\"\ndomains = [\"n.example\"]\n\
             [[member]]\naddress = \"a@n.example\"\nrole = \"{role}\"\n\
             [[member]]\naddress = \"b@n.example\"\nrole = \"director\"\n\
             [[account]]\nid = \"acme\"\ndomains = [\"acme.example\"]\n"
        )
    };
    for (role, expected) in [("manager", "a@n.example"), ("member", "b@n.example")] {
        let settings = config::parse(&text(role), "settings.toml").unwrap();
        assert_eq!(settings.account("acme").unwrap().managers, [expected], "{role}");
    }
}

#[test]
fn every_setting_means_what_it_says() {
    let settings = good("good-everything.toml");
    let service = &settings.service;
    assert_eq!((service.address.as_str(), service.metrics), ("watch@northlight.example", None));
    assert_eq!(service.store, "postgres://barometer@127.0.0.1/barometer");
    assert!(service.never.covers("anybody@eu.bank.example") && service.never.covers("lawyer@counsel.example"));
    assert!(!service.never.covers("clerk@counsel.example") && !service.never.covers("a@notbank.example"));
    assert_eq!(service.never.tags, ["#private"]);

    let mailbox = &settings.mailboxes[0];
    assert_eq!((mailbox.server.port, mailbox.server.tls), (1993, Tls::StartTls));
    assert_eq!(mailbox.server.auth, Some(Auth::OauthMsApp(Secret::Env("BAROMETER_TOKEN".into()))));
    assert_eq!(mailbox.after, After::Move("Processed".into()));
    assert!(matches!(&settings.relay, Some(Relay::Smtp(s)) if s.port == 587 && s.auth.is_none()));

    let dana = settings.member("dana@northlight.example").unwrap();
    assert_eq!(dana.time_zone, TimeZone::get("America/New_York").unwrap());
    assert_eq!((dana.digest_at, dana.digest_days), (6 * 60 + 15, [true, true, true, false, true, false, false]));

    let acme = settings.account("acme").unwrap();
    assert_eq!((acme.cadence_days, acme.sensitivity), (Some(10), Sensitivity::Watch));
    assert!(!acme.critical_any_time);
    assert_eq!(acme.time_zone.as_ref().and_then(|zone| zone.iana_name()), Some("Asia/Tokyo"));
    let calendar = settings.calendar_of(acme);
    assert_eq!(calendar.week[0], [(9 * 60, 12 * 60 + 30), (13 * 60 + 30, 17 * 60 + 30)]);
    assert_eq!(calendar.week[4], [(9 * 60, 24 * 60)]);
    assert!(calendar.days[&date(2026, 12, 25)].is_empty());
    assert_eq!(calendar.days[&date(2026, 12, 24)], [(9 * 60, 13 * 60)]);

    let target = &settings.targets["standard"];
    assert_eq!((target.next_response.days, target.kind), (1, Some(Kind::Client)));
    let rungs: Vec<&Rung> = settings.ladders["standard"].iter().map(|step| &step.to).collect();
    assert_eq!(rungs, [&Rung::Owner, &Rung::Role(Role::Manager), &Rung::Member("dana@northlight.example".into())]);
    assert_eq!(settings.alerts.send.week[6], [(7 * 60, 19 * 60)]);
    assert_eq!(settings.alerts.send.zone, TimeZone::get("Europe/Paris").unwrap());
    assert_eq!((settings.digest.weekly, settings.digest.empty), (Weekday::Friday, EmptyDigest::Heartbeat));
    assert_eq!(settings.privacy.staff_tone, StaffTone::Off);
    assert_eq!(settings.token_key, Some(Secret::Credential("token-key".into())));
}

#[test]
fn the_shipped_example_is_right_and_keeps_every_default() {
    let path = root().join("deploy/barometer.example.toml");
    let example = config::load(&path).unwrap();
    let smallest = good("good-smallest.toml");
    assert_eq!(format!("{:?}", example.digest), format!("{:?}", smallest.digest));
    assert_eq!(format!("{:?}", example.privacy), format!("{:?}", smallest.privacy));
    assert_eq!(example.alerts.send.week, smallest.alerts.send.week);
    assert_eq!(example.alerts.repeat_warning, smallest.alerts.repeat_warning);
    assert_eq!(example.service.store, smallest.service.store);
}

/// The TOML blocks of a page.
fn toml_blocks(page: &str) -> Vec<String> {
    page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn the_settings_that_the_manuals_show_are_right() {
    let service = "[service]\naddress = \"watch@northlight.example\"\ndomains = [\"northlight.example\"]\n";
    for page in ["README.md", "deploy/README.md"] {
        let blocks = toml_blocks(&fs::read_to_string(root().join(page)).unwrap());
        assert!(!blocks.is_empty(), "{page}");
        for block in blocks.iter().filter(|block| !block.contains("[[rule]]")) {
            // A block that shows one table stands in a file that has a service.
            let whole = if block.contains("[service]") { block.clone() } else { format!("{block}\n{service}") };
            let said = config::parse(&whole, page).err().map(|complaints| complaints.to_string());
            assert_eq!(said, None, "{block}");
        }
    }
}

/// The words of a page, names of settings and signals among them.
fn words_of(page: &str) -> BTreeSet<&str> {
    page.split(['`', ' ', ',', '{', '}', '[', ']', '=', '\n']).collect()
}

#[test]
fn the_manual_names_every_signal() {
    let page = fs::read_to_string(root().join("README.md")).unwrap();
    let words = words_of(&page);
    let missing: Vec<&str> = signal::names().filter(|name| !words.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn manual_and_example_name_every_setting() {
    let everything = fs::read_to_string(folder().join("good-everything.toml")).unwrap();
    let keys: BTreeSet<&str> =
        everything.lines().filter_map(|line| line.split_once(" = ")).map(|(key, _)| key).collect();
    assert!(keys.len() > 50, "{keys:?}");
    for page in ["README.md", "deploy/barometer.example.toml"] {
        let text = fs::read_to_string(root().join(page)).unwrap();
        let words = words_of(&text);
        let missing: Vec<&&str> = keys.iter().filter(|key| !words.contains(*key)).collect();
        assert!(missing.is_empty(), "{page}: {missing:?}");
    }
}
