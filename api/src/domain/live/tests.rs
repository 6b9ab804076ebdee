#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use futures_util::FutureExt as _;
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
    assert_eq!(
        rate_of(&live.newest(&Sight::all(scope), server).values),
        None
    );
    publish(&live, scope, server, &report(5, 2.0, 600.0), 5);
    assert_eq!(
        rate_of(&live.newest(&Sight::all(scope), server).values),
        Some(100.0)
    );
}

#[test]
fn a_late_report_does_not_replace_what_is_newer() {
    let (live, scope, server) = (Live::default(), Scope::for_test(1), Id::random());
    publish(&live, scope, server, &report(10, 50.0, 0.0), 10);
    publish(&live, scope, server, &report(5, 99.0, 0.0), 11);
    let newest = live.newest(&Sight::all(scope), server);
    assert_eq!(newest.value(Metric::CpuUsage), Some(50.0));
    assert_eq!(newest.timestamp, Some(at(10)));
    assert_eq!(newest.signs.last_seen, Some(at(11)));
}

#[test]
fn another_organisation_sees_and_hears_nothing() {
    let (live, ours, theirs) = (Live::default(), Scope::for_test(1), Scope::for_test(2));
    let server = Id::random();
    let mut heard_by_us = live.listen(Sight::all(ours));
    let mut heard_by_them = live.listen(Sight::all(theirs));
    publish(&live, ours, server, &report(0, 1.0, 0.0), 0);
    assert!(live.newest(&Sight::all(theirs), server).values.is_empty());
    assert!(live.statuses(&Sight::all(theirs), at(1)).is_empty());
    assert!(heard(&mut heard_by_us) && !heard(&mut heard_by_them));
}

#[test]
fn somebody_limited_sees_and_hears_the_servers_of_their_groups() {
    let (live, scope) = (Live::default(), Scope::for_test(1));
    let (shown, other) = (Id::random(), Id::random());
    let sight = Sight::only(scope, &[shown]);
    let mut listener = live.listen(sight.clone());
    publish(&live, scope, shown, &report(0, 1.0, 0.0), 0);
    publish(&live, scope, other, &report(0, 2.0, 0.0), 0);
    assert!(!live.newest(&sight, shown).values.is_empty());
    assert!(live.newest(&sight, other).values.is_empty());
    let statuses = live.statuses(&sight, at(1));
    assert!(statuses.len() == 1 && statuses.iter().all(|(server, ..)| *server == shown));
    assert!(heard(&mut listener) && !heard(&mut listener));
    // From now on the other way round, and nothing that came before.
    publish(&live, scope, shown, &report(5, 3.0, 0.0), 5);
    listener.look(Sight::only(scope, &[other]));
    assert!(!heard(&mut listener));
    publish(&live, scope, other, &report(5, 4.0, 0.0), 5);
    assert!(heard(&mut listener));
}

/// Whether a report is there to be heard.
fn heard(listener: &mut Listener) -> bool {
    matches!(listener.next().now_or_never(), Some(Heard::Report(_)))
}

#[test]
fn what_was_not_stored_is_not_shown() {
    let (live, scope, server) = (Live::default(), Scope::for_test(1), Id::random());
    let report = report(0, 1.0, 0.0);
    live.publish(scope, server, std::iter::once((&report, &[0][..])), at(0));
    let newest = live.newest(&Sight::all(scope), server);
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
        let newest = live.newest(&Sight::all(scope), server).values;
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
