import json
import shlex
import time
from datetime import datetime

ORGANISATION = "Example"
OWNER = "owner@example.org"
STATE = "/var/lib/server-scout-agent"


def ask(path):
    """What the dashboard's API answers."""
    return dashboard.succeed(
        "curl --silent --fail --cacert /var/lib/server-scout/ca.pem"
        f" --header {shlex.quote('Authorization: Bearer ' + token)}"
        f" {shlex.quote('https://dashboard:8443/api/v1' + path)}"
    )


def api(path):
    """The same, read as JSON."""
    return json.loads(ask(path))


def wait_for_status(wanted):
    """Waits until the one server is shown so."""
    for _ in range(60):
        servers = api("/servers")["items"]
        if servers and servers[0]["status"] == wanted:
            return servers[0]["id"]
        time.sleep(1)
    raise Exception(f"the server does not become {wanted}: {servers}")


def readings(server, start, end):
    """When the server read its CPU usage between two times of its clock, in seconds."""
    path = f"/servers/{server}/metrics/export?format=ndjson&resolution=raw&names=cpu_usage"
    lines = ask(f"{path}&from={start}&to={end}").splitlines()
    return [seconds(json.loads(line)["at"]) for line in lines]


def seconds(time):
    return datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp()


def wait_for_every_reading(server, start, end):
    """Waits until there is one reading every five seconds, once each, from one time to another."""
    for _ in range(60):
        times = [seconds(start), *readings(server, start, end), seconds(end)]
        apart = [later - earlier for earlier, later in zip(times, times[1:])]
        # The first and the last are no readings.
        between = apart[1:-1]
        if between and max(apart) < 7.5 and min(between) > 2.5:
            return
        time.sleep(1)
    raise Exception(f"seconds between readings: {apart}")


def now():
    return dashboard.succeed("date --utc +%Y-%m-%dT%H:%M:%SZ").strip()


def unit_of_probe(user, command):
    """The agent's own unit, in which a user runs a command once, with a state directory of its own."""
    path = agent.succeed(
        "systemctl show --property=FragmentPath --value server-scout-agent.service"
    ).strip()
    instead = {
        "ExecStart": f"ExecStart={command}",
        "User": f"User={user}",
        "Type": "Type=oneshot",
        "StateDirectory": "StateDirectory=server-scout-probe",
    }
    # What nobody can have who ends at once.
    without = ("Restart", "RestartSec", "WatchdogSec", "NotifyAccess")
    lines = ["[Unit]", "StartLimitIntervalSec=0"]
    for line in agent.succeed(f"cat {shlex.quote(path)}").splitlines():
        key = line.partition("=")[0].strip()
        if key not in without:
            lines.append(instead.get(key, line))
    return "\n".join(lines) + "\n"


def probe(user, command):
    """The exit status of a command in a copy of the agent's unit, which must have been started."""
    text = unit_of_probe(user, command)
    agent.succeed(
        f"printf %s {shlex.quote(text)} > /run/systemd/system/probe.service; systemctl daemon-reload"
    )
    agent.execute("systemctl start probe.service")
    status = int(
        agent.succeed("systemctl show --property=ExecMainStatus --value probe.service")
    )
    # From 200 on it is systemd that could not start it.
    assert status < 200, agent.succeed("journalctl --no-pager --unit=probe.service")
    return status


def must_fail(command):
    for user in ("server-scout-agent", "root"):
        assert probe(user, command) != 0, f"{command} by {user}"


start_all()
dashboard.wait_for_unit("server-scout.service")
dashboard.wait_for_open_port(8443)
dashboard.succeed("server-scout healthcheck")
dashboard.succeed(
    f"echo correct-horse-battery-staple | server-scout user add --email {OWNER} --organisation {ORGANISATION}"
)
token = dashboard.succeed(
    f"server-scout token add --email {OWNER} --organisation {ORGANISATION} --scope read"
).strip()
code = dashboard.succeed(f"server-scout server enrol --organisation {ORGANISATION}").strip()

with subtest("the agent enrols and is shown online"):
    agent.wait_for_unit("multi-user.target")
    agent.succeed(f"install -d -m 0700 -o server-scout-agent -g server-scout-agent {STATE}")
    agent.succeed(
        f"echo {shlex.quote(code)} | server-scout-agent enrol --url https://dashboard:8443 --code -"
    )
    agent.succeed("systemctl start server-scout-agent.service")
    agent.wait_for_unit("server-scout-agent.service")
    server = wait_for_status("online")

with subtest("the sandbox holds inside the unit, for root as well"):
    plain = "systemd-run --quiet --wait --pipe --collect"
    programs = "/run/current-system/sw/bin"
    for user in ("server-scout-agent", "root"):
        # What is allowed shows that a copy of the unit runs at all.
        assert probe(user, f"{programs}/touch /var/lib/server-scout-probe/{user}") == 0
        agent.succeed(f"test -e /var/lib/server-scout-probe/{user}")
    for directory in ("/etc", "/usr", "/var", "/home"):
        agent.succeed(f"mkdir -p {directory}; {plain} {programs}/touch {directory}/probe")
        must_fail(f"{programs}/touch {directory}/probe")
    for command in ("mount -t tmpfs none /mnt", "unshare --user true", "chroot / true"):
        agent.succeed(f"mkdir -p /mnt; {plain} {programs}/{command}")
        must_fail(f"{programs}/{command}")

with subtest("the running agent is confined, and the dashboard says so"):
    process = agent.succeed("systemctl show --property=MainPID --value server-scout-agent.service").strip()
    status = agent.succeed(f"cat /proc/{process}/status")
    for line in ("NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000"):
        assert line in status, f"{line}: {status}"
    protection = api(f"/servers/{server}")["server"]["protection"]
    assert protection == "protected", protection

with subtest("a reboot of the dashboard loses no sample"):
    start = now()
    time.sleep(10)
    dashboard.shutdown()
    time.sleep(20)
    dashboard.start()
    dashboard.wait_for_unit("server-scout.service")
    wait_for_status("online")
    # The agent reads every five seconds, and what it could not send it kept.
    wait_for_every_reading(server, start, now())
