//! The rule files inside the binary.

use super::RuleFile;

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("../../../rules/", $name)))),+]
    };
}

const FILES: [(&str, &str); 11] = files![
    "labels.toml",
    "families.toml",
    "tone.toml",
    "urgency.toml",
    "relationship.toml",
    "pressure.toml",
    "conduct.toml",
    "money.toml",
    "rhythm.toml",
    "repair.toml",
    "own.toml",
];

/// The rule files that ship with Barometer, in order of loading.
#[must_use]
pub fn shipped() -> Vec<RuleFile> {
    let file = |(name, text): (&str, &str)| RuleFile { name: name.to_owned(), text: text.to_owned() };
    FILES.map(file).into()
}

/// Whether one of them has this name.
pub(super) fn has_file(name: &str) -> bool {
    FILES.iter().any(|(shipped, _)| *shipped == name)
}
