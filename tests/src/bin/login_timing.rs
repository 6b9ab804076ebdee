//! Tries logins with known and unknown addresses and a wrong password, in turn, and prints how long
//! each kind takes. What they differ by must drown in what they vary by; else the time tells who has
//! an account. `tests/README.md` says what each line means.
//!
//! The dashboard slows down whoever fails often. Each try comes from an address of its own, as a proxy
//! in front would say, and no account is tried more often than costs nothing.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a measurement that went wrong ends with a message"
)]

use std::time::{Duration, Instant};

use clap::Parser;
use server_scout_tests::dashboard::Setup;
use server_scout_tests::fleet::{ORGANISATION, OWNER, PASSWORD};
use server_scout_tests::https::Connection;
use server_scout_tests::person::set_cookies;
use server_scout_tests::{Dashboard, Database, Person};

/// Tries logins and prints whether known accounts differ from unknown ones by time.
#[derive(Debug, Parser)]
#[command(name = "server-scout-login-timing")]
struct Options {
    /// Pairs of tries, one with a known and one with an unknown account.
    #[arg(long, default_value_t = 500)]
    pairs: u32,
}

/// Tries of an account, of those that cost nothing.
const OF_AN_ACCOUNT: u32 = 4;
/// Pairs before it counts, while connection and caches get warm.
const WARM_UP: u32 = 20;

#[tokio::main]
async fn main() {
    let options = Options::parse();
    let setup = Setup::new().set("SERVERSCOUT_TRUSTED_PROXIES", "127.0.0.1/32");
    let dashboard = setup.start().await;
    let pairs = options.pairs + WARM_UP;
    let device = accounts(&dashboard, pairs).await;
    let mut tries = Tries {
        connection: dashboard.connect().await,
        made: 0,
    };
    for (what, device) in [
        ("a browser that was never here", ""),
        ("a browser that somebody logged in with", device.as_str()),
    ] {
        let times = tries.pairs(pairs, device).await;
        println!("{what}, {} pairs", options.pairs);
        print(&times[WARM_UP as usize..]);
    }
}

/// Makes accounts enough for two measurements, and gives the cookie of a browser that has logged in.
async fn accounts(dashboard: &Dashboard, pairs: u32) -> String {
    dashboard
        .add_user(OWNER, ORGANISATION, "owner", PASSWORD)
        .await;
    let last = 2 * pairs / OF_AN_ACCOUNT;
    // Copies, because making a password takes as long as trying one.
    Database::of(dashboard).execute(&format!(
        "WITH RECURSIVE number(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n < {last})
           INSERT INTO person (id, email, password_hash, created_at)
           SELECT n + 1, 'known-' || n || '@example.org', password_hash, created_at
           FROM number, person WHERE email = '{OWNER}';
         INSERT INTO member (organisation_id, person_id, role, created_at)
           SELECT organisation.id, person.id, 'viewer', 1 FROM organisation, person
           WHERE person.email LIKE 'known-%';"
    ));
    let page = Person::new(dashboard).log_in(OWNER, PASSWORD).await;
    let cookies = set_cookies(&page);
    let device = cookies.iter().find(|cookie| cookie.contains("-device="));
    let device = device.and_then(|cookie| cookie.split(';').next());
    device.expect("a browser is remembered").to_owned()
}

struct Tries {
    connection: Connection,
    made: u32,
}

impl Tries {
    /// Tries a known and an unknown account again and again, each of them first in every other pair.
    async fn pairs(&mut self, count: u32, device: &str) -> Vec<[Duration; 2]> {
        let mut times = Vec::new();
        for pair in 0..count {
            let number = self.made / 2 / OF_AN_ACCOUNT;
            let mut both = [Duration::ZERO; 2];
            for kind in [pair % 2, 1 - pair % 2] {
                let name = ["known", "unknown"][kind as usize];
                let email = format!("{name}-{number}@example.org");
                both[kind as usize] = self.once(&email, device).await;
            }
            times.push(both);
        }
        times
    }

    async fn once(&mut self, email: &str, device: &str) -> Duration {
        self.made += 1;
        let [_, a, b, c] = self.made.to_be_bytes();
        let head = format!(
            "POST /login\nContent-Type: application/x-www-form-urlencoded\n\
             Sec-Fetch-Site: same-origin\nX-Forwarded-For: 10.{a}.{b}.{c}\nCookie: {device}"
        );
        let body = format!("email={email}&password=not+the+password");
        let start = Instant::now();
        let answer = self.connection.exchange(&head, body.as_bytes()).await;
        let took = start.elapsed();
        assert_eq!(answer.status, 401, "{email}: {}", answer.text());
        took
    }
}

fn print(times: &[[Duration; 2]]) {
    for (kind, name) in ["known accounts", "unknown accounts"]
        .into_iter()
        .enumerate()
    {
        let mut times: Vec<f64> = times.iter().map(|both| millis(both[kind])).collect();
        times.sort_unstable_by(f64::total_cmp);
        let [low, middle, high] = [0.1, 0.5, 0.9].map(|share| at(&times, share));
        println!("{name:<18} {middle:>8.3} ms, 80 % from {low:.3} to {high:.3}");
    }
    let mut apart: Vec<f64> = times
        .iter()
        .map(|[known, unknown]| millis(*known) - millis(*unknown))
        .collect();
    apart.sort_unstable_by(f64::total_cmp);
    // The ranks between which the median of what was drawn from lies, 19 times of 20.
    let reach = 0.98 / (apart.len() as f64).sqrt();
    let [low, middle, high] = [0.5 - reach, 0.5, 0.5 + reach].map(|share| at(&apart, share));
    println!(
        "{:<18} {middle:>+8.3} ms, 95 % sure from {low:+.3} to {high:+.3}",
        "difference"
    );
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// What `share` of the sorted values are below.
fn at(sorted: &[f64], share: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank is small and positive"
    )]
    let rank = (share.clamp(0.0, 1.0) * (sorted.len() - 1) as f64).round() as usize;
    sorted[rank]
}
