//! The names in one folder.

use std::ffi::OsString;
use std::fs::{self, FileType};
use std::io;
use std::path::Path;

/// A name in a folder.
pub(super) struct Entry {
    pub(super) name: OsString,
    pub(super) kind: FileType,
}

impl Entry {
    pub(super) fn is_hidden(&self) -> bool {
        self.name.as_encoded_bytes().starts_with(b".")
    }
}

/// The names in a folder, sorted, and what broke the reading off.
pub(super) fn entries(path: &Path) -> io::Result<(Vec<Entry>, Option<io::Error>)> {
    let mut entries = Vec::new();
    let mut broken = None;
    for entry in fs::read_dir(path)? {
        match entry.and_then(|e| Ok(Entry { kind: e.file_type()?, name: e.file_name() })) {
            Ok(entry) => entries.push(entry),
            Err(error) => broken = Some(error),
        }
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((entries, broken))
}
