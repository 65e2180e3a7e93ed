//! `barometer check`: each step tried, with the remedy where one fails.

use anyhow::Result;
use barometer::command::{self, Placed};
use barometer::config::{After, Mailbox, Relay, Settings};
use barometer::edge::folder::Folder;
use barometer::edge::imap::{ImapError, Session, Timeouts};
use barometer::edge::{login, smtp};
use barometer::intake;
use barometer::notify::compose::{self, Envelope, MailKind};
use barometer::notify::{Templates, alert, sample};
use barometer::read::Address;
use barometer::store::Store;
use clap::Args;
use jiff::Timestamp;

use super::{Common, Outcome, open, print};

/// Mail in which Authentication-Results are looked for.
const RECENT: usize = 20;

/// Try each step: settings, rules, store, mailboxes, relay.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  barometer check\n  barometer check --send-test     # a sample alert, to those who look after Barometer"
)]
pub struct Check {
    /// Send a sample alert to the administrators, else to everybody who manages.
    #[arg(long)]
    send_test: bool,
}

/// What was tried, and how it went.
struct Findings {
    json: bool,
    faults: usize,
}

impl Findings {
    fn tell(&self, step: &str, state: &str, says: &str) {
        if self.json {
            print::json(&serde_json::json!({ "step": step, "state": state, "says": says }));
        } else {
            print::text(&format!("{state:5} {step:24} {says}"));
        }
    }

    fn ok(&self, step: &str, says: &str) {
        self.tell(step, "ok", says);
    }

    /// Not wrong, and worth knowing.
    fn note(&self, step: &str, says: &str) {
        self.tell(step, "note", says);
    }

    fn wrong(&mut self, step: &str, says: &str) {
        self.faults += 1;
        self.tell(step, "WRONG", says);
    }
}

impl Check {
    pub fn run(self, common: &Common, now: Timestamp) -> Result<Outcome> {
        let settings = open::settings(common)?;
        let mut findings = Findings { json: common.json, faults: 0 };
        findings.ok(
            "settings",
            &format!(
                "{} accounts, {} members, {} mailboxes",
                settings.accounts.len(),
                settings.members.len(),
                settings.mailboxes.len()
            ),
        );
        let templates = rules_and_templates(&settings, &mut findings);
        open::block_on(async {
            store(&settings, &mut findings).await;
            if settings.mailboxes.is_empty() {
                findings.wrong("mailbox", "there is none, so there is nothing to read; add a [[mailbox]]");
            }
            for one in &settings.mailboxes {
                mailbox(one, &mut findings).await;
            }
            let test = self.send_test.then(|| test_mails(&settings, templates.as_ref(), now));
            relay(&settings, test.unwrap_or_default(), &mut findings).await;
            Ok(())
        })?;
        Ok(if findings.faults > 0 { Outcome::FoundWrong } else { Outcome::Done })
    }
}

fn rules_and_templates(settings: &Settings, findings: &mut Findings) -> Option<Templates> {
    match open::rules(&settings.service.rules) {
        Ok(rules) => findings.ok("rules", &format!("{} rules, and every example holds", rules.list().count())),
        Err(error) => findings.wrong("rules", &one_line(&error)),
    }
    match open::templates(settings) {
        Ok(templates) => {
            findings.ok("mail templates", "they render");
            Some(templates)
        }
        Err(error) => {
            findings.wrong("mail templates", &one_line(&error));
            None
        }
    }
}

async fn store(settings: &Settings, findings: &mut Findings) {
    let tried = async {
        let store = Store::open(&settings.service.store).await?;
        // A transaction that leaves nothing: can we write?
        let tx = store.begin().await?;
        drop(tx);
        Ok::<_, barometer::store::StoreError>(())
    };
    match tried.await {
        Ok(()) => findings.ok("store", "it can be read and written"),
        Err(error) => findings.wrong("store", &one_line(&error.into())),
    }
}

async fn mailbox(mailbox: &Mailbox, findings: &mut Findings) {
    let step = format!("mailbox {}", mailbox.name);
    let login = match login::of(&mailbox.server) {
        Ok(login) => login,
        Err(error) => return findings.wrong(&step, &one_line(&error.into())),
    };
    let mut session = match Session::connect(&mailbox.server, login, &Timeouts::default()).await {
        Ok(session) => session,
        Err(error) => return findings.wrong(&step, &one_line(&error.into())),
    };
    let news = if session.can_idle() { "news comes at once (IDLE)" } else { "no IDLE: news comes within 5 minutes" };
    findings.ok(&step, &format!("connected and logged in; {news}"));
    if let Err(error) = look_around(&mut session, mailbox, &step, findings).await {
        findings.wrong(&step, &one_line(&error.into()));
    }
    // It ends here one way or the other.
    session.logout().await.ok();
}

/// The folder, the one that mail is moved to, and who vouches for what lies there.
async fn look_around(
    session: &mut Session,
    mailbox: &Mailbox,
    step: &str,
    findings: &mut Findings,
) -> Result<(), ImapError> {
    if let After::Move(target) = &mailbox.after {
        session.select(target).await?;
        findings.ok(step, &format!("messages can be moved to {target:?}"));
    }
    let selected = session.select(&mailbox.folder).await?;
    findings.ok(step, &format!("folder {:?} has {} messages", mailbox.folder, selected.exists));
    let uids = session.uids_from(1).await?;
    let (mut seen, mut placed): (Vec<String>, _) = (Vec::new(), Placed::Nowhere);
    let recent = uids.iter().rev().take(RECENT);
    for uid in recent {
        let head = session.headers(*uid).await?.unwrap_or_default();
        seen.extend(intake::vouching(&head));
        placed = placed.max(mailbox.authserv_id.as_ref().map_or(placed, |id| command::placed(&head, id)));
    }
    seen.sort();
    seen.dedup();
    let known = if seen.is_empty() {
        "recent mail names none".to_owned()
    } else {
        format!("recent mail names {}", seen.join(", "))
    };
    match (&mailbox.authserv_id, placed) {
        (None, _) => findings.note(
            step,
            &format!("no `authserv_id`, so alerts offer no reply commands: nobody vouches for who writes; {known}; set it to the one that your own mail server writes (README, Answering alerts)"),
        ),
        (Some(id), Placed::Well) => {
            findings.ok(step, &format!("{id} vouches for recent mail, so alerts can be answered by replying"));
        }
        (Some(id), Placed::TooLow) => findings.note(step, &format!("results of {id} stand below the Received field of the server that took the mail, where anybody can write them, so replies have no effect; let that server write them on top (README, Answering alerts)")),
        (Some(id), Placed::Nowhere) => findings.note(step, &format!("`authserv_id` is {id}, and {known}, so replies may have no effect; check how your mail server calls itself, and that it vouches for mail of your own people")),
    }
    Ok(())
}

async fn relay(settings: &Settings, test: Vec<(String, Vec<u8>)>, findings: &mut Findings) {
    match &settings.relay {
        None => findings.wrong("relay", "there is none, so nothing can be sent; add [relay]"),
        Some(Relay::Folder(path)) => match Folder::create(path) {
            Ok(folder) => {
                findings.ok("relay", &format!("e-mails are written into {}", path.display()));
                for (to, bytes) in test {
                    match folder.deliver("check-sample.eml", &bytes) {
                        Ok(_) => findings.ok("sample alert", &format!("written for {to}")),
                        Err(error) => findings.wrong("sample alert", &error.to_string()),
                    }
                }
            }
            Err(error) => findings.wrong("relay", &one_line(&error.into())),
        },
        Some(Relay::Smtp(server)) => {
            let mut relay = smtp::Relay::new(server.clone(), settings.service.address.clone());
            match relay.check().await {
                Ok(report) => findings.ok("relay", &report.to_string()),
                Err(error) => return findings.wrong("relay", &one_line(&error.into())),
            }
            for (to, bytes) in test {
                match relay.send(&to, &bytes).await {
                    smtp::Outcome::Sent { .. } => findings.ok("sample alert", &format!("sent to {to}")),
                    other => findings.wrong("sample alert", &format!("not sent to {to}: {}", other.reason())),
                }
            }
            relay.close().await;
        }
    }
}

/// A sample alert for each of those who look after Barometer.
fn test_mails(settings: &Settings, templates: Option<&Templates>, now: Timestamp) -> Vec<(String, Vec<u8>)> {
    let Some(templates) = templates else { return Vec::new() };
    let Ok(rendered) = alert::render(&sample::cancellation(), templates, &settings.service.time_zone) else {
        return Vec::new();
    };
    let domain = settings.service.address.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    let sample = |to: String| {
        let id = format!("sample.{}", now.as_microsecond());
        let envelope = Envelope {
            from: Address { name: "Barometer".into(), address: settings.service.address.clone() },
            to: vec![Address { name: String::new(), address: to.clone() }],
            reply_to: None,
            date: now,
            message_id: format!("brm.{id}@{domain}"),
            references: Vec::new(),
            id,
            kind: MailKind::Alert,
        };
        Some((to, compose::compose(&rendered, &envelope).ok()?))
    };
    settings.caretakers().into_iter().filter_map(sample).collect()
}

fn one_line(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
