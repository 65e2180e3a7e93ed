//! What we tell systemd: that we are ready, what we are at, that we still live.
//!
//! Where there is no systemd nothing happens. A socket that refuses is no reason to stop.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sd_notify::NotifyState;

/// The service manager, if there is one. Clones share what was said of its silence.
#[derive(Debug, Clone, Default)]
pub struct Systemd {
    socket: Option<OsString>,
    complained: Arc<AtomicBool>,
}

impl Systemd {
    /// The manager that started us, by `NOTIFY_SOCKET`.
    #[must_use]
    pub fn from_environment() -> Self {
        Self::at(std::env::var_os("NOTIFY_SOCKET"))
    }

    /// The manager that listens at a path.
    #[must_use]
    pub fn at(socket: Option<OsString>) -> Self {
        Self { socket, ..Self::default() }
    }

    /// We do our work.
    pub fn ready(&self) {
        self.say(&[NotifyState::Ready]);
    }

    /// We are ending.
    pub fn stopping(&self) {
        self.say(&[NotifyState::Stopping]);
    }

    /// We are reading our settings again; [`Systemd::ready`] ends it.
    pub fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(since) => self.say(&[NotifyState::Reloading, since]),
            Err(_) => self.say(&[NotifyState::Reloading]),
        }
    }

    /// What we are at, in one line.
    pub fn status(&self, line: &str) {
        self.say(&[NotifyState::Status(line)]);
    }

    /// A pass has worked: we live.
    pub fn watchdog(&self) {
        self.say(&[NotifyState::Watchdog]);
    }

    fn say(&self, states: &[NotifyState<'_>]) {
        let Some(socket) = &self.socket else { return };
        let mut text = String::new();
        for state in states {
            // Writing to a String cannot fail.
            writeln!(text, "{state}").ok();
        }
        let sent = send(socket, text.as_bytes());
        if let Err(error) = sent
            && !self.complained.swap(true, Ordering::Relaxed)
        {
            tracing::warn!("systemd does not hear us: {error}");
        }
    }
}

fn send(socket: &OsString, text: &[u8]) -> std::io::Result<()> {
    let ours = UnixDatagram::unbound()?;
    // A manager that does not read must not hold us up.
    ours.set_nonblocking(true)?;
    let bytes = socket.as_encoded_bytes();
    match bytes.strip_prefix(b"@") {
        Some(name) => {
            use std::os::linux::net::SocketAddrExt as _;
            let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
            ours.send_to_addr(text, &address)?;
        }
        None => {
            ours.send_to(text, socket)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systemd_hears_each_state_and_its_absence_is_no_trouble() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let systemd = Systemd::at(Some(path.into_os_string()));
        let heard = || {
            let mut buffer = [0; 200];
            let length = manager.recv(&mut buffer).unwrap();
            String::from_utf8(buffer[..length].to_vec()).unwrap()
        };
        systemd.ready();
        assert_eq!(heard(), "READY=1\n");
        systemd.status("all is well");
        assert_eq!(heard(), "STATUS=all is well\n");
        systemd.watchdog();
        assert_eq!(heard(), "WATCHDOG=1\n");
        systemd.reloading();
        let said = heard();
        assert!(said.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{said}");
        systemd.stopping();
        assert_eq!(heard(), "STOPPING=1\n");
        drop(manager);
        systemd.ready();
        Systemd::at(None).ready();
    }
}
