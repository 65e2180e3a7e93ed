//! What lies in a folder, and its bytes. Only UID, size, date of arrival and the message itself are ever
//! asked for: a structure made of a stranger's mail would be parsed by recursion.

use std::collections::BTreeMap;

use async_imap::imap_proto::{AttributeValue, MailboxDatum, Response};
use jiff::Timestamp;

use super::command::{folder, set};
use super::error::ImapError;
use super::{Listed, Session};

/// Messages up to this size come whole.
const WHOLE: u64 = 8 * 1024 * 1024;
/// Larger ones come in slices of this size.
const SLICE: u64 = 1024 * 1024;

impl Session {
    /// UIDs from `first` on, ascending.
    ///
    /// # Errors
    ///
    /// [`ImapError`], and then nothing is known of what there is.
    pub async fn uids_from(&mut self, first: u32) -> Result<Vec<u32>, ImapError> {
        // The range names the newest message even where its UID is below `first`.
        let found = self.search(&format!("UID {first}:*")).await?;
        Ok(found.into_iter().filter(|uid| *uid >= first).collect())
    }

    /// UIDs of messages that arrived since a day before `since`, ascending.
    ///
    /// # Errors
    ///
    /// [`ImapError`], and then nothing is known of what there is.
    pub async fn uids_since(&mut self, since: Timestamp) -> Result<Vec<u32>, ImapError> {
        // The server's day may begin and end elsewhere.
        let day = since.checked_sub(jiff::SignedDuration::from_hours(24)).unwrap_or(Timestamp::MIN);
        let day = day.to_zoned(jiff::tz::TimeZone::UTC).strftime("%d-%b-%Y").to_string();
        self.search(&format!("SINCE {day}")).await
    }

    async fn search(&mut self, criteria: &str) -> Result<Vec<u32>, ImapError> {
        let mut found = Vec::new();
        self.command("list its messages", &format!("UID SEARCH {criteria}"), |response| {
            if let Response::MailboxData(MailboxDatum::Search(uids)) = response {
                found.extend_from_slice(uids);
            }
        })
        .await?;
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Size and arrival of messages, ascending by UID; those that are gone are left out.
    ///
    /// # Errors
    ///
    /// [`ImapError`].
    pub async fn sizes(&mut self, uids: &[u32]) -> Result<Vec<Listed>, ImapError> {
        if uids.is_empty() {
            return Ok(Vec::new());
        }
        let mut found = BTreeMap::new();
        let command = format!("UID FETCH {} (UID RFC822.SIZE INTERNALDATE)", set(uids));
        self.command("say how large its messages are", &command, |response| {
            if let Response::Fetch(_, attributes) = response
                && let Some(listed) = listed(attributes)
            {
                found.insert(listed.uid, listed);
            }
        })
        .await?;
        found.retain(|uid, _| uids.contains(uid));
        Ok(found.into_values().collect())
    }

    /// The bytes of messages, each whole, ascending by UID; those that are gone are left out.
    ///
    /// # Errors
    ///
    /// [`ImapError`]; nothing of what came before it is kept.
    pub async fn bodies(&mut self, listed: &[Listed]) -> Result<Vec<(u32, Vec<u8>)>, ImapError> {
        if listed.is_empty() {
            return Ok(Vec::new());
        }
        let uids: Vec<u32> = listed.iter().map(|l| l.uid).collect();
        let mut found = BTreeMap::new();
        let command = format!("UID FETCH {} (UID BODY.PEEK[])", set(&uids));
        self.command("hand out messages", &command, |response| {
            if let Response::Fetch(_, attributes) = response
                && let Some((uid, bytes)) = body(attributes)
            {
                found.insert(uid, bytes.to_vec());
            }
        })
        .await?;
        found.retain(|uid, _| uids.contains(uid));
        Ok(found.into_iter().collect())
    }

    /// The bytes of a message, at most `most` of them; `None` where it is gone.
    ///
    /// # Errors
    ///
    /// [`ImapError`]; a message cut short by the server is none.
    pub async fn body(&mut self, uid: u32, size_bytes: u64, most: u64) -> Result<Option<Vec<u8>>, ImapError> {
        if size_bytes < WHOLE && size_bytes <= most {
            let listed = Listed { uid, size_bytes, arrived_at: None };
            let found = self.bodies(&[listed]).await?;
            return Ok(found.into_iter().next().map(|(_, bytes)| bytes));
        }
        let mut bytes: Vec<u8> = Vec::new();
        loop {
            let have = bytes.len() as u64;
            let want = SLICE.min(most.saturating_sub(have));
            if want == 0 {
                return Ok(Some(bytes));
            }
            let mut slice = None;
            let command = format!("UID FETCH {uid} (UID BODY.PEEK[]<{have}.{want}>)");
            self.command("hand out a message", &command, |response| {
                if let Response::Fetch(_, attributes) = response
                    && let Some((_, part)) = body(attributes).filter(|(found, _)| *found == uid)
                {
                    slice = Some(part.to_vec());
                }
            })
            .await?;
            let Some(slice) = slice else { return Ok(None) };
            bytes.extend_from_slice(&slice);
            // Sizes are estimates with some servers: the end is where less comes than was asked for.
            if (slice.len() as u64) < want {
                return Ok(Some(bytes));
            }
        }
    }

    /// The header fields of a message; `None` where it is gone.
    ///
    /// # Errors
    ///
    /// [`ImapError`].
    pub async fn headers(&mut self, uid: u32) -> Result<Option<Vec<u8>>, ImapError> {
        let mut found = None;
        let command = format!("UID FETCH {uid} (UID BODY.PEEK[HEADER])");
        self.command("hand out the head of a message", &command, |response| {
            if let Response::Fetch(_, attributes) = response
                && let Some((_, bytes)) = body(attributes).filter(|(found, _)| *found == uid)
            {
                found = Some(bytes.to_vec());
            }
        })
        .await?;
        Ok(found)
    }

    /// Flags messages as seen.
    ///
    /// # Errors
    ///
    /// [`ImapError`]; doing it again does no harm.
    pub async fn flag(&mut self, uids: &[u32]) -> Result<(), ImapError> {
        if uids.is_empty() {
            return Ok(());
        }
        let command = format!("UID STORE {} +FLAGS.SILENT (\\Seen)", set(uids));
        self.command("flag messages as seen", &command, |_| {}).await
    }

    /// Moves messages to another folder. Where the server cannot, they are copied, and deleted here
    /// as far as it can be told to delete these alone.
    ///
    /// # Errors
    ///
    /// [`ImapError`]; nothing is lost, at worst a message lies in both folders.
    pub async fn move_to(&mut self, uids: &[u32], to: &str) -> Result<(), ImapError> {
        if uids.is_empty() {
            return Ok(());
        }
        let (set, to) = (set(uids), folder(to));
        if self.can("MOVE") {
            return self.command("move messages", &format!("UID MOVE {set} {to}"), |_| {}).await;
        }
        self.command("copy messages", &format!("UID COPY {set} {to}"), |_| {}).await?;
        let delete = format!("UID STORE {set} +FLAGS.SILENT (\\Seen \\Deleted)");
        self.command("mark messages as deleted", &delete, |_| {}).await?;
        if self.can("UIDPLUS") {
            self.command("delete messages", &format!("UID EXPUNGE {set}"), |_| {}).await?;
        }
        Ok(())
    }
}

fn uid_of(attributes: &[AttributeValue<'_>]) -> Option<u32> {
    attributes.iter().find_map(|a| if let AttributeValue::Uid(uid) = a { Some(*uid) } else { None })
}

fn listed(attributes: &[AttributeValue<'_>]) -> Option<Listed> {
    let size = attributes.iter().find_map(|a| if let AttributeValue::Rfc822Size(n) = a { Some(*n) } else { None })?;
    let date = attributes.iter().find_map(|a| if let AttributeValue::InternalDate(d) = a { Some(d) } else { None });
    Some(Listed {
        uid: uid_of(attributes)?,
        size_bytes: size.into(),
        arrived_at: date.and_then(|date| arrived_at(date)),
    })
}

/// `17-Jul-1996 02:44:25 -0700` (RFC 3501 6.4.5); a day of one digit has a blank before it.
fn arrived_at(date: &str) -> Option<Timestamp> {
    Timestamp::strptime("%d-%b-%Y %H:%M:%S %z", date.trim()).ok()
}

fn body<'a>(attributes: &'a [AttributeValue<'_>]) -> Option<(u32, &'a [u8])> {
    let bytes = attributes.iter().find_map(|a| match a {
        AttributeValue::BodySection { data: Some(data), .. } => Some(data.as_ref()),
        _ => None,
    })?;
    Some((uid_of(attributes)?, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_date_is_an_instant() {
        assert_eq!(arrived_at("17-Jul-1996 02:44:25 -0700"), "1996-07-17T09:44:25Z".parse().ok());
        assert_eq!(arrived_at(" 7-Feb-2026 23:00:00 +0100"), "2026-02-07T22:00:00Z".parse().ok());
        assert_eq!(arrived_at("yesterday"), None);
    }
}
