//! A folder instead of a relay, and the files that commands leave behind.
//!
//! A delivered file is there whole or not at all, also after a power cut; the
//! same name with the same bytes is delivered once, however often it is asked.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

/// Parts the temporary names of one process.
static TEMPORARY: AtomicU64 = AtomicU64::new(0);

/// A folder that we may write to.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

/// Why a folder cannot take what we write.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Something else has the name.
    #[error("{}: is a file, not a folder; name another, or move the file away", path.display())]
    NotAFolder {
        /// The name.
        path: PathBuf,
    },
    /// It cannot be made.
    #[error("{}: cannot be created; create it, or name one that you may write to", path.display())]
    NotCreated {
        /// The name.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is there, but takes no files.
    #[error("{}: cannot be written to; give the user that runs Barometer the right to, or name another", path.display())]
    Unwritable {
        /// The name.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Folder {
    /// Makes the folder where it is missing, and tries that it can be written to.
    ///
    /// # Errors
    ///
    /// The path is a file, or the folder can be neither made nor written to.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self, FolderError> {
        let path = path.into();
        if fs::metadata(&path).is_ok_and(|metadata| !metadata.is_dir()) {
            return Err(FolderError::NotAFolder { path });
        }
        if let Err(source) = fs::create_dir_all(&path) {
            return Err(FolderError::NotCreated { path, source });
        }
        let probe = path.join(temporary_name());
        match File::create(&probe).and_then(|_| fs::remove_file(&probe)) {
            Ok(()) => Ok(Self { path }),
            Err(source) => Err(FolderError::Unwritable { path, source }),
        }
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts a file into the folder in one step; one of that name with other bytes is replaced.
    ///
    /// # Errors
    ///
    /// `InvalidInput` where the name is empty, hidden, or leads elsewhere; else what the
    /// system said, and then the folder is as it was.
    pub fn deliver(&self, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
        check_name(name)?;
        let target = self.path.join(name);
        if is_there(&target, bytes) {
            return Ok(target);
        }
        let temporary = self.path.join(temporary_name());
        let outcome = write_durably(&temporary, bytes).and_then(|()| fs::rename(&temporary, &target));
        if let Err(error) = outcome {
            // The first error says more than one about the remains.
            fs::remove_file(&temporary).ok();
            return Err(error);
        }
        File::open(&self.path)?.sync_all()?;
        Ok(target)
    }
}

fn check_name(name: &str) -> io::Result<()> {
    let leads_elsewhere = name.chars().any(|c| matches!(c, '/' | '\\') || c.is_control());
    if name.is_empty() || name.starts_with('.') || leads_elsewhere {
        let wrong = format!("{name:?} cannot name a file: empty, hidden, or with a separator in it");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, wrong));
    }
    Ok(())
}

/// Whether a regular file of that name holds these bytes.
fn is_there(target: &Path, bytes: &[u8]) -> bool {
    let same_size = |metadata: fs::Metadata| {
        metadata.is_file() && usize::try_from(metadata.len()).is_ok_and(|len| len == bytes.len())
    };
    fs::symlink_metadata(target).is_ok_and(same_size) && fs::read(target).is_ok_and(|held| held == bytes)
}

fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Hidden, so that no reader of the folder takes it for a delivered file.
fn temporary_name() -> String {
    let number = TEMPORARY.fetch_add(1, Ordering::Relaxed);
    format!(".{}-{number}.tmp", process::id())
}
