//! Mail on disk: Maildir, mbox, single messages, and folders of them.
//!
//! Lists in order of arrival and fetches one message at a time, so that memory
//! holds one message, however large the archive. Never writes, never follows a
//! link found in a folder, never opens a FIFO or a device, and says of
//! everything that it left out why.

mod entries;
mod error;
mod head;
mod lines;
mod maildir;
mod mbox;
mod walk;

use std::fs::{self, File};
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

pub use error::{Complaint, FilesError, Wrong};
use lines::Lines;

/// Largest message fetched whole, in bytes.
const WHOLE_BYTES: u64 = 64 << 20;

/// What is kept of the body of a larger one, and at most of its headers.
const KEPT_BYTES: usize = 1 << 20;

/// What was found below the paths of one call.
#[derive(Debug, Default)]
pub struct Listing {
    /// By arrival, ties by path (in an mbox by number); without an arrival last.
    pub items: Vec<Item>,
    /// What could not be listed, in the order it was met.
    pub complaints: Vec<Complaint>,
}

/// One message on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The argument, or the argument joined with the name found below it; in an mbox `FILE#N`, N from 1.
    pub path: String,
    /// Topmost `Received` date, else `Date`, else what a Maildir's file name says.
    pub arrived_at: Option<Timestamp>,
    /// Size of the message, without what the mbox format adds.
    pub size_bytes: u64,
    /// The file; none where `path` is its exact name.
    file: Option<Arc<Path>>,
    form: Form,
}

/// How the message lies in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// The file is the message.
    Single,
    /// The same, in a Maildir, where other programs rename it.
    Maildir,
    /// `length` bytes of an mbox from the `From ` line on; number 0: the only one, called as the file.
    Mbox { offset: u64, length: u64, number: u64 },
}

/// The bytes of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    /// The whole message up to 64 MB; of a larger one the headers and the first 1 MB after them.
    pub bytes: Vec<u8>,
    /// Size of the whole message.
    pub whole_bytes: u64,
}

impl Item {
    /// The file that holds the message.
    fn file(&self) -> &Path {
        self.file.as_deref().unwrap_or(Path::new(&self.path))
    }

    /// Key of the order of arrival.
    fn order(&self) -> (bool, Option<Timestamp>, &str, u64) {
        let (name, number) = match (self.form, self.path.rsplit_once('#')) {
            (Form::Mbox { number, .. }, Some((file, _))) if number > 0 => (file, number),
            _ => (self.path.as_str(), 0),
        };
        (self.arrived_at.is_none(), self.arrived_at, name, number)
    }
}

/// Lists the messages of each path: a Maildir, an mbox, one message, or a folder of these.
///
/// An argument that is no mbox is taken as one message, whatever it holds; in a
/// folder, files that neither are named `.eml` nor look like mail are complained
/// of. Hidden names are left out, as is what lies in a Maildir beside its mail.
/// What is listed twice under one name appears once. `progress` is told how many
/// more were found.
///
/// # Errors
///
/// An argument is missing, or is a folder that cannot be listed. All else is a complaint.
pub fn list(paths: &[PathBuf], progress: &mut dyn FnMut(u64)) -> Result<Listing, FilesError> {
    let mut walk = walk::Walk::new(progress);
    for path in paths {
        walk.argument(path)?;
    }
    let mut listing = walk.finish();
    listing.items.sort_by(|a, b| a.order().cmp(&b.order()));
    listing.items.dedup();
    Ok(listing)
}

/// Reads one listed message.
///
/// # Errors
///
/// The file vanished, changed, or cannot be read.
pub fn fetch(item: &Item) -> Result<Raw, FilesError> {
    match item.form {
        Form::Single | Form::Maildir => fetch_single(item),
        Form::Mbox { offset, length, .. } => fetch_mbox(item, offset, length),
    }
}

/// Opens what is a regular file; opening a FIFO would wait for ever.
fn open(path: &Path) -> Result<File, Wrong> {
    let kind = fs::metadata(path).map_err(Wrong::from_io)?.file_type();
    if !kind.is_file() {
        return Err(Wrong::NotRegular);
    }
    File::open(path).map_err(Wrong::from_io)
}

fn open_item(item: &Item) -> Result<File, Wrong> {
    match open(item.file()) {
        Err(Wrong::Vanished) if item.form == Form::Maildir => {
            let moved = maildir::moved(item.file()).ok_or(Wrong::Vanished)?;
            open(&moved)
        }
        opened => opened,
    }
}

fn fetch_single(item: &Item) -> Result<Raw, FilesError> {
    let complain = |wrong| FilesError { path: item.path.clone(), wrong };
    let file = open_item(item).map_err(complain)?;
    let on_disk = file.metadata().map_err(|e| complain(Wrong::from_io(e)))?.len();
    let limit = if on_disk > WHOLE_BYTES { prefix_bytes() } else { WHOLE_BYTES + 1 };
    let mut bytes = Vec::with_capacity(usize::try_from(on_disk.min(limit)).unwrap_or(0));
    file.take(limit).read_to_end(&mut bytes).map_err(|e| complain(Wrong::from_io(e)))?;
    let read = size(&bytes);
    let whole = if read < limit { read } else { on_disk.max(read) };
    let envelope = mbox::envelope_bytes(&bytes);
    bytes.drain(..envelope);
    Ok(bounded(bytes, whole.saturating_sub(size_of_usize(envelope))))
}

fn fetch_mbox(item: &Item, offset: u64, length: u64) -> Result<Raw, FilesError> {
    let complain = |wrong| FilesError { path: item.path.clone(), wrong };
    let broken = |e| complain(Wrong::from_io(e));
    let mut file = open_item(item).map_err(complain)?;
    file.seek(SeekFrom::Start(offset)).map_err(broken)?;
    let mut lines = Lines::new(BufReader::with_capacity(lines::BUFFER_BYTES, file.take(length)));
    let first = lines.next().map_err(broken)?;
    if !first.is_some_and(|line| mbox::is_separator(line.bytes)) {
        return Err(complain(Wrong::Changed));
    }
    let limit = if item.size_bytes > WHOLE_BYTES { prefix_bytes() } else { u64::MAX };
    let mut bytes = Vec::with_capacity(usize::try_from(item.size_bytes.min(limit)).unwrap_or(0));
    while size(&bytes) < limit
        && let Some(line) = lines.next().map_err(broken)?
    {
        bytes.extend_from_slice(mbox::unquoted(&line));
    }
    if limit == u64::MAX && size(&bytes) != item.size_bytes {
        return Err(complain(Wrong::Changed));
    }
    Ok(bounded(bytes, item.size_bytes))
}

/// Enough to hold the headers and what is kept of the body.
fn prefix_bytes() -> u64 {
    size_of_usize(2 * KEPT_BYTES)
}

/// Cuts a message that is too large.
fn bounded(mut bytes: Vec<u8>, whole_bytes: u64) -> Raw {
    if whole_bytes > WHOLE_BYTES {
        bytes.truncate(head::header_bytes(&bytes).min(KEPT_BYTES) + KEPT_BYTES);
        bytes.shrink_to_fit();
    }
    Raw { bytes, whole_bytes }
}

fn size(bytes: &[u8]) -> u64 {
    size_of_usize(bytes.len())
}

/// No machine has more than 64 bits to an address.
fn size_of_usize(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
