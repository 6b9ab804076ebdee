//! Reports to send.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// The smallest valid report, of this moment.
#[must_use]
pub fn seed() -> Value {
    seed_at(Timestamp::now())
}

/// The smallest valid report, of `at`.
#[must_use]
pub fn seed_at(at: Timestamp) -> Value {
    json!({
        "cpu_usage": 45.2, "memory_usage": 78.1, "disk_usage": 23.4, "timestamp": at.to_string(),
    })
}

/// The smallest valid report with this CPU usage, of `at`.
#[must_use]
pub fn with_cpu(at: Timestamp, cpu_usage: f64) -> Value {
    with(seed_at(at), "cpu_usage", json!(cpu_usage))
}

/// `report` with `member` set to `value`.
#[must_use]
pub fn with(mut report: Value, member: &str, value: Value) -> Value {
    report[member] = value;
    report
}

/// `report` without `member`.
#[must_use]
pub fn without(mut report: Value, member: &str) -> Value {
    report
        .as_object_mut()
        .expect("a report is an object")
        .remove(member);
    report
}

/// A report of about 50 series, as a small server's agent makes it.
#[must_use]
pub fn full(at: Timestamp, seq: u64) -> Value {
    let wave = f64::from(u32::try_from(seq % 97).unwrap_or_default());
    let grows = seq * 4096;
    let mut report = json!({
        "timestamp": format!("{at:.3}"),
        "cpu_usage": 12.5 + wave / 10.0, "memory_usage": 61.3, "disk_usage": 23.4,
        "cpu_user": 8.25 + wave / 20.0, "cpu_nice": 0, "cpu_system": 3.5, "cpu_iowait": 0.5,
        "cpu_irq": 0, "cpu_softirq": 0.25, "cpu_steal": 0,
        "load1": 0.75, "load5": 0.5, "load15": 0.25,
        "memory_total_bytes": 16_777_216_000_u64, "memory_used_bytes": 10_276_044_800_u64 + grows,
        "memory_available_bytes": 6_501_171_200_u64, "memory_free_bytes": 1_200_000_000,
        "swap_total_bytes": 0, "swap_used_bytes": 0,
        "uptime_seconds": 100_000 + seq * 5, "processes": 180,
    });
    for (metric, labels) in [
        ("mount_total_bytes", ["/", "/home", "/boot", "/var"]),
        ("mount_used_bytes", ["/", "/home", "/boot", "/var"]),
        ("mount_available_bytes", ["/", "/home", "/boot", "/var"]),
        ("disk_read_bytes_total", ["sda", "sdb", "sdc", "nvme0n1"]),
        ("disk_written_bytes_total", ["sda", "sdb", "sdc", "nvme0n1"]),
        (
            "network_received_bytes_total",
            ["eth0", "eth1", "docker0", "wg0"],
        ),
        (
            "network_sent_bytes_total",
            ["eth0", "eth1", "docker0", "wg0"],
        ),
    ] {
        for (label, share) in labels.into_iter().zip(1_u64..) {
            report[metric][label] = json!(share * 1_000_000_000 + grows / share);
        }
    }
    report
}

/// The moment `seconds` before now, on a whole second.
#[must_use]
pub fn seconds_ago(seconds: i64) -> Timestamp {
    let now = Timestamp::from_second(Timestamp::now().as_second()).expect("the present is a time");
    now - SignedDuration::from_secs(seconds)
}

/// `bytes` in the zlib format, with a preset dictionary if there is one.
#[must_use]
pub fn deflate(bytes: &[u8], dictionary: Option<&[u8]>) -> Vec<u8> {
    use flate2::{Compress, Compression, FlushCompress};

    let mut encoder = Compress::new(Compression::best(), true);
    if let Some(text) = dictionary {
        encoder
            .set_dictionary(text)
            .expect("nothing was compressed before");
    }
    let mut packed = Vec::with_capacity(bytes.len() + 100);
    encoder
        .compress_vec(bytes, &mut packed, FlushCompress::Finish)
        .expect("there is room");
    packed
}

/// `bytes` compressed with gzip.
#[must_use]
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;

    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("memory can be written");
    encoder.finish().expect("memory can be written")
}
