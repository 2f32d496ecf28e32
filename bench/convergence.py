# SPDX-License-Identifier: GPL-2.0-or-later
"""What the wait of bgpd's process queue is for: a table that comes through the fabric and goes, a neighbour that flaps while it is
there, and a spine whose FRR starts anew, on a fabric that is up. Run by scripts/bench, which brings up one for each hold.

The table is host routes of host1's kernel, said by `ip -batch` and redistributed. The clock stops when the kernel of host2, or of
the spine, has as many routes as it should. updates, megabytes and cpuSeconds are of all nodes together, until then: bgpd's count
of UPDATEs that it sent, what the nodes sent by IP, and what their bgpds took of a processor."""

import contextlib
import ipaddress
import json
import os
import re
import subprocess
import tempfile
import time

import propagation
import report
from on_lab import lab

HOLD = os.environ.get("BERTH_HOLD")
NODES = lab.ROUTERS + lab.HOSTS  # the collector runs no FRR
SOURCE, FAR, SPINE, FIRST = "host1", "host2", "spine1", int(ipaddress.ip_address("172.16.0.0"))
PREFIXES = "172.16.0.0/12 ge 32"
FLAPS = 5
PATIENCE = 300  # seconds
TICKS = os.sysconf("SC_CLK_TCK")


def until(what, probe):
    end = time.monotonic() + PATIENCE
    while not probe():
        if time.monotonic() > end:
            raise SystemExit(f"not within {PATIENCE} s: {what}")
        time.sleep(0.02)


class Node:
    def __init__(self, name):
        self.name = name
        self.pid = propagation.pid(name)

    def routes(self):
        """How many IPv4 prefixes its main table has (/proc/net/fib_triestat: main comes first, and local, which may share its trie)."""
        with open(f"/proc/{self.pid}/net/fib_triestat") as file:
            return int(re.search(r"Prefixes:\s+(\d+)", file.read()).group(1))

    def sent(self):
        """Bytes, by both families of IP."""
        with open(f"/proc/{self.pid}/net/netstat") as file:
            names, values = [line.split() for line in file if line.startswith("IpExt:")]
        with open(f"/proc/{self.pid}/net/snmp6") as file:
            six = re.search(r"^Ip6OutOctets\s+(\d+)", file.read(), re.MULTILINE)
        return int(values[names.index("OutOctets")]) + int(six.group(1))

    def updates(self):
        """That its bgpd has sent, to each neighbour."""
        neighbours = json.loads(lab.sh(self.name, "vtysh -c 'show bgp neighbors json'"))
        return {name: each["messageStats"]["updatesSent"] for name, each in neighbours.items() if isinstance(each, dict)}

    def cpu(self):
        """Process and seconds of its bgpd."""
        pid = lab.sh(self.name, "pidof bgpd").split()[0]
        fields = lab.sh(self.name, f"cat /proc/{pid}/stat").rsplit(")", 1)[1].split()
        return pid, (int(fields[11]) + int(fields[12])) / TICKS


def since(before, now):
    """Of counters that begin anew with their process."""
    return now - before if now >= before else now


class Fabric:
    def __init__(self):
        self.nodes = {name: Node(name) for name in NODES}

    def counts(self):
        return {name: (node.sent(), node.updates(), node.cpu()) for name, node in self.nodes.items()}

    def measure(self, op, n, do, done):
        """`do` returns when the clock is to begin."""
        before = self.counts()
        begin = do()
        until(op, done)
        seconds = time.monotonic() - begin
        time.sleep(2)  # what is still on its way
        megabytes = updates = cpu = 0
        for name, (sent, said, (pid, taken)) in self.counts().items():
            sent_before, said_before, (pid_before, taken_before) = before[name]
            megabytes += (sent - sent_before) / 1e6
            updates += sum(since(said_before.get(each, 0), count) for each, count in said.items())
            cpu += taken - taken_before if pid == pid_before else taken
        print(f"hold {HOLD} ms, {op}, {n}: {seconds:.2f} s", flush=True)
        return {"op": op, "n": n, "hold": HOLD, "seconds": seconds, "updates": updates, "megabytes": megabytes, "cpuSeconds": cpu}


@contextlib.contextmanager
def source():
    """Lets host1 advertise what its kernel has of PREFIXES."""
    lab.sh(SOURCE, "ip link add bench0 type veth peer name bench1 && ip link set bench0 up && ip link set bench1 up")
    propagation.redistribute(propagation.ROUTERS["bgp"], PREFIXES, True)
    try:
        yield
    finally:
        propagation.redistribute(propagation.ROUTERS["bgp"], PREFIXES, False)
        lab.sh(SOURCE, "ip link del bench0")


def say(node, verb, n):
    """host1's kernel gets the table, or loses it. Returns when it began to be said."""
    with tempfile.NamedTemporaryFile("w") as file:
        for address in range(FIRST, FIRST + n):
            file.write(f"route {verb} {ipaddress.ip_address(address)}/32 dev bench0\n")
        file.flush()
        begin = time.monotonic()
        subprocess.run(["nsenter", "-t", node.pid, "-n", "ip", "-batch", file.name], check=True)
    return begin


def run(fabric, n):
    nodes = fabric.nodes
    base, spine_base = nodes[FAR].routes(), nodes[SPINE].routes()

    def all_there():
        return nodes[FAR].routes() == base + n

    def flap():
        for _ in range(FLAPS):
            begin = time.monotonic()
            lab.sh(SOURCE, "vtysh -c 'clear bgp *'")
            until("the neighbour's routes go", lambda: nodes[FAR].routes() <= base)
            time.sleep(1)
        return begin

    def start_anew():
        lab.sh(SPINE, "node stop frr && ip route flush proto bgp && ip -6 route flush proto bgp")
        begin = time.monotonic()
        lab.sh(SPINE, "node start frr")
        return begin

    yield fabric.measure("table comes", n, lambda: say(nodes[SOURCE], "add", n), all_there)
    until("the spine has the table", lambda: nodes[SPINE].routes() == spine_base + n)
    yield fabric.measure(f"{FLAPS} flaps", n, flap, all_there)
    until("the spine has the table", lambda: nodes[SPINE].routes() == spine_base + n)
    yield fabric.measure("spine anew", n, start_anew, lambda: nodes[SPINE].routes() == spine_base + n)
    until("all have the table", all_there)
    yield fabric.measure("table goes", n, lambda: say(nodes[SOURCE], "del", n), lambda: nodes[FAR].routes() == base)


def measure(sizes, runs):
    """Rows, the medians of so many runs."""
    fabric = Fabric()
    with source():
        for n in sizes:
            taken = [list(run(fabric, n)) for _ in range(runs)]
            for same in zip(*taken):
                yield report.medians_row(same[0]["op"], n, [{key: each[key] for key in ("seconds", "updates", "megabytes",
                                                                                         "cpuSeconds")} for each in same],
                                         hold=HOLD)


def main():
    parser = report.gathering_parser()
    parser.add_argument("--sizes", default="10000,100000")
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    rows = report.gathered(args, lambda: measure([int(each) for each in args.sizes.split(",")], args.runs))
    if args.report:
        report.write("convergence", sorted(rows, key=lambda row: (row["n"], row["op"])), args.json)


if __name__ == "__main__":
    main()
