//! Figures for Prometheus and a page of health, on loopback alone.
//!
//! Labels are names of the settings and words of ours, never anything from mail. Hosts other than
//! loopback are refused, in the address we listen on and in the name that we are asked by.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::{SignedDuration, Timestamp};
use prometheus_client::encoding::{EncodeLabelSet, text::encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::health::Health;

/// What Prometheus wants to be told of the text.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// The longest that one question may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A mailbox, by its name in the settings.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfMailbox {
    mailbox: String,
}

/// What became of something.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Became {
    outcome: &'static str,
}

/// What became of an e-mail of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfKind {
    kind: String,
    outcome: &'static str,
}

type Seconds = Gauge<f64, AtomicU64>;

/// Everything that is counted. Clones share it.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    fetched: Family<OfMailbox, Counter>,
    last_success: Family<OfMailbox, Seconds>,
    connected: Family<OfMailbox, Gauge>,
    messages: Family<Became, Counter>,
    notifications: Family<OfKind, Counter>,
    passes: Family<Became, Counter>,
    copies_waiting: Gauge,
    copies_quarantined: Gauge,
    outbox_waiting: Gauge,
    outbox_oldest: Seconds,
    rule_seconds: Histogram,
    read_seconds: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Nothing counted yet.
    #[must_use]
    pub fn new() -> Self {
        let buckets = || Histogram::new(exponential_buckets(0.000_1, 4.0, 9));
        let mut metrics = Self {
            registry: Arc::default(),
            fetched: Family::default(),
            last_success: Family::default(),
            connected: Family::default(),
            messages: Family::default(),
            notifications: Family::default(),
            passes: Family::default(),
            copies_waiting: Gauge::default(),
            copies_quarantined: Gauge::default(),
            outbox_waiting: Gauge::default(),
            outbox_oldest: Gauge::default(),
            rule_seconds: buckets(),
            read_seconds: buckets(),
        };
        metrics.registry = Arc::new(metrics.register());
        metrics
    }

    fn register(&self) -> Registry {
        let mut registry = Registry::with_prefix("barometer");
        let r = &mut registry;
        r.register("mail_fetched", "Messages fetched from a mailbox", self.fetched.clone());
        r.register(
            "mailbox_last_success_seconds",
            "When a mailbox was last polled, in unix seconds",
            self.last_success.clone(),
        );
        r.register("mailbox_connected", "Whether a mailbox is connected", self.connected.clone());
        r.register("messages", "Messages by what became of them", self.messages.clone());
        r.register("notifications", "Attempts to send an e-mail by what became of them", self.notifications.clone());
        r.register("passes", "Passes of the working loop", self.passes.clone());
        r.register("copies_waiting", "Messages kept and not yet read", self.copies_waiting.clone());
        r.register("copies_quarantined", "Messages in quarantine", self.copies_quarantined.clone());
        r.register("outbox_waiting", "E-mails owed", self.outbox_waiting.clone());
        r.register(
            "outbox_oldest_due_seconds",
            "How long the oldest e-mail owed has been due",
            self.outbox_oldest.clone(),
        );
        r.register("rule_seconds", "Time that the rules took for a message", self.rule_seconds.clone());
        r.register("read_seconds", "Time that reading and judging took for a message", self.read_seconds.clone());
        registry
    }

    /// So many messages were fetched.
    pub fn fetched(&self, mailbox: &str, count: u64) {
        self.fetched.get_or_create(&of(mailbox)).inc_by(count);
    }

    /// A mailbox was polled.
    pub fn polled(&self, mailbox: &str, at: Timestamp) {
        self.last_success.get_or_create(&of(mailbox)).set(at.as_duration().as_secs_f64());
    }

    /// A mailbox was connected, or the connection ended.
    pub fn connected(&self, mailbox: &str, is: bool) {
        self.connected.get_or_create(&of(mailbox)).set(i64::from(is));
    }

    /// So many messages came to an end.
    pub fn messages(&self, outcome: &'static str, count: u64) {
        self.messages.get_or_create(&Became { outcome }).inc_by(count);
    }

    /// An attempt to send an e-mail came to an end.
    pub fn notification(&self, kind: &str, outcome: &'static str) {
        self.notifications.get_or_create(&OfKind { kind: kind.to_owned(), outcome }).inc();
    }

    /// A pass of the working loop ended.
    pub fn pass(&self, worked: bool) {
        self.passes.get_or_create(&Became { outcome: if worked { "worked" } else { "failed" } }).inc();
    }

    /// What waits to be read.
    pub fn copies(&self, waiting: i64, quarantined: i64) {
        self.copies_waiting.set(waiting);
        self.copies_quarantined.set(quarantined);
    }

    /// What waits to be sent, and how long the oldest of it has been due.
    pub fn outbox(&self, waiting: i64, oldest_due: SignedDuration) {
        self.outbox_waiting.set(waiting);
        self.outbox_oldest.set(oldest_due.as_secs_f64());
    }

    /// A message was understood: the time of the rules, and of the whole.
    pub fn understood(&self, rules: Duration, whole: Duration) {
        self.rule_seconds.observe(rules.as_secs_f64());
        self.read_seconds.observe(whole.as_secs_f64());
    }

    /// The figures as Prometheus reads them.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        encode(&mut text, &self.registry).ok();
        text
    }
}

fn of(mailbox: &str) -> OfMailbox {
    OfMailbox { mailbox: mailbox.to_owned() }
}

/// Why the page cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Others than this machine could see it.
    #[error("metrics: {address} is no loopback address; write 127.0.0.1:9469, or \"off\"")]
    Exposed {
        /// The address of the settings.
        address: SocketAddr,
    },
    /// The address cannot be had.
    #[error(
        "metrics: cannot listen on {address}; another program has the port, or set `metrics` to another or to \"off\""
    )]
    Taken {
        /// The address of the settings.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// The page, listening and not yet answering.
#[derive(Debug)]
pub struct Page {
    listener: TcpListener,
}

/// Listens on a loopback address.
///
/// # Errors
///
/// Where the address is not loopback, or taken.
pub async fn bind(address: SocketAddr) -> Result<Page, ServeError> {
    if !address.ip().is_loopback() {
        return Err(ServeError::Exposed { address });
    }
    let listener = TcpListener::bind(address).await.map_err(|source| ServeError::Taken { address, source })?;
    Ok(Page { listener })
}

struct Shown<C> {
    metrics: Metrics,
    health: Health,
    clock: C,
}

impl Page {
    /// Where it listens.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until told to stop. `clock` says what time it is.
    ///
    /// # Errors
    ///
    /// Where the system takes the socket away.
    pub async fn serve<C>(
        self,
        metrics: Metrics,
        health: Health,
        clock: C,
        stop: CancellationToken,
    ) -> std::io::Result<()>
    where
        C: Fn() -> Timestamp + Send + Sync + 'static,
    {
        let shown = Arc::new(Shown { metrics, health, clock });
        let page = Router::new()
            .route("/metrics", get(figures::<C>))
            .route("/health", get(condition::<C>))
            .layer(middleware::from_fn(at_loopback))
            .with_state(shown);
        axum::serve(self.listener, page).with_graceful_shutdown(stop.cancelled_owned()).await
    }
}

/// Only who asks for this machine by a name of its own is answered (DNS rebinding), and in time.
async fn at_loopback(headers: HeaderMap, request: Request, next: Next) -> Response {
    let host = headers.get(header::HOST).and_then(|h| h.to_str().ok()).unwrap_or_default();
    let name =
        host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit())).map_or(host, |(n, _)| n);
    if !matches!(name, "localhost" | "127.0.0.1" | "[::1]") {
        return (StatusCode::FORBIDDEN, "ask by localhost or 127.0.0.1\n").into_response();
    }
    match tokio::time::timeout(PATIENCE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn figures<C>(State(shown): State<Arc<Shown<C>>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, OPEN_METRICS)], shown.metrics.text())
}

async fn condition<C: Fn() -> Timestamp>(State(shown): State<Arc<Shown<C>>>) -> impl IntoResponse {
    let report = shown.health.report((shown.clock)());
    let status = if report.status == "ok" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = serde_json::to_string(&report).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, "application/json")], body + "\n")
}
