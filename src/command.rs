//! A member's answer to an alert: a reply → an unverified command → the only verified one there is.
//!
//! A reply is known by the token in the address it was sent to, and by nothing else: what stands in
//! its body or subject names no incident. [`verify`] alone makes a [`Verified`], and only where the token
//! was issued to the one author whom our own server vouches for. Whatever fails has no effect. Pure.

mod author;
mod origin;
mod results;
mod verb;
mod when;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::Settings;
use crate::filing::content_hash;
use crate::intake;
use crate::read::{Address, Message, Wrapping};

pub use results::Placed;
pub use verb::{Verb, counts_as_contact};

/// Letters of a token: 160 bits.
const LETTERS: usize = 32;
/// How it is written: lower case, so that no mail system can change it.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// Fields that name the address a message was sent to.
const ADDRESSED: [&str; 6] = ["to", "cc", "delivered-to", "x-original-to", "x-delivered-to", "envelope-to"];
/// Longest line that is taken for a command, in characters.
const LINE: usize = 300;

/// The token that random bytes make.
#[must_use]
pub fn token(chance: [u8; 20]) -> String {
    let mut letters = String::with_capacity(LETTERS);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in chance {
        bits = (bits << 8) | u32::from(byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            let place = usize::try_from((bits >> held) & 31).unwrap_or(0);
            letters.extend(ALPHABET.get(place).map(|letter| char::from(*letter)));
        }
        bits &= (1 << held) - 1;
    }
    letters
}

/// What the store knows a token by. Who reads the store cannot answer for others.
#[must_use]
pub fn hash_of(token: &str) -> String {
    content_hash(token.as_bytes())
}

/// The address that answers with this token go to.
#[must_use]
pub fn reply_address(service: &str, token: &str) -> Option<String> {
    let (local, domain) = service.rsplit_once('@')?;
    Some(format!("{local}+{token}@{domain}"))
}

/// Where the results of authentication in the name of `authserv_id` stand in a message, for those who set it up.
#[must_use]
pub fn placed(raw: &[u8], authserv_id: &str) -> Placed {
    results::placed(&origin::fields(raw), authserv_id)
}

/// Whether a server whose results are trusted found that a message is not of who it says it is of. Such mail
/// can add to what is known and take nothing away: its promises are kept in mind, its kind words calm nothing.
#[must_use]
pub fn is_doubtful(raw: &[u8], message: &Message, settings: &Settings) -> bool {
    let mut ids = settings.mailboxes.iter().filter_map(|mailbox| mailbox.authserv_id.as_deref()).peekable();
    let author = outer_author(message).map_or("", |author| author.address.as_str());
    if ids.peek().is_none() || author.is_empty() {
        return false;
    }
    let fields = origin::fields(raw);
    let is_ours = settings.member(author).is_some();
    ids.any(|id| results::doubt(&fields, id, author, is_ours))
}

/// Who sent what reached us: the author, or who forwarded it.
fn outer_author(message: &Message) -> Option<&Address> {
    if matches!(message.wrapping, Wrapping::Direct | Wrapping::Bcc) {
        message.from.as_ref()
    } else {
        message.carrier.as_ref().and_then(|carrier| carrier.from.as_ref())
    }
}

/// Hash of the token that an alert of ours is answered with.
#[must_use]
pub fn answered_at(alert: &[u8], service: &str) -> Option<String> {
    let (local, domain) = service.rsplit_once('@')?;
    let mut fields = intake::fields(alert).filter(|field| field.name.eq_ignore_ascii_case(b"reply-to"));
    let address = fields.next()?.value().to_lowercase();
    let tokens = tokens_in(&address, &format!("{local}+"), &format!("@{domain}"));
    tokens.first().map(|token| hash_of(token))
}

/// What an alert lets its reader answer to, as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// Hash of the token.
    pub hash: String,
    /// Address of the one it was issued to.
    pub person: String,
    /// The account the alert was about.
    pub account: String,
    /// Its incidents, each with the messages that had been told of by then.
    pub covers: Vec<Covered>,
    /// From when on it counts for nothing.
    pub expires_at: Timestamp,
}

/// One incident in an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Covered {
    /// Its name.
    pub incident: String,
    /// Keys of the messages that had been told, this alert's own included.
    pub keys: Vec<String>,
    /// Keys of those that this alert cites.
    pub cites: Vec<String>,
}

/// A reply to an alert, or what claims to be one. It may do nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unverified {
    token: Result<String, Refusal>,
    line: String,
}

/// Why a reply has no effect. Never told to its sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is addressed to more than one token.
    ManyTokens,
    /// Nobody was given this token.
    UnknownToken,
    /// The token is too old.
    Expired,
    /// The token was issued to somebody else.
    NotTheirs,
    /// There is not exactly one plain author.
    Author,
    /// It was sent on behalf of the author, or sent again.
    OnBehalf,
    /// The author is no member.
    Stranger,
    /// Our server does not vouch for the author, or nobody is set to.
    NotVouched,
    /// It brings results in the name of our server that are not our server's.
    ForgedResults,
    /// No person wrote it.
    Automatic,
    /// It was there before we were watching.
    History,
    /// It has been obeyed already.
    Replayed,
    /// It says nothing above what it quotes.
    Blank,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ManyTokens => "it is addressed to more than one token",
            Self::UnknownToken => "nobody was given its token",
            Self::Expired => "its token is too old",
            Self::NotTheirs => "its token was issued to somebody else",
            Self::Author => "it has not exactly one plain author",
            Self::OnBehalf => "it was sent on behalf of its author, or sent again",
            Self::Stranger => "its author is no member",
            Self::NotVouched => "the server set as `authserv_id` does not vouch for its author",
            Self::ForgedResults => "it brings forged results of authentication",
            Self::Automatic => "no person wrote it",
            Self::History => "it was there before we were watching",
            Self::Replayed => "it has been obeyed already",
            Self::Blank => "it says nothing above what it quotes",
        })
    }
}

/// Who wrote a message, beyond doubt. Made by [`Trust::of`] alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    author: String,
}

impl Trust {
    /// Trusts a message where a person wrote it, the one author is plain, and the server named
    /// `authserv_id` vouches for them.
    ///
    /// # Errors
    ///
    /// Says what is missing.
    pub fn of(raw: &[u8], message: &Message, authserv_id: Option<&str>) -> Result<Self, Refusal> {
        let fields = origin::fields(raw);
        if message.automatic.is_some() || origin::is_automatic(&fields) {
            return Err(Refusal::Automatic);
        }
        let author = author::only(&fields)?;
        // Two readings of one field are how forgeries pass: both must see the same author.
        if outer_author(message).is_none_or(|outer| outer.address != author) {
            return Err(Refusal::Author);
        }
        results::vouch(&fields, authserv_id.ok_or(Refusal::NotVouched)?, &author)?;
        Ok(Self { author })
    }

    /// Address of the author.
    #[must_use]
    pub fn author(&self) -> &str {
        &self.author
    }
}

/// A command that may take effect. Made by [`verify`] alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    issued: Issued,
    line: String,
}

impl Verified {
    /// Who gave it.
    #[must_use]
    pub fn person(&self) -> &str {
        &self.issued.person
    }

    /// What it is about.
    #[must_use]
    pub fn issued(&self) -> &Issued {
        &self.issued
    }

    /// What it asks for; `now` in the zone of the one who gave it.
    #[must_use]
    pub fn verb(&self, now: &jiff::Zoned) -> Verb {
        verb::parse(&self.line, now)
    }
}

/// The reply that a message is, where it is addressed to a token and claims to come from one of us.
/// Mail of strangers is mail like any other, whatever address they found.
#[must_use]
pub fn reply(raw: &[u8], message: &Message, settings: &Settings) -> Option<Unverified> {
    let (local, domain) = settings.service.address.rsplit_once('@')?;
    let (start, end) = (format!("{local}+"), format!("@{domain}"));
    let mut tokens: Vec<String> = Vec::new();
    for field in intake::fields(raw).take(intake::MOST_HEADERS) {
        let name = String::from_utf8_lossy(field.name).to_ascii_lowercase();
        if ADDRESSED.contains(&name.as_str()) {
            tokens.extend(tokens_in(&field.value().to_lowercase(), &start, &end));
        }
    }
    tokens.sort();
    tokens.dedup();
    if tokens.is_empty() || !claims_ours(raw, message, settings) {
        return None;
    }
    let token = if tokens.len() == 1 { tokens.pop().ok_or(Refusal::UnknownToken) } else { Err(Refusal::ManyTokens) };
    Some(Unverified { token, line: first_line(message) })
}

/// Whether it claims to come from one of us, truly or not.
fn claims_ours(raw: &[u8], message: &Message, settings: &Settings) -> bool {
    let is_ours = |address: &str| {
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
        settings.member(address).is_some()
            || settings.service.domains.iter().any(|d| crate::config::is_below(domain, d))
    };
    let outer = message.carrier.as_ref().and_then(|c| c.from.as_ref()).into_iter().chain(&message.from);
    let mut outer = outer.map(|a| a.address.clone());
    outer.any(|address| is_ours(&address)) || author::only(&origin::fields(raw)).is_ok_and(|address| is_ours(&address))
}

/// Every token between `start` and `end`.
fn tokens_in(value: &str, start: &str, end: &str) -> Vec<String> {
    let after = value.split(start).skip(1);
    let is_letter = |c: char| c.is_ascii() && ALPHABET.contains(&u8::try_from(c).unwrap_or(0));
    after
        .filter_map(|rest| rest.split_at_checked(LETTERS))
        .filter(|(token, rest)| token.chars().all(is_letter) && rest.starts_with(end))
        .map(|(token, _)| token.to_owned())
        .collect()
}

/// The first line that says something, of what was written now.
fn first_line(message: &Message) -> String {
    let above = message.note.as_deref().filter(|note| !note.trim().is_empty());
    let is_around = matches!(message.wrapping, Wrapping::Inline | Wrapping::Attached);
    let text = if is_around { above.unwrap_or_default() } else { &message.texts.new_text };
    let said = text.lines().map(str::trim).find(|line| line.chars().any(|c| !c.is_whitespace() && !is_hidden(c)));
    said.unwrap_or_default().chars().filter(|c| !is_hidden(*c)).take(LINE).collect()
}

fn is_hidden(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{ad}')
}

impl Unverified {
    /// Hash of the one token it is addressed to.
    ///
    /// # Errors
    ///
    /// Where there is more than one.
    pub fn token_hash(&self) -> Result<String, Refusal> {
        self.token.as_ref().map(|token| hash_of(token)).map_err(|refusal| *refusal)
    }
}

/// Makes a reply a command: the token in it was issued, to the author who is trusted, and holds still.
///
/// # Errors
///
/// Says what is wrong with it; then it has no effect at all.
pub fn verify(reply: &Unverified, issued: Option<Issued>, trust: &Trust, now: Timestamp) -> Result<Verified, Refusal> {
    let hash = reply.token_hash()?;
    let issued = issued.filter(|issued| issued.hash == hash).ok_or(Refusal::UnknownToken)?;
    if now >= issued.expires_at {
        return Err(Refusal::Expired);
    }
    if issued.person != trust.author {
        return Err(Refusal::NotTheirs);
    }
    if reply.line.is_empty() {
        return Err(Refusal::Blank);
    }
    Ok(Verified { issued, line: reply.line.clone() })
}
