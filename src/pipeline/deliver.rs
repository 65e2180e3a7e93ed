//! Hands out what is due. A folder stands in for the relay: one file an e-mail.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use super::{Pipeline, PipelineError, Result};
use crate::edge::folder::Folder;
use crate::store::outbox;

/// How long a claim holds, should we crash in the middle of it.
const LEASE: SignedDuration = SignedDuration::from_mins(15);

/// One e-mail handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// Its Message-ID.
    pub message_id: String,
    /// Who had it.
    pub recipient: String,
    /// Its file name in the folder.
    pub file: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The file names that e-mails got, by Message-ID: `0001.eml` and on.
#[derive(Debug, Default)]
pub struct Names(HashMap<String, String>);

impl Names {
    fn of(&mut self, message_id: &str) -> String {
        let next = self.0.len() + 1;
        self.0.entry(message_id.to_owned()).or_insert_with(|| format!("{next:04}.eml")).clone()
    }
}

impl Pipeline {
    /// Delivers everything that is due into `folder`. The same e-mail to several readers is one file.
    ///
    /// # Errors
    ///
    /// Where the folder cannot be written; what was not delivered stays due.
    pub async fn deliver(&self, folder: &Folder, names: &mut Names, now: Timestamp) -> Result<Vec<Delivered>> {
        let mut delivered = Vec::new();
        let lease_end = now.checked_add(LEASE).unwrap_or(Timestamp::MAX);
        loop {
            let mut tx = self.store.begin().await?;
            let Some(due) = outbox::claim_due(tx.db(), now, lease_end).await? else {
                tx.commit().await?;
                return Ok(delivered);
            };
            outbox::mark_sending(tx.db(), &due, now).await?;
            tx.commit().await?;
            let file = names.of(&due.message_id);
            folder.deliver(&file, &due.bytes).map_err(|source| PipelineError::Folder { path: file.clone(), source })?;
            let mut tx = self.store.begin().await?;
            outbox::sent(tx.db(), due.id, now, &file).await?;
            tx.commit().await?;
            delivered.push(Delivered { message_id: due.message_id, recipient: due.recipient, file, bytes: due.bytes });
        }
    }
}
