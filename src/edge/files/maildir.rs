//! What is particular to a Maildir: its folders, and what its file names tell.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::entries::{Entry, entries};

/// A leading number below this (March 1973) in a Maildir name is no time in seconds.
const EARLIEST_NAME_SECONDS: i64 = 100_000_000;

/// Whether a folder with these entries is one.
pub(super) fn is_maildir(entries: &[Entry]) -> bool {
    let has = |name: &str| entries.iter().any(|entry| entry.kind.is_dir() && entry.name == *name);
    has("cur") && has("new")
}

/// Whether a hidden folder beside `cur` and `new` is a Maildir too.
pub(super) fn has_mail(path: &Path, entry: &Entry) -> bool {
    let folder = path.join(&entry.name);
    ["cur", "new"].iter().all(|name| folder.join(name).is_dir())
}

/// Where a Maildir message went: readers move it to `cur` and change the flags after the colon.
pub(super) fn moved(path: &Path) -> Option<PathBuf> {
    let name = unique_name(path.file_name()?);
    let maildir = path.parent()?.parent()?;
    ["cur", "new"].iter().find_map(|folder| {
        let folder = maildir.join(folder);
        let (entries, _) = entries(&folder).ok()?;
        let same = entries.into_iter().find(|entry| unique_name(&entry.name) == name)?;
        Some(folder.join(same.name))
    })
}

fn unique_name(name: &OsStr) -> &[u8] {
    name.as_encoded_bytes().split(|b| *b == b':').next().unwrap_or_default()
}

/// The seconds with which a Maildir name begins.
pub(super) fn time_in_name(path: &Path) -> Option<Timestamp> {
    let name = path.file_name()?.to_string_lossy();
    let (digits, _) = name.split_once('.')?;
    let seconds: i64 = digits.parse().ok().filter(|seconds| *seconds >= EARLIEST_NAME_SECONDS)?;
    Timestamp::from_second(seconds).ok()
}
