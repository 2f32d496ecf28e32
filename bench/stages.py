# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the time goes on the way from Docker's event on host1 to host2's kernel, across leaf, spine and leaf: when each bgpd on the
way was told of the address, when it said so itself, and when its node's kernel had it. By scripts/bench propagation --stages.

A bgpd was told when the first TCP segment of an UPDATE that names the address came into its node, and said so when the first went
out: both by the kernel's own timestamps (packet(7), SO_TIMESTAMPNS). Of the two spines the one counts that leaf2 heard first."""

import contextlib
import select
import socket
import struct
import subprocess
import time

import propagation
import report
from on_lab import lab

ROUTERS, FROM, TO = ("leaf1", "spine1", "spine2", "leaf2"), "host1", "host2"
SPINES = {"eth1": "spine1", "eth2": "spine2"}  # by leaf2's port
MARKER = b"\xff" * 16  # of each message (RFC 4271, 4.1)
ETH_P_ALL, PACKET_OUTGOING, SO_TIMESTAMPNS = 3, 4, 35


class Wire:
    """A node's packets, in and out; those that go out come to sockets of ETH_P_ALL alone."""

    def __init__(self, name):
        with lab.namespace_of(name):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)

    def said(self, address):
        """(nanoseconds since the epoch, "in" or "out", port) of one packet, where it is an UPDATE that names the host route."""
        data, more, _, (port, _, kind, *_) = self.socket.recvmsg(1 << 16, 64)
        if MARKER not in data or bytes([32]) + socket.inet_aton(address) not in data:
            return
        seconds, nanoseconds = struct.unpack("qq", more[0][2][:16])
        yield seconds * 10**9 + nanoseconds, "out" if kind == PACKET_OUTGOING else "in", port


class Way:
    """Both, of all nodes on the way."""

    def __init__(self):
        self.kernels = {name: propagation.Kernel(name) for name in (FROM, *ROUTERS, TO)}
        self.wires = {name: Wire(name) for name in self.kernels}

    def watch(self, address, added):
        """Nanoseconds since the epoch by (node, "in" | "out" | "kernel"), and the spine that leaf2 heard first."""
        seen, spine, end = {}, None, time.monotonic() + propagation.PATIENCE
        sockets = {each.socket: (name, each) for group in (self.kernels, self.wires) for name, each in group.items()}
        needed = {(name, what) for name in ("leaf1", "leaf2") for what in ("in", "out", "kernel")}
        needed |= {(FROM, "kernel"), (FROM, "out"), (TO, "in"), (TO, "kernel")}
        while not (needed <= seen.keys() and spine and (spine, "out") in seen and (spine, "kernel") in seen):
            ready = select.select(list(sockets), [], [], max(0, end - time.monotonic()))[0]
            now = time.time_ns()
            if not ready:
                raise SystemExit(f"{address}: not seen within {propagation.PATIENCE} s: {sorted(needed - seen.keys())}")
            for name, each in map(sockets.get, ready):
                if isinstance(each, Wire):
                    for at, way, port in each.said(address):
                        seen.setdefault((name, way), at)
                        if (name, way) == ("leaf2", "in") and not spine:
                            spine = SPINES.get(port)
                elif (added, address) in each.announcements():
                    seen.setdefault((name, "kernel"), now)
        return seen, spine


# Each with its ends; the chain of those without a remark is the whole way.
STAGES = (
    ("host1: event to kernel", (None, "event"), (FROM, "kernel")),
    ("host1: kernel to UPDATE", (FROM, "kernel"), (FROM, "out")),
    ("host1 to leaf1: the wire", (FROM, "out"), ("leaf1", "in")),
    ("leaf1: UPDATE to UPDATE", ("leaf1", "in"), ("leaf1", "out")),
    ("spine: UPDATE to UPDATE", ("spine", "in"), ("spine", "out")),
    ("leaf2: UPDATE to UPDATE", ("leaf2", "in"), ("leaf2", "out")),
    ("host2: UPDATE to kernel", (TO, "in"), (TO, "kernel")),
    ("whole way", (None, "event"), (TO, "kernel")),
    ("beside it, leaf1: UPDATE to kernel", ("leaf1", "in"), ("leaf1", "kernel")),
    ("beside it, spine: UPDATE to kernel", ("spine", "in"), ("spine", "kernel")),
    ("beside it, leaf2: UPDATE to kernel", ("leaf2", "in"), ("leaf2", "kernel")),
)


def durations(event, seen, spine):
    """Milliseconds of each stage."""
    at = {**seen, (None, "event"): event, **{("spine", what): seen[spine, what] for what in ("in", "out", "kernel")}}
    return [(at[last] - at[first]) / 1e6 for _, first, last in STAGES]


def one(way, events, address, release):
    def docker(*words):
        return subprocess.Popen(["docker", "exec", propagation.node(FROM), "docker", *words], stdout=subprocess.PIPE, text=True)

    doing = docker("run", "-d", "--name", f"bench-{address}", "--network", propagation.NETWORK, "--ip", address,
                   f"berth/workload:{release}")
    comes = way.watch(address, True)
    container = doing.communicate()[0].strip()
    added = durations(events.at(container, "connect"), *comes)
    doing = docker("rm", "-f", f"bench-{address}")
    goes = way.watch(address, False)
    doing.communicate()
    return added, durations(events.at(container, "disconnect"), *goes)


def measure(n, hold, release):
    way = Way()
    with propagation.one_stays(), contextlib.closing(propagation.Events()) as events:
        taken = [one(way, events, propagation.address_of(i), release) for i in range(n)]
    return [{**report.latency_row(verb, "bgp", stage, [each[which][at] for each in taken]), "hold": hold}
            for which, verb in enumerate(("add", "withdraw")) for at, (stage, _, _) in enumerate(STAGES)]


def main():
    parser = report.gathering_parser()
    parser.add_argument("--n", type=int, default=40)
    args = parser.parse_args()
    rows = report.gathered(args, lambda: measure(args.n, propagation.HOLD, propagation.RELEASE))
    if args.report:
        report.write("stages", rows, args.json)


if __name__ == "__main__":
    main()
