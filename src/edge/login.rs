//! Who we are to a server: a name, and a secret that is read where the settings
//! say each time we connect, so that a new one needs no restart.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::config::{Auth, Secret, Server};

/// The most bytes of a secret; tokens of large providers have about 4 KB.
const LONGEST: u64 = 64 * 1024;

/// What proves who we are.
#[derive(Debug)]
pub enum Proof {
    /// A password.
    Password(SecretString),
    /// An OAuth 2 access token.
    Token(SecretString),
}

/// A name and its proof.
#[derive(Debug)]
pub struct Login {
    /// Log-in name.
    pub user: String,
    /// What proves it.
    pub proof: Proof,
}

/// Why a secret cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// It is a credential, and systemd gave us none.
    #[error(
        "there is no credential {name:?}; add LoadCredential={name}:/path/to/file to the unit, or write {{ file = \"…\" }}"
    )]
    NoCredential {
        /// Its name.
        name: String,
    },
    /// Its file cannot be read.
    #[error("cannot read the secret in {}; create the file, for the user that runs Barometer alone", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Others can read its file.
    #[error("{} can be read by others; chmod 600 {}", path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// Its environment variable is not set.
    #[error("the environment variable {name} is not set; set it, or write {{ file = \"…\" }}")]
    NoVariable {
        /// The variable.
        name: String,
    },
    /// There is nothing in it, or more than a line of text.
    #[error("the secret in {place} is no line of text; write it into the first line")]
    NoText {
        /// Where it is kept.
        place: String,
    },
}

/// The login that the settings name for a server; `None` for a relay that asks for nothing.
///
/// # Errors
///
/// Where the secret cannot be had; says what to do.
pub fn of(server: &Server) -> Result<Option<Login>, LoginError> {
    let proof = match &server.auth {
        None => return Ok(None),
        Some(Auth::Password(place)) => Proof::Password(secret(place)?),
        Some(
            Auth::OauthGoogle(place)
            | Auth::OauthGoogleService(place)
            | Auth::OauthMsDevice(place)
            | Auth::OauthMsApp(place),
        ) => Proof::Token(secret(place)?),
    };
    Ok(Some(Login { user: server.user.clone(), proof }))
}

/// The first line of what is kept there.
///
/// # Errors
///
/// Where it cannot be had; says what to do.
pub fn secret(place: &Secret) -> Result<SecretString, LoginError> {
    match place {
        Secret::Credential(name) => {
            let missing = || LoginError::NoCredential { name: name.clone() };
            let folder = std::env::var_os("CREDENTIALS_DIRECTORY").ok_or_else(missing)?;
            let path = Path::new(&folder).join(name);
            if !path.is_file() {
                return Err(missing());
            }
            first_line(&read(&path)?, || path.display().to_string())
        }
        Secret::File(path) => {
            let bytes = read(path)?;
            if is_exposed(path) {
                return Err(LoginError::Exposed { path: path.clone() });
            }
            first_line(&bytes, || path.display().to_string())
        }
        Secret::Env(name) => {
            let value = std::env::var_os(name).ok_or_else(|| LoginError::NoVariable { name: name.clone() })?;
            first_line(value.as_encoded_bytes(), || name.clone())
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, LoginError> {
    let unreadable = |source| LoginError::Unreadable { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).map_err(unreadable)?.take(LONGEST).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

#[cfg(unix)]
fn is_exposed(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_exposed(_: &Path) -> bool {
    false
}

fn first_line(bytes: &[u8], place: impl Fn() -> String) -> Result<SecretString, LoginError> {
    let line = bytes.split(|b| matches!(b, b'\n' | b'\r')).next().unwrap_or_default();
    match std::str::from_utf8(line) {
        Ok(line) if !line.trim().is_empty() && !line.contains('\0') => Ok(SecretString::from(line)),
        _ => Err(LoginError::NoText { place: place() }),
    }
}
