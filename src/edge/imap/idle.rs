//! Waiting for news (RFC 2177), so that an end, a good-bye and a refusal are told from quiet.

use std::time::Duration;

use async_imap::imap_proto::{MailboxDatum, Response, Status};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::command::Heard;
use super::error::ImapError;
use super::{Idle, Session};

const STEP: &str = "wait for news";

/// What was heard while waiting.
enum Sign {
    News,
    Chatter,
}

impl Session {
    /// Waits until the folder changes, at most `longest`, or until `stop`.
    ///
    /// # Errors
    ///
    /// [`ImapError`]: the connection is of no more use.
    pub async fn idle(&mut self, longest: Duration, stop: &CancellationToken) -> Result<Idle, ImapError> {
        let tag = self.begin(STEP, "IDLE").await?;
        let mut idling = false;
        while !idling {
            let mut hear = |response: &Response<'_>| idling = matches!(response, Response::Continue(_));
            if let Heard::Done = self.hear(STEP, &tag, self.timeouts.command, &mut hear).await? {
                return Err(ImapError::Garbled { step: STEP, reason: "it ended before it began".to_owned() });
            }
        }
        let end = tokio::select! {
            heard = timeout(longest, self.news()) => match heard {
                Ok(news) => news.map(|()| Idle::News)?,
                Err(_) => Idle::TimedOut,
            },
            () = stop.cancelled() => Idle::Stopped,
        };
        self.done(&tag).await?;
        Ok(end)
    }

    /// Reads until there is news.
    async fn news(&mut self) -> Result<(), ImapError> {
        loop {
            let heard = self.wire.read_response().await.map_err(|error| ImapError::of_stream(STEP, error))?;
            let response = heard.ok_or(ImapError::Ended { step: STEP })?;
            if let Sign::News = sign(response.parsed())? {
                return Ok(());
            }
        }
    }

    async fn done(&mut self, tag: &async_imap::imap_proto::RequestId) -> Result<(), ImapError> {
        match timeout(self.timeouts.command, self.wire.run_command_untagged("DONE")).await {
            Ok(Ok(())) => {}
            Ok(Err(async_imap::error::Error::Io(error))) => return Err(ImapError::of_stream(STEP, error)),
            Ok(Err(_)) => return Err(ImapError::Ended { step: STEP }),
            Err(_) => return Err(ImapError::Slow { step: STEP }),
        }
        while !matches!(self.hear(STEP, tag, self.timeouts.command, &mut |_| {}).await?, Heard::Done) {}
        Ok(())
    }
}

fn sign(response: &Response<'_>) -> Result<Sign, ImapError> {
    match response {
        Response::MailboxData(MailboxDatum::Exists(_) | MailboxDatum::Recent(_)) | Response::Expunge(_) => {
            Ok(Sign::News)
        }
        Response::Data { status: Status::Bye, outcome } => {
            Err(ImapError::Bye { step: STEP, words: super::error::words(outcome.information.as_deref().unwrap_or("")) })
        }
        Response::Done { status: Status::No | Status::Bad, outcome, .. } => {
            Err(ImapError::Bad { step: STEP, words: super::error::words(outcome.information.as_deref().unwrap_or("")) })
        }
        Response::Done { .. } => Err(ImapError::Ended { step: STEP }),
        _ => Ok(Sign::Chatter),
    }
}
