//! The whole program on real servers: Dovecot, Postfix, `PostgreSQL`, and the binary as users run it.
#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "stories are long, run real servers, wait for what must come, and fail by panicking"
)]

#[path = "support/rig.rs"]
mod rig;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rig::{Daemon, Rig, field, page, until};

const MEMBERS: &str = r#"
[[member]]
address = "dana@firm.example"
name = "Dana Reyes"
role = "manager"

[[member]]
address = "sam@firm.example"
name = "Sam Hill"
reports_to = "dana@firm.example"
"#;

/// A port for the page of one daemon: nobody else listens there at this moment.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

struct Settings<'a> {
    rig: &'a Rig,
    store: String,
    metrics: u16,
    mailboxes: Vec<(&'a str, &'a str)>,
    members: &'a str,
}

impl<'a> Settings<'a> {
    fn of(rig: &'a Rig) -> Self {
        Self {
            rig,
            store: format!("sqlite:{}", rig.path().join("barometer.db").display()),
            metrics: free_port(),
            mailboxes: vec![("watch", "")],
            members: MEMBERS,
        }
    }

    /// Writes the settings, and the secret that they name.
    fn write(&self, name: &str) -> PathBuf {
        let secret = self.rig.path().join("secret");
        fs::write(&secret, "secret\n").unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
        let config = self.rig.path().join(format!("{name}.toml"));
        fs::write(&config, self.text(&secret)).unwrap();
        config
    }

    fn text(&self, secret: &Path) -> String {
        let server = |port: &str, user: &str| {
            format!(
                "host = \"localhost\"\nport = {}\nca_file = {:?}\nuser = \"{user}@firm.example\"\npassword = {{ file = \"{}\" }}\n",
                self.rig.get(port),
                self.rig.get("RIG_CA"),
                secret.display(),
            )
        };
        let mailbox = |(name, more): &(&str, &str)| {
            format!("[[mailbox]]\nname = \"{name}\"\n{}{more}\n", server("RIG_IMAPS_PORT", name))
        };
        format!(
            "[service]\naddress = \"watch@firm.example\"\ndomains = [\"firm.example\"]\ntime_zone = \"Europe/London\"\nstore = \"{}\"\nmetrics = \"127.0.0.1:{}\"\n{}[relay]\n{}{}",
            self.store,
            self.metrics,
            self.mailboxes.iter().map(mailbox).collect::<String>(),
            server("RIG_SMTPS_PORT", "watch"),
            self.members,
        )
    }
}

/// A mail that no manager should wait for, from an organisation of its own.
fn ending(who: &str) -> String {
    format!(
        "From: Jane Roe <jane@{who}.example>\nTo: Sam Hill <sam@firm.example>\nSubject: Our agreement with {who}\nDate: {}\nMessage-ID: <{who}.1@{who}.example>\n\nSam,\n\nWe have decided to end the contract in March.\n\nJane\n",
        now()
    )
}

/// The same, forwarded by one of ours from Outlook.
fn forwarded(who: &str) -> String {
    format!(
        "From: Sam Hill <sam@firm.example>\nTo: watch@firm.example\nSubject: FW: Our agreement\nDate: {}\nMessage-ID: <fw.{who}@firm.example>\n\nThis came in just now.\n\n-----Original Message-----\nFrom: Jane Roe <jane@{who}.example>\nSent: Thursday, 26 November 2026 09:12\nTo: Sam Hill <sam@firm.example>\nSubject: Our agreement\n\nSam,\n\nWe have decided to end the contract in March.\n\nJane\n",
        now()
    )
}

/// Mail is news while it is new: it is written at the time of the test.
fn now() -> String {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// How many e-mails somebody has whose text names an organisation, by Message-ID.
fn alerts(rig: &Rig, reader: &str, who: &str) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for mail in rig.mailbox(reader) {
        let text = mail.replace("=\r\n", "");
        if !field(&mail, "X-Barometer-Id").is_empty() && text.contains(who) {
            *found.entry(field(&mail, "Message-ID")).or_default() += 1;
        }
    }
    found
}

fn alerted(rig: &Rig, who: &str) {
    until(&format!("an alert about {who}"), || (!alerts(rig, "dana", who).is_empty()).then_some(()));
}

fn introduced(rig: &Rig, mailbox: &str) {
    until("the notice of the first reading", || {
        rig.mailbox("dana").iter().any(|m| m.contains("is read from now on") && m.contains(mailbox)).then_some(())
    });
}

/// Mail that arrives by SMTP and past it, servers that stop and start in the middle of it.
fn story(rig: &Rig, settings: &Settings<'_>, database: bool) {
    let config = settings.write("story");
    rig.submit("jane@bygone.example", &["watch@firm.example"], &ending("bygone"));
    let mut daemon = Daemon::start(&config);
    introduced(rig, "watch");

    // A copy on Bcc wakes the daemon; the alert is there within moments.
    rig.submit("jane@acme.example", &["sam@firm.example", "watch@firm.example"], &ending("acme"));
    alerted(rig, "acme");
    rig.submit("sam@firm.example", &["watch@firm.example"], &forwarded("zenith"));
    alerted(rig, "zenith");

    rig.stop("dovecot");
    rig.submit("jane@quarrie.example", &["watch@firm.example"], &ending("quarrie"));
    rig.start("dovecot");
    alerted(rig, "quarrie");

    rig.stop("postfix");
    rig.save("watch", &ending("halcyon"));
    until("the relay's absence is noticed", || {
        page(settings.metrics, "/health").filter(|(status, body)| status.contains("503") && body.contains("relay"))
    });
    rig.start("postfix");
    alerted(rig, "halcyon");

    if database {
        rig.stop("postgres");
        rig.save("watch", &ending("ferrier"));
        until("the store's absence is noticed", || {
            page(settings.metrics, "/health").filter(|(status, _)| status.contains("503"))
        });
        rig.start("postgres");
        alerted(rig, "ferrier");
    }

    daemon.signal("TERM");
    assert_eq!(daemon.ended(), 0, "{}", daemon.log());
    // Down while mail arrives: it is news all the same.
    rig.save("watch", &ending("vane"));
    let mut daemon = Daemon::start(&config);
    alerted(rig, "vane");
    daemon.signal("TERM");
    assert_eq!(daemon.ended(), 0, "{}", daemon.log());

    for who in ["acme", "zenith", "quarrie", "halcyon", "vane"] {
        assert_eq!(alerts(rig, "dana", who).into_values().collect::<Vec<_>>(), [1], "{who}");
    }
    assert!(alerts(rig, "dana", "bygone").is_empty(), "history was told");
    let log = daemon.log();
    assert!(!log.contains("acme") && !log.contains("jane"), "the log tells of people:\n{log}");
}

#[test]
fn mail_becomes_alerts_whatever_stops_and_starts_on_sqlite() {
    let rig = Rig::up(&["dovecot", "postfix"]);
    story(&rig, &Settings::of(&rig), false);
}

#[test]
fn mail_becomes_alerts_whatever_stops_and_starts_on_postgresql() {
    let rig = Rig::up(&["dovecot", "postfix", "postgres"]);
    let store = rig.get("RIG_POSTGRES_URL").to_owned();
    story(&rig, &Settings { store, ..Settings::of(&rig) }, true);
}

fn connected(port: u16) -> usize {
    let figures = page(port, "/metrics").map_or_else(String::new, |(_, body)| body);
    figures.lines().filter(|l| l.starts_with("barometer_mailbox_connected{") && l.ends_with(" 1")).count()
}

#[test]
fn two_daemons_share_the_mailboxes_and_one_takes_over() {
    let rig = Rig::up(&["dovecot", "postfix", "postgres"]);
    let settings = |metrics| Settings {
        store: rig.get("RIG_POSTGRES_URL").to_owned(),
        mailboxes: vec![("watch", ""), ("north", ""), ("south", "")],
        metrics,
        ..Settings::of(&rig)
    };
    let (one, two) = (settings(free_port()), settings(free_port()));
    let mut first = Daemon::start(&one.write("one"));
    let second = Daemon::start(&two.write("two"));
    until("each reads some of the three mailboxes", || {
        let (mine, theirs) = (connected(one.metrics), connected(two.metrics));
        (mine + theirs == 3 && mine > 0 && theirs > 0).then_some(())
    });
    for (mailbox, who) in [("watch", "acme"), ("north", "zenith"), ("south", "quarrie")] {
        introduced(&rig, mailbox);
        rig.save(mailbox, &ending(who));
    }
    for who in ["acme", "zenith", "quarrie"] {
        alerted(&rig, who);
    }
    first.kill();
    for (mailbox, who) in [("watch", "halcyon"), ("north", "ferrier"), ("south", "vane")] {
        rig.save(mailbox, &ending(who));
    }
    for who in ["halcyon", "ferrier", "vane"] {
        alerted(&rig, who);
    }
    assert_eq!(connected(two.metrics), 3);
    for who in ["acme", "zenith", "quarrie", "halcyon", "ferrier", "vane"] {
        assert_eq!(alerts(&rig, "dana", who).into_values().collect::<Vec<_>>(), [1], "{who}");
    }
    drop(second);
}

#[test]
fn a_refused_reader_has_a_deputy_and_a_patient_relay_is_waited_for() {
    let rig = Rig::up(&["dovecot", "postfix"]);
    let members = r#"
[[member]]
address = "gone@firm.example"
name = "Gone Away"
role = "manager"
deputy = "dana@firm.example"

[[member]]
address = "greylisted@firm.example"
name = "Grey List"
role = "manager"
"#;
    let members = format!("{members}{}", MEMBERS.replace("role = \"manager\"", "role = \"member\""));
    let settings = Settings { members: &members, ..Settings::of(&rig) };
    let _daemon = Daemon::start(&settings.write("deputy"));
    until("the mailbox is read", || (connected(settings.metrics) == 1).then_some(()));
    rig.save("watch", &ending("acme"));
    alerted(&rig, "acme");
    until("a patient relay defers", || {
        let (_, figures) = page(settings.metrics, "/metrics")?;
        (figures.contains("kind=\"alert\",outcome=\"deferred\"")
            && figures.contains("kind=\"alert\",outcome=\"failed\""))
        .then_some(())
    });
}

#[test]
fn what_is_kept_is_flagged_or_moved_and_a_new_uidvalidity_tells_nothing_twice() {
    let rig = Rig::up(&["dovecot", "postfix"]);
    rig.doveadm(&["mailbox", "create", "-u", "moved@firm.example", "Processed"]);
    let settings = Settings {
        mailboxes: vec![("watch", ""), ("flagged", "after = \"flag\""), ("moved", "after = \"move:Processed\"")],
        ..Settings::of(&rig)
    };
    let config = settings.write("after");
    let mut daemon = Daemon::start(&config);
    for mailbox in ["watch", "flagged", "moved"] {
        introduced(&rig, mailbox);
    }
    rig.save("watch", &ending("acme"));
    rig.save("flagged", &ending("zenith"));
    rig.save("moved", &ending("quarrie"));
    for who in ["acme", "zenith", "quarrie"] {
        alerted(&rig, who);
    }
    let files = |folder: &str| {
        let found = fs::read_dir(rig.path().join("mail").join(folder))
            .map(|files| files.map(|f| f.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>());
        found.unwrap_or_default()
    };
    until("it is flagged as seen", || files("flagged/cur").iter().any(|name| name.contains(":2,S")).then_some(()));
    until("it is moved", || {
        let there = files("moved/.Processed/cur").len() + files("moved/.Processed/new").len();
        (there == 1 && rig.mailbox("moved").is_empty()).then_some(())
    });
    assert!(
        files("watch/cur").iter().all(|name| !name.contains('S') || name.contains(",S=")),
        "{:?}",
        files("watch/cur")
    );
    assert!(!files("watch/cur").iter().any(|name| name.contains(":2,S")), "a kept message was marked");

    // Another UIDVALIDITY, while the daemon is away: nothing is told twice, and news is news.
    daemon.signal("TERM");
    assert_eq!(daemon.ended(), 0);
    rig.doveadm(&["mailbox", "update", "-u", "watch@firm.example", "--uid-validity", "4711", "INBOX"]);
    rig.save("watch", &ending("vane"));
    let daemon = Daemon::start(&config);
    alerted(&rig, "vane");
    assert_eq!(alerts(&rig, "dana", "acme").into_values().collect::<Vec<_>>(), [1]);
    assert!(daemon.log().contains("numbered its messages anew"), "{}", daemon.log());
}

#[test]
fn signals_settings_and_a_second_daemon() {
    let rig = Rig::up(&["dovecot", "postfix"]);
    let settings = Settings::of(&rig);
    let config = settings.write("signals");
    let mut daemon = Daemon::start(&config);
    introduced(&rig, "watch");

    let mut second = Daemon::start(&config);
    assert_eq!(second.ended(), 1);
    assert!(second.log().contains("another Barometer has the store"), "{}", second.log());

    // Settings that do not hold together change nothing.
    let good = fs::read_to_string(&config).unwrap();
    fs::write(&config, good.replace("time_zone", "time_zon")).unwrap();
    daemon.signal("HUP");
    until("the refusal is shown", || {
        page(settings.metrics, "/health").filter(|(status, body)| status.contains("503") && body.contains("settings"))
    });
    assert!(daemon.log().contains("did you mean `time_zone`"), "{}", daemon.log());
    rig.save("watch", &ending("acme"));
    alerted(&rig, "acme");

    // Settings that do take their place at once.
    fs::write(
        &config,
        format!("{good}\n[[account]]\nid = \"zenith\"\nname = \"Zenith Print\"\ndomains = [\"zenith.example\"]\n"),
    )
    .unwrap();
    daemon.signal("HUP");
    until("the new settings are taken", || {
        page(settings.metrics, "/health").filter(|(status, _)| status.contains("200"))
    });
    rig.save("watch", &ending("zenith"));
    until("an alert with the new name", || {
        rig.mailbox("dana").iter().any(|m| m.contains("Zenith Print")).then_some(())
    });

    assert!(page(settings.metrics, "/nothing").unwrap().0.contains("404"));
    let (status, figures) = page(settings.metrics, "/metrics").unwrap();
    assert!(status.contains("200") && figures.ends_with("# EOF\n"), "{figures}");
    assert!(!figures.contains("acme"), "figures must not name who writes:\n{figures}");
    daemon.signal("TERM");
    assert_eq!(daemon.ended(), 0, "{}", daemon.log());
}

#[test]
fn what_is_wrong_with_a_mailbox_is_said_and_others_are_read() {
    let rig = Rig::up(&["dovecot", "postfix"]);
    rig.doveadm(&["mailbox", "create", "-u", "away@firm.example", "Work"]);
    let settings = Settings {
        mailboxes: vec![("watch", ""), ("away", "folder = \"Work\""), ("missing", "folder = \"No such folder\"")],
        ..Settings::of(&rig)
    };
    let config = settings.write("wrong");
    let wrong = rig.path().join("wrong-secret");
    fs::write(&wrong, "not the secret\n").unwrap();
    fs::set_permissions(&wrong, fs::Permissions::from_mode(0o600)).unwrap();
    // One more, with a password that is not theirs: Dovecot takes "secret" from everybody.
    let text = fs::read_to_string(&config).unwrap();
    let more = format!(
        "[[mailbox]]\nname = \"refused\"\nhost = \"localhost\"\nport = {}\nca_file = {:?}\nuser = \"refused@firm.example\"\npassword = {{ file = {wrong:?} }}\n[[mailbox]]\nname = \"unknown\"\nhost = \"localhost\"\nport = {}\nuser = \"unknown@firm.example\"\npassword = {{ file = {wrong:?} }}\n",
        rig.get("RIG_IMAPS_PORT"),
        rig.get("RIG_CA"),
        rig.get("RIG_IMAPS_PORT"),
    );
    fs::write(&config, format!("{text}{more}")).unwrap();
    let daemon = Daemon::start(&config);
    introduced(&rig, "watch");
    let health = |part: &str, says: &str| {
        until(&format!("{part}: {says}"), || {
            let (_, body) = page(settings.metrics, "/health")?;
            let report: serde_json::Value = serde_json::from_str(&body).ok()?;
            let parts = report["parts"].as_array()?.clone();
            let part = parts.iter().find(|p| p["name"] == part)?.clone();
            part["says"].as_str()?.contains(says).then_some(())
        });
    };
    health("mailbox missing", "cannot be opened");
    health("mailbox refused", "refuses the log-in");
    health("mailbox unknown", "certificate");
    introduced(&rig, "away");
    rig.save("watch", &ending("acme"));
    alerted(&rig, "acme");
    // A folder that goes away while it is watched.
    rig.doveadm(&["mailbox", "delete", "-s", "-u", "away@firm.example", "Work"]);
    rig.doveadm(&["kick", "away@firm.example"]);
    health("mailbox away", "cannot be opened");
    rig.save("watch", &ending("zenith"));
    alerted(&rig, "zenith");
    assert!(!daemon.log().contains("not the secret"));
}

#[test]
fn a_full_disk_is_said_and_loses_nothing() {
    let rig = Rig::up(&["dovecot", "postfix"]);
    let settings = Settings::of(&rig);
    let config = settings.write("full");
    let mut daemon = Daemon::start_on_small_disk(&config, 2_000);
    introduced(&rig, "watch");
    // More than there is room for; what comes after it must wait, too.
    let mail = ending("acme");
    let (head, text) = mail.split_once("\n\n").unwrap();
    let attached = "One more line of a very long file.\n".repeat(100_000);
    rig.save("watch", &format!("{head}\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=part\n\n--part\n\n{text}\n--part\nContent-Type: application/octet-stream\n\n{attached}\n--part--\n"));
    rig.save("watch", &ending("zenith"));
    let trouble = until("the trouble is shown", || {
        page(settings.metrics, "/health").filter(|(status, body)| status.contains("503") && body.contains("store"))
    });
    assert!(trouble.1.contains("mailbox watch"), "{}", trouble.1);
    assert!(alerts(&rig, "dana", "acme").is_empty());
    daemon.give_room();
    alerted(&rig, "acme");
    alerted(&rig, "zenith");
    daemon.signal("TERM");
    assert_eq!(daemon.ended(), 0, "{}", daemon.log());
}

#[test]
fn check_tries_each_step_and_names_the_remedy() {
    let rig = Rig::up(&["dovecot", "postfix"]);
    let settings = Settings { mailboxes: vec![("watch", "after = \"move:Done\"")], ..Settings::of(&rig) };
    let config = settings.write("check");
    let check = |arguments: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_barometer"))
            .args(["check", "--config", config.to_str().unwrap()])
            .args(arguments)
            .output()
            .unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, text) = check(&[]);
    assert_eq!(code, 1);
    assert!(text.contains("WRONG mailbox watch") && text.contains("create it on the server"), "{text}");
    assert!(text.contains("ok    relay"), "{text}");
    rig.doveadm(&["mailbox", "create", "-u", "watch@firm.example", "Done"]);
    rig.save("watch", &format!("Authentication-Results: mx.firm.example; dkim=pass\n{}", ending("acme")));
    let (code, text) = check(&["--send-test"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("no `authserv_id`") && text.contains("mx.firm.example"), "{text}");
    assert!(text.contains("sent to dana@firm.example"), "{text}");
    until("the sample", || (!rig.mailbox("dana").is_empty()).then_some(()));
    // Each server that is away is named with what to look at.
    rig.stop("dovecot");
    rig.stop("postfix");
    let (code, text) = check(&[]);
    assert_eq!(code, 1);
    assert_eq!(text.matches("that it runs").count() + text.matches("the server runs").count(), 2, "{text}");
}

#[test]
fn a_manager_answers_the_daemon_by_replying() {
    let rig = Rig::up(&["dovecot", "postfix"]);
    let vouched = ("watch", "authserv_id = \"mail.firm.example\"");
    let settings = Settings { mailboxes: vec![vouched], ..Settings::of(&rig) };
    let config = settings.write("answers");
    let mut daemon = Daemon::start(&config);
    introduced(&rig, "watch");
    rig.submit("jane@acme.example", &["watch@firm.example"], &ending("acme"));
    let alert =
        until("the alert", || rig.mailbox("dana").into_iter().find(|mail| mail.contains("Reply with one word")));
    let address = field(&alert, "Reply-To").rsplit('<').next().unwrap().trim_end_matches('>').to_owned();
    let reply = format!(
        "From: <dana@firm.example>\r\nTo: <{address}>\r\nSubject: Re: x\r\nDate: {}\r\nMessage-ID: <answer@firm.example>\r\n\r\nwho\r\n",
        field(&alert, "Date")
    );
    // Not from outside, whatever it says.
    rig.submit(
        "dana@firm.example",
        &[&address],
        &format!(
            "Authentication-Results: mail.firm.example; auth=pass smtp.auth=dana@firm.example\n{}",
            reply.replace("who", "help")
        ),
    );
    until("the forgery is seen", || daemon.log().contains("has no effect").then_some(()));
    let barometer::config::Relay::Smtp(relay) = barometer::config::load(&config).unwrap().relay.unwrap() else {
        panic!("a relay is set");
    };
    let server = barometer::config::Server { user: "dana@firm.example".to_owned(), ..relay };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut relay = barometer::edge::smtp::Relay::new(server, "dana@firm.example".to_owned());
        let outcome = relay.send(&address, reply.as_bytes()).await;
        assert!(matches!(outcome, barometer::edge::smtp::Outcome::Sent { .. }), "{outcome:?}");
    });
    until("who knows", || rig.mailbox("dana").iter().any(|mail| mail.contains("who knows about")).then_some(()));
    assert!(!rig.mailbox("dana").iter().any(|mail| field(mail, "Subject").contains("how to answer")));
    daemon.signal("TERM");
    assert_eq!(daemon.ended(), 0, "{}", daemon.log());
    let log = daemon.log();
    assert!(!log.contains("dana@") && !log.contains(&address), "the log tells of people:\n{log}");
}
