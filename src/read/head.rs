//! The header of a message, as far as machines show in it.
//!
//! Asks about field names, the author's address and the subject; the answers
//! are evidence, weighed elsewhere.

use mail_parser::Message;

use super::message::Address;
use super::packs::is_subject_prefix;
use super::words::{Phrases, WORDS, fold};

/// Author and readers are known up to here.
const LONGEST_PARTIES: usize = 10_000;

/// The header of a message, as far as machines show in it.
pub(super) struct Head<'a> {
    fields: Vec<(String, String)>,
    /// Folded, without a tag in brackets before it.
    pub(super) subject: String,
    /// Folded, as it is.
    whole_subject: String,
    from: Option<&'a Address>,
    local: String,
    /// Author and readers as written, lower case.
    parties: String,
}

impl<'a> Head<'a> {
    pub(super) fn new(mail: &Message<'_>, subject: &str, from: Option<&'a Address>) -> Self {
        let headers = mail.parts.first().map(|root| root.headers.as_slice()).unwrap_or_default();
        let field = |header: &mail_parser::Header<'_>| {
            let range = header.offset_start() as usize..header.offset_end() as usize;
            let value = String::from_utf8_lossy(mail.raw_message.get(range).unwrap_or_default());
            (header.name().to_ascii_lowercase(), value.trim().to_owned())
        };
        let folded = fold(subject);
        let bare = match folded.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((_, rest)) if !rest.trim().is_empty() => rest.trim().to_owned(),
            _ => folded.trim_start_matches(['*', ' ', '<', '"', '#', '\'']).to_owned(),
        };
        let local = from.and_then(|from| {
            from.address.rsplit_once('@').map_or(Some(from.address.as_str()), |(local, _)| Some(local))
        });
        let fields: Vec<(String, String)> = headers.iter().map(field).collect();
        let named =
            fields.iter().filter(|(name, _)| name == "to" || name == "from").map(|(_, value)| value.to_lowercase());
        let mut parties = named.collect::<Vec<_>>().join(" ");
        parties.truncate(parties.floor_char_boundary(LONGEST_PARTIES));
        Self {
            fields,
            subject: bare,
            whole_subject: folded,
            from,
            local: local.unwrap_or_default().to_lowercase(),
            parties,
        }
    }

    /// The values of a field, given in lower case.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.fields.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn value(&self, name: &str) -> &str {
        self.values(name).next().unwrap_or_default()
    }

    /// Whether the field is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(field, _)| field == name)
    }

    pub(super) fn any(&self, names: &[String]) -> bool {
        self.named(names).next().is_some()
    }

    /// Whether one of the fields is there and does not say no.
    pub(super) fn any_true(&self, names: &[String]) -> bool {
        self.named(names).any(|value| !matches!(value.to_lowercase().as_str(), "no" | "false" | "0"))
    }

    pub(super) fn named<'s>(&'s self, names: &'s [String]) -> impl Iterator<Item = &'s str> {
        let is =
            |field: &str, name: &String| name.strip_suffix('*').map_or(field == name, |start| field.starts_with(start));
        self.fields
            .iter()
            .filter(move |(field, _)| names.iter().any(|name| is(field, name)))
            .map(|(_, value)| value.as_str())
    }

    /// Whether it answers another message.
    pub(super) fn answers(&self) -> bool {
        ["in-reply-to", "references"].iter().any(|name| self.values(name).any(|value| value.contains('@')))
    }

    /// Whether the sending system wants no report about it. Mail that a rule
    /// redirects may have lost its path on the way, which says nothing.
    pub(super) fn null_path(&self) -> bool {
        let redirected = ["resent-from", "x-forwarded-to", "x-forwarded-for", "x-ms-exchange-inbox-rules-loop"];
        !redirected.iter().any(|name| self.has(name))
            && self.values("return-path").any(|value| {
                let path = value.trim_matches(['<', '>', ' ', '"']).to_lowercase();
                (path.is_empty() && value.contains('<')) || path.starts_with("mailer-daemon")
            })
    }

    /// Whether a mail server signs as author.
    pub(super) fn is_daemon(&self) -> bool {
        let written = fold(self.value("from"));
        let named = WORDS.senders.daemon_names.found(&written)
            && (self.local.is_empty() || written.contains("mailer") || written.contains("deliver"));
        self.local_begins(&WORDS.senders.daemons)
            || named
            || (written.contains("<>") && !self.has("list-id"))
            || written.starts_with("mailer-daemon")
    }

    /// Whether the author's address refuses answers.
    pub(super) fn is_no_reply(&self) -> bool {
        let names = &WORDS.senders.no_reply;
        let domain = self.domain().unwrap_or_default();
        self.local_begins(names)
            || names.iter().any(|name| {
                name.len() >= 7 && (self.local.contains(name.as_str()) || domain.split('.').any(|label| label == name))
            })
    }

    /// Whether its address is that of a mailing.
    pub(super) fn is_mailing(&self) -> bool {
        let names = &WORDS.senders.mailings;
        let labels = self.domain().map(|domain| domain.split('.').rev().skip(2)).into_iter().flatten();
        let name = fold(self.from.map_or("", |from| &from.name));
        WORDS.senders.mailing_names.found(&name)
            || self.local_begins(names)
            || labels.into_iter().any(|label| names.iter().any(|name| name == label))
    }

    /// Whether a list's owner address passed on what somebody else wrote.
    pub(super) fn is_relayed(&self) -> bool {
        let sender = self.value("sender").to_lowercase();
        let sender = sender.rsplit('<').next().unwrap_or_default().trim_matches(['<', '>', ' ']);
        let local = sender.split('@').next().unwrap_or_default();
        let owner = local.starts_with("owner-")
            || ["-owner", "-admin", "-bounces", "-request"].iter().any(|end| local.ends_with(end));
        owner && !self.is_party(sender)
    }

    /// Whether the subject says that it answers or forwards.
    pub(super) fn is_reply(&self) -> bool {
        let Some((prefix, _)) = self.subject.split_once([':', '：']) else {
            return false;
        };
        let prefix = prefix.split(['[', '(', '^']).next().unwrap_or_default().trim();
        is_subject_prefix(prefix)
    }

    pub(super) fn is_role(&self) -> bool {
        self.local_begins(&WORDS.senders.roles) || self.is_no_reply()
    }

    pub(super) fn local_begins(&self, names: &[String]) -> bool {
        let ends = |rest: &str| rest.chars().next().is_none_or(|c| !c.is_alphabetic());
        names.iter().any(|name| self.local.strip_prefix(name.as_str()).is_some_and(ends))
    }

    pub(super) fn domain(&self) -> Option<&str> {
        self.from.and_then(|from| from.address.rsplit_once('@')).map(|(_, domain)| domain)
    }

    /// Whether the address is the author's or a reader's of this message.
    pub(super) fn is_party(&self, address: &str) -> bool {
        self.from.is_some_and(|from| from.address.eq_ignore_ascii_case(address)) || self.parties.contains(address)
    }

    pub(super) fn says_automatic(&self) -> bool {
        let enclosed = |(start, end): (usize, usize)| {
            let before = self.whole_subject.get(..start).unwrap_or_default();
            let after = self.whole_subject.get(end..).unwrap_or_default();
            before.ends_with(['(', '[', '<', '【', '*']) && after.starts_with([')', ']', '>', '】', '*'])
        };
        let automatic = &WORDS.subjects.automatic;
        begins(automatic, &self.subject) || (!self.is_reply() && automatic.spans(&self.whole_subject).any(enclosed))
    }

    /// Whether a program for automatic answers sent it.
    pub(super) fn is_responder(&self) -> bool {
        ["x-mailer", "user-agent"].iter().any(|name| WORDS.senders.responders.found(&fold(self.value(name))))
    }

    pub(super) fn says_absent(&self) -> bool {
        begins(&WORDS.subjects.absent, &self.subject)
    }
}

/// Whether the subject begins with such a word, and something it is said of follows.
pub(super) fn begins(words: &Phrases, subject: &str) -> bool {
    let Some(rest) = words.after_beginning(subject) else {
        return false;
    };
    let rest = rest.trim_start_matches([' ', '!', ')', '"', '\'']);
    rest.is_empty() || rest.starts_with([':', '：', '-', '–', '—', '(', '[', '<', '|', '/', '*'])
}
