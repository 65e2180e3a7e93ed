//! TLS as both ends of the pipe want it: the system's trust, an authority of one's own beside
//! it, names always checked, 1.2 at least.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls_platform_verifier::Verifier;

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The authority's certificates cannot be read.
    #[error("cannot read the certificates in {}; mend `ca_file`: {reason}", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The library refuses its own settings, or the system's trust cannot be had.
    #[error("TLS cannot be set up; are the system's certificates installed (Debian: ca-certificates)?")]
    Setup(#[source] rustls::Error),
}

/// What a client needs; `ca_file` holds certificates in PEM that are trusted beside the system's.
///
/// # Errors
///
/// Where the file is no PEM, or the system has no trust to go by.
pub fn client(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, TlsError> {
    let extra = ca_file.map(certificates).transpose()?.unwrap_or_default();
    // Given by name: two providers in one program make rustls panic.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new_with_extra_roots(extra, Arc::clone(&provider)).map_err(TlsError::Setup)?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Setup)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |reason: String| TlsError::Certificates { path: path.to_owned(), reason };
    let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let found = found.map_err(|error| wrong(error.to_string()))?;
    if found.is_empty() { Err(wrong("it holds no certificate in PEM".to_owned())) } else { Ok(found) }
}

/// What to do about a handshake that failed.
#[must_use]
pub fn remedy(error: &io::Error) -> &'static str {
    let text = error.to_string().to_lowercase();
    if text.contains("certificate") || text.contains("unknownissuer") {
        "its certificate must name `host` and be signed by an authority of the system, or of `ca_file`"
    } else {
        "does it speak TLS on this port? See `port` and `tls`"
    }
}
