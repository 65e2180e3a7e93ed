//! What lies in a folder, and its bytes. Only UID, size, date of arrival and the message itself are ever
//! asked for: a structure made of a stranger's mail would be parsed by recursion.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use async_imap::imap_proto::{AttributeValue, MailboxDatum, Response};
use jiff::Timestamp;

use super::command::{folder, set};
use super::error::{ImapError, is_busy};
use super::{Listed, Session};

/// Messages up to this size come whole.
const WHOLE: u64 = 8 * 1024 * 1024;
/// Larger ones come in slices of this size.
const SLICE: u64 = 1024 * 1024;
/// The most messages that one command names: longer lines are refused by some servers.
const AT_ONCE: usize = 500;
/// The slowest connection over which a message still comes.
const BYTES_A_SECOND: u64 = 32 * 1024;

const HAND_OUT: &str = "hand out messages";

/// What was said of a slice.
enum Slice {
    /// Nothing: the message is gone.
    Gone,
    /// There is nothing from there on.
    Empty,
    /// Bytes; the server says whether it kept to what was asked for.
    Bytes { is_part: bool, bytes: Vec<u8> },
}

impl Session {
    /// UIDs from `first` on, ascending.
    ///
    /// # Errors
    ///
    /// [`ImapError`], and then nothing is known of what there is.
    pub async fn uids_from(&mut self, first: u32) -> Result<Vec<u32>, ImapError> {
        // No UID is 0. The range names the newest message even where its UID is below `first`.
        let first = first.max(1);
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
        let mut found = BTreeMap::new();
        for uids in uids.chunks(AT_ONCE) {
            let wanted: HashSet<u32> = uids.iter().copied().collect();
            let command = format!("UID FETCH {} (UID RFC822.SIZE INTERNALDATE)", set(uids));
            let asked = self.command("say how large its messages are", &command, |response| {
                if let Response::Fetch(_, attributes) = response
                    && let Some(listed) = listed(attributes).filter(|l| wanted.contains(&l.uid))
                {
                    found.insert(listed.uid, listed);
                }
            });
            but_for_the_gone(asked.await)?;
        }
        Ok(found.into_values().collect())
    }

    /// The bytes of messages, each whole, ascending by UID; those that are gone are left out. All are held in
    /// memory: how many at a time is the caller's choice.
    ///
    /// # Errors
    ///
    /// [`ImapError`]; nothing of what came before it is kept. Where the server refuses to hand out one of them,
    /// [`ImapError::Message`] names it.
    pub async fn bodies(&mut self, listed: &[Listed]) -> Result<Vec<(u32, Vec<u8>)>, ImapError> {
        let mut found = BTreeMap::new();
        for listed in listed.chunks(AT_ONCE) {
            match self.whole(listed, &mut found).await {
                // Which one it means, it does not say.
                Err(ImapError::Message { .. }) if listed.len() > 1 => {
                    for one in listed.iter().filter(|l| !found.contains_key(&l.uid)).collect::<Vec<_>>() {
                        self.whole(std::slice::from_ref(one), &mut found).await?;
                    }
                }
                other => other?,
            }
        }
        Ok(found.into_iter().collect())
    }

    async fn whole(&mut self, listed: &[Listed], found: &mut BTreeMap<u32, Vec<u8>>) -> Result<(), ImapError> {
        let uids: Vec<u32> = listed.iter().map(|l| l.uid).collect();
        let wanted: HashSet<u32> = uids.iter().copied().collect();
        let largest = listed.iter().map(|l| l.size_bytes).max().unwrap_or(0);
        let command = format!("UID FETCH {} (UID BODY.PEEK[])", set(&uids));
        let asked = self.patient_command((HAND_OUT, self.patience(largest)), &command, |response| {
            if let Response::Fetch(_, attributes) = response
                && let Some((uid, Some((_, bytes)))) = body(attributes)
                && wanted.contains(&uid)
            {
                found.insert(uid, bytes.to_vec());
            }
        });
        of_message(but_for_the_gone(asked.await), uids.first().copied().unwrap_or(0))
    }

    /// How long bytes may take, on a slow connection.
    fn patience(&self, size_bytes: u64) -> Duration {
        self.timeouts.command + Duration::from_secs(size_bytes / BYTES_A_SECOND)
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
            return Ok(found.into_iter().next().map(|(_, bytes)| cut(bytes, most)));
        }
        // One piece of memory, of the size that the server names: growing it would take twice as much.
        let mut all: Vec<u8> = Vec::with_capacity(usize::try_from(size_bytes.min(most)).unwrap_or(0));
        loop {
            let have = all.len() as u64;
            let want = SLICE.min(most.saturating_sub(have));
            if want == 0 {
                return Ok(Some(all));
            }
            match self.slice(uid, have, want).await? {
                Slice::Gone => return Ok(None),
                Slice::Empty => return Ok(Some(all)),
                // A server without slices sends the whole each time: once is enough.
                Slice::Bytes { is_part: false, bytes } if have == 0 => return Ok(Some(cut(bytes, most))),
                Slice::Bytes { is_part: true, bytes } if bytes.len() as u64 <= want => {
                    all.extend_from_slice(&bytes);
                    // Sizes are estimates with some servers: the end is where less comes than was asked for.
                    if (bytes.len() as u64) < want {
                        return Ok(Some(all));
                    }
                }
                Slice::Bytes { .. } => {
                    let reason = "it is not the part of the message that was asked for".to_owned();
                    return Err(ImapError::Garbled { step: HAND_OUT, reason });
                }
            }
        }
    }

    async fn slice(&mut self, uid: u32, from: u64, length: u64) -> Result<Slice, ImapError> {
        let mut slice = Slice::Gone;
        let command = format!("UID FETCH {uid} (UID BODY.PEEK[]<{from}.{length}>)");
        let asked = self.patient_command((HAND_OUT, self.patience(length)), &command, |response| {
            if let Response::Fetch(_, attributes) = response
                && let Some((_, data)) = body(attributes).filter(|(found, _)| *found == uid)
            {
                slice = match data {
                    Some((origin, bytes)) => {
                        Slice::Bytes { is_part: origin.map(u64::from) == Some(from), bytes: bytes.to_vec() }
                    }
                    // Past the end some say so. At the beginning it means that there is no message.
                    None if from > 0 => Slice::Empty,
                    None => Slice::Gone,
                };
            }
        });
        of_message(but_for_the_gone(asked.await), uid)?;
        Ok(slice)
    }

    /// The header fields of a message; `None` where it is gone.
    ///
    /// # Errors
    ///
    /// [`ImapError`].
    pub async fn headers(&mut self, uid: u32) -> Result<Option<Vec<u8>>, ImapError> {
        let mut found = None;
        let command = format!("UID FETCH {uid} (UID BODY.PEEK[HEADER])");
        let asked = self.command("hand out the head of a message", &command, |response| {
            if let Response::Fetch(_, attributes) = response
                && let Some((_, Some((_, bytes)))) = body(attributes).filter(|(found, _)| *found == uid)
            {
                found = Some(bytes.to_vec());
            }
        });
        of_message(but_for_the_gone(asked.await), uid)?;
        Ok(found)
    }

    /// Flags messages as seen.
    ///
    /// # Errors
    ///
    /// [`ImapError`]; doing it again does no harm.
    pub async fn flag(&mut self, uids: &[u32]) -> Result<(), ImapError> {
        for uids in uids.chunks(AT_ONCE) {
            let command = format!("UID STORE {} +FLAGS.SILENT (\\Seen)", set(uids));
            but_for_the_gone(self.command("flag messages", &command, |_| {}).await)?;
        }
        Ok(())
    }

    /// Moves messages to another folder. Where the server cannot, they are copied, and deleted here
    /// as far as it can be told to delete these alone.
    ///
    /// # Errors
    ///
    /// [`ImapError`]; nothing is lost, at worst a message lies in both folders.
    pub async fn move_to(&mut self, uids: &[u32], to: &str) -> Result<(), ImapError> {
        for uids in uids.chunks(AT_ONCE) {
            let moved = self.move_some(&set(uids), &folder(to)).await;
            moved.map_err(|error| match error {
                ImapError::No { step: MOVE | COPY, code, words } => {
                    ImapError::Target { folder: to.to_owned(), code, words }
                }
                other => other,
            })?;
        }
        Ok(())
    }

    async fn move_some(&mut self, set: &str, to: &str) -> Result<(), ImapError> {
        if self.can("MOVE") {
            return but_for_the_gone(self.command(MOVE, &format!("UID MOVE {set} {to}"), |_| {}).await);
        }
        // Without an answer that all is copied, nothing is deleted.
        self.command(COPY, &format!("UID COPY {set} {to}"), |_| {}).await?;
        let delete = format!("UID STORE {set} +FLAGS.SILENT (\\Seen \\Deleted)");
        but_for_the_gone(self.command("mark messages as deleted", &delete, |_| {}).await)?;
        if self.can("UIDPLUS") {
            self.command("delete messages", &format!("UID EXPUNGE {set}"), |_| {}).await?;
        }
        Ok(())
    }
}

const MOVE: &str = "move messages";
const COPY: &str = "copy messages";

/// That some of what was asked for is gone is no failure (RFC 5530): the rest was done.
fn but_for_the_gone(outcome: Result<(), ImapError>) -> Result<(), ImapError> {
    match outcome {
        Err(ImapError::No { code, .. }) if code == "EXPUNGEISSUED" => Ok(()),
        other => other,
    }
}

/// A refusal to hand out a message is about it, unless the server asks for patience.
fn of_message(outcome: Result<(), ImapError>, uid: u32) -> Result<(), ImapError> {
    outcome.map_err(|error| match error {
        ImapError::No { code, words, .. } if !is_busy(&code, &words) => ImapError::Message { uid, code, words },
        other => other,
    })
}

/// No more than so many bytes.
fn cut(mut bytes: Vec<u8>, most: u64) -> Vec<u8> {
    bytes.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    bytes
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

/// The UID of a message with what was said of its bytes, and where these begin if they are a part.
#[expect(clippy::type_complexity, reason = "three words, used on the spot")]
fn body<'a>(attributes: &'a [AttributeValue<'_>]) -> Option<(u32, Option<(Option<u32>, &'a [u8])>)> {
    let data = attributes.iter().find_map(|a| match a {
        AttributeValue::BodySection { index, data, .. } => Some(data.as_deref().map(|data| (*index, data))),
        _ => None,
    })?;
    Some((uid_of(attributes)?, data))
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
