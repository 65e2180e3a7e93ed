//! What stands once, in the main file: the tables of the service, the relay, alerts,
//! digests and privacy.

use std::path::Path;

use jiff::SignedDuration;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use super::fields::Fields;
use super::settings::{Alerts, Auth, Digest, EmptyDigest, Privacy, Relay, Server, Service, StaffTone, Tls};
use super::values::{count, domains, never, path, required, required_address, secret, span, time, week, zone};
use crate::calendar::Calendar;

pub(super) fn service(f: &mut Fields<'_, '_>, folder: &Path) -> Option<Service> {
    f.only(&["address", "domains", "time_zone", "store", "rules", "never", "metrics", "templates", "people"]);
    let address = required_address(f, "address", "watch@yourfirm.example");
    if !f.has("domains") {
        f.complain("domains", "`domains` is missing", "add domains = [\"yourfirm.example\"], the firm's own");
    }
    if f.is_empty_list("domains") {
        f.complain("domains", "`domains` is empty", "write for instance [\"yourfirm.example\"], the firm's own");
    }
    let domains_found = domains(f, "domains");
    let metrics = f.text("metrics").unwrap_or_else(|| "127.0.0.1:9469".to_owned());
    let service = Service {
        domains: domains_found,
        time_zone: zone(f, "time_zone").unwrap_or(TimeZone::UTC),
        store: store(f, folder),
        rules: f.texts("rules").into_iter().map(|p| folder.join(p.value)).collect(),
        never: never(f, "never"),
        metrics: metrics_address(f, &metrics),
        templates: path(f, "templates", folder),
        people: domains(f, "people"),
        // Last, so that all the rest is read and complained of without it.
        address: address?,
    };
    (!service.domains.is_empty()).then_some(service)
}

fn store(f: &mut Fields<'_, '_>, folder: &Path) -> String {
    let Some(text) = f.text("store") else {
        return "sqlite:/var/lib/barometer/barometer.db".to_owned();
    };
    if let Some(file) = text.strip_prefix("sqlite:") {
        let file = file.strip_prefix("//").filter(|rest| rest.starts_with('/')).unwrap_or(file);
        if file.is_empty() || file.starts_with(":memory:") {
            f.complain(
                "store",
                "a store in memory would lose everything",
                "name a file: \"sqlite:/var/lib/barometer/barometer.db\"",
            );
        }
        return format!("sqlite:{}", folder.join(file).display());
    }
    if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
        f.complain(
            "store",
            format!("{text:?} is no store"),
            "write \"sqlite:PATH\" or \"postgres://USER@HOST/DATABASE\"",
        );
    }
    text
}

fn metrics_address(f: &mut Fields<'_, '_>, text: &str) -> Option<std::net::SocketAddr> {
    if text == "off" {
        return None;
    }
    let address = text.parse().ok().filter(|a: &std::net::SocketAddr| a.ip().is_loopback());
    if address.is_none() {
        f.complain(
            "metrics",
            format!("{text:?} is no loopback address with a port"),
            "write \"127.0.0.1:9469\", or \"off\"",
        );
    }
    address
}

/// Keys of a server, beside those of the table it stands in.
pub(super) const SERVER: [&str; 8] = ["host", "port", "tls", "ca_file", "user", "password", "auth", "token"];

pub(super) fn server(f: &mut Fields<'_, '_>, folder: &Path, ports: [u16; 2]) -> Option<Server> {
    let host = required(f, "host", "mail.yourfirm.example");
    let tls = f.choice("tls", &[("implicit", Tls::Implicit), ("starttls", Tls::StartTls), ("none", Tls::None)]);
    let tls = tls.unwrap_or_default();
    let usual = if tls == Tls::Implicit { ports[0] } else { ports[1] };
    let port = port(f).unwrap_or(usual);
    let ca_file = path(f, "ca_file", folder);
    let auth = auth(f, folder);
    if auth.is_some() && !f.has("user") {
        f.complain("user", "`user` is missing", "add the name to log in with");
    }
    let host = host?;
    if tls == Tls::None && !is_loopback(&host) {
        f.complain(
            "tls",
            "without TLS, passwords and mail can be read on the way",
            "write \"implicit\" or \"starttls\"; \"none\" is for loopback alone",
        );
    }
    Some(Server { host, port, tls, ca_file, user: f.text("user").unwrap_or_default(), auth })
}

fn port(f: &mut Fields<'_, '_>) -> Option<u16> {
    let number = f.integer("port")?;
    let port = u16::try_from(number).ok().filter(|port| *port > 0);
    if port.is_none() {
        f.complain("port", format!("`port` is {number}"), "write a number from 1 to 65535");
    }
    port
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

fn auth(f: &mut Fields<'_, '_>, folder: &Path) -> Option<Auth> {
    /// The key that goes with it, the one that does not, and what they make.
    const BY_PASSWORD: (&str, &str, Make) = ("password", "token", Auth::Password);
    type Make = fn(super::settings::Secret) -> Auth;
    let kinds: [(&str, (&str, &str, Make)); 5] = [
        ("password", BY_PASSWORD),
        ("oauth_google", ("token", "password", Auth::OauthGoogle)),
        ("oauth_google_service", ("token", "password", Auth::OauthGoogleService)),
        ("oauth_ms_device", ("token", "password", Auth::OauthMsDevice)),
        ("oauth_ms_app", ("token", "password", Auth::OauthMsApp)),
    ];
    let (key, other, make) = if f.has("auth") { f.choice("auth", &kinds)? } else { BY_PASSWORD };
    if f.has(other) {
        f.complain(other, format!("`{other}` does not go with this `auth`"), format!("write `{key}` instead"));
    }
    if f.has("auth") && !f.has(key) {
        f.complain(key, format!("`{key}` is missing"), format!("add {key} = {{ credential = \"NAME\" }}"));
    }
    secret(f, key, folder).map(make)
}

pub(super) fn relay(f: &mut Fields<'_, '_>, folder: &Path) -> Option<Relay> {
    let known: Vec<&str> = SERVER.iter().copied().chain(["folder"]).collect();
    f.only(&known);
    if !f.has("folder") {
        return server(f, folder, [465, 587]).map(Relay::Smtp);
    }
    for key in SERVER.iter().filter(|key| f.has(key)).collect::<Vec<_>>() {
        f.complain(key, format!("`{key}` does not go with `folder`"), "name a server or a folder, not both");
    }
    path(f, "folder", folder).map(Relay::Folder)
}

pub(super) fn alerts(f: &mut Fields<'_, '_>) -> Alerts {
    f.only(&["group_wait", "group_interval", "repeat_interval", "max_repeats", "send", "cap_per_hour"]);
    let mut alerts = usual_alerts();
    alerts.group_wait = span(f, "group_wait").unwrap_or(alerts.group_wait);
    alerts.group_interval = span(f, "group_interval").unwrap_or(alerts.group_interval);
    f.within("repeat_interval", |f| {
        f.only(&["critical", "warning"]);
        alerts.repeat_critical = span(f, "critical").unwrap_or(alerts.repeat_critical);
        alerts.repeat_warning = span(f, "warning").unwrap_or(alerts.repeat_warning);
    });
    alerts.max_repeats = count(f, "max_repeats", 100).unwrap_or(alerts.max_repeats);
    alerts.cap_per_hour = count(f, "cap_per_hour", 1_000).unwrap_or(alerts.cap_per_hour);
    let before = f.complained();
    if let Some(week) = week(f, "send") {
        if week.iter().all(Vec::is_empty) && f.complained() == before {
            f.complain("send", "there is no hour at which a warning may be sent", "name at least one window");
        }
        alerts.send.week = week;
    }
    alerts
}

pub(super) fn usual_alerts() -> Alerts {
    let mut send = Calendar::office();
    send.week.iter_mut().filter(|day| !day.is_empty()).for_each(|day| *day = vec![(8 * 60, 18 * 60)]);
    Alerts {
        group_wait: SignedDuration::from_mins(2),
        group_interval: SignedDuration::from_mins(15),
        repeat_critical: SignedDuration::from_hours(4),
        repeat_warning: SignedDuration::from_hours(24),
        max_repeats: 5,
        send,
        cap_per_hour: 20,
    }
}

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

pub(super) fn digest(f: &mut Fields<'_, '_>) -> Digest {
    f.only(&["at", "weekly", "empty"]);
    let empties = [("skip", EmptyDigest::Skip), ("short", EmptyDigest::Short), ("heartbeat", EmptyDigest::Heartbeat)];
    let usual = usual_digest();
    Digest {
        at: time(f, "at").unwrap_or(usual.at),
        weekly: f.choice("weekly", &WEEKDAYS).unwrap_or(usual.weekly),
        empty: f.choice("empty", &empties).unwrap_or_default(),
    }
}

pub(super) fn usual_digest() -> Digest {
    Digest { at: 7 * 60 + 30, weekly: Weekday::Monday, empty: EmptyDigest::default() }
}

pub(super) fn privacy(f: &mut Fields<'_, '_>) -> Privacy {
    f.only(&["staff_tone", "keep_raw"]);
    let usual = usual_privacy();
    Privacy {
        staff_tone: f
            .choice("staff_tone", &[("manager", StaffTone::Manager), ("off", StaffTone::Off)])
            .unwrap_or_default(),
        keep_raw: span(f, "keep_raw").unwrap_or(usual.keep_raw),
    }
}

pub(super) fn usual_privacy() -> Privacy {
    Privacy { staff_tone: StaffTone::Manager, keep_raw: SignedDuration::from_hours(400 * 24) }
}
