//! Real servers and the real program: a rig for each test that asks for one, gone with it.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longest wait for something that must come.
const PATIENCE: Duration = Duration::from_mins(1);

/// Starts and ends real servers.
pub const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rig/rig");

/// Waits until `found` finds something; fails with `what` where it never does.
pub fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(value) = found() {
            return value;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("waited in vain: {what}");
}

/// Servers of one test.
pub struct Rig {
    folder: TempDir,
    settings: HashMap<String, String>,
}

impl Rig {
    /// Starts some of `dovecot`, `postfix`, `postgres`.
    pub fn up(servers: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap().to_owned();
        // Servers of less rights look into it.
        Command::new("chmod").args(["755", &path]).status().unwrap();
        rig(&[&["up", path.as_str()], servers].concat());
        let env = fs::read_to_string(folder.path().join("env")).unwrap();
        let settings = env.lines().filter_map(|line| line.split_once('='));
        let settings = settings.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        Self { folder, settings }
    }

    /// A line of the rig's settings, such as `RIG_IMAPS_PORT`.
    pub fn get(&self, name: &str) -> &str {
        &self.settings[name]
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Ends a server in good order; its data stay.
    pub fn stop(&self, server: &str) {
        rig(&["stop", self.path().to_str().unwrap(), server]);
    }

    /// Starts it again, on the same port.
    pub fn start(&self, server: &str) {
        rig(&["start", self.path().to_str().unwrap(), server]);
    }

    /// An OAuth access token of somebody, good for an hour on both servers.
    pub fn token(&self, user: &str) -> String {
        rig(&["token", self.path().to_str().unwrap(), &format!("{user}@firm.example")]).trim_end().to_owned()
    }

    /// Hands a message to the relay as a client's server would; the answer to each recipient.
    pub fn submit(&self, from: &str, to: &[&str], message: &(impl AsRef<[u8]> + ?Sized)) -> Vec<String> {
        let stream = TcpStream::connect(("127.0.0.1", self.get("RIG_SMTP_PORT").parse().unwrap())).unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap());
        let mut stream = stream;
        let mut ask = |bytes: &[u8]| {
            stream.write_all(bytes).unwrap();
            loop {
                let mut line = String::new();
                lines.read_line(&mut line).unwrap();
                assert!(!line.is_empty(), "the relay hung up");
                if line.as_bytes()[3] == b' ' {
                    return line.trim_end().to_owned();
                }
            }
        };
        ask(b"");
        ask(b"EHLO client.example\r\n");
        ask(format!("MAIL FROM:<{from}>\r\n").as_bytes());
        let answers: Vec<String> = to.iter().map(|to| ask(format!("RCPT TO:<{to}>\r\n").as_bytes())).collect();
        if answers.iter().any(|a| a.starts_with('2')) {
            assert!(ask(b"DATA\r\n").starts_with("354"));
            let answer = ask(&on_the_wire(message.as_ref()));
            assert!(answer.starts_with("250"), "{answer}");
        }
        ask(b"QUIT\r\n");
        answers
    }

    /// Puts a message into a mailbox past the relay.
    pub fn save(&self, user: &str, message: &str) {
        let mut child = self
            .doveadm_command(&["save", "-u", &format!("{user}@firm.example")])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(message.replace('\n', "\r\n").as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }

    pub fn doveadm(&self, arguments: &[&str]) {
        let output = self.doveadm_command(arguments).output().unwrap();
        assert!(output.status.success(), "doveadm {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn doveadm_command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("doveadm");
        command.arg("-c").arg(self.path().join("dovecot.conf")).args(arguments);
        command
    }

    /// Every message in somebody's inbox, as text.
    pub fn mailbox(&self, user: &str) -> Vec<String> {
        self.mailbox_bytes(user).into_iter().map(|b| String::from_utf8(b).unwrap()).collect()
    }

    /// Every message in somebody's inbox, byte for byte.
    pub fn mailbox_bytes(&self, user: &str) -> Vec<Vec<u8>> {
        let inbox = self.path().join("mail").join(user);
        let files = ["new", "cur"].iter().filter_map(|part| fs::read_dir(inbox.join(part)).ok()).flatten();
        // A file that is being moved from one to the other is seen the next time.
        files.filter_map(|file| fs::read(file.unwrap().path()).ok()).collect()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        rig(&["down", self.path().to_str().unwrap()]);
    }
}

/// A message as SMTP wants it after DATA: lines end in CRLF, a dot before each dot, a dot alone.
fn on_the_wire(message: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    for line in message.strip_suffix(b"\n").unwrap_or(message).split(|&b| b == b'\n') {
        wire.extend(line.starts_with(b".").then_some(b'.'));
        wire.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b".\r\n");
    wire
}

/// Runs the script; what it starts ends with us, even where we are killed.
fn rig(arguments: &[&str]) -> String {
    let mut command = Command::new(SCRIPT);
    command.args(arguments).env("RIG_OWNER", std::process::id().to_string()).stdin(Stdio::null());
    let output = command.output().unwrap();
    assert!(output.status.success(), "rig {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// One header field of a message, unfolded; empty where it has none.
pub fn field(message: &str, name: &str) -> String {
    let head = message.split("\r\n\r\n").next().unwrap_or("").replace("\r\n ", " ").replace("\r\n\t", " ");
    let wanted = format!("{}:", name.to_lowercase());
    let line = head.lines().find(|line| line.to_lowercase().starts_with(&wanted));
    line.and_then(|line| line.split_once(':')).map_or_else(String::new, |(_, value)| value.trim().to_owned())
}

/// The real program, running.
pub struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts `barometer run`.
    pub fn start(config: &Path) -> Self {
        Self::start_with(config, &[])
    }

    pub fn start_with(config: &Path, arguments: &[&str]) -> Self {
        Self::spawn(Command::new(env!("CARGO_BIN_EXE_barometer")), config, arguments)
    }

    /// Starts it where no file can be larger than `blocks` of 1,024 bytes: a disk that is full.
    pub fn start_on_small_disk(config: &Path, blocks: u32) -> Self {
        let mut shell = Command::new("bash");
        let limited = format!("trap '' XFSZ; ulimit -S -f {blocks}; exec \"$0\" \"$@\"");
        shell.args(["-c", &limited, env!("CARGO_BIN_EXE_barometer")]);
        Self::spawn(shell, config, &[])
    }

    /// The disk has room again.
    pub fn give_room(&self) {
        let status = Command::new("prlimit").args(["--pid", &self.id().to_string(), "--fsize=unlimited"]).status();
        assert!(status.unwrap().success());
    }

    fn spawn(mut program: Command, config: &Path, arguments: &[&str]) -> Self {
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let log = config.with_extension(format!("{number}.log"));
        let child = program
            .args(["run", "--config", config.to_str().unwrap()])
            .args(arguments)
            .env("RUST_LOG", "info")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::options().create(true).append(true).open(&log).unwrap())
            .spawn()
            .unwrap();
        Self { child, log }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The exit code, once it has ended by itself.
    pub fn ended(&mut self) -> i32 {
        let status = until("the daemon ends", || self.child.try_wait().unwrap());
        status.code().unwrap_or(-1)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.child.try_wait().unwrap().is_none() {
            self.kill();
        }
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}

/// What a page on loopback answers: status line and body.
pub fn page(port: u16, path: &str) -> Option<(String, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.lines().next()?.to_owned(), body.to_owned()))
}
