//! The archive and its installer.

use server_scout_tests::machine::package;
use server_scout_tests::{Fleet, Machine, Release};

use super::online;

#[tokio::test]
async fn the_archive_installs_enrols_and_uninstalls_the_agent() {
    let (fleet, machine) = (Fleet::start().await, Machine::boot(Release::Bookworm).await);
    unpack(&machine).await;
    let code = super::code(&fleet, "from-archive").await;
    let origin = fleet.dashboard.origin();

    let lacking = machine
        .try_run("/root/server-scout/install.sh agent --code -")
        .await;
    assert!(lacking.stderr.contains("--url"), "{}", lacking.said());
    machine.run("test ! -e /usr/bin/server-scout-agent").await;

    // The file is named as whoever stands there would name it.
    machine.run("mkdir /root/codes").await;
    machine.write("/root/codes/code", &code).await;
    let said = machine
        .run(&format!(
            "cd /root/codes && ../server-scout/install.sh agent --url {origin} --code-file code"
        ))
        .await;
    assert!(said.contains("installed, enrolled and running"), "{said}");
    online(&fleet, &machine, "from-archive").await;

    // And by a pipe, for another server.
    let other = super::code(&fleet, "from-a-pipe").await;
    let script = format!(
        "systemctl stop server-scout-agent && rm -r /var/lib/server-scout-agent
         /root/server-scout/install.sh agent --url {origin} --code -"
    );
    let said = machine.feed(&script, &other).await.success();
    assert!(said.contains("installed, enrolled and running"), "{said}");
    online(&fleet, &machine, "from-a-pipe").await;

    // Once more over one that runs, as an upgrade: key and settings stay.
    machine
        .run("echo '# mine' >>/etc/server-scout-agent/agent.env; /root/server-scout/install.sh agent")
        .await;
    machine
        .run("grep -q '# mine' /etc/server-scout-agent/agent.env; systemctl is-active server-scout-agent")
        .await;

    machine
        .run("/root/server-scout/install.sh uninstall agent --purge")
        .await;
    let found = machine
        .run("find / -xdev -path /run -prune -o -path /proc -prune -o -path /root -prune -o -name '*server-scout*' -print")
        .await;
    assert_eq!(found, "");
}

#[tokio::test]
async fn the_archive_installs_the_dashboard() {
    let machine = Machine::boot(Release::Trixie).await;
    unpack(&machine).await;
    let said = machine.run("/root/server-scout/install.sh dashboard").await;
    assert!(said.contains("2. runuser"), "{said}");
    let verified = machine
        .try_run("systemd-analyze verify server-scout.service")
        .await;
    assert!(verified.said().is_empty(), "{}", verified.said());
    machine.run("systemctl start server-scout.service").await;
}

#[tokio::test]
async fn a_changed_archive_installs_nothing() {
    let machine = Machine::boot(Release::Bookworm).await;
    unpack(&machine).await;
    assert!(
        machine
            .run("/root/server-scout/install.sh verify")
            .await
            .contains("as listed")
    );

    for (change, words) in [
        ("echo >>agent/usr/bin/server-scout-agent", "damaged"),
        ("rm agent/etc/server-scout-agent/agent.env", "damaged"),
        (
            "echo >agent/usr/lib/systemd/system/more.service",
            "does not list",
        ),
        ("rm SHA256SUMS", "SHA256SUMS is missing"),
    ] {
        let script = format!(
            "rm -rf /root/changed; cp -a /root/server-scout /root/changed; cd /root/changed; {change}
             ./install.sh agent"
        );
        let finished = machine.try_run(&script).await;
        assert!(!finished.status.success(), "{change}");
        assert!(
            finished.stderr.contains(words),
            "{change}: {}",
            finished.said()
        );
        machine.run("test ! -e /usr/bin/server-scout-agent").await;
    }
}

async fn unpack(machine: &Machine) {
    machine.put(&package("server-scout-", ".tar.gz"), "/root/archive.tar.gz");
    machine
        .run("cd /root && tar -xzf archive.tar.gz && mv server-scout-*/ server-scout")
        .await;
}
