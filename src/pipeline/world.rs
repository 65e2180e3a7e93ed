//! The pipeline at the mail's own time: what a back-test and the demo share.
//!
//! The clock is moved by the mail that arrives, and between two messages by
//! whatever falls due: the same mail always tells the same story.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use super::{Delivered, Event, Names, Pipeline, PipelineError, Result};
use crate::edge::folder::Folder;
use crate::store::raw::NewCopy;

/// The same bytes for the same purpose: nothing is at stake in a back-test, and the same mail, replies to
/// its alerts included, tells the same story.
fn foreseeable(purpose: &str) -> Option<[u8; 20]> {
    Sha256::digest(purpose.as_bytes()).first_chunk().copied()
}

/// How long the world goes on after the last message: long enough for the next
/// digest, whatever the weekend.
const AFTERMATH: SignedDuration = SignedDuration::from_hours(4 * 24);

/// One message on its way in.
#[derive(Debug)]
pub struct Incoming {
    /// Where it was found.
    pub path: String,
    /// Its bytes, up to the limit of what is stored.
    pub bytes: Vec<u8>,
    /// Its true size.
    pub whole_bytes: u64,
    /// When it reached the inbox.
    pub arrived_at: Timestamp,
}

/// A pipeline, a folder for a relay, and a clock that the mail moves.
pub struct World {
    pipeline: Pipeline,
    folder: Folder,
    now: Timestamp,
    events: Vec<Event>,
    mails: Vec<Delivered>,
    names: Names,
}

/// What happened, in order, and every e-mail that left.
#[derive(Debug)]
pub struct Story {
    /// Events, with the files of their e-mails.
    pub events: Vec<Event>,
    /// E-mails, one entry a recipient.
    pub mails: Vec<Delivered>,
}

impl World {
    /// A world in which nothing has happened yet.
    #[must_use]
    pub fn new(pipeline: Pipeline, folder: Folder) -> Self {
        let pipeline = pipeline.with_chance(foreseeable);
        Self { pipeline, folder, now: Timestamp::MIN, events: Vec::new(), mails: Vec::new(), names: Names::default() }
    }

    /// Lets one message arrive, after everything that time brings before it.
    ///
    /// # Errors
    ///
    /// Where store or folder cannot be written.
    pub async fn arrive(&mut self, mail: Incoming) -> Result<()> {
        self.pass_time(mail.arrived_at).await?;
        self.now = self.now.max(mail.arrived_at);
        let copy = NewCopy {
            source: mail.path,
            whole_bytes: i64::try_from(mail.whole_bytes).unwrap_or(i64::MAX),
            bytes: mail.bytes,
            arrived_us: Some(mail.arrived_at.as_microsecond()),
            history: false,
        };
        self.pipeline.take(&[copy], self.now).await?;
        loop {
            let pass = self.pipeline.work(self.now).await?;
            self.events.extend(pass.events);
            if pass.handled == 0 {
                return Ok(());
            }
        }
    }

    /// Goes from one instant that owes something to the next, up to `until`.
    async fn pass_time(&mut self, until: Timestamp) -> Result<()> {
        while let Some(next) = self.pipeline.next_wake(self.now).await?.filter(|at| *at < until) {
            // What was due before now is due now; time never runs back.
            let next = next.max(self.now);
            self.events.extend(self.pipeline.tick(next).await?);
            self.mails.extend(self.pipeline.deliver(&self.folder, &mut self.names, next).await?);
            if self.pipeline.next_wake(next).await?.is_some_and(|at| at <= next) {
                return Err(PipelineError::Stuck { at: next });
            }
            self.now = next;
        }
        Ok(())
    }

    /// Lets the rest of the story happen and tells it whole.
    ///
    /// # Errors
    ///
    /// Where store or folder cannot be written.
    pub async fn end(mut self) -> Result<Story> {
        let until = self.now.checked_add(AFTERMATH).unwrap_or(Timestamp::MAX);
        self.pass_time(until).await?;
        let files: HashMap<&str, &str> = self.mails.iter().map(|m| (m.message_id.as_str(), m.file.as_str())).collect();
        for event in &mut self.events {
            let file = event.notification.as_deref().and_then(|id| files.get(id));
            event.file = file.map(|f| format!("mail/{f}"));
        }
        self.events.sort_by_key(|e| e.at);
        Ok(Story { events: self.events, mails: self.mails })
    }
}
