//! What can be wrong with mail on disk, and what the operator does about it.

use std::io;

/// A path, what is wrong with it, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {wrong}; {}", wrong.remedy())]
pub struct FilesError {
    /// The path, as [`super::Item::path`] would show it.
    pub path: String,
    /// What is wrong.
    pub wrong: Wrong,
}

/// Something that could not be listed, told as an error would be.
pub type Complaint = FilesError;

impl FilesError {
    /// Whether mail may be missing from the listing; false where a file is merely no mail.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        !matches!(self.wrong, Wrong::NotMail)
    }
}

/// What is wrong with a path.
#[derive(Debug, thiserror::Error)]
pub enum Wrong {
    /// There is nothing under the name of an argument.
    #[error("there is no such file or folder")]
    Missing,
    /// It was there a moment ago.
    #[error("vanished while it was being read")]
    Vanished,
    /// An mbox whose messages are no longer where they were.
    #[error("changed after it was listed")]
    Changed,
    /// We may not read it.
    #[error("permission denied")]
    Forbidden(io::Error),
    /// The disk or the network behind it failed.
    #[error("cannot be read: {0}")]
    Failed(io::Error),
    /// A FIFO, a socket, a device, or a folder among messages.
    #[error("is not a regular file")]
    NotRegular,
    /// A link inside a folder.
    #[error("is a symbolic link, which is not followed")]
    Link,
    /// A file in a folder that is neither message nor mbox. Nothing is wrong with it.
    #[error("does not look like mail and was left out")]
    NotMail,
}

impl Wrong {
    /// What the operator can do.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Missing => "check the spelling, and that its disk is mounted",
            Self::Vanished | Self::Changed => "run the command again when nothing writes to it",
            Self::Forbidden(_) => "give the user that runs Barometer the right to read it",
            Self::Failed(_) => "check the disk, then run the command again",
            Self::NotRegular => "copy the mail into a file, and name that",
            Self::Link => "name its target as an argument",
            Self::NotMail => "if it is a message, name it as an argument or call it .eml",
        }
    }

    pub(super) fn from_io(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Vanished,
            io::ErrorKind::PermissionDenied => Self::Forbidden(error),
            _ => Self::Failed(error),
        }
    }
}
