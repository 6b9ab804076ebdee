//! The newest values of a server, by subject: plain ones as a list, those of labels as tables.

use serde::Serialize;

use crate::format;
use crate::views::ValueRow;

/// What belongs together, such as the memory or all network interfaces.
#[derive(Serialize)]
pub(super) struct Subject<'a> {
    name: &'static str,
    plain: Vec<Cell<'a>>,
    tables: Vec<Table<'a>>,
    /// Whether a table has more columns than fit beside another subject.
    wide: bool,
}

/// The values of one kind of label: a row for each label, a column for each metric.
#[derive(Serialize)]
struct Table<'a> {
    /// What kind: `interface`, `mount`.
    by: &'a str,
    columns: Vec<Column<'a>>,
    rows: Vec<Row<'a>>,
    /// Whether there is one metric alone, so that its labels can stand side by side.
    single: bool,
}

#[derive(Serialize)]
struct Column<'a> {
    metric: &'a str,
    title: String,
    hint: String,
}

#[derive(Serialize)]
struct Row<'a> {
    label: &'a str,
    cells: Vec<Cell<'a>>,
}

#[derive(Clone, Default, Serialize)]
struct Cell<'a> {
    metric: &'a str,
    label: &'a str,
    title: String,
    hint: String,
    text: String,
}

/// Names of subjects with what the names of their metrics begin with; the rest is the host's.
const SUBJECTS: [(&str, &[&str]); 11] = [
    ("CPU", &["cpu_", "load"]),
    ("Memory", &["memory_", "swap_"]),
    ("Pressure", &["pressure_"]),
    ("Network", &["network_"]),
    ("File systems", &["mount_", "disk_usage"]),
    ("Disks", &["disk_"]),
    ("Storage", &["raid_", "pool_"]),
    ("Sockets", &["sockets_", "tcp_", "udp_"]),
    ("Containers", &["container_"]),
    ("Sensors", &["temperature_", "fan_"]),
    ("Services", &["units", "service_"]),
];
const HOST: &str = "Host";

/// Sorts values by subject, the wide ones last.
pub(super) fn subjects(values: &[ValueRow]) -> Vec<Subject<'_>> {
    let names = SUBJECTS.iter().map(|(name, _)| *name).chain([HOST]);
    let mut subjects: Vec<Subject<'_>> = names
        .map(|name| subject(name, values))
        .filter(|subject| !subject.plain.is_empty() || !subject.tables.is_empty())
        .collect();
    subjects.sort_by_key(|subject| subject.wide);
    subjects
}

fn subject<'a>(name: &'static str, values: &'a [ValueRow]) -> Subject<'a> {
    let own = values
        .iter()
        .filter(|row| subject_of(&row.metric).0 == name);
    let (labelled, plain): (Vec<_>, Vec<_>) = own.partition(|row| row.label.is_some());
    let tables = tables(&labelled);
    Subject {
        name,
        plain: plain.into_iter().map(cell).collect(),
        wide: tables
            .iter()
            .any(|table| table.columns.len() > COLUMNS_BESIDE),
        tables,
    }
}

/// Columns of a table that has another subject beside it.
const COLUMNS_BESIDE: usize = 4;

/// The subject of a metric, and what of its name the subject says already.
fn subject_of(metric: &str) -> (&'static str, &'static str) {
    // The longest beginning counts: the use of the root file system is no disk's.
    SUBJECTS
        .iter()
        .flat_map(|(name, beginnings)| beginnings.iter().map(move |beginning| (*name, *beginning)))
        .filter(|(_, beginning)| metric.starts_with(beginning))
        .max_by_key(|(_, beginning)| beginning.len())
        .unwrap_or((HOST, ""))
}

fn tables<'a>(values: &[&'a ValueRow]) -> Vec<Table<'a>> {
    let mut kinds: Vec<&str> = Vec::new();
    for row in values {
        if !kinds.contains(&row.by.as_str()) {
            kinds.push(&row.by);
        }
    }
    kinds
        .into_iter()
        .map(|by| {
            let of_kind = values.iter().filter(|row| row.by == by);
            table(by, &of_kind.copied().collect::<Vec<_>>())
        })
        .collect()
}

fn table<'a>(by: &'a str, values: &[&'a ValueRow]) -> Table<'a> {
    let mut columns: Vec<Column<'_>> = Vec::new();
    let mut rows: Vec<Row<'_>> = Vec::new();
    for row in values {
        if !columns.iter().any(|column| column.metric == row.metric) {
            columns.push(Column {
                metric: &row.metric,
                title: title(&row.metric),
                hint: hint(row),
            });
        }
    }
    for row in values {
        let label = row.label.as_deref().unwrap_or_default();
        let place = columns
            .iter()
            .position(|column| column.metric == row.metric);
        let at = rows
            .iter()
            .position(|known| known.label == label)
            .unwrap_or_else(|| {
                rows.push(Row {
                    label,
                    cells: vec![Cell::default(); columns.len()],
                });
                rows.len() - 1
            });
        let cells = rows.get_mut(at).map(|row| &mut row.cells);
        if let Some(found) = place.and_then(|place| cells?.get_mut(place)) {
            *found = cell(row);
        }
    }
    Table {
        by,
        single: columns.len() == 1,
        columns,
        rows,
    }
}

fn cell(row: &ValueRow) -> Cell<'_> {
    Cell {
        metric: &row.metric,
        label: row.label.as_deref().unwrap_or_default(),
        title: title(&row.metric),
        hint: hint(row),
        text: text(row),
    }
}

fn text(row: &ValueRow) -> String {
    if row.metric.starts_with("load") {
        format::load(row.value)
    } else {
        format::value(row.value, &row.unit)
    }
}

/// What the metric is called in the API, and what it means.
fn hint(row: &ValueRow) -> String {
    format!("{}: {}", row.metric, row.meaning)
}

/// `network_received_bytes_total` below the heading "Network" is "Received".
fn title(metric: &str) -> String {
    let said = match subject_of(metric).1 {
        // Several protocols stand below one heading.
        "tcp_" | "udp_" | "swap_" | "temperature_" | "fan_" => "",
        beginning if beginning.ends_with('_') => beginning,
        _ => "",
    };
    let rest = metric.strip_prefix(said).unwrap_or(metric);
    let rest = UNITS
        .iter()
        .fold(rest, |rest, unit| rest.strip_suffix(unit).unwrap_or(rest));
    let words: Vec<String> = rest.split('_').map(word).collect();
    let title = words.join(" ");
    let mut letters = title.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

fn word(word: &str) -> String {
    match word {
        "cpu" | "io" | "irq" | "oom" | "tcp" | "udp" => word.to_uppercase(),
        "load1" | "load5" | "load15" => word.replace("load", "load "),
        "iowait" => "I/O wait".to_owned(),
        "softirq" => "soft IRQ".to_owned(),
        _ => word.to_owned(),
    }
}

/// What the value shows beside its number, in the order in which names end with it.
const UNITS: [&str; 5] = ["_total", "_bytes", "_seconds", "_celsius", "_rpm"];

#[cfg(test)]
mod tests {
    use super::title;

    #[test]
    fn a_title_leaves_out_what_the_heading_says() {
        for (metric, expected) in [
            ("cpu_iowait", "I/O wait"),
            ("load15", "Load 15"),
            ("memory_total_bytes", "Total"),
            ("swap_used_bytes", "Swap used"),
            ("network_received_bytes_total", "Received"),
            ("network_received_packets_total", "Received packets"),
            ("disk_busy_seconds_total", "Busy"),
            ("disk_usage", "Disk usage"),
            ("tcp_time_wait", "TCP time wait"),
            ("oom_kills_total", "OOM kills"),
            ("temperature_celsius", "Temperature"),
            ("", ""),
        ] {
            assert_eq!(title(metric), expected, "{metric}");
        }
    }
}
