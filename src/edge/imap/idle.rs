//! Waiting for news (RFC 2177), so that an end, a good-bye and a refusal are told from quiet.

use std::time::Duration;

use async_imap::imap_proto::{MailboxDatum, Response};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::command::Heard;
use super::error::ImapError;
use super::{Idle, Session};

const STEP: &str = "wait for news";

impl Session {
    /// Waits until the folder changes, at most `longest`, or until `stop`. Messages that the server told of
    /// since the folder was opened or last waited for, whatever it was asked then, are news at once.
    ///
    /// # Errors
    ///
    /// [`ImapError`]: the connection is of no more use.
    pub async fn idle(&mut self, longest: Duration, stop: &CancellationToken) -> Result<Idle, ImapError> {
        if std::mem::take(&mut self.more_came) {
            return Ok(Idle::News);
        }
        let tag = self.begin(STEP, "IDLE").await?;
        let mut idling = false;
        while !idling {
            let mut hear = |response: &Response<'_>| idling = matches!(response, Response::Continue(_));
            if let Heard::Done = self.hear(STEP, &tag, self.timeouts.command, &mut hear).await? {
                return Err(early());
            }
        }
        let end = tokio::select! {
            biased;
            () = stop.cancelled() => Idle::Stopped,
            heard = timeout(longest, self.news(&tag)) => heard.unwrap_or(Ok(Idle::TimedOut))?,
        };
        self.write(STEP, "DONE\r\n").await?;
        while !matches!(self.hear(STEP, &tag, self.timeouts.command, &mut |_| {}).await?, Heard::Done) {}
        self.more_came = false;
        Ok(end)
    }

    /// Reads until there is news.
    async fn news(&mut self, tag: &str) -> Result<Idle, ImapError> {
        let mut news = self.more_came;
        while !news {
            let mut each = |response: &Response<'_>| news = is_news(response);
            if let Heard::Done = self.listen(STEP, tag, &mut each).await? {
                return Err(early());
            }
        }
        Ok(Idle::News)
    }
}

fn is_news(response: &Response<'_>) -> bool {
    matches!(response, Response::MailboxData(MailboxDatum::Exists(_) | MailboxDatum::Recent(_)) | Response::Expunge(_))
}

fn early() -> ImapError {
    ImapError::Garbled { step: STEP, reason: "it stopped waiting before we did".to_owned() }
}
