# SPDX-License-Identifier: GPL-2.0-or-later
"""One segment over three hosts, on a fabric of the profile evpn that is up. Run by scripts/bench.

attach: from the moment that the container's link has carrier, and its port can be told, to host3's kernel, which has the MAC address
behind host1's VTEP (remoteFdb) and the IP address (remoteNeighbour). Docker tells of the container before that: link is from its
connect event to the carrier, answered from there to the first answer to pings from a container on host3. gone: from Docker's disconnect
event until the MAC address is gone. By hand: the same entries, written by `bridge -batch` and `ip -batch` that wait in host1's
namespace; the clock starts when the lines are written.
move: pings at 10 ms from a container on host3, while an address moves from host1 to host2: the new one starts, then the old one
ends. What is lost of them; by hand: the same entries for namespaces that are there already.
restart: pings at 10 ms on the segment and from leaf1 to the container's /32, while one program of host1 is killed and comes back.
--endpoints: nothing of that; so many containers over the three hosts, in so many overlays: until each host's kernel has exactly those
of the others, by overlay; and what the programs of host1 take."""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import threading
import time

import report
import rtnetlink
from on_lab import lab
from propagation import Kernel, PATIENCE, event_at, node, pid

NETWORK, BRIDGE, PREFIX = "black", "br-black", "10.66.200."
HAND, HAND_MAC = "10.66.201.9", "02:00:00:00:{:02x}:{:02x}"
INTERVAL = 0.01  # seconds, of the pings
NETNS = """ip netns add hand; ip link add hand0 type veth peer name hand1; ip link set hand1 netns hand; ip link set hand0 master {bridge} up
bridge link set dev hand0 learning off; ip -n hand link set hand1 up address {mac}; ip -n hand addr add {address}/16 dev hand1"""


class Heard(Kernel):
    """When a node's kernel announced what, of one group; heard by a thread of its own."""

    def __init__(self, name, group):
        super().__init__(name, group)
        self.heard = {}  # of the first of each, nanoseconds since the epoch
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        while True:
            data, now = self.socket.recv(1 << 16), time.time_ns()
            for each in self.read(data):
                self.heard.setdefault(each, now)


class Carriers(Heard):
    def __init__(self, name):
        super().__init__(name, rtnetlink.RTNLGRP_LINK)

    read = staticmethod(rtnetlink.carriers)


class Neighbours(Heard):
    """(added, MAC, address or None of a bridge's entry)"""

    def __init__(self, name):
        super().__init__(name, rtnetlink.RTNLGRP_NEIGH)

    @staticmethod
    def read(data):
        for kind, mac, address, of_bridge in rtnetlink.neighbours(data):
            yield kind == rtnetlink.RTM_NEWNEIGH, mac, None if of_bridge else address

    def wait(self, added, mac, address):
        """Nanoseconds since the epoch: the bridge's entry, the neighbour."""
        wanted = [(added, mac, None), (added, mac, address)] if added else [(added, mac, None)]
        end = time.monotonic() + PATIENCE
        while any(each not in self.heard for each in wanted):
            if time.monotonic() > end:
                raise SystemExit(f"{mac} {address}: not {'known' if added else 'gone'} on host3 within {PATIENCE} s")
            time.sleep(0.005)
        return [self.heard[each] for each in wanted]


class Container:
    def __init__(self, host, name, address):
        self.host, self.name, self.address = host, name, address
        lab.sh(host, f"docker run -d --name {name} --network {NETWORK} --ip {address} {lab.image()} >/dev/null")
        one = json.loads(lab.sh(host, f"docker inspect {name}"))[0]
        self.id, self.mac = one["Id"], one["NetworkSettings"]["Networks"][NETWORK]["MacAddress"]
        self.pid = one["State"]["Pid"]

    def port(self):
        """The ifindex of its link's end on its host."""
        return json.loads(lab.sh(self.host, f"nsenter -n -t {self.pid} ip -j link show dev eth0"))[0]["link_index"]

    def remove(self):
        lab.sh(self.host, f"docker rm -f {self.name} >/dev/null")


class Pings:
    """From a container, or a node itself, to an address, until stop()."""

    def __init__(self, host, address, container=None, source=""):
        inside = ["nsenter", "-n", "-t", str(container.pid)] if container else []
        self.process = subprocess.Popen(["docker", "exec", node(host), *inside, "ping", "-D", "-i", str(INTERVAL), *source.split(), address],
                                        stdout=subprocess.PIPE, text=True)
        self.kill = ["docker", "exec", node(host), "pkill", "-INT", "-f", f"ping -D -i {INTERVAL} .*{address}"]

    def first_answer(self):
        """Nanoseconds since the epoch; the pings end with it."""
        for line in self.process.stdout:
            if " ttl=" in line:
                subprocess.run(self.kill, check=True)
                self.process.communicate(timeout=30)
                return float(line[1:line.index("]")]) * 1e9
        raise SystemExit("the pings have ended")

    def stop(self):
        """How many were not answered, of how many."""
        subprocess.run(self.kill, check=True)
        out = self.process.communicate(timeout=30)[0]
        answered = {int(each) for each in re.findall(r"icmp_seq=(\d+) ttl", out)}
        if not answered:
            raise SystemExit("no ping was answered:\n" + out)
        return max(answered) - min(answered) + 1 - len(answered), max(answered) - min(answered) + 1


def batch(host, program):
    return subprocess.Popen(["nsenter", "-t", pid(host), "-n", program, "-force", "-batch", "-"], stdin=subprocess.PIPE, text=True)


class ByHand:
    def __init__(self, host, mac, address):
        self.mac, self.address = mac, address
        lab.sh(host, NETNS.format(bridge=BRIDGE, mac=mac, address=address))
        self.ip, self.bridge, self.host = batch(host, "ip"), batch(host, "bridge"), host

    def say(self, verb):
        begin = time.time_ns()
        for program, line in ((self.bridge, f"fdb {verb} {self.mac} dev hand0 master static"),
                              (self.ip, f"neigh {verb} {self.address} dev {BRIDGE}" + (f" lladdr {self.mac} nud permanent" if verb != "del" else ""))):
            program.stdin.write(line + "\n")
            program.stdin.flush()
        return begin

    def remove(self):
        for program in (self.ip, self.bridge):
            program.stdin.close()
            program.wait(10)
        lab.sh(self.host, "ip link del hand0; ip netns del hand")


def attach(n):
    kernel, carriers, taken = Neighbours("host3"), Carriers("host1"), {}
    asker = Container("host3", "bench-asker", PREFIX + "2")
    # It asks all the time for who is not there yet: again after 10 ms, not after a second.
    lab.sh("host3", f"nsenter -n -t {asker.pid} sysctl -qw net.ipv4.neigh.eth0.retrans_time_ms=10")

    def note(method, begin, ops, times):
        for op, at in zip(ops, times):
            taken.setdefault((method, op), []).append((at - begin) / 1e6)

    for i in range(n):
        pings = Pings("host3", PREFIX + str(i + 10), asker)
        one = Container("host1", f"bench-{i}", PREFIX + str(i + 10))
        answered = pings.first_answer()
        link = carriers.heard[one.port()]
        note("berth", event_at(one.id, "connect"), ("link", "answered"), [link, answered])
        note("berth", link, ("remoteFdb", "remoteNeighbour"), kernel.wait(True, one.mac, one.address))
        one.remove()
        note("berth", event_at(one.id, "disconnect"), ("gone",), kernel.wait(False, one.mac, one.address))
        hand = ByHand("host1", HAND_MAC.format(1, i), HAND)
        begin = hand.say("replace")
        note("by hand", begin, ("remoteFdb", "remoteNeighbour"), kernel.wait(True, hand.mac, HAND))
        begin = hand.say("del")
        note("by hand", begin, ("gone",), kernel.wait(False, hand.mac, HAND))
        hand.remove()
        print(f"\rattach: {i + 1} of {n}", end="", file=sys.stderr)
    print(file=sys.stderr)
    asker.remove()
    return [report.latency_row(method, "evpn", op, values) for (method, op), values in taken.items()]


def lost_row(method, op, counts):
    lost = [each for each, _ in counts]
    return {"method": method, "profile": "evpn", "op": op, "n": sum(of for _, of in counts), "lostP50": statistics.median(lost),
            "lostMost": max(lost), "runs": len(counts)}


def settle(mac, vtep):
    """Until host3 has that MAC address behind that VTEP."""
    lab.until("it is known where it is", lambda: [] if f"{mac} dst {vtep}" in lab.sh(
        "host3", f"bridge fdb show dev vx-{NETWORK}") else "not yet")


def move(runs):
    asker = Container("host3", "bench-asker", PREFIX + "2")
    counts = {"berth": [], "by hand": []}
    for i in range(runs):
        address = PREFIX + str(100 + i)
        old = Container("host1", "bench-old", address)
        settle(old.mac, "10.0.0.21")
        pings = Pings("host3", address, asker)
        time.sleep(1)
        new = Container("host2", "bench-new", address)
        settle(new.mac, "10.0.0.22")
        time.sleep(0.5)
        old.remove()
        time.sleep(1)
        counts["berth"].append(pings.stop())
        new.remove()

        hand = [ByHand(host, HAND_MAC.format(2, i), PREFIX + str(150 + i)) for host in ("host1", "host2")]
        hand[0].say("replace")
        settle(hand[0].mac, "10.0.0.21")
        pings = Pings("host3", hand[0].address, asker)
        time.sleep(1)
        hand[1].say("replace")
        settle(hand[1].mac, "10.0.0.22")
        time.sleep(0.5)
        hand[0].remove()
        time.sleep(1)
        counts["by hand"].append(pings.stop())
        hand[1].say("del")
        hand[1].remove()
        print(f"\rmove: {i + 1} of {runs}", end="", file=sys.stderr)
    print(file=sys.stderr)
    asker.remove()
    return [lost_row(method, "move", all_of) for method, all_of in counts.items()]


PROGRAMS = {  # what ends it; it comes back by itself, or by this
    "bgpd": "pkill -9 -x bgpd", "zebra": "pkill -9 -x zebra",
    "berthd": "pkill -9 -x berthd; " + ("docker start berthd >/dev/null" if lab.composed() else "true"),
    "dockerd": "node stop docker; node start docker",
}


def restart(runs, seconds=12):
    here, there = Container("host1", "bench-here", PREFIX + "3"), Container("host2", "bench-there", PREFIX + "4")
    for one, vtep in ((here, "10.0.0.21"), (there, "10.0.0.22")):
        settle(one.mac, vtep)
    lab.until("its /32 is on leaf1", lambda: [] if here.address + "/32" in lab.routes("leaf1") else "not yet")
    rows = []
    for program, script in PROGRAMS.items():
        counts = {"segment": [], "outside": []}
        for _ in range(runs):
            pings = {"segment": Pings("host2", here.address, there), "outside": Pings("leaf1", here.address, source="-I 10.0.0.11")}
            time.sleep(1)
            lab.sh("host1", script)
            time.sleep(seconds)
            for name, each in pings.items():
                counts[name].append(each.stop())
        rows += [lost_row(program + " of host1 ends", name, all_of) for name, all_of in counts.items()]
    here.remove()
    there.remove()
    return rows


CONFIG = """network e{i}
 driver overlay
 vni {vni}
 subnet 10.{net}.0.0/16
 gateway 10.{net}.0.1
 ip-range 10.{net}.{n}.0/24
 advertise none
exit
"""
START = """i=0; while [ $i -lt {each} ]; do
  docker run -d --name bench-$i --network e$((i % {networks} + 1)) {image} >/dev/null || exit 1
  i=$((i + 1))
done"""
MACS = "docker ps -q --filter name=bench- | xargs -r docker inspect -f '{{range $name, $of := .NetworkSettings.Networks}}{{$name}} {{$of.MacAddress}}{{end}}'"


def not_exact(networks, macs):
    """How many entries of the other hosts' containers are missing, and are too many, over all hosts."""
    missing = more = 0
    have = lab.everywhere({host: f"for i in $(seq {networks}); do bridge fdb show dev vx-e$i | sed \"s/^/e$i /\"; done" for host in lab.HOSTS})
    for host in lab.HOSTS:
        expected = {each for other in lab.HOSTS if other != host for each in macs[other]}
        there = {tuple(line.split()[:2]) for line in have[host].splitlines() if " dst " in line and "00:00:00:00:00:00" not in line}
        missing, more = missing + len(expected - there), more + len(there - expected)
    return f"{missing} missing, {more} too many" if missing or more else ""


def memory(program):
    """Megabytes: resident now, and at most ever."""
    out = lab.sh("host1", f"cat /proc/$(pgrep -o -x {program})/status")
    return [round(int(re.search(key + r":\s+(\d+)", out)[1]) / 1024, 1) for key in ("VmRSS", "VmHWM")]


def endpoints(total, networks):
    before = {host: lab.sh(host, "cat /etc/frr/berthd.conf") for host in lab.HOSTS}
    each, rows = -(-total // len(lab.HOSTS)), []

    def row(op, begin):
        rows.append({"method": "berth", "profile": "evpn", "op": op, "n": each * len(lab.HOSTS), "seconds": round(time.monotonic() - begin, 2), "runs": 1})

    for host in lab.HOSTS:
        lab.configure(host, before[host] + "".join(CONFIG.format(i=i, vni=20000 + i, net=100 + i, n=host[4:]) for i in range(1, networks + 1)))
    for host in lab.HOSTS:
        lab.until("the networks are made", lambda: [] if len(lab.sh(host, "docker network ls -q --filter name=e").split()) >= networks else "not yet")
    begin = time.monotonic()
    lab.everywhere({host: START.format(each=each, networks=networks, image=lab.image()) for host in lab.HOSTS})
    row("all are started", begin)
    begin = time.monotonic()
    macs = {host: {tuple(line.split()) for line in out.splitlines()} for host, out in lab.everywhere({host: MACS for host in lab.HOSTS}).items()}
    if sum(map(len, macs.values())) != each * len(lab.HOSTS):
        raise SystemExit("not all containers run")
    lab.until("every kernel has exactly the others' containers", lambda: not_exact(networks, macs), 300)
    row("and exact everywhere", begin)
    for program in ("berthd", "zebra", "bgpd"):
        now, most = memory(program)
        rows.append({"method": "berth", "profile": "evpn", "op": program, "n": each * len(lab.HOSTS), "megabytes": now, "megabytesMost": most, "runs": 1})
    begin = time.monotonic()
    lab.everywhere({host: "docker ps -aq --filter name=bench- | xargs -r -n 20 docker rm -f >/dev/null" for host in lab.HOSTS})
    row("all are removed", begin)
    begin = time.monotonic()
    lab.until("none is left anywhere", lambda: not_exact(networks, {host: set() for host in lab.HOSTS}), 300)
    row("and none is left", begin)
    for host in lab.HOSTS:
        lab.configure(host, before[host])
        lab.sh(host, f"for i in $(seq {networks}); do docker network rm e$i >/dev/null; done")
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoints", type=int)
    parser.add_argument("--networks", type=int, default=20, choices=range(1, 101), metavar="1..100")
    parser.add_argument("--n", type=int, default=30)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json")
    args = parser.parse_args()
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    except OSError:
        print("no real-time priority: the kernel's announcements may be read late", file=sys.stderr)
    try:
        rows = endpoints(args.endpoints, args.networks) if args.endpoints else attach(args.n) + move(args.runs) + restart(args.runs)
    finally:
        lab.everywhere({host: "docker ps -aq --filter name=bench- | xargs -r docker rm -f >/dev/null; ip link del hand0 2>/dev/null; "
                        "ip netns del hand 2>/dev/null; true" for host in lab.HOSTS})
    report.write("overlay", rows, args.json)


if __name__ == "__main__":
    main()
