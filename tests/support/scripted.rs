//! A server on loopback that says what a test tells it to, and remembers what it heard.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use barometer::config::{Auth, Secret, Server, Tls};
use barometer::edge::login::{Login, Proof};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// One step of a script.
#[derive(Debug, Clone)]
pub enum Do {
    /// Waits for a line that contains this, in capitals; `{tag}` of what follows becomes its first word,
    /// unless it is its only one.
    Hear(&'static str),
    /// Takes everything up to a line with a single dot.
    HearMessage,
    /// Writes; `{tag}` is that of the last command heard.
    Say(String),
    /// Writes these bytes.
    SayBytes(&'static [u8]),
    /// Writes in pieces of one byte.
    Drip(String),
    /// Goes over to TLS.
    StartTls,
    /// Writes nothing more, and keeps the connection.
    Silence,
    /// Ends the connection.
    HangUp,
}

pub fn say(text: &str) -> Do {
    Do::Say(text.to_owned())
}

/// What was heard, whole.
pub type Heard = Arc<Mutex<Vec<u8>>>;

/// An authority of its own and a certificate for a name.
pub struct Trust {
    authority: String,
    acceptor: TlsAcceptor,
}

impl Trust {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Self { authority: authority.pem(), acceptor: TlsAcceptor::from(Arc::new(config)) }
    }

    /// Writes the authority's certificate.
    pub fn write(&self, path: &Path) {
        std::fs::write(path, &self.authority).unwrap();
    }
}

/// Serves each script on one connection, in order; TLS from the first byte where there is a trust.
pub async fn serve(
    scripts: Vec<Vec<Do>>,
    implicit: Option<Arc<Trust>>,
    later: Option<Arc<Trust>>,
) -> (SocketAddr, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heard = Heard::default();
    let ears = Arc::clone(&heard);
    tokio::spawn(async move {
        let mut kept: Vec<Box<dyn Stream>> = Vec::new();
        for script in scripts {
            let Ok((tcp, _)) = listener.accept().await else { return };
            let stream: Option<Box<dyn Stream>> = match &implicit {
                Some(trust) => trust.acceptor.accept(tcp).await.ok().map(|s| Box::new(s) as Box<dyn Stream>),
                None => Some(Box::new(tcp)),
            };
            if let Some(stream) = stream {
                kept.extend(play(script, stream, &ears, later.as_deref()).await);
            }
        }
        std::future::pending::<()>().await;
    });
    (address, heard)
}

async fn play(
    script: Vec<Do>,
    mut stream: Box<dyn Stream>,
    heard: &Heard,
    trust: Option<&Trust>,
) -> Option<Box<dyn Stream>> {
    let mut tag = String::new();
    for step in script {
        match step {
            Do::Hear(wanted) => {
                let line = line(&mut stream, heard).await?;
                assert!(line.to_uppercase().contains(wanted), "expected {wanted}, heard {line}");
                if let Some((first, _)) = line.split_once(' ') {
                    first.clone_into(&mut tag);
                }
            }
            Do::HearMessage => while line(&mut stream, heard).await? != "." {},
            Do::Say(text) => stream.write_all(text.replace("{tag}", &tag).as_bytes()).await.ok()?,
            Do::SayBytes(bytes) => stream.write_all(bytes).await.ok()?,
            Do::Drip(text) => {
                for byte in text.replace("{tag}", &tag).bytes() {
                    stream.write_all(&[byte]).await.ok()?;
                    stream.flush().await.ok()?;
                    tokio::task::yield_now().await;
                }
            }
            Do::StartTls => {
                stream = Box::new(trust.unwrap().acceptor.accept(stream).await.ok()?);
            }
            Do::Silence => return Some(stream),
            Do::HangUp => return None,
        }
        stream.flush().await.ok()?;
    }
    Some(stream)
}

async fn line(stream: &mut Box<dyn Stream>, heard: &Heard) -> Option<String> {
    let mut line = Vec::new();
    loop {
        let byte = stream.read_u8().await.ok()?;
        heard.lock().unwrap().push(byte);
        if byte == b'\n' {
            return Some(String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned());
        }
        line.push(byte);
    }
}

/// Settings for a scripted server.
pub fn server(address: SocketAddr, tls: Tls, ca_file: Option<&Path>) -> Server {
    Server {
        host: "localhost".to_owned(),
        port: address.port(),
        tls,
        ca_file: ca_file.map(Path::to_owned),
        user: "watch@firm.example".to_owned(),
        auth: None,
    }
}

pub fn with_password(server: Server, secret: &Path) -> Server {
    Server { auth: Some(Auth::Password(Secret::File(secret.to_owned()))), ..server }
}

pub fn with_token(server: Server, secret: &Path) -> Server {
    Server { auth: Some(Auth::OauthGoogle(Secret::File(secret.to_owned()))), ..server }
}

pub fn password() -> Login {
    Login { user: "watch@firm.example".to_owned(), proof: Proof::Password("s3cret".to_owned().into()) }
}

pub fn token() -> Login {
    Login { user: "watch@firm.example".to_owned(), proof: Proof::Token("t0ken".to_owned().into()) }
}

/// A connection that nobody serves: the port of a listener that is gone.
pub async fn nowhere() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert!(TcpStream::connect(address).await.is_err());
    address
}
