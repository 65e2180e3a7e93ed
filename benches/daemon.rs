//! The daemon on real servers: how soon an alert is there, how much memory it takes, what a
//! flood does to it, and what is lost when it is killed again and again.
//!
//! `cargo bench --bench daemon -- latency [COUNT]`, `-- flood [COUNT]`, `-- memory`, `-- kill [COUNT]`.
//! Needs Dovecot, Postfix and openssl (`./test` installs them), and root.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    clippy::string_slice,
    reason = "a bench runs real servers, reads the clock, prints, and fails by panicking"
)]
#![allow(dead_code, reason = "it shares its rig with the tests, and uses its own part")]

#[path = "../tests/support/rig.rs"]
mod rig;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rig::{Daemon, Rig, field, page, until};

const METRICS: u16 = 19_469;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let count = words.get(1).and_then(|n| n.parse().ok());
    match words.first().map(String::as_str) {
        Some("latency") => latency(count.unwrap_or(200)),
        Some("flood") => flood(count.unwrap_or(20_000)),
        Some("memory") => memory(),
        Some("kill") => kill(count.unwrap_or(200)),
        // `cargo test --benches` and a bare `cargo bench` only see that it is there.
        _ => println!("name one of: latency, flood, memory, kill"),
    }
}

/// Settings for one inbox, with a manager; written beside the servers.
fn settings(rig: &Rig) -> PathBuf {
    let secret = rig.path().join("secret");
    fs::write(&secret, "secret\n").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let server = |port: &str| {
        format!(
            "host = \"localhost\"\nport = {}\nca_file = \"{}\"\nuser = \"watch@firm.example\"\npassword = {{ file = \"{}\" }}\n",
            rig.get(port),
            rig.get("RIG_CA"),
            secret.display()
        )
    };
    let text = format!(
        "[service]\naddress = \"watch@firm.example\"\ndomains = [\"firm.example\"]\ntime_zone = \"Europe/London\"\nstore = \"sqlite:{}\"\nmetrics = \"127.0.0.1:{METRICS}\"\n[[mailbox]]\nname = \"watch\"\n{}[relay]\n{}[alerts]\ncap_per_hour = 1000\n[[member]]\naddress = \"dana@firm.example\"\nname = \"Dana Reyes\"\nrole = \"manager\"\n",
        rig.path().join("barometer.db").display(),
        server("RIG_IMAPS_PORT"),
        server("RIG_SMTPS_PORT"),
    );
    let config = rig.path().join("bench.toml");
    fs::write(&config, text).unwrap();
    config
}

fn now() -> String {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// Mail that is told at once, each of an organisation of its own.
fn ending(who: &str) -> String {
    let date = now();
    format!(
        "From: Jane Roe <jane@{who}.example>\nTo: Sam Hill <sam@firm.example>\nSubject: Our agreement with {who}\nDate: {date}\nMessage-ID: <1@{who}.example>\n\nSam,\n\nWe have decided to end the contract in March.\n\nJane\n"
    )
}

/// Mail that is told to nobody.
fn routine(n: usize) -> String {
    let date = now();
    format!(
        "From: Ann Lee <ann@quiet{}.example>\nTo: Sam Hill <sam@firm.example>\nSubject: Minutes {n}\nDate: {date}\nMessage-ID: <{n}@quiet.example>\n\nHi Sam,\n\nThe minutes of meeting {n} are attached. Could you look at item {n} by the end of next week?\n\nBest,\nAnn\n",
        n % 40
    )
}

fn told(rig: &Rig, who: &str) -> bool {
    rig.mailbox("dana").iter().any(|mail| mail.contains(&format!("with {who}")))
}

fn ready(rig: &Rig) {
    until("the first reading", || {
        rig.mailbox("dana").iter().any(|mail| mail.contains("is read from now on")).then_some(())
    });
}

/// From the hand-over of a mail to the relay to its alert in the manager's mailbox.
fn latency(count: usize) {
    let rig = Rig::up(&["dovecot", "postfix"]);
    let _daemon = Daemon::start(&settings(&rig));
    ready(&rig);
    let mut seconds = Vec::new();
    for n in 0..count {
        let who = format!("late{n}x");
        let begun = Instant::now();
        rig.submit(&format!("jane@{who}.example"), &["watch@firm.example"], &ending(&who));
        until("its alert", || told(&rig, &who).then_some(()));
        seconds.push(begun.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    let at = |share: f64| seconds[((seconds.len() as f64 * share) as usize).min(seconds.len() - 1)];
    println!(
        "latency, submitted to delivered, {count} alerts: median {:.2} s, p99 {:.2} s, longest {:.2} s",
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

fn resident_kb(daemon: &Daemon, what: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Many mails at once in one mailbox, and one that matters behind them.
fn flood(count: usize) {
    let rig = Rig::up(&["dovecot", "postfix"]);
    let inbox = rig.path().join("mail/watch");
    let daemon = Daemon::start(&settings(&rig));
    ready(&rig);
    // Straight into the Maildir: a server that takes them one by one would be what is measured.
    let fresh = rig.path().join("mail/fresh");
    fs::create_dir_all(&fresh).unwrap();
    for n in 0..count {
        fs::write(fresh.join(format!("{}.M{n}P1.bench", 1_700_000_000 + n)), routine(n).replace('\n', "\r\n")).unwrap();
    }
    give_to_nobody(&fresh);
    let begun = Instant::now();
    for n in 0..count {
        let name = format!("{}.M{n}P1.bench", 1_700_000_000 + n);
        fs::rename(fresh.join(&name), inbox.join("new").join(&name)).unwrap();
    }
    rig.submit("jane@behind.example", &["watch@firm.example"], &ending("behind"));
    wait_long("the alert behind the flood", || told(&rig, "behind"));
    let alert = begun.elapsed().as_secs_f64();
    wait_long("all is read", || {
        page(METRICS, "/metrics").is_some_and(|(_, text)| {
            value(&text, "barometer_mail_fetched_total{mailbox=\"watch\"}") >= count as f64
                && value(&text, "barometer_copies_waiting") == 0.0
        })
    });
    let all = begun.elapsed().as_secs_f64();
    println!(
        "flood of {count}: the alert behind it after {alert:.1} s, all read after {all:.1} s ({:.0} a second); peak memory {} MB",
        count as f64 / all,
        resident_kb(&daemon, "VmHWM:") / 1024
    );
}

/// A wait as long as the thing that is measured.
fn wait_long(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_mins(10), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn value(figures: &str, name: &str) -> f64 {
    let line = figures.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0.0)
}

fn give_to_nobody(folder: &Path) {
    let status = std::process::Command::new("chown").arg("-R").arg("nobody:").arg(folder).status().unwrap();
    assert!(status.success());
}

/// What it takes with nothing to do, and for one mail of 60 MB.
fn memory() {
    let rig = Rig::up(&["dovecot", "postfix"]);
    let daemon = Daemon::start(&settings(&rig));
    ready(&rig);
    println!("idle: {} MB resident", resident_kb(&daemon, "VmRSS:") / 1024);
    let line = format!("{}\n", "QmFyb21ldGVy".repeat(6));
    let large =
        format!("{}{}", ending("large").replace("Jane\n", "Jane\n\n"), line.repeat(60 * 1024 * 1024 / line.len()));
    rig.save("watch", &large);
    until("it is read", || {
        let (_, text) = page(METRICS, "/metrics")?;
        (value(&text, "barometer_messages_total") >= 1.0).then_some(())
    });
    println!("after a mail of 60 MB: peak {} MB", resident_kb(&daemon, "VmHWM:") / 1024);
}

/// Kills the daemon at moments of a busy run, and accounts for every mail and every alert.
fn kill(count: usize) {
    const MAILS: usize = 300;
    let rig = Rig::up(&["dovecot", "postfix"]);
    let config = settings(&rig);
    let mut daemon = Daemon::start(&config);
    ready(&rig);
    let mut chance = 0x2545_F491_4F6C_DD1D_u64;
    let mut sent = 0;
    for round in 0..count {
        // The mails come in spread over the rounds; every third one must be told.
        while sent * count < MAILS * (round + 1) && sent < MAILS {
            let mail = if sent % 3 == 0 { ending(&format!("kill{sent}x")) } else { routine(sent) };
            rig.submit("jane@client.example", &["watch@firm.example"], &mail);
            sent += 1;
        }
        // xorshift64: moments that differ, the same in every run.
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        std::thread::sleep(Duration::from_millis(20 + chance % 700));
        daemon.kill();
        daemon = Daemon::start(&config);
    }
    // The last one has taken up what the one before it left, before it is asked to end.
    wait_long("the last one works", || {
        page(METRICS, "/metrics").is_some_and(|(_, text)| value(&text, "barometer_passes_total") > 0.0)
    });
    daemon.signal("TERM");
    daemon.ended();
    // A clock half an hour ahead: what was of unknown outcome is due to be repeated.
    let ahead = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(30);
    let daemon = Daemon::start_with(&config, &["--now", &ahead.to_string()]);
    wait_long("everything comes to an end", || {
        page(METRICS, "/metrics").is_some_and(|(_, text)| {
            value(&text, "barometer_copies_waiting") == 0.0
                && value(&text, "barometer_outbox_waiting") == 0.0
                && value(&text, "barometer_mailbox_connected") == 1.0
                && value(&text, "barometer_passes_total") > 0.0
        })
    });
    drop(daemon);
    account(&rig, MAILS, count);
}

fn account(rig: &Rig, mails: usize, kills: usize) {
    let mut by_organisation: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    for mail in rig.mailbox("dana") {
        let text = mail.replace("=\r\n", "");
        let Some(at) = text.find("with kill") else { continue };
        let who: String = text[at + 5..].chars().take_while(char::is_ascii_alphanumeric).collect();
        *by_organisation.entry(who).or_default().entry(field(&mail, "Message-ID")).or_default() += 1;
    }
    let expected: Vec<String> = (0..mails).step_by(3).map(|n| format!("kill{n}x")).collect();
    let lost = expected.iter().filter(|who| !by_organisation.contains_key(*who)).count();
    let doubled = by_organisation.values().filter(|ids| ids.values().any(|n| *n > 1)).count();
    let other_ids = by_organisation.values().filter(|ids| ids.len() > 1).count();
    let store = rig.path().join("barometer.db");
    let ask = |sql: &str| sqlite(&store, sql);
    let unknown = ask("SELECT COUNT(*) FROM outbox WHERE repeats > 0 AND kind = 'alert'");
    println!(
        "{kills} kills, {mails} mails: {} in one terminal state ({}), {} still waiting; {} alerts expected, {lost} lost, {doubled} doubled with the same Message-ID, {other_ids} doubled with another, {unknown} repeated after an unknown outcome",
        ask("SELECT COUNT(*) FROM copies WHERE state <> 'waiting'"),
        ask(
            "SELECT group_concat(state || ' ' || n, ', ') FROM (SELECT state, COUNT(*) AS n FROM copies GROUP BY state)"
        ),
        ask("SELECT COUNT(*) FROM copies WHERE state = 'waiting'"),
        expected.len(),
    );
}

fn sqlite(store: &Path, sql: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        sqlx::any::install_default_drivers();
        let url = format!("sqlite:{}?mode=ro", store.display());
        let mut db = <sqlx::AnyConnection as sqlx::Connection>::connect(&url).await.unwrap();
        let sql = format!("SELECT CAST(({sql}) AS TEXT)");
        sqlx::query_scalar::<_, String>(sqlx::AssertSqlSafe(sql)).fetch_one(&mut db).await.unwrap()
    })
}
