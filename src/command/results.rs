//! Who vouches for an author: Authentication-Results (RFC 8601), of our own server alone.
//!
//! Only fields count that stand where nobody but our servers can write: above the field by which
//! the server that took the message from outside says so (`Received`), or, for those that write it
//! below that field, the first one there. Anybody can send results in our name: further down
//! they are a forgery, and the message is trusted in nothing.

use super::{Refusal, origin};

/// Servers that write their results below their own `Received`.
const BELOW: [&str; 1] = ["mx.google.com"];
/// Longest field that is read, in bytes.
const LONGEST: usize = 16_384;

/// One method and what came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Outcome {
    method: String,
    result: String,
    /// `header.from`, `smtp.auth` and so on.
    properties: Vec<(String, String)>,
}

impl Outcome {
    fn property(&self, name: &str) -> Option<&str> {
        let mut of_name = self.properties.iter().filter(|(known, _)| known == name);
        let (Some((_, value)), None) = (of_name.next(), of_name.next()) else { return None };
        Some(value)
    }

    /// The domain that signed; some servers name only the identity that it signed for.
    fn signer(&self) -> Option<&str> {
        let named = self.properties.iter().any(|(known, _)| known == "header.d");
        if named {
            self.property("header.d")
        } else {
            self.property("header.i")?.rsplit_once('@').map(|(_, domain)| domain)
        }
    }

    fn passes(&self, method: &str) -> bool {
        self.method == method && self.result == "pass"
    }
}

/// Whether the server `id` says that `author` is who they claim to be: the message was sent by a user of
/// that address, or passed DMARC, or is signed by the author's own domain.
///
/// # Errors
///
/// Where it does not say so, contradicts itself, or somebody else speaks in its name.
pub(super) fn vouch(fields: &[(String, String)], id: &str, author: &str) -> Result<(), Refusal> {
    let (outcomes, forged) = ours(fields, &id.to_ascii_lowercase());
    if forged {
        return Err(Refusal::ForgedResults);
    }
    let domain = domain_of(author);
    let dmarc: Vec<&Outcome> = outcomes.iter().filter(|outcome| outcome.method == "dmarc").collect();
    let contradicts = dmarc.iter().any(|one| one.result != "pass" && one.result != "none")
        || dmarc.iter().zip(dmarc.iter().skip(1)).any(|(one, next)| one != next)
        || outcomes
            .iter()
            .any(|outcome| outcome.method == "auth" && !["pass", "none"].contains(&outcome.result.as_str()));
    let users = outcomes.iter().filter(|outcome| outcome.passes("auth"));
    let mut users = users.filter_map(|outcome| outcome.property("smtp.auth")).peekable();
    if contradicts {
        return Err(Refusal::NotVouched);
    }
    // Somebody who logged in says more than any signature: then it must be the author.
    let vouched = if users.peek().is_some() {
        users.all(|user| user == author)
    } else {
        outcomes.iter().any(|outcome| {
            (outcome.passes("dmarc") && outcome.property("header.from") == Some(domain))
                || (outcome.passes("dkim") && outcome.signer() == Some(domain))
        })
    };
    if vouched && !domain.is_empty() { Ok(()) } else { Err(Refusal::NotVouched) }
}

/// Whether the server `id` found something wrong with a message that says it is of `author`: that it failed, or,
/// where it says that it is of one of us, that it did not pass. What nobody looked at is not doubted: it never
/// came from outside. Nor is what an earlier hop said, which every forwarded message brings along.
pub(super) fn doubt(fields: &[(String, String)], id: &str, author: &str, is_ours: bool) -> bool {
    let (outcomes, _) = ours(fields, &id.to_ascii_lowercase());
    let domain = domain_of(author);
    let failed = |one: &Outcome| {
        one.result == "fail"
            && (one.method == "auth"
                || (one.method == "dmarc" && one.property("header.from").is_none_or(|from| from == domain)))
    };
    let passes = outcomes.iter().any(|one| {
        one.passes("auth")
            || (one.passes("dmarc") && one.property("header.from") == Some(domain))
            || (one.passes("dkim") && one.signer() == Some(domain))
    });
    outcomes.iter().any(failed) || (is_ours && !outcomes.is_empty() && !passes)
}

fn domain_of(author: &str) -> &str {
    author.rsplit_once('@').map_or("", |(_, domain)| domain)
}

/// What our server found, and whether somebody else speaks in its name.
fn ours(fields: &[(String, String)], id: &str) -> (Vec<Outcome>, bool) {
    let mut outcomes = Vec::new();
    let mut forged = false;
    let mut zone = Zone::Above;
    for (name, value) in fields {
        if name == "received" {
            zone = zone.after(value, id);
            continue;
        }
        if name != "authentication-results" {
            continue;
        }
        match parse(value) {
            Some((by, found)) if by == id => {
                if zone == Zone::Outside {
                    forged = true;
                    continue;
                }
                outcomes.extend(found);
                if zone == Zone::Below {
                    zone = Zone::Outside;
                }
            }
            None if value.to_ascii_lowercase().contains(id) => forged = true,
            // Somebody else's, who may say what they like.
            Some(_) | None => {}
        }
    }
    (outcomes, forged)
}

/// Where results in the name of a server stand in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Placed {
    /// There are none.
    Nowhere,
    /// Where anybody can write: they count for nothing.
    TooLow,
    /// Where only our servers write.
    Well,
}

/// Where the results in the name of `id` stand in a header.
pub(super) fn placed(fields: &[(String, String)], id: &str) -> Placed {
    match ours(fields, &id.to_ascii_lowercase()) {
        (_, true) => Placed::TooLow,
        (outcomes, false) if outcomes.is_empty() => Placed::Nowhere,
        _ => Placed::Well,
    }
}

/// Where in the header we are, from the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Zone {
    /// Only our servers write here.
    Above,
    /// Below the field of a server that writes its results there.
    Below,
    /// Anybody may have written it.
    Outside,
}

impl Zone {
    /// Where a `Received` leads. Handed on by LMTP, or without saying from where, it was among our own servers.
    fn after(self, received: &str, id: &str) -> Self {
        if self != Self::Above {
            return Self::Outside;
        }
        let words = origin::words(received.rsplit_once(';').map_or(received, |(trace, _)| trace)).unwrap_or_default();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["from", _, "by", _, "with", how, ..] if how.starts_with("lmtp") => Self::Above,
            ["by", ..] if !received.contains("userid") => Self::Above,
            ["from", _, "by", by, ..] if *by == id && BELOW.contains(&id) => Self::Below,
            _ => Self::Outside,
        }
    }
}

/// Who speaks and what was found; `None` where the field breaks the grammar.
fn parse(value: &str) -> Option<(String, Vec<Outcome>)> {
    if value.len() > LONGEST {
        return None;
    }
    let mut parts = parts(value)?.into_iter();
    let head = parts.next()?;
    let (id, version) = head.split_first()?;
    if !matches!(version, [] | [_]) || !version.iter().all(|v| v.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    let mut outcomes = Vec::new();
    for part in parts {
        let Some((first, rest)) = part.split_first() else { continue };
        if first == "none" && rest.is_empty() {
            continue;
        }
        let (method, result) = first.split_once('=')?;
        let method = method.split('/').next().unwrap_or_default().to_owned();
        let properties = rest.iter().map(|word| word.split_once('=')).collect::<Option<Vec<_>>>()?;
        let properties = properties.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        outcomes.push(Outcome { method, result: result.to_owned(), properties });
    }
    Some((id.clone(), outcomes))
}

/// The words of each part between semicolons, lower case, without comments; quotation keeps its content.
fn parts(value: &str) -> Option<Vec<Vec<String>>> {
    let mut parts = vec![Vec::new()];
    let (mut word, mut depth, mut quoted) = (String::new(), 0_usize, false);
    let mut chars = value.chars();
    let end = |word: &mut String, parts: &mut Vec<Vec<String>>| {
        let word = std::mem::take(word);
        if let Some(part) = parts.last_mut().filter(|_| !word.is_empty()) {
            part.push(word);
        }
    };
    while let Some(c) = chars.next() {
        match c {
            '\\' if depth > 0 => drop(chars.next()),
            '\\' if quoted => word.extend(chars.next()),
            '(' if !quoted => depth += 1,
            ')' if depth > 0 => depth -= 1,
            _ if depth > 0 => {}
            '"' => quoted = !quoted,
            // What a stranger named is quoted, and stays one word whatever it says.
            c if quoted && !c.is_control() => word.extend(c.to_lowercase()),
            ';' => {
                end(&mut word, &mut parts);
                parts.push(Vec::new());
            }
            c if c.is_whitespace() && !quoted => end(&mut word, &mut parts),
            c if c.is_control() => return None,
            c => word.extend(c.to_lowercase()),
        }
    }
    end(&mut word, &mut parts);
    (depth == 0 && !quoted).then_some(parts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The fields of a header.
    fn fields(head: &str) -> Vec<(String, String)> {
        let unfolded = head.replace("\n ", " ");
        let field = |line: &str| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        unfolded.lines().filter_map(field).collect()
    }

    #[test]
    fn results_are_found_where_known_servers_write_them() {
        let google = "Delivered-To: watch@firm.example\nReceived: by 2002:a05:6a10:1234:b0:4a with SMTP id k1csp1;\n Mon, 2 Mar 2026 02:00:00 -0800 (PST)\nX-Received: by 2002:a17:906:1 with SMTP id q1mr1;\n Mon, 2 Mar 2026 02:00:00 -0800 (PST)\nARC-Authentication-Results: i=1; mx.google.com; dmarc=fail\nReturn-Path: <dana@firm.example>\nReceived: from mail-sor-f41.google.com (mail-sor-f41.google.com. [209.85.220.41])\n by mx.google.com with SMTPS id z1sor1.0.2026.03.02.02.00.00\n for <watch@firm.example> (Google Transport Security);\n Mon, 02 Mar 2026 02:00:00 -0800 (PST)\nReceived-SPF: pass (google.com: domain of dana@firm.example designates 209.85.220.41 as permitted sender) client-ip=209.85.220.41;\n";
        let result = "Authentication-Results: mx.google.com;\n dkim=pass header.i=@firm.example header.s=google header.b=aB+c/d1x;\n spf=pass (google.com: domain of dana@firm.example designates 209.85.220.41 as permitted sender) smtp.mailfrom=dana@firm.example\n";
        let dmarc =
            result.trim_end().to_owned() + ";\n dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=firm.example\n";
        let next =
            "Received: from [10.0.0.1] by smtp.gmail.com with ESMTPSA id x; Mon, 02 Mar 2026 02:00:00 -0800 (PST)\n";
        let postfix = "Return-Path: <dana@firm.example>\nDelivered-To: watch@firm.example\nReceived: from mail.firm.example by mail.firm.example with LMTP id x (envelope-from <dana@firm.example>); Mon, 02 Mar 2026 10:00:00 +0000\nAuthentication-Results: mail.firm.example; auth=pass smtp.auth=dana@firm.example\nReceived: from desk (unknown [192.0.2.7]) by mail.firm.example (Postfix) with ESMTPSA id y; Mon, 02 Mar 2026 10:00:00 +0000\n";
        let office = "Received: from a.prod.outlook.com by b.prod.outlook.com with HTTPS; Mon, 2 Mar 2026 10:00:00 +0000\nAuthentication-Results: dkim=none (message not signed) header.d=none;dmarc=none action=none header.from=firm.example;\n";
        let forged = "Authentication-Results: mx.google.com; dmarc=pass header.from=firm.example\n";
        #[rustfmt::skip]
        let cases = [
            ("Google, signed",            format!("{google}{result}{next}"),         "mx.google.com",     true),
            ("Google, DMARC",             format!("{google}{dmarc}{next}"),          "mx.google.com",     true),
            ("Google, nothing of its own", format!("{google}{next}{forged}"),        "mx.google.com",     false),
            ("Google, and a forgery",     format!("{google}{result}{forged}{next}"), "mx.google.com",     false),
            ("Google, for others",        format!("{google}{dmarc}{next}"),          "mail.firm.example", false),
            ("Postfix and Dovecot",       postfix.to_owned(),                        "mail.firm.example", true),
            ("Postfix under a name of Google's", format!("{postfix}{forged}"),       "mx.google.com",     false),
            ("Microsoft 365",             office.to_owned(),                         "firm.example",      false),
        ];
        for (name, head, id, is_vouched) in cases {
            assert_eq!(vouch(&fields(&head), id, "dana@firm.example").is_ok(), is_vouched, "{name}");
        }
    }

    #[test]
    fn mail_that_failed_is_doubted_and_mail_that_nobody_looked_at_is_not() {
        let from = |results: &str| {
            format!(
                "Authentication-Results: mail.firm.example; {results}\nReceived: from x by mail.firm.example with ESMTP id 1; now\n"
            )
        };
        let outside = "Received: from x by mail.firm.example with ESMTP id 1; now\nAuthentication-Results: mail.firm.example; dmarc=fail header.from=client.example\n";
        let (client, ours) = ("ruth@client.example", "dana@firm.example");
        #[rustfmt::skip]
        let cases = [
            ("a client's that failed",        from("dmarc=fail header.from=client.example"),         client, true),
            ("a client's that passed",        from("dmarc=pass header.from=client.example"),         client, false),
            ("a client's without DMARC",      from("spf=pass smtp.mailfrom=client.example"),         client, false),
            ("a client's of an earlier hop",  outside.to_owned(),                                    client, false),
            ("ours, logged in",               from("auth=pass smtp.auth=dana@firm.example"),         ours,   false),
            ("ours, signed",                  from("dkim=pass header.d=firm.example"),               ours,   false),
            ("ours, from anywhere",           from("spf=none smtp.mailfrom=firm.example"),           ours,   true),
            ("ours, signed by others",        from("dkim=pass header.d=else.example"),               ours,   true),
            ("ours, never outside",           "Received: from desk by mail.firm.example; now\n".to_owned(), ours, false),
        ];
        for (name, head, author, is_doubted) in cases {
            let is_ours = author == ours;
            assert_eq!(doubt(&fields(&head), "mail.firm.example", author, is_ours), is_doubted, "{name}");
        }
    }

    proptest! {
        #[test]
        fn whatever_stands_in_a_field_is_read_without_harm(value in "\\PC{0,200}", tail in "[ -~]{0,60}") {
            let fields = vec![
                ("authentication-results".to_owned(), format!("mail.x.example; {value}")),
                ("received".to_owned(), value.clone()),
                ("authentication-results".to_owned(), tail),
            ];
            vouch(&fields, "mail.x.example", "a@x.example").ok();
            doubt(&fields, "mail.x.example", "a@x.example", true);
            parse(&value);
        }

        #[test]
        fn what_others_write_below_never_turns_a_refusal_into_trust(
            below in proptest::collection::vec(("[a-zA-Z-]{1,25}", "[ -~]{0,80}"), 0..6),
            id in "[a-z.]{1,20}",
        ) {
            let mut fields = vec![("received".to_owned(), "from a by mail.x.example with ESMTP id 1; now".to_owned())];
            fields.extend(below.into_iter().map(|(name, value)| (name.to_lowercase(), value)));
            let pass = "mail.x.example; dmarc=pass header.from=x.example; auth=pass smtp.auth=a@x.example";
            fields.push(("authentication-results".to_owned(), pass.to_owned()));
            fields.push(("authentication-results".to_owned(), pass.replace("mail.x.example", &id)));
            prop_assert!(vouch(&fields, "mail.x.example", "a@x.example").is_err());
        }
    }
}
