#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use server_scout_wire::Identity;
use server_scout_wire::report::Boot;

use super::*;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000).after(Duration::from_secs(seconds))
}

fn report(seconds: u64, cpu: f64, sent: f64) -> Report {
    let mut report = Report::new(
        at(seconds),
        Identity {
            boot: Boot(1),
            seq: seconds,
        },
    );
    report.push(Metric::CpuUsage, None, cpu);
    let label = Some(Label::new("eth0").unwrap());
    report.push(Metric::NetworkSentBytesTotal, label, sent);
    report
}

fn publish(live: &Live, scope: Scope, server: Id<Server>, report: &Report, seconds: u64) {
    live.publish(
        scope,
        server,
        std::iter::once((report, &[][..])),
        at(seconds),
    );
}

fn rate_of(values: &[ShownValue]) -> Option<f64> {
    values
        .iter()
        .find(|shown| shown.metric == Metric::NetworkSentBytesTotal)
        .map(|shown| shown.value)
}

#[test]
fn a_counter_has_no_value_until_its_rate_is_known() {
    let (live, scope, server) = (Live::default(), Scope::for_test(1), Id::random());
    publish(&live, scope, server, &report(0, 1.0, 100.0), 0);
    assert_eq!(rate_of(&live.newest(scope, server).values), None);
    publish(&live, scope, server, &report(5, 2.0, 600.0), 5);
    assert_eq!(rate_of(&live.newest(scope, server).values), Some(100.0));
}

#[test]
fn a_late_report_does_not_replace_what_is_newer() {
    let (live, scope, server) = (Live::default(), Scope::for_test(1), Id::random());
    publish(&live, scope, server, &report(10, 50.0, 0.0), 10);
    publish(&live, scope, server, &report(5, 99.0, 0.0), 11);
    let newest = live.newest(scope, server);
    assert_eq!(newest.value(Metric::CpuUsage), Some(50.0));
    assert_eq!(newest.timestamp, Some(at(10)));
    assert_eq!(newest.signs.last_seen, Some(at(11)));
}

#[test]
fn another_organisation_sees_and_hears_nothing() {
    let (live, ours, theirs) = (Live::default(), Scope::for_test(1), Scope::for_test(2));
    let server = Id::random();
    let mut heard_by_us = live.listen(ours);
    let mut heard_by_them = live.listen(theirs);
    publish(&live, ours, server, &report(0, 1.0, 0.0), 0);
    assert!(live.newest(theirs, server).values.is_empty());
    assert!(live.statuses(theirs, at(1)).is_empty());
    assert!(heard_by_us.try_recv().is_ok());
    assert!(heard_by_them.try_recv().is_err());
}

#[test]
fn what_was_not_stored_is_not_shown() {
    let (live, scope, server) = (Live::default(), Scope::for_test(1), Id::random());
    let report = report(0, 1.0, 0.0);
    live.publish(scope, server, std::iter::once((&report, &[0][..])), at(0));
    let newest = live.newest(scope, server);
    assert_eq!(newest.value(Metric::CpuUsage), None);
    assert_eq!(newest.dropped, 1);
}

#[test]
fn a_value_of_a_slow_tier_stays_until_its_tier_is_read_without_it() {
    let (live, scope, server) = (Live::default(), Scope::for_test(1), Id::random());
    let of_mount = |seconds, mount: &str| {
        let mut report = report(seconds, 1.0, 0.0);
        report.push(
            Metric::MountUsedBytes,
            Some(Label::new(mount).unwrap()),
            1.0,
        );
        report
    };
    let mounts = || {
        let newest = live.newest(scope, server).values;
        let values = newest.iter();
        values
            .filter(|shown| shown.metric == Metric::MountUsedBytes)
            .count()
    };
    publish(&live, scope, server, &of_mount(0, "/usb"), 0);
    publish(&live, scope, server, &report(7200, 1.0, 0.0), 7200);
    assert_eq!(mounts(), 1);
    publish(&live, scope, server, &of_mount(7205, "/home"), 7205);
    assert_eq!(mounts(), 1);
}
