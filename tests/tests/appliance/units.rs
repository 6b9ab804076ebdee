//! What systemd itself says of the units.

use server_scout_tests::{Machine, Release};

#[tokio::test]
async fn systemd_has_nothing_to_say_against_the_units_on_debian_12() {
    are_judged_well(Release::Bookworm).await;
}

#[tokio::test]
async fn systemd_has_nothing_to_say_against_the_units_on_debian_13() {
    are_judged_well(Release::Trixie).await;
}

async fn are_judged_well(release: Release) {
    let machine = Machine::boot(release).await;
    machine.install("server-scout-agent").await;
    machine.install("server-scout").await;
    let unit_directory = "/usr/lib/systemd/system";
    let unit = format!("{unit_directory}/server-scout");

    let verify = format!(
        "systemd-analyze verify {unit}-agent.service {unit}.service {unit}-notify.service {unit}.socket"
    );
    let judged = machine.try_run(&verify).await;
    assert!(
        judged.status.success() && judged.said().is_empty(),
        "{}",
        judged.said()
    );

    // In tenths. Under another name, without the drop-in that opens the agent's egress to everywhere.
    for (name, most) in [
        ("server-scout-agent", 10),
        ("server-scout", 15),
        ("server-scout-notify", 15),
    ] {
        let script = format!(
            "cp {unit_directory}/{name}.service /root/alone.service
             systemd-analyze security --offline=true --threshold={most} --no-pager /root/alone.service"
        );
        let judged = machine.try_run(&script).await;
        assert!(judged.status.success(), "{}", judged.said());
    }
}

#[tokio::test]
async fn the_agent_reaches_whom_the_operators_drop_in_names() {
    let machine = Machine::boot_alone(Release::Bookworm).await;
    machine.install("server-scout-agent").await;
    let probe = server_scout_tests::machine::appliance().join("probe");
    machine.put(&probe, "/usr/bin/probe");
    machine.run("ip address add 192.0.2.77/32 dev lo").await;
    let unit = super::probing::copy(&machine, "server-scout-agent", "/usr/bin/probe").await;
    let shipped = machine
        .run("cat /usr/lib/systemd/system/server-scout-agent.service.d/egress.conf")
        .await;

    for (name, egress, reached) in [
        ("shipped", shipped.as_str(), true),
        ("named", "[Service]\nIPAddressAllow=192.0.2.77\n", true),
        ("other", "[Service]\nIPAddressAllow=192.0.2.78\n", false),
    ] {
        let directory = format!("/etc/systemd/system/{name}.service.d");
        machine.run(&format!("mkdir {directory}")).await;
        machine
            .write(&format!("{directory}/egress.conf"), egress)
            .await;
        let said = machine.run_unit(name, &unit).await;
        assert!(
            said.lines()
                .any(|line| line == "reach this machine: allowed"),
            "{name}: {said}"
        );
        assert_eq!(
            said.lines().any(|line| line == "reach elsewhere: allowed"),
            reached,
            "{name}: {said}"
        );
    }
}
