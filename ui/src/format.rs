//! Values as people read them. `assets/units.js` says the same in the browser.

/// Stands for a value that is not there.
pub const ABSENT: &str = "–";

/// A value in its unit's words: `percent`, `bytes`, `seconds`, `count`, `bytes_per_second`.
#[must_use]
pub fn value(value: f64, unit: &str) -> String {
    if !value.is_finite() {
        return ABSENT.to_owned();
    }
    match unit {
        "bytes" => bytes(value),
        "bytes_per_second" => format!("{}/s", bytes(value)),
        "count" => count(value),
        "per_second" => format!("{}/s", count(value)),
        "percent" => percent(value),
        "percent_per_second" => format!("{}/s", percent(value)),
        "seconds" => duration(value),
        "seconds_per_second" => format!("{} s/s", decimals(value, 2)),
        _ => format!("{} {unit}", count(value)),
    }
}

/// Percent with one decimal: `45.2 %`.
#[must_use]
pub fn percent(value: f64) -> String {
    format!("{} %", decimals(value, 1))
}

/// A size in binary units: `1.4 GiB`.
#[must_use]
pub fn bytes(value: f64) -> String {
    let mut scaled = value;
    let mut units = BYTE_UNITS.iter().peekable();
    while let Some(unit) = units.next() {
        // 1023.6 would be written 1024, so it already belongs to the next unit.
        if scaled < 1023.5 || units.peek().is_none() {
            let places = usize::from(*unit != "B" && scaled < 99.95);
            return format!("{} {unit}", decimals(scaled, places));
        }
        scaled /= 1024.0;
    }
    ABSENT.to_owned()
}

/// A number of things: whole numbers whole, others with two decimals.
#[must_use]
pub fn count(value: f64) -> String {
    let places = if value.fract() == 0.0 { 0 } else { 2 };
    decimals(value, places)
}

/// A load average, always with two decimals: `1.00`.
#[must_use]
pub fn load(value: f64) -> String {
    decimals(value, 2)
}

/// A span of time in its two largest units: `3 d 4 h`, `12 min 5 s`, `42 s`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    let seconds = seconds.max(0.0).round();
    let part = |of: f64, per: f64| (of / per).trunc();
    let (days, hours) = (part(seconds, DAY), part(seconds % DAY, HOUR));
    let (minutes, rest) = (part(seconds % HOUR, MINUTE), seconds % MINUTE);
    if days > 0.0 {
        format!("{days} d {hours} h")
    } else if hours > 0.0 {
        format!("{hours} h {minutes} min")
    } else if minutes > 0.0 {
        format!("{minutes} min {rest} s")
    } else {
        format!("{rest} s")
    }
}

/// How long ago something was, in its largest unit: `4 s ago`.
#[must_use]
pub fn ago(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s ago"),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..86_400 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} d ago", seconds / 86_400),
    }
}

fn decimals(value: f64, places: usize) -> String {
    // Adding zero turns -0.0 into 0.0.
    format!("{:.places$}", value + 0.0)
}

const BYTE_UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
const MINUTE: f64 = 60.0;
const HOUR: f64 = 3_600.0;
const DAY: f64 = 86_400.0;
