//! Finds the messages below the arguments, with a stack of its own instead of recursion.

use std::fs::{self, FileType};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::entries::{Entry, entries};
use super::head::Head;
use super::lines::{BUFFER_BYTES, Lines};
use super::{Complaint, FilesError, Form, Item, Listing, Wrong, maildir, mbox, open, size_of_usize};

/// Most heads end within this.
const HEAD_BUFFER_BYTES: usize = 8 << 10;

/// The listing as it grows.
pub(super) struct Walk<'a> {
    listing: Listing,
    folders: Vec<PathBuf>,
    progress: &'a mut dyn FnMut(u64),
}

/// Where a file was found, which says what it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FoundIn {
    /// Named by the operator: a message if it is no mbox.
    Argument,
    /// In a folder: a message if it is called or looks like one.
    Folder,
    /// In a Maildir: a message.
    Maildir,
}

impl<'a> Walk<'a> {
    pub(super) fn new(progress: &'a mut dyn FnMut(u64)) -> Self {
        Self { listing: Listing::default(), folders: Vec::new(), progress }
    }

    pub(super) fn finish(self) -> Listing {
        self.listing
    }

    /// Lists one argument and all below it. A link is followed here, as the operator named it.
    pub(super) fn argument(&mut self, path: &Path) -> Result<(), FilesError> {
        let kind = match fs::metadata(path) {
            Ok(metadata) => metadata.file_type(),
            Err(error) => return Err(complaint(path, missing(error))),
        };
        if kind.is_dir() {
            self.folder(path).map_err(|error| complaint(path, Wrong::from_io(error)))?;
        } else {
            self.file(path, kind, FoundIn::Argument);
        }
        while let Some(folder) = self.folders.pop() {
            if let Err(error) = self.folder(&folder) {
                self.complain(&folder, Wrong::from_io(error));
            }
        }
        Ok(())
    }

    fn folder(&mut self, path: &Path) -> io::Result<()> {
        let (entries, broken) = entries(path)?;
        if maildir::is_maildir(&entries) {
            self.maildir(path, entries);
        } else {
            self.plain_folder(path, entries);
        }
        // Reported after what could be listed, which stays listed.
        broken.map_or(Ok(()), Err)
    }

    fn plain_folder(&mut self, path: &Path, entries: Vec<Entry>) {
        let visible = entries.into_iter().filter(|entry| !entry.is_hidden());
        let (folders, files): (Vec<_>, Vec<_>) = visible.partition(|entry| entry.kind.is_dir());
        self.later(path, folders);
        for entry in files {
            self.file(&path.join(&entry.name), entry.kind, FoundIn::Folder);
        }
    }

    /// Mail lies in `new` and `cur`; sub-folders are Maildirs, hidden as `.Sub` or plain.
    fn maildir(&mut self, path: &Path, entries: Vec<Entry>) {
        for name in ["new", "cur"] {
            let folder = path.join(name);
            if let Err(error) = self.maildir_messages(&folder) {
                self.complain(&folder, Wrong::from_io(error));
            }
        }
        for link in entries.iter().filter(|entry| entry.kind.is_symlink()) {
            self.complain(&path.join(&link.name), Wrong::Link);
        }
        let own = |entry: &Entry| ["new", "cur", "tmp"].iter().any(|name| entry.name == *name);
        let folders = entries.into_iter().filter(|entry| entry.kind.is_dir() && !own(entry));
        let wanted = folders.filter(|entry| !entry.is_hidden() || maildir::has_mail(path, entry));
        self.later(path, wanted.collect());
    }

    fn maildir_messages(&mut self, folder: &Path) -> io::Result<()> {
        let (entries, broken) = entries(folder)?;
        for entry in entries.into_iter().filter(|entry| !entry.is_hidden()) {
            self.file(&folder.join(&entry.name), entry.kind, FoundIn::Maildir);
        }
        broken.map_or(Ok(()), Err)
    }

    /// Puts folders on the stack so that the first by name comes off first.
    fn later(&mut self, path: &Path, folders: Vec<Entry>) {
        self.folders.extend(folders.into_iter().rev().map(|entry| path.join(entry.name)));
    }

    fn file(&mut self, path: &Path, kind: FileType, found: FoundIn) {
        let outcome = if kind.is_symlink() {
            Err(Wrong::Link)
        } else if kind.is_file() {
            self.regular_file(path, found)
        } else {
            Err(Wrong::NotRegular)
        };
        if let Err(wrong) = outcome {
            self.complain(path, wrong);
        }
    }

    fn regular_file(&mut self, path: &Path, found: FoundIn) -> Result<(), Wrong> {
        let file = open(path)?;
        let on_disk = file.metadata().map_err(Wrong::from_io)?.len();
        let mut lines = Lines::new(BufReader::with_capacity(HEAD_BUFFER_BYTES, file));
        let mut head = Head::default();
        let mut envelope = 0;
        if let Some(line) = lines.next().map_err(Wrong::from_io)? {
            envelope = size_of_usize(mbox::envelope_bytes(line.bytes));
            if envelope == 0 {
                head.push(&line);
            } else if found != FoundIn::Maildir {
                return self.mbox(path);
            }
        }
        head.read(&mut lines).map_err(Wrong::from_io)?;
        if found == FoundIn::Folder && !is_eml(path) && !head.looks_like_mail() {
            return Err(Wrong::NotMail);
        }
        self.single(path, found, &head, on_disk.saturating_sub(envelope));
        Ok(())
    }

    fn single(&mut self, path: &Path, found: FoundIn, head: &Head, size_bytes: u64) {
        let (form, fallback) = match found {
            FoundIn::Maildir => (Form::Maildir, maildir::time_in_name(path)),
            FoundIn::Argument | FoundIn::Folder => (Form::Single, None),
        };
        self.add(Item {
            path: shown(path),
            arrived_at: head.arrived_at().or(fallback),
            size_bytes,
            file: exact_name(path),
            form,
        });
    }

    fn mbox(&mut self, path: &Path) -> Result<(), Wrong> {
        let reader = BufReader::with_capacity(BUFFER_BYTES, open(path)?);
        let name = shown(path);
        let file: Arc<Path> = Arc::from(path);
        let first = self.listing.items.len();
        let mut number = 0;
        let outcome = mbox::index(reader, &mut |found| {
            number += 1;
            let mbox::Found { offset, length, size_bytes, arrived_at } = found;
            self.add(Item {
                path: format!("{name}#{number}"),
                arrived_at,
                size_bytes,
                file: Some(Arc::clone(&file)),
                form: Form::Mbox { offset, length, number },
            });
        });
        // An .eml is one message even where its writer kept the envelope line.
        if number == 1
            && is_eml(path)
            && let Some(only) = self.listing.items.get_mut(first)
            && let Form::Mbox { number, .. } = &mut only.form
        {
            *number = 0;
            only.path = name;
        }
        outcome.map_err(Wrong::from_io)
    }

    fn add(&mut self, item: Item) {
        self.listing.items.push(item);
        (self.progress)(1);
    }

    fn complain(&mut self, path: &Path, wrong: Wrong) {
        self.listing.complaints.push(complaint(path, wrong));
    }
}

fn is_eml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("eml"))
}

/// A path for people; bytes that are no UTF-8 are replaced.
fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The path, where its name for people would not find it.
fn exact_name(path: &Path) -> Option<Arc<Path>> {
    path.to_str().is_none().then(|| Arc::from(path))
}

fn complaint(path: &Path, wrong: Wrong) -> Complaint {
    FilesError { path: shown(path), wrong }
}

fn missing(error: io::Error) -> Wrong {
    match Wrong::from_io(error) {
        Wrong::Vanished => Wrong::Missing,
        wrong => wrong,
    }
}
