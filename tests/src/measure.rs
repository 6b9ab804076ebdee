//! What a process costs, from the kernel's own books.

use std::fs;
use std::time::Duration;

/// CPU time of all threads of a process that are alive, to the nanosecond.
#[must_use]
pub fn cpu_of_threads(process: u32) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).expect("the process runs");
    let nanos = tasks
        .filter_map(Result::ok)
        .filter_map(|task| fs::read_to_string(task.path().join("schedstat")).ok())
        .filter_map(|text| text.split(' ').next()?.parse::<u64>().ok())
        .sum();
    Duration::from_nanos(nanos)
}

/// CPU time of a process with the threads that have ended, to a hundredth of a second.
#[must_use]
pub fn cpu_of_process(process: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("the process runs");
    // The name, in brackets, may hold anything; user and system time are fields 14 and 15.
    let (_, rest) = stat.rsplit_once(") ").expect("a name stands in brackets");
    let ticks: u64 = rest
        .split(' ')
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 10)
}

/// Bytes that a process made the kernel write to disks.
#[must_use]
pub fn bytes_written(process: u32) -> u64 {
    let io = fs::read_to_string(format!("/proc/{process}/io")).expect("the process runs");
    let line = io
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes: "));
    line.and_then(|number| number.parse().ok())
        .expect("the kernel counts bytes")
}

/// A field of `/proc/PID/status` in kB, such as `VmRSS`.
#[must_use]
pub fn kilobytes(process: u32, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("the process runs");
    status
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or_else(|| panic!("the kernel tells no {field}"))
}
