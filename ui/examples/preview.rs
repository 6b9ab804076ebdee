//! Serves every page with made-up data, under the headers that the dashboard sends:
//! `cargo run -p server-scout-ui --example preview`, then open the address that it prints.

#[path = "preview/fleet.rs"]
mod fleet;
#[path = "preview/keys.rs"]
mod keys;
#[path = "preview/login.rs"]
mod login;

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use server_scout_ui::views::{
    AccountView, FirstOwnerView, Frame, MessageView, NewServerView, ServerView, ServersView,
    SessionRow, Status, ValueRow,
};
use server_scout_ui::{Pages, UiError, assets};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:8600".to_owned());
    let listener = TcpListener::bind(&address)?;
    let pages = Arc::new(Pages::new()?);
    println!("http://{address}");
    for path in PATHS.iter().chain(&fleet::PATHS) {
        println!("http://{address}{path}");
    }
    for stream in listener.incoming() {
        let (stream, pages) = (stream?, Arc::clone(&pages));
        // A browser that went away is no reason to stop.
        thread::spawn(move || drop(answer(stream, &pages)));
    }
    Ok(())
}

fn answer(mut stream: TcpStream, pages: &Pages) -> io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    while lines
        .next()
        .transpose()?
        .is_some_and(|line| !line.is_empty())
    {}
    let target = request.split(' ').nth(1).unwrap_or("/");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if let Some(asset) = path.strip_prefix("/assets/").and_then(assets::find) {
        return send(&mut stream, "200 OK", asset.content_type, asset.bytes);
    }
    match path {
        "/api/v1/live" => live(stream, query),
        _ if path.ends_with("/metrics") => send(
            &mut stream,
            "200 OK",
            "application/json",
            metrics(query).to_string().as_bytes(),
        ),
        _ => match page(pages, path) {
            Ok(html) => send(
                &mut stream,
                "200 OK",
                "text/html; charset=utf-8",
                html.as_bytes(),
            ),
            Err(error) => {
                eprintln!("{path}: {error}: {:?}", std::error::Error::source(&error));
                send(
                    &mut stream,
                    "500 Internal Server Error",
                    "text/plain",
                    b"see the terminal",
                )
            }
        },
    }
}

fn send(stream: &mut TcpStream, status: &str, content_type: &str, body: &[u8]) -> io::Result<()> {
    let date = jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&jiff::Timestamp::now())
        .unwrap_or_default();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nDate: {date}\r\n\
         Content-Security-Policy: {POLICY}\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(body)
}

fn page(pages: &Pages, path: &str) -> Result<String, UiError> {
    if let Some(page) = keys::page(pages, path).or_else(|| login::page(pages, path)) {
        return page;
    }
    if let Some(page) = fleet::page(pages, path, frame()) {
        return page;
    }
    match path {
        "/first-owner/token" => pages.first_owner(&FirstOwnerView {
            password_min: 12,
            organisation: "Example".to_owned(),
            ..FirstOwnerView::default()
        }),
        "/account" => pages.account(&AccountView {
            frame: frame(),
            role: "owner".to_owned(),
            sessions: sessions(),
            password_min: 12,
            ..AccountView::default()
        }),
        "/" | "/servers" => pages.servers(&ServersView {
            frame: frame(),
            servers: fleet::servers(),
            next_after: Some("cursor".to_owned()),
            may_add: true,
            filter: fleet::filter(),
        }),
        "/servers-empty" => pages.servers(&ServersView {
            frame: frame(),
            may_add: true,
            ..ServersView::default()
        }),
        "/servers/new" => pages.new_server(&NewServerView {
            frame: frame(),
            ..NewServerView::default()
        }),
        "/missing" => pages.message(&MessageView {
            status: 404,
            title: "Not found".to_owned(),
            detail: "There is no such page, or it belongs to another organisation.".to_owned(),
        }),
        _ => pages.server(&server(path.rsplit('/').next().unwrap_or_default())),
    }
}

fn frame() -> Frame {
    Frame {
        organisation: "Example Hosting".to_owned(),
        person: "ada@example.org".to_owned(),
        csrf_token: "token".to_owned(),
        open_incidents: 2,
    }
}

fn sessions() -> Vec<SessionRow> {
    let row = |number: u32, ago: u64, address: &str, user_agent: &str| SessionRow {
        id: format!("ses_{number}"),
        since: before(ago * 40).to_string(),
        since_seconds_ago: ago * 40,
        last_used: before(ago).to_string(),
        last_used_seconds_ago: ago,
        address: address.to_owned(),
        user_agent: user_agent.to_owned(),
        current: number == 1,
    };
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0";
    let safari = "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 \
                  (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1";
    vec![
        row(1, 12, "192.0.2.14", firefox),
        row(2, 2_800, "2001:db8:aa10:4f02:1c3b:77ff:fe02:91d4", safari),
        row(3, 9_000, "", ""),
    ]
}

fn server(id: &str) -> ServerView {
    let server = fleet::servers()
        .into_iter()
        .find(|server| server.id == id)
        .unwrap_or_default();
    if server.status == Status::Waiting {
        return ServerView {
            frame: frame(),
            server,
            may_change: true,
            ..ServerView::default()
        };
    }
    let facts = [
        ("Operating system", "Debian GNU/Linux 12"),
        ("Kernel", "6.12.48"),
        ("Processor", "AMD EPYC 9354P"),
        ("Cores", "8"),
        ("Memory", "31.3 GiB"),
        ("Up", "41 d 7 h"),
        ("Agent", "0.1.0"),
    ];
    let now = jiff::Timestamp::now().as_second() as f64;
    let values = CATALOGUE
        .iter()
        .map(|&(metric, label, unit, base, swing)| ValueRow {
            metric: metric.to_owned(),
            meaning: format!("What {} says, in one sentence.", metric.replace('_', " ")),
            by: label.map_or("", |_| "label").to_owned(),
            label: label.map(ToOwned::to_owned),
            value: sample(now, base, swing),
            unit: unit.to_owned(),
        });
    ServerView {
        frame: frame(),
        facts: facts
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        description: fleet::DESCRIPTION.to_owned(),
        groups: fleet::groups(),
        values: values.collect(),
        dropped_series: if server.status == Status::Late { 37 } else { 0 },
        may_change: true,
        successor_expired: false,
        incidents: Vec::new(),
        rules: Vec::new(),
        server,
    }
}

/// The answer of the metrics route, with a gap of some minutes.
fn metrics(query: &str) -> serde_json::Value {
    let parameter = |name: &str| {
        let value = query
            .split('&')
            .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
            .unwrap_or_default();
        value.replace("%3A", ":").replace("%2C", ",")
    };
    let time = |name| {
        parameter(name)
            .parse()
            .unwrap_or(jiff::Timestamp::now())
            .as_millisecond() as f64
            / 1000.0
    };
    let (from, to, names) = (time("from"), time("to"), parameter("names"));
    let step = (to - from) / f64::from(POINTS);
    let series = CATALOGUE
        .iter()
        .filter(|(name, ..)| names.split(',').any(|asked| asked == *name))
        .map(|&(metric, label, unit, base, swing)| {
            let values = |shift: f64| -> Vec<Option<f64>> {
                let value = |index: i32| {
                    let at = f64::from(index) * step;
                    let gap = (0.3..0.36).contains(&(f64::from(index) / f64::from(POINTS)));
                    (!gap).then(|| sample(from + at, base, swing) * shift)
                };
                (0..POINTS).map(value).collect()
            };
            let most = if unit == "percent" { 1.12 } else { 1.4 };
            serde_json::json!({
                "metric": metric, "label": label, "unit": unit,
                "average": values(1.0), "min": values(0.8), "max": values(most),
            })
        });
    serde_json::json!({
        "from": parameter("from"), "to": parameter("to"), "step_seconds": step, "series": series.collect::<Vec<_>>(),
    })
}

/// The stream: a report every two seconds, so that one need not wait.
fn live(mut stream: TcpStream, query: &str) -> io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    )?;
    let only = query.strip_prefix("server=");
    loop {
        thread::sleep(Duration::from_secs(2));
        let now = jiff::Timestamp::now();
        let seconds = now.as_millisecond() as f64 / 1000.0;
        for (index, server) in fleet::servers().iter().enumerate() {
            let sends = matches!(
                server.status,
                Status::Online | Status::Paused | Status::Waiting
            );
            if !sends || only.is_some_and(|only| only != server.id) {
                continue;
            }
            let values: Vec<_> = CATALOGUE
                .iter()
                .map(|&(metric, label, unit, base, swing)| {
                    let value = sample(seconds + index as f64 * 997.0, base, swing);
                    serde_json::json!({ "metric": metric, "label": label, "unit": unit, "value": value })
                })
                .collect();
            let status = if server.status == Status::Paused {
                "paused"
            } else {
                "online"
            };
            let data = serde_json::json!({
                "server": server.id, "status": status, "timestamp": now.to_string(),
                "received_at": now.to_string(), "values": values,
            });
            write!(stream, "event: values\ndata: {data}\n\n")?;
        }
        stream.flush()?;
    }
}

/// A value that wanders like a real one but is the same at the same time.
fn sample(time: f64, base: f64, swing: f64) -> f64 {
    let slow = (time / 900.0).sin() * 0.5 + (time / 210.0).sin() * 0.25;
    let noise = (time * 12.989_8 + base).sin() * 43_758.545;
    let spike = if (time / 600.0).sin() > 0.97 {
        1.2
    } else {
        0.0
    };
    (base + swing * (slow + (noise - noise.floor() - 0.5) * 0.4 + spike)).max(0.0)
}

pub(crate) fn before(seconds: u64) -> jiff::Timestamp {
    let now = jiff::Timestamp::now();
    now.checked_sub(Duration::from_secs(seconds)).unwrap_or(now)
}

const PATHS: [&str; 13] = [
    "/account",
    "/login",
    "/login-failed",
    "/first-owner/token",
    "/servers",
    "/servers-empty",
    "/servers/srv_1",
    "/servers/new",
    "/servers-added",
    "/servers-keys",
    "/servers-key-made",
    "/servers-enrol",
    "/missing",
];

const POINTS: i32 = 300;

const GIB: f64 = 1_073_741_824.0;

/// Metric, label, unit, middle and swing.
const CATALOGUE: &[(&str, Option<&str>, &str, f64, f64)] = &[
    ("cpu_usage", None, "percent", 37.0, 22.0),
    ("memory_usage", None, "percent", 61.0, 8.0),
    ("disk_usage", None, "percent", 44.0, 0.4),
    ("cpu_user", None, "percent", 25.0, 16.0),
    ("cpu_system", None, "percent", 9.0, 5.0),
    ("cpu_iowait", None, "percent", 2.0, 2.5),
    ("cpu_steal", None, "percent", 0.0, 0.0),
    ("load1", None, "count", 1.8, 1.1),
    ("load5", None, "count", 1.6, 0.6),
    ("load15", None, "count", 1.5, 0.3),
    ("memory_total_bytes", None, "bytes", 31.3 * GIB, 0.0),
    ("memory_used_bytes", None, "bytes", 19.1 * GIB, 2.5 * GIB),
    ("swap_used_bytes", None, "bytes", 0.0, 0.0),
    ("uptime_seconds", None, "seconds", 3_567_600.0, 0.0),
    ("processes", None, "count", 214.0, 0.0),
    ("mount_total_bytes", Some("/"), "bytes", 468.0 * GIB, 0.0),
    ("mount_used_bytes", Some("/"), "bytes", 206.0 * GIB, 0.0),
    (
        "mount_total_bytes",
        Some("/srv"),
        "bytes",
        3_600.0 * GIB,
        0.0,
    ),
    (
        "mount_used_bytes",
        Some("/srv"),
        "bytes",
        2_950.0 * GIB,
        0.0,
    ),
    (
        "disk_read_bytes_total",
        Some("nvme0n1"),
        "bytes_per_second",
        2.1e6,
        3.0e6,
    ),
    (
        "disk_written_bytes_total",
        Some("nvme0n1"),
        "bytes_per_second",
        7.4e6,
        5.0e6,
    ),
    (
        "network_received_bytes_total",
        Some("eth0"),
        "bytes_per_second",
        3.2e6,
        2.4e6,
    ),
    (
        "network_sent_bytes_total",
        Some("eth0"),
        "bytes_per_second",
        9.8e6,
        6.0e6,
    ),
    (
        "network_received_bytes_total",
        Some("wg0"),
        "bytes_per_second",
        4.0e5,
        3.0e5,
    ),
    (
        "network_sent_bytes_total",
        Some("wg0"),
        "bytes_per_second",
        9.0e5,
        6.0e5,
    ),
    (
        "network_received_bytes_total",
        Some("lo"),
        "bytes_per_second",
        6.0e7,
        6.0e5,
    ),
    (
        "network_sent_bytes_total",
        Some("lo"),
        "bytes_per_second",
        6.0e7,
        6.0e5,
    ),
];

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'; font-src 'self'; manifest-src 'self'; \
     require-trusted-types-for 'script'; trusted-types 'none'";

const CA: &str = "-----BEGIN CERTIFICATE-----
MIIBozCCAUmgAwIBAgIUQ2v5dQ0mF1xkW8s0hO3bq6wYv3AwCgYIKoZIzj0EAwIw
HTEbMBkGA1UEAwwSU2VydmVyIFNjb3V0IENBIDAxMB4XDTI2MDEwMTAwMDAwMFoX
DTM2MDEwMTAwMDAwMFowHTEbMBkGA1UEAwwSU2VydmVyIFNjb3V0IENBIDAxMFkw
-----END CERTIFICATE-----
";
