# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab as the tests see it: nodes, containers, what each kernel and the collector hold. Polls with a deadline,
never sleeps for a fixed time. Every check reads the real thing: `ip -j route`, BIRD's log, `berthctl … json`."""

import contextlib
import ctypes
import datetime
import ipaddress
import json
import os
import re
import subprocess
import time

HOSTS = ["host1", "host2", "host3"]
ROUTERS = ["spine1", "spine2", "leaf1", "leaf2"]
NODES = ROUTERS + HOSTS + ["collector"]
LOOPBACKS = {"spine1": 1, "spine2": 2, "leaf1": 11, "leaf2": 12, "host1": 21, "host2": 22, "host3": 23, "collector": 31}
NETWORKS = {"blue": (10, "host"), "green": (20, "subnet"), "red": (30, "both"), "violet": (40, "host")}
BRIDGES = [network for network in NETWORKS if network != "violet"]  # the others are links of berthd's own
LAB_DIR = os.environ.get("LAB_DIR", "/var/lib/berth-lab")
RUN_DIR = os.environ.get("BERTH_RUN", "/run/berth-lab")
PATIENCE = 60  # seconds; what takes longer has failed
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
# Seconds. BIRD drops what follows an LSA within this time (RFC 2328, MinLSArrival), and FRR 10.3 does not send a flush that was
# dropped again: the tests leave each change the time that OSPF asks for.
MIN_LS_ARRIVAL = 1.1

if os.path.exists(RUN_DIR + "/docker.sock"):
    os.environ["DOCKER_HOST"] = "unix://" + RUN_DIR + "/docker.sock"


def settings():
    with open(LAB_DIR + "/lab") as file:
        return dict(line.strip().split("=", 1) for line in file)


def sh(node, script, check=True, timeout=120):
    """Runs a shell script on a node; returns its output."""
    done = subprocess.run(["docker", "exec", "-i", "clab-berth-" + node, "sh", "-s"], input=script, text=True,
                          capture_output=True, timeout=timeout)
    if check and done.returncode:
        raise AssertionError(f"{node}: rc {done.returncode}\n{script}\n{done.stdout}{done.stderr}")
    return done.stdout


@contextlib.contextmanager
def namespace_of(node):
    """A node's network namespace, for this thread: what opens a socket in it keeps it there."""
    pid = subprocess.run(["docker", "inspect", "-f", "{{.State.Pid}}", "clab-berth-" + node], check=True, capture_output=True,
                         text=True).stdout.strip()
    with open("/proc/thread-self/ns/net") as home, open(f"/proc/{pid}/ns/net") as there:
        enter(there)
        try:
            yield
        finally:
            enter(home)


def enter(namespace):
    if libc.setns(namespace.fileno(), CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def until(what, probe, seconds=PATIENCE):
    """Waits until probe() returns nothing that is wrong (an empty value); returns the seconds that it took."""
    begin = time.monotonic()
    while True:
        wrong = probe()
        if not wrong:
            return time.monotonic() - begin
        if time.monotonic() - begin > seconds:
            raise AssertionError(f"not within {seconds} s: {what}\n{wrong}")
        time.sleep(0.2)


def routes(node):
    return routes_of([node])[node]


def routes_of(nodes):
    """By node, the prefixes in its main tables that some protocol put there: not the kernel's own, not link-local. Asked from
    here, by containerlab's names of their namespaces: a docker exec for each node would take most of a test's time."""
    asked = [(node, family) for node in nodes for family in "46"]
    script = "\n".join(f"ip -n clab-berth-{node} -j -{family} route show table main && echo || exit" for node, family in asked)
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True)
    tables = [line for line in done.stdout.splitlines() if line.strip()]
    if done.returncode or len(tables) != len(asked):
        raise AssertionError(f"not all tables could be read: {done.stderr}")
    found = {node: set() for node in nodes}
    for (node, _), table in zip(asked, tables):
        for route in json.loads(table):
            # "boot" is what a tool put there by hand: dockerd does so with a bridge's own IPv6 subnet when it starts anew.
            if route.get("protocol", "boot") in ("kernel", "boot") or route["dst"] == "default":
                continue
            prefix = ipaddress.ip_network(route["dst"])
            if not prefix.is_link_local:
                found[node].add(str(prefix))
    return {node: prefixes - own(node) for node, prefixes in found.items()}


def own(node):
    """A node's own loopbacks, and the collector's link at its two ends: BIRD writes what is its own into the kernel too."""
    out = {f"10.0.0.{LOOPBACKS[node]}/32", f"fd00::{LOOPBACKS[node]}/128"}
    return out | {"10.1.0.0/31", "fd00:1::/127"} if node in ("collector", "leaf2") else out


def infrastructure(node):
    """What the fabric itself puts into a node's kernel."""
    profile = settings()["profile"]
    expected = set()
    for other, number in LOOPBACKS.items():
        if profile == "bgp" and {node, other} == {"spine1", "spine2"}:
            continue  # one AS: the loop check refuses it
        expected |= {f"10.0.0.{number}/32", f"fd00::{number}/128"}
    if profile == "ospf":
        expected |= {"10.1.0.0/31", "fd00:1::/127"}
    return expected - own(node)


class Container:
    def __init__(self, host, network, name):
        self.host, self.network, self.name = host, network, name
        self.kind = network  # one of each host and kind asks all the others
        self.addresses = []  # IPv4, IPv6

    def inside(self):
        """What a command on its host begins with that is to run in it, with input."""
        return f"docker exec -i {self.name}"

    def prefixes(self):
        """What must be advertised while it runs."""
        number, how = NETWORKS[self.network]
        out = set()
        if how in ("host", "both"):
            out |= {f"{a}/{128 if ':' in a else 32}" for a in self.addresses}
        if how in ("subnet", "both"):
            out |= {f"10.{number}.{self.host[4:]}.0/24", f"fd00:{number}:{self.host[4:]}::/64"}
        return out


def image():
    return "berth/workload:" + settings()["release"]


def start(containers):
    """Starts them, each host its own at the same time as the others, and learns their addresses."""
    scripts = {}
    for each in containers:
        run = f"docker run -d --name {each.name} --network {each.network} {image()} >/dev/null"
        # Docker in Docker loses runc's child once in a thousand starts or so, whatever else is there.
        scripts.setdefault(each.host, []).append(
            f"{run} 2>/tmp/said || {{ grep -q 'read init-p: connection reset' /tmp/said && docker rm -f {each.name} >/dev/null && {run}; }} || "
            "{ cat /tmp/said >&2; exit 1; }")
    everywhere({host: "set -e\n" + "\n".join(lines) for host, lines in scripts.items()})
    return learn(containers)


def learn(containers):
    """Reads their addresses, each on its own network, from Docker."""
    for host in {each.host for each in containers}:
        mine = [each for each in containers if each.host == host]
        for each, one in zip(mine, json.loads(sh(host, "docker inspect " + " ".join(e.name for e in mine)))):
            network = one["NetworkSettings"]["Networks"][each.network]
            each.addresses = [network["IPAddress"], network["GlobalIPv6Address"]]
            if not all(each.addresses):
                raise AssertionError(f"{each.name} has not both addresses: {network}")
    return containers


def everywhere(scripts, check=True):
    """Runs one script on each node at the same time; returns the outputs."""
    running = {node: subprocess.Popen(["docker", "exec", "-i", "clab-berth-" + node, "sh", "-s"], text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
               for node in scripts}
    out = {}
    for node, process in running.items():
        process.stdin.write(scripts[node])
        process.stdin.close()
    for node, process in running.items():
        out[node] = process.stdout.read()
        process.stdout.close()
        if process.wait() and check:
            raise AssertionError(f"{node}: rc {process.returncode}\n{scripts[node]}\n{out[node]}")
    return out


def remove(containers):
    scripts = {}
    for each in containers:
        scripts.setdefault(each.host, []).append(each.name)
    everywhere({host: "docker rm -f " + " ".join(names) + " >/dev/null" for host, names in scripts.items()})


def wrong_routes(containers):
    """For each node what is missing and what is too much; empty when every FIB is exactly right."""
    return wrong_routes_but(containers, {})


def wrong_routes_but(containers, others):
    """`others`: by node, what somebody else has put there."""
    wrong, found = {}, routes_of(NODES)
    for node in NODES:
        expected = infrastructure(node) | others.get(node, set())
        for each in containers:
            for prefix in each.prefixes():
                # A host's own subnet is a connected route of its kernel, which routes() leaves out.
                if each.host == node and ipaddress.ip_network(prefix).num_addresses > 1:
                    continue
                expected.add(prefix)
        have = found[node]
        if have != expected:
            wrong[node] = {"missing": sorted(expected - have), "too much": sorted(have - expected)}
    if not wrong and settings()["profile"] == "ospf" and Collector.newest_age() < MIN_LS_ARRIVAL:
        return {"collector": "its last change is so young that it would not take the next one"}
    return wrong


def reach(containers):
    """Pings each container and asks it over HTTP from every other host, in both families; and from one container of each
    host and kind, also those of the other networks of its own host. Returns what failed. The server must have seen the
    client's own address."""
    scripts = {}
    for host in HOSTS:
        number = LOOPBACKS[host]
        lines = []
        for each in containers:
            if each.host == host:
                continue
            for address in each.addresses:
                six = ":" in address
                own = f"fd00::{number}" if six else f"10.0.0.{number}"
                url = f"http://[{address}]:8080" if six else f"http://{address}:8080"
                lines.append(f"ping -c 1 -W 2 -I {own} {address} >/dev/null || echo 'no ping {host} {each.name} {address}'")
                lines.append(f"seen=$(curl -s -m 3 {url}/cgi-bin/who); case \"$seen\" in *{own}]*|{own}) ;; "
                             f"*) echo \"HTTP {host} {each.name} {address}: the server saw '$seen'\" ;; esac")
        for mine in {each.kind: each for each in containers if each.host == host}.values():
            lines.append(f"{mine.inside()} /bin/busybox sh -s <<'END'")
            for each in containers:
                if (each.host, each.network) == (host, mine.network):
                    continue
                for address, own in zip(each.addresses, mine.addresses):
                    # Not wget: that of Debian 12's static busybox crashes.
                    lines.append(f"seen=$(printf 'GET /cgi-bin/who HTTP/1.0\\r\\n\\r\\n' | busybox nc -w 3 {address} 8080 2>&1); "
                                 f"case \"$seen\" in *{own}]*|*{own}) ;; "
                                 f"*) echo \"HTTP {mine.name} to {each.name} {address}: the server saw '$seen'\" ;; esac")
            lines.append("END")
        scripts[host] = "\n".join(lines) + "\n"
    return "".join(everywhere(scripts).values())


def composed():
    """Whether FRR and berthd run as containers on each host."""
    return settings()["run"] == "compose"


def berthd(host, order):
    """"reload", "stop" or "start", as the operator would."""
    if composed():
        sh(host, {"reload": "docker kill -s HUP berthd", "stop": "docker stop berthd", "start": "docker start berthd"}[order]
           + " >/dev/null")
    else:
        sh(host, {"reload": "kill -HUP $(cat /run/node/berthd.pid)"}.get(order, f"node {order} berthd"))


def configure(host, text, check=True):
    """Writes berthd.conf and reloads; returns what `berthd -C` says of it."""
    where = "docker exec berthd " if composed() else ""
    sh(host, f"cat >/etc/frr/berthd.conf <<'END'\n{text}END\n")
    told = sh(host, f"{where}berthd -C -f /etc/frr/berthd.conf 2>&1", check=check)
    berthd(host, "reload")
    return told


def show(host, command):
    return json.loads(sh(host, f"berthctl -c '{command} json'"))


def status(host):
    """`show status`; empty while berthd does not answer."""
    out = sh(host, "berthctl -c 'show status json' 2>/dev/null", check=False)
    return json.loads(out) if out.startswith("{") else {}


class Collector:
    """What BIRD's log says came and went since this object was made."""

    LINE = re.compile(r"^(\S+ \S+) <TRACE> (leaf[46]|fabric[46])\S* > (added|removed|updated|replaced) (?:\[[^\]]*\] )?(\S+)")

    def __init__(self):
        self.path = LAB_DIR + "/collector-log/routes.log"
        self.at = os.path.getsize(self.path)

    def events(self):
        with open(self.path) as file:
            file.seek(self.at)
            for line in file:
                match = self.LINE.match(line)
                if match:
                    yield match.group(1), match.group(3), match.group(4)

    @staticmethod
    def newest_age():
        """Seconds since the last change of all."""
        with open(LAB_DIR + "/collector-log/routes.log", "rb") as file:
            file.seek(max(0, os.path.getsize(file.name) - 20000))
            lines = [match for line in file.read().decode().splitlines() if (match := Collector.LINE.match(line))]
        if not lines:
            return float("inf")
        last = datetime.datetime.strptime(lines[-1].group(1), "%Y-%m-%d %H:%M:%S.%f")
        return (datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) - last).total_seconds()

    def removed(self, prefixes):
        return [event for event in self.events() if event[1] == "removed" and event[2] in prefixes]
