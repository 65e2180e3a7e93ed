//! What programs and people write in each language: one file a language, under
//! `rules/lang/reading/`. A language is added by adding its file.

use std::collections::HashSet;
use std::sync::LazyLock;

use include_dir::{Dir, include_dir};
use serde::Deserialize;

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/rules/lang/reading");

/// The words of one language; what each list is for is said in `rules/lang/README.md`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pack {
    /// ISO 639-1.
    #[cfg_attr(not(test), expect(dead_code, reason = "names the language to readers of the file"))]
    pub(super) code: String,
    /// In English.
    #[cfg_attr(not(test), expect(dead_code, reason = "names the language to readers of the file"))]
    pub(super) name: String,
    pub(super) dates: Dates,
    pub(super) labels: Labels,
    pub(super) layout: Announcements,
    pub(super) subjects: Subjects,
    pub(super) closing: Closing,
    pub(super) boilerplate: Boilerplate,
    pub(super) automatic: Automatic,
}

/// Names of days; an entry holds the forms of one name, with blanks between.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Dates {
    /// January first; empty where months are numbered.
    pub(super) months: Vec<String>,
    /// Monday first.
    pub(super) weekdays: Vec<String>,
}

/// Labels of header fields in texts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Labels {
    pub(super) from: Vec<String>,
    pub(super) to: Vec<String>,
    pub(super) cc: Vec<String>,
    pub(super) bcc: Vec<String>,
    pub(super) subject: Vec<String>,
    pub(super) date: Vec<String>,
    pub(super) reply_to: Vec<String>,
    pub(super) other: Vec<String>,
}

/// Lines by which programs announce what they quote or forward.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Announcements {
    pub(super) forwarded: Vec<String>,
    pub(super) original: Vec<String>,
    pub(super) wrote: Vec<String>,
    pub(super) on: Vec<String>,
}

/// Words with which subjects begin.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Subjects {
    pub(super) answer: Vec<String>,
    pub(super) forward: Vec<String>,
    pub(super) automatic: Vec<String>,
    pub(super) absent: Vec<String>,
    pub(super) away: Vec<String>,
    pub(super) bounce: Vec<String>,
    pub(super) report: Vec<String>,
    pub(super) calendar: Vec<String>,
    pub(super) receipt: Vec<String>,
}

/// How a text ends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Closing {
    pub(super) sign_off: Vec<String>,
    pub(super) thanks: Vec<String>,
    pub(super) device: Vec<String>,
}

/// What gateways, scanners and lawyers add.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Boilerplate {
    pub(super) traits: Vec<String>,
    pub(super) banners: Vec<String>,
    pub(super) footers: Vec<String>,
}

/// What machines write.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Automatic {
    pub(super) away: Vec<String>,
    pub(super) machine: Vec<String>,
    pub(super) received: Vec<String>,
    pub(super) bounce: Vec<String>,
    pub(super) original: Vec<String>,
    pub(super) unreached: Vec<String>,
    pub(super) unrelated: Vec<String>,
    pub(super) calendar: Vec<String>,
    pub(super) leave: Vec<String>,
    pub(super) receipt: Vec<String>,
    pub(super) back: Vec<String>,
    pub(super) until: Vec<String>,
    pub(super) tomorrow: Vec<String>,
    pub(super) deputy: Vec<String>,
}

/// The packs, by code; English first, since its words win where languages disagree.
#[expect(clippy::expect_used, reason = "the files are part of the program; a test reads them")]
pub(super) static PACKS: LazyLock<Vec<Pack>> = LazyLock::new(|| {
    let mut files: Vec<_> = FILES.files().collect();
    files.sort_by_key(|file| (file.path().file_stem().is_some_and(|stem| stem != "en"), file.path()));
    let text = files.into_iter().map(|file| file.contents_utf8().expect("a language pack is UTF-8"));
    text.map(|text| toml::from_str(text).expect("a language pack is whole")).collect()
});

/// Beginnings of subjects of answers and forwards, without the colon.
static PREFIXES: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    let words = PACKS.iter().flat_map(|pack| pack.subjects.answer.iter().chain(&pack.subjects.forward));
    words.map(String::as_str).collect()
});

/// Whether such a word before the colon of a subject, in lower case, says that it answers or forwards.
#[must_use]
pub fn is_subject_prefix(word: &str) -> bool {
    PREFIXES.contains(word)
}

/// One list of all languages.
pub(super) fn all(list: fn(&Pack) -> &Vec<String>) -> Vec<String> {
    let mut words = Vec::new();
    let mut known = HashSet::new();
    for word in PACKS.iter().flat_map(list) {
        if known.insert(word.as_str()) {
            words.push(word.clone());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::super::words::fold;
    use super::{FILES, PACKS, Pack};

    /// Every list of a pack that no language can do without.
    fn needed(pack: &Pack) -> Vec<(&'static str, &Vec<String>)> {
        let Pack { labels, layout, subjects, closing, boilerplate, automatic, .. } = pack;
        vec![
            ("labels.from", &labels.from),
            ("labels.to", &labels.to),
            ("labels.cc", &labels.cc),
            ("labels.subject", &labels.subject),
            ("labels.date", &labels.date),
            ("labels.reply_to", &labels.reply_to),
            ("layout.forwarded", &layout.forwarded),
            ("layout.original", &layout.original),
            ("layout.wrote", &layout.wrote),
            ("layout.on", &layout.on),
            ("subjects.answer", &subjects.answer),
            ("subjects.forward", &subjects.forward),
            ("subjects.automatic", &subjects.automatic),
            ("subjects.absent", &subjects.absent),
            ("subjects.bounce", &subjects.bounce),
            ("subjects.calendar", &subjects.calendar),
            ("subjects.receipt", &subjects.receipt),
            ("closing.sign_off", &closing.sign_off),
            ("closing.thanks", &closing.thanks),
            ("closing.device", &closing.device),
            ("boilerplate.traits", &boilerplate.traits),
            ("automatic.away", &automatic.away),
            ("automatic.received", &automatic.received),
            ("automatic.back", &automatic.back),
            ("automatic.until", &automatic.until),
            ("automatic.tomorrow", &automatic.tomorrow),
            ("automatic.deputy", &automatic.deputy),
        ]
    }

    #[test]
    fn each_pack_is_complete() {
        assert_eq!(FILES.files().count(), PACKS.len());
        assert!(PACKS.len() >= 32, "{} languages", PACKS.len());
        for pack in PACKS.iter() {
            let code = &pack.code;
            assert!(FILES.get_file(format!("{code}.toml")).is_some(), "{}: its file is named by its code", pack.name);
            assert_eq!(pack.dates.weekdays.len(), 7, "{code}: weekdays");
            let months = pack.dates.months.len();
            assert!(months == 12 || (months == 0 && ["ja", "zh", "ko"].contains(&code.as_str())), "{code}: months");
            for (name, list) in needed(pack) {
                assert!(!list.is_empty(), "{code}: {name} is empty");
                let sloppy = list.iter().find(|word| fold(word) != word.trim_end() || word.trim().is_empty());
                assert_eq!(sloppy, None, "{code}: {name}: lower case, single blanks, plain apostrophes");
            }
        }
    }
}
