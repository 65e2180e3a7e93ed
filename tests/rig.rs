//! What the other tests may expect of the real servers that they run on, and of us on them.
#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "runs real servers, waits for what must come, and fails by panicking"
)]

#[path = "support/rig.rs"]
mod rig;

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use barometer::config::{Auth, Secret, Server, Tls};
use barometer::edge::imap::{ImapError, Session, Timeouts};
use barometer::edge::login;
use barometer::edge::smtp::{Outcome, Relay};
use rig::{Rig, until};
use sqlx::{AnyConnection, Connection as _};

fn greeting(n: u32) -> String {
    format!(
        "From: Jane Roe <jane@acme.example>\nTo: sam@firm.example\nSubject: Hello {n}\nMessage-ID: <{n}@acme.example>\n\nHello, Sam.\n.\n"
    )
}

fn has(rig: &Rig, user: &str, n: u32) -> bool {
    let subject = format!("Subject: Hello {n}");
    rig.mailbox(user).iter().any(|mail| mail.lines().any(|line| line == subject))
}

fn arrives(rig: &Rig, user: &str, n: u32) {
    until(&format!("mail {n} reaches {user}"), || has(rig, user, n).then_some(()));
}

#[test]
fn mail_reaches_all_who_are_named_and_outlives_its_servers() {
    let rig = Rig::up(&["dovecot", "postfix"]);
    // The second is on Bcc: no header names it.
    let answers = rig.submit("jane@acme.example", &["sam@firm.example", "watch@firm.example"], &greeting(1));
    assert!(answers.iter().all(|a| a.starts_with("250")), "{answers:?}");
    for user in ["sam", "watch"] {
        arrives(&rig, user, 1);
        let text = rig.mailbox(user)[0].replace("\r\n", "\n");
        assert!(text.trim_end().ends_with("\n\nHello, Sam.\n."), "{user} got another text: {text}");
    }

    #[rustfmt::skip]
    let cases = [
        ("greylisted@firm.example", "450 4.7.1"),
        ("full@firm.example",       "452 4.2.2"),
        ("gone@firm.example",       "550 5.1.1"),
        ("jane@acme.example",       "554 5.7.1"), // nothing leaves this machine
        ("dana@firm.example",       "250 2.1.5"), // the others do not spoil it
    ];
    let answers = rig.submit("jane@acme.example", &cases.map(|(to, _)| to), &greeting(2));
    for ((to, expected), answer) in cases.iter().zip(&answers) {
        assert!(answer.starts_with(expected), "{to}: {answer}");
    }
    arrives(&rig, "dana", 2);

    // While the mailboxes are away the relay keeps what it took, even when it ends itself.
    rig.stop("dovecot");
    rig.submit("jane@acme.example", &["watch@firm.example"], &greeting(3));
    rig.stop("postfix");
    rig.start("postfix");
    assert!(!has(&rig, "watch", 3));
    rig.start("dovecot");
    arrives(&rig, "watch", 3);
    assert!(has(&rig, "watch", 1));
}

#[test]
fn mail_arrives_byte_for_byte() {
    let rig = Rig::up(&["dovecot", "postfix"]);
    // Latin-1 without a word about it, a line beyond what SMTP allows, dots that look like its end.
    let mut body = b"Gr\xfc\xdfe\r\n.\r\n..two\r\n".to_vec();
    body.extend([b'x'; 5000]);
    body.extend(b"\r\n\r\n.end\r\n");
    let head = b"From: jane@acme.example\r\nSubject: Odd\r\nMessage-ID: <odd@acme.example>\r\n\r\n";
    let answers = rig.submit("jane@acme.example", &["watch@firm.example"], &[head.as_slice(), &body].concat());
    assert!(answers[0].starts_with("250"), "{answers:?}");
    let mail = until("the mail arrives", || rig.mailbox_bytes("watch").pop());
    // Dovecot keeps lines in the manner of Unix.
    let body: Vec<u8> = body.into_iter().filter(|&b| b != b'\r').collect();
    let end: Vec<u8> = mail.into_iter().filter(|&b| b != b'\r').collect();
    assert!(end.ends_with(&[b"\n\n".as_slice(), &body].concat()), "{}", String::from_utf8_lossy(&end));
}

#[test]
fn a_folder_that_servers_cannot_reach_is_refused() {
    let outer = tempfile::tempdir().unwrap();
    fs::set_permissions(outer.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let dir = outer.path().join("rig");
    let up = Command::new(rig::SCRIPT).args(["up", dir.to_str().unwrap()]).output().unwrap();
    assert!(!up.status.success());
    let complaint = String::from_utf8_lossy(&up.stderr);
    assert!(complaint.contains("is closed to the servers' users"), "{complaint}");
    assert!(!dir.exists(), "it left something behind");
}

#[tokio::test]
async fn a_database_outlives_its_server() {
    sqlx::any::install_default_drivers();
    let rig = Rig::up(&["postgres"]);
    let url = rig.get("RIG_POSTGRES_URL").to_owned();
    let mut db = AnyConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("CREATE TABLE kept (n BIGINT)").execute(&mut db).await.unwrap();
    rig.stop("postgres");
    assert!(sqlx::raw_sql("INSERT INTO kept VALUES (1)").execute(&mut db).await.is_err(), "it was not cut off");
    assert!(AnyConnection::connect(&url).await.is_err(), "it still listens");
    rig.start("postgres");
    let mut db = AnyConnection::connect(&url).await.unwrap();
    let done = sqlx::raw_sql("INSERT INTO kept VALUES (2)").execute(&mut db).await.unwrap();
    assert_eq!(done.rows_affected(), 1);
}

#[test]
fn rigs_stand_side_by_side() {
    let up = || Rig::up(&["dovecot", "postfix", "postgres"]);
    let (one, two) = std::thread::scope(|scope| {
        let other = scope.spawn(up);
        (up(), other.join().unwrap())
    });
    let ports = |rig: &Rig| -> Vec<String> {
        ["IMAPS", "IMAP", "LMTP", "SMTPS", "SUBMISSION", "SMTP", "POSTGRES"]
            .map(|name| rig.get(&format!("RIG_{name}_PORT")).to_owned())
            .to_vec()
    };
    let all: HashSet<String> = ports(&one).into_iter().chain(ports(&two)).collect();
    assert_eq!(all.len(), 14, "{all:?}");
    one.submit("jane@acme.example", &["watch@firm.example"], &greeting(1));
    two.submit("jane@acme.example", &["watch@firm.example"], &greeting(2));
    arrives(&one, "watch", 1);
    arrives(&two, "watch", 2);
    assert!(!has(&one, "watch", 2) && !has(&two, "watch", 1));

    let folder = one.path().to_owned();
    drop(one);
    assert!(!folder.exists());
    two.submit("jane@acme.example", &["watch@firm.example"], &greeting(3));
    arrives(&two, "watch", 3);
}

#[test]
fn servers_end_with_the_process_that_asked_for_them() {
    // The rig itself removes it, not we: it must not lose sight of what it has to end.
    let dir = tempfile::tempdir().unwrap().keep();
    // It lives until we end it.
    let mut owner = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let up = Command::new(rig::SCRIPT)
        .args(["up", dir.to_str().unwrap(), "dovecot"])
        .env("RIG_OWNER", owner.id().to_string())
        .output()
        .unwrap();
    assert!(up.status.success(), "{}", String::from_utf8_lossy(&up.stderr));
    let pid = fs::read_to_string(dir.join("dovecot/run/master.pid")).unwrap();
    let process = PathBuf::from("/proc").join(pid.trim());
    assert!(process.join("cwd").exists());
    owner.kill().unwrap();
    owner.wait().unwrap();
    until("the rig is gone", || (!dir.exists()).then_some(()));
    // A dead process that nobody buries has no working directory.
    until("the server is gone", || (!process.join("cwd").exists()).then_some(()));
}

/// One way to reach one of the servers.
struct Way<'a> {
    rig: &'a Rig,
    host: &'a str,
    port: &'a str,
    tls: Tls,
}

impl Way<'_> {
    /// A server to log in to; the secret lies in a file of its own.
    fn server(&self, user: &str, secret: &str, auth: fn(Secret) -> Auth) -> Server {
        let path = self.rig.path().join(format!("secret-{user}"));
        fs::write(&path, secret).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        Server {
            host: self.host.to_owned(),
            port: self.rig.get(self.port).parse().unwrap(),
            tls: self.tls,
            ca_file: Some(self.rig.get("RIG_CA").into()),
            user: format!("{user}@firm.example"),
            auth: Some(auth(Secret::File(path))),
        }
    }
}

async fn opens(server: &Server) -> Result<u32, ImapError> {
    let mut session = Session::connect(server, login::of(server).unwrap(), &Timeouts::default()).await?;
    let exists = session.select("INBOX").await?.exists;
    session.logout().await?;
    Ok(exists)
}

async fn sends(server: Server, n: u32) -> Outcome {
    let mut relay = Relay::new(server, "watch@firm.example".to_owned());
    let outcome = relay.send("dana@firm.example", greeting(n).replace('\n', "\r\n").as_bytes()).await;
    relay.close().await;
    outcome
}

#[tokio::test]
async fn passwords_and_tokens_let_us_in_by_either_tls() {
    let rig = Rig::up(&["dovecot", "postfix"]);
    rig.save("watch", &greeting(0));
    let (token, foreign) = (rig.token("watch"), rig.token("sam"));
    let password: fn(Secret) -> Auth = Auth::Password;
    let secrets = [
        ("secret", password, true),
        ("not the secret", password, false),
        (&token, Auth::OauthMsApp, true),
        (&foreign, Auth::OauthMsApp, false),
    ];
    let mut sent = 0;
    for (imap, smtp, tls) in
        [("RIG_IMAPS_PORT", "RIG_SMTPS_PORT", Tls::Implicit), ("RIG_IMAP_PORT", "RIG_SUBMISSION_PORT", Tls::StartTls)]
    {
        for (n, (secret, auth, good)) in secrets.into_iter().enumerate() {
            let way = |port| Way { rig: &rig, host: "localhost", port, tls }.server("watch", secret, auth);
            match opens(&way(imap)).await {
                Ok(exists) => assert!(good && exists == 1, "{tls:?}, secret {n}: {exists} messages"),
                Err(error) => assert!(!good && error.to_string().contains("refuses the log-in"), "{n}: {error}"),
            }
            sent += 1;
            match sends(way(smtp), sent).await {
                Outcome::Sent { .. } => assert!(good, "{tls:?}, secret {n} sends"),
                other => assert!(!good && other.reason().contains("refuses the log-in"), "{n}: {}", other.reason()),
            }
            if good {
                arrives(&rig, "dana", sent);
            }
        }
    }
    assert_eq!(rig.mailbox("dana").len(), 4);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let rig = Rig::up(&["dovecot", "postfix"]);
    for (imap, smtp, tls) in
        [("RIG_IMAPS_PORT", "RIG_SMTPS_PORT", Tls::Implicit), ("RIG_IMAP_PORT", "RIG_SUBMISSION_PORT", Tls::StartTls)]
    {
        let way = |port| {
            Way { rig: &rig, host: rig.get("RIG_WRONG_HOST"), port, tls }.server("watch", "secret", Auth::Password)
        };
        let error = opens(&way(imap)).await.unwrap_err();
        assert!(error.to_string().contains("no TLS"), "{error}");
        let outcome = sends(way(smtp), 1).await;
        assert!(outcome.reason().contains("certificate"), "{}", outcome.reason());
    }
    assert!(rig.mailbox("dana").is_empty());
}
