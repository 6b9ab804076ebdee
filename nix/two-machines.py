import json
import shlex
import time

ORGANISATION = "Example"
OWNER = "owner@example.org"
STATE = "/var/lib/server-scout-agent"


def api(path):
    """What the dashboard's API says."""
    return json.loads(
        dashboard.succeed(
            "curl --silent --fail --cacert /var/lib/server-scout/ca.pem"
            f" --header {shlex.quote('Authorization: Bearer ' + token)}"
            f" {shlex.quote('https://dashboard:8443/api/v1' + path)}"
        )
    )


def wait_for_status(wanted):
    """Waits until the one server is shown so."""
    for _ in range(60):
        servers = api("/servers")["items"]
        if servers and servers[0]["status"] == wanted:
            return servers[0]["id"]
        time.sleep(1)
    raise Exception(f"the server does not become {wanted}: {servers}")


def readings(server, start, end):
    """Reports of the server between two times of its clock, counted by their CPU usage."""
    answer = api(f"/servers/{server}/metrics?names=cpu_usage&from={start}&to={end}&points=2000")
    return sum(1 for value in answer["series"][0]["average"] if value is not None)


def now():
    return dashboard.succeed("date --utc +%Y-%m-%dT%H:%M:%SZ").strip()


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

with subtest("the sandbox holds for whoever is inside, root as well"):
    plain = "systemd-run --quiet --wait --pipe --collect"
    inside = plain + "".join(f" --property={shlex.quote(line)}" for line in sandbox)
    programs = "/run/current-system/sw/bin"
    for directory in ("/etc", "/usr", "/var", "/home"):
        agent.succeed(f"mkdir -p {directory}; {plain} {programs}/touch {directory}/probe")
        agent.fail(f"{inside} {programs}/touch {directory}/probe")
    for command in ("mount -t tmpfs none /mnt", "unshare --user true", "chroot / true"):
        agent.succeed(f"mkdir -p /mnt; {plain} {programs}/{command}")
        agent.fail(f"{inside} {programs}/{command}")

with subtest("a reboot of the dashboard loses no sample"):
    start = now()
    time.sleep(10)
    dashboard.shutdown()
    time.sleep(20)
    dashboard.start()
    dashboard.wait_for_unit("server-scout.service")
    wait_for_status("online")
    time.sleep(30)
    end = now()
    # The agent reads every five seconds, and what it could not send it kept.
    seconds = int(dashboard.succeed(f"echo $(( $(date -d {end} +%s) - $(date -d {start} +%s) ))"))
    found = readings(server, start, end)
    assert found >= seconds // 5 - 1, f"{found} readings in {seconds} s"
