# SPDX-License-Identifier: GPL-2.0-or-later
"""From Docker's connect event on host1 to the kernels of host1, of host3 behind the same leaf and of host2 across leaf, spine and
leaf; beside the same route added by hand with ip on host1, in turn, on a fabric that is up. Run by scripts/bench.

berth: the clock starts at the time that dockerd gives its connect event, or its disconnect event (…Gone). Its localFib is when
berthd had the module's word that the route is installed (`since` of `show routes json`); its remoteFib and farFib are when host3's
and host2's kernel announce the route. northbound is the same without a module, by FRR's configuration: localFib is when berthd has
seen the route in zebra's RIB.
ip-route: the clock starts when the line is written to an `ip -batch -` that waits in host1's namespace (no start of a process
is in it); all three are the kernels' announcements. bgpd or ospfd redistribute it as a kernel route."""

import contextlib
import datetime
import ipaddress
import json
import os
import select
import socket
import subprocess
import sys
import time

import report
import rtnetlink
from on_lab import lab

RELEASE, PROFILE, SINK, HOLD = (os.environ.get("BERTH_" + name) for name in ("RELEASE", "PROFILE", "SINK", "HOLD"))
NETWORK, BRIDGE_ADDRESS, FIRST = "blue", "10.10.1.1", int(ipaddress.ip_address("10.10.1.20"))
ADDRESSES = 200  # they are used again and again
BY_HAND = "10.10.1.250"
ROUTERS = {"bgp": ["router bgp 65021", "address-family ipv4 unicast"], "ospf": ["router ospf"]}
HOSTS = ("host1", "host3", "host2")  # the containers' own, behind the same leaf, across leaf, spine and leaf
OPS = ("localFib", "remoteFib", "farFib", "localGone", "remoteGone", "farGone")
PATIENCE = 60  # seconds


def address_of(start):
    return str(ipaddress.ip_address(FIRST + start % ADDRESSES))


def node(name):
    return "clab-berth-" + name


def run(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, **more).stdout


def on(name, *command):
    return run("docker", "exec", node(name), *command)


def pid(name):
    return run("docker", "inspect", "-f", "{{.State.Pid}}", node(name)).strip()


class Kernel:
    """What a node's kernel announces, of its main table's host routes unless it is another group (rtnetlink(7)); its socket lives in
    that namespace."""

    def __init__(self, name, group=rtnetlink.RTNLGRP_IPV4_ROUTE):
        with lab.namespace_of(name):
            self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind((0, 1 << (group - 1)))

    def announcements(self):
        """(added or not, address) of each host route in one read."""
        for kind, host, table in rtnetlink.announcements(self.socket.recv(1 << 16)):
            if host and table == rtnetlink.RT_TABLE_MAIN:
                yield kind == rtnetlink.RTM_NEWROUTE, host


class Kernels:
    def __init__(self, *names):
        self.kernels = {name: Kernel(name) for name in names}

    def wait(self, address, added):
        """Nanoseconds since the epoch at which each of the kernels announced it."""
        seen, end = {}, time.monotonic() + PATIENCE
        while seen.keys() != self.kernels.keys():
            ready = select.select([k.socket for k in self.kernels.values()], [], [], max(0, end - time.monotonic()))[0]
            now = time.time_ns()
            if not ready:
                raise SystemExit(f"{address}: not {'added' if added else 'removed'} within {PATIENCE} s on "
                                 f"{', '.join(self.kernels.keys() - seen.keys())}")
            for name, kernel in self.kernels.items():
                if kernel.socket in ready and (added, address) in kernel.announcements():
                    seen.setdefault(name, now)
        return seen


def event_at(container, event):
    """dockerd's own time of that event (its log of the last 256 events is asked, nothing listens meanwhile). container: its id."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:  # "until now" leaves out the present second
        lines = on("host1", "docker", "events", "--since", "120s", "--until", "0s", "--filter", "type=network",
                   "--filter", "event=" + event, "--format", "{{json .}}").splitlines()
        for each in map(json.loads, lines):
            if each["Actor"]["Attributes"]["container"] == container:
                return each["timeNano"]
        time.sleep(0.2)
    raise SystemExit(f"Docker tells of no {event} event for {container}")


class Events:
    """dockerd's events of networks on host1, as they come."""

    def __init__(self):
        # Since now, and not since it listens.
        self.process = subprocess.Popen(["docker", "exec", node("host1"), "docker", "events", "--since", str(int(time.time())),
                                         "--filter", "type=network", "--format", "{{json .}}"], stdout=subprocess.PIPE)
        self.rest = b""

    def at(self, container, action):
        """dockerd's own time of that event. container: its id."""
        end = time.monotonic() + PATIENCE
        while True:
            line, found, rest = self.rest.partition(b"\n")
            if not found:
                if not select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))[0]:
                    raise SystemExit(f"Docker tells of no {action} event for {container}")
                self.rest += os.read(self.process.stdout.fileno(), 1 << 16)
                continue
            self.rest, each = rest, json.loads(line)
            if each["Action"] == action and each["Actor"]["Attributes"]["container"] == container:
                return each["timeNano"]

    def close(self):
        self.process.kill()
        self.process.wait()


def acknowledged_at(address):
    end = time.monotonic() + PATIENCE
    while True:
        routes = json.loads(on("host1", "berthctl", "-c", "show routes json"))["routes"]
        route = next(each for each in routes if each["prefix"] == address + "/32")
        if route["state"] == "installed":
            break
        if route["state"] != "pending" or time.monotonic() > end:
            raise SystemExit(f"{address} is {route['state']}: {route['reason']}")
    return datetime.datetime.fromisoformat(route["since"].replace("Z", "+00:00")).timestamp() * 1e9


def by_berth(kernels, events, address):
    # The kernels are watched while docker run still runs: the route is there before it returns.
    starting = subprocess.Popen(["docker", "exec", node("host1"), "docker", "run", "-d", "--name", f"bench-{address}",
                                 "--network", NETWORK, "--ip", address, f"berth/workload:{RELEASE}"],
                                stdout=subprocess.PIPE, text=True)
    seen = kernels.wait(address, True)
    container = starting.communicate()[0].strip()
    if starting.returncode:
        raise SystemExit("docker run failed")
    begin = events.at(container, "connect")
    out = [acknowledged_at(address) - begin, *(seen[name] - begin for name in HOSTS[1:])]
    ending = subprocess.Popen(["docker", "exec", node("host1"), "docker", "rm", "-f", f"bench-{address}"],
                              stdout=subprocess.DEVNULL)
    gone = kernels.wait(address, False)
    ending.wait()
    begin = events.at(container, "disconnect")
    return [each / 1e6 for each in (*out, *(gone[name] - begin for name in HOSTS))]


def by_hand(kernels, ip, bridge):
    def say(verb):
        begin = time.time_ns()
        ip.stdin.write(f"route {verb} {BY_HAND}/32 dev {bridge}\n")
        ip.stdin.flush()
        return begin, kernels.wait(BY_HAND, verb == "add")

    return [(seen[name] - begin) / 1e6 for begin, seen in (say("add"), say("del")) for name in HOSTS]


def redistribute(router, prefixes, yes):
    """Lets host1 advertise what its kernel has by hand of these (as in a prefix-list), or takes that back. router: lines."""
    if yes:
        commands = [f"ip prefix-list BENCH seq 5 permit {prefixes}", "route-map BENCH permit 10", "match ip address prefix-list BENCH",
                    "exit", *router, "redistribute kernel route-map BENCH"]
    else:
        commands = [*router, "no redistribute kernel", "end", "configure terminal", "no route-map BENCH", "no ip prefix-list BENCH"]
    on("host1", "vtysh", *(word for command in ["configure terminal", *commands] for word in ("-c", command)))


@contextlib.contextmanager
def one_stays():
    """A container that stays throughout, so that the bridge has carrier for what comes and goes."""
    on("host1", "docker", "run", "-d", "--name", "bench-carrier", "--network", NETWORK, "--ip", "10.10.1.251",
       f"berth/workload:{RELEASE}")
    try:
        yield
    finally:
        on("host1", "sh", "-c", "docker ps -aq --filter name=bench- | xargs -r docker rm -f")


def measure(n):
    try:
        # The watch must not wait for what it watches; what it starts is no part of it.
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    except OSError:
        print("no real-time priority: the kernels' announcements may be read late", file=sys.stderr)
    kernels = Kernels(*HOSTS)
    addresses = json.loads(on("host1", "ip", "-j", "-4", "addr", "show"))
    bridge = next(link["ifname"] for link in addresses if BRIDGE_ADDRESS in [a["local"] for a in link["addr_info"]])
    ip = subprocess.Popen(["nsenter", "-t", pid("host1"), "-n", "ip", "-batch", "-"], stdin=subprocess.PIPE, text=True)
    berth = "berth" if SINK == "module" else SINK
    taken = {berth: []}
    if SINK == "module":  # once in a run
        taken["ip-route"] = []
    with one_stays(), contextlib.closing(Events()) as events:
        redistribute(ROUTERS[PROFILE], BY_HAND + "/32", True)
        try:
            for i in range(n):
                taken[berth].append(by_berth(kernels, events, address_of(i)))
                if "ip-route" in taken:
                    taken["ip-route"].append(by_hand(kernels, ip, bridge))
                print("\r%s: %d of %d" % (PROFILE, i + 1, n), end="", file=sys.stderr)
            print(file=sys.stderr)
        finally:
            ip.stdin.close()
            ip.wait(10)
            redistribute(ROUTERS[PROFILE], BY_HAND + "/32", False)
    hold = {"hold": HOLD} if PROFILE == "bgp" else {}
    return [{**report.latency_row(method, PROFILE, op, [each[at] for each in values]), **hold}
            for method, values in taken.items() for at, op in enumerate(OPS)]


def main():
    parser = report.gathering_parser()
    parser.add_argument("--n", type=int, default=40, choices=range(1, 10001), metavar="1..10000")
    args = parser.parse_args()
    rows = report.gathered(args, lambda: measure(args.n))
    if not args.report:
        return
    report.write("propagation", rows, args.json)
    median = {(row["profile"], row.get("hold"), row["method"], row["op"]): row["p50Ms"] for row in rows}
    for profile, hold, method in dict.fromkeys(key[:3] for key in median if key[2] != "ip-route"):
        later = [median[profile, hold, method, op] - median[profile, hold, "ip-route", op] for op in ("remoteFib", "farFib")]
        print(f"{profile}{'' if hold is None else f', hold {hold} ms'}, {method}: remote kernel {later[0]:+.1f} ms, far kernel "
              f"{later[1]:+.1f} ms beside the route by hand (medians)")


if __name__ == "__main__":
    main()
