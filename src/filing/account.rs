//! Whose mail it is: by address, then by domain with its sub-domains.

use std::collections::{HashMap, HashSet};

use crate::config::Account;
use crate::read::{Address, Automatic, Direction, Message};

/// Providers where a domain says nothing about an organisation, one a line.
const PUBLIC_PROVIDERS: &str = include_str!("../../rules/public_providers.txt");

/// Which account an address belongs to.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    by_address: HashMap<String, String>,
    by_domain: HashMap<String, String>,
    /// The telling word of an account's name → the account; `None` where two share it.
    by_word: HashMap<String, Option<String>>,
    ids: HashSet<String>,
    our_domains: Vec<String>,
    our_addresses: Vec<String>,
}

/// Where a message was filed, and what says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attribution {
    /// Id of the account; `None` where nothing outside the firm is named.
    pub account: Option<String>,
    /// Whether the account was made from an unknown domain.
    pub provisional: bool,
    /// Address of the person there, else their name.
    pub contact: Option<String>,
    /// A whole phrase for people.
    pub evidence: String,
    /// Other accounts that the message names.
    pub also: Vec<String>,
    /// Set where the account rests on a name alone.
    pub doubt: Option<String>,
}

impl Directory {
    /// Accounts as set, and who we are (domains and single addresses, lower case).
    #[must_use]
    pub fn new(accounts: &[Account], our_domains: &[String], our_addresses: &[String]) -> Self {
        let mut directory =
            Self { our_domains: our_domains.to_vec(), our_addresses: our_addresses.to_vec(), ..Self::default() };
        for account in accounts {
            directory.ids.insert(account.id.clone());
            for address in &account.addresses {
                directory.by_address.insert(address.clone(), account.id.clone());
            }
            for domain in &account.domains {
                directory.by_domain.insert(domain.clone(), account.id.clone());
            }
            if let Some(word) = telling_word(account) {
                let shared = |known: &mut Option<String>| *known = None;
                directory.by_word.entry(word).and_modify(shared).or_insert(Some(account.id.clone()));
            }
        }
        directory
    }

    /// Files a message.
    #[must_use]
    pub fn attribute(&self, message: &Message) -> Attribution {
        if let Some(named) = self.by_directive(message) {
            return named;
        }
        let mut found = match message.direction {
            Some(Direction::Inbound) => self.by_author(message),
            Some(Direction::Outbound) => self.by_recipients(message),
            Some(Direction::Internal) | None => Attribution::default(),
        };
        if let (true, Some(better)) = (found.account.is_none() || found.provisional, self.by_bounced(message)) {
            found = better;
        }
        if found.provisional && unsolicited(message) {
            found = Attribution { evidence: "automatic mail of an unknown sender".into(), ..Attribution::default() };
        }
        if found.account.is_none() && found.evidence.is_empty() {
            found.evidence = "names nobody outside the firm".into();
        }
        if let Some(id) = &message.directives.account {
            found.evidence =
                format!("{}; its forwarder named the account {id}, which the settings do not have", found.evidence);
        }
        found
    }

    /// The account that the forwarder named, where there is such an account.
    fn by_directive(&self, message: &Message) -> Option<Attribution> {
        let id = message.directives.account.as_ref().filter(|id| self.ids.contains(*id))?;
        let person = message.from.as_ref().filter(|from| !self.is_ours(&from.address));
        let contact = person.map(|from| if from.address.is_empty() { from.name.clone() } else { from.address.clone() });
        Some(Attribution {
            account: Some(id.clone()),
            contact,
            evidence: "its forwarder named the account".into(),
            ..Attribution::default()
        })
    }

    fn by_author(&self, message: &Message) -> Attribution {
        let Some(author) = &message.from else {
            return Attribution { evidence: "no author found".into(), ..Attribution::default() };
        };
        if author.address.is_empty() {
            return Attribution {
                contact: Some(author.name.clone()),
                evidence: format!("{} is named without an address", author.name),
                ..Attribution::default()
            };
        }
        self.lookup(author, "its author").unwrap_or_else(|| provisional(author))
    }

    fn by_recipients(&self, message: &Message) -> Attribution {
        let outside: Vec<&Address> = message
            .to
            .iter()
            .chain(&message.cc)
            .filter(|a| !a.address.is_empty() && !self.is_ours(&a.address))
            .collect();
        let mut matches = outside.iter().filter_map(|a| self.lookup(a, "its recipient"));
        let Some(mut first) = matches.next() else {
            return outside.first().map_or_else(Attribution::default, |a| provisional(a));
        };
        for other in matches.filter_map(|m| m.account) {
            if first.account.as_ref() != Some(&other) && !first.also.contains(&other) {
                first.also.push(other);
            }
        }
        first
    }

    /// A bounce belongs to whom it did not reach; any other automatic mail of ours to whom it went.
    fn by_bounced(&self, message: &Message) -> Option<Attribution> {
        message.automatic?;
        let failed = message.bounced.iter().map(|address| Address { name: String::new(), address: address.clone() });
        let named = message.to.iter().chain(&message.cc).cloned();
        let failed: Vec<Address> = failed.filter(|a| !a.address.is_empty() && !self.is_ours(&a.address)).collect();
        let mut named = named.filter(|a| !a.address.is_empty() && !self.is_ours(&a.address));
        let about = "the address it is about";
        let listed =
            failed.iter().find_map(|a| self.lookup(a, about)).or_else(|| named.find_map(|a| self.lookup(&a, about)));
        listed.or_else(|| failed.iter().find_map(|a| self.by_likeness(a)))
    }

    /// We wrote to an address that no account lists, and its domain holds the name of one: an old
    /// address, or a slip. Good enough for a failure notice, never for who wrote something.
    fn by_likeness(&self, failed: &Address) -> Option<Attribution> {
        let (_, domain) = failed.address.rsplit_once('@')?;
        let label = psl::domain_str(domain).unwrap_or(domain).split('.').next()?;
        let mut alike = self.by_word.iter().filter(|(word, _)| label.contains(word.as_str()));
        let (word, account) = alike.next().and_then(|(word, account)| Some((word, account.as_ref()?)))?;
        if alike.next().is_some() {
            return None;
        }
        let evidence = format!("we wrote to {}, whose domain holds the name {word}", failed.address);
        Some(Attribution {
            doubt: Some("filed by the likeness of a domain".into()),
            ..found(account, &failed.address, evidence)
        })
    }

    fn lookup(&self, who: &Address, role: &str) -> Option<Attribution> {
        let address = who.address.as_str();
        if let Some(account) = self.by_address.get(address) {
            return Some(found(account, address, format!("{role} {address} is listed for the account")));
        }
        let (_, domain) = address.rsplit_once('@')?;
        suffixes(domain).find_map(|suffix| {
            let account = self.by_domain.get(suffix)?;
            Some(found(account, address, format!("{role} {address} is at {suffix}")))
        })
    }

    /// The words that tell accounts apart, each with the account it alone names.
    pub(super) fn telling_words(&self) -> impl Iterator<Item = (&str, &str)> {
        self.by_word.iter().filter_map(|(word, account)| Some((word.as_str(), account.as_deref()?)))
    }

    fn is_ours(&self, address: &str) -> bool {
        let domain = address.rsplit_once('@').map_or("", |(_, d)| d);
        self.our_addresses.iter().any(|a| a == address)
            || suffixes(domain).any(|s| self.our_domains.iter().any(|d| d == s))
    }
}

/// The first long word of an account's name that its own domain holds too.
fn telling_word(account: &Account) -> Option<String> {
    let name = account.name.to_lowercase();
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() >= 5);
    let mut telling = words.filter(|word| account.domains.iter().any(|domain| domain.contains(word)));
    telling.next().map(str::to_owned)
}

fn found(account: &str, contact: &str, evidence: String) -> Attribution {
    Attribution {
        account: Some(account.to_owned()),
        contact: Some(contact.to_owned()),
        evidence,
        ..Attribution::default()
    }
}

/// An account named after the organisation's domain, or after the person at a public provider.
fn provisional(who: &Address) -> Attribution {
    let Some((_, domain)) = who.address.rsplit_once('@').filter(|(local, d)| !local.is_empty() && d.contains('.'))
    else {
        return Attribution { evidence: "no usable address".into(), ..Attribution::default() };
    };
    let public = PUBLIC_PROVIDERS.lines().any(|p| p == domain);
    let organisation = psl::domain_str(domain).unwrap_or(domain);
    let id = if public { who.address.as_str() } else { organisation };
    Attribution {
        account: Some(id.to_owned()),
        provisional: true,
        contact: Some(who.address.clone()),
        evidence: format!("{} belongs to no account; filed under {id} for now", who.address),
        ..Attribution::default()
    }
}

/// Newsletters and notices of strangers make no account.
fn unsolicited(message: &Message) -> bool {
    matches!(
        message.automatic,
        Some(Automatic::Bulk | Automatic::Notification | Automatic::Bounce | Automatic::Report | Automatic::Own)
    )
}

/// `a.b.c`, `b.c`, `c`.
fn suffixes(domain: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(domain), |d| d.split_once('.').map(|(_, rest)| rest)).filter(|d| !d.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(address: &str) -> Address {
        Address { name: String::new(), address: address.into() }
    }

    #[test]
    fn an_address_wins_over_its_domain_and_subdomains_count() {
        let mut directory = Directory::default();
        directory.by_address.insert("toby@post.example".into(), "quarrie".into());
        directory.by_domain.insert("acme.example".into(), "acme".into());
        #[rustfmt::skip]
        let cases = [
            ("toby@post.example",      Some("quarrie")),
            ("anna@post.example",      None),
            ("jane@acme.example",      Some("acme")),
            ("jane@eu.acme.example",   Some("acme")),
            ("jane@notacme.example",   None),
            ("",                       None),
            ("@",                      None),
        ];
        for (address, account) in cases {
            let got = directory.lookup(&person(address), "its author").and_then(|a| a.account);
            assert_eq!(got.as_deref(), account, "{address}");
        }
    }

    #[test]
    fn what_the_forwarder_names_wins_over_the_author() {
        const MAIL: &str = "From: Sam <sam@us.example>\nTo: watch@us.example\nSubject: Fwd: Plan\n\n@account ID\n\n---------- Forwarded message ---------\nFrom: Ann <ann@post.example>\nDate: Mon, 2 Mar 2026 at 09:14\nSubject: Plan\nTo: <sam@us.example>\n\nHi Sam";
        let ours = crate::read::Ours {
            service: "watch@us.example".into(),
            domains: vec!["us.example".into()],
            ..Default::default()
        };
        let mut directory = Directory { our_domains: ours.domains.clone(), ..Directory::default() };
        directory.ids.insert("acme".into());
        let filed = |id: &str| directory.attribute(&crate::read::read(MAIL.replace("ID", id).as_bytes(), &ours));
        let named = filed("acme");
        assert_eq!((named.account.as_deref(), named.contact.as_deref()), (Some("acme"), Some("ann@post.example")));
        let unknown = filed("acne");
        assert_ne!(unknown.account.as_deref(), Some("acne"));
        assert!(unknown.evidence.contains("named the account acne"), "{}", unknown.evidence);
    }

    #[test]
    fn a_failure_notice_is_filed_by_the_name_that_a_domain_holds() {
        let directory = Directory {
            by_word: [("quarrie".to_owned(), Some("quarrie".to_owned())), ("halcyon".to_owned(), None)].into(),
            ..Directory::default()
        };
        #[rustfmt::skip]
        let cases = [
            ("toby@oldquarrie.example",    Some("quarrie")),
            ("toby@mail.quarrie.example",  Some("quarrie")),
            ("jo@halcyon.example",         None), // two accounts share the word
            ("toby@quarry.example",        None),
        ];
        for (address, account) in cases {
            let got = directory.by_likeness(&person(address)).and_then(|a| a.account);
            assert_eq!(got.as_deref(), account, "{address}");
        }
    }

    #[test]
    fn strangers_are_filed_under_their_organisation_or_themselves() {
        #[rustfmt::skip]
        let cases = [
            ("jo@mail.shop.co.uk",   Some("shop.co.uk")),
            ("jo@gmail.com",         Some("jo@gmail.com")),
            ("jo@firm.example",      Some("firm.example")),
            ("jo",                   None),
            ("jo@localhost",         None),
        ];
        for (address, account) in cases {
            assert_eq!(provisional(&person(address)).account.as_deref(), account, "{address}");
        }
    }
}
