# SPDX-License-Identifier: GPL-2.0-or-later
"""One segment over the three hosts: VXLAN, EVPN by FRR, no Swarm. What berthd writes into the bridges' tables is what zebra and bgpd
tell the others: containers that never sent a packet are known, reached at layer 2 from each other and at their /32 from the fabric,
and nothing of them is left anywhere when they are gone."""

import collections
import json
import os
import re
import socket
import subprocess
import time
import unittest

import lab

VNI = 10100
VXLAN_PORT = (4789).to_bytes(2, "big")
ETH_P_ALL = 3
with open(os.path.dirname(os.path.abspath(__file__)) + "/../../frr-configs/lab/overlay.conf") as file:
    NETWORK = file.read()


def run(name, host, address=None, network="black"):
    """A container that sends nothing: it waits."""
    one = lab.Container(host, network, name)
    fixed = f"--ip {address[0]} --ip6 {address[1]}" if address else ""
    lab.sh(host, f"docker run -d --name {name} --network {network} {fixed} {lab.image()} >/dev/null")
    lab.learn([one])
    STARTED.add(mac_of(one))
    return one


def mac_of(one):
    return lab.sh(one.host, "docker inspect -f '{{range .NetworkSettings.Networks}}{{.MacAddress}}{{end}}' " + one.name).strip()


def inside(one, script, check=True):
    return lab.sh(one.host, f"nsenter -n -t $(docker inspect -f '{{{{.State.Pid}}}}' {one.name}) sh -s <<'END'\n{script}\nEND\n", check=check)


def far_macs(host):
    """MAC addresses that the host's kernel has behind its tunnel, and behind which VTEP."""
    return {each["mac"]: each["dst"] for each in json.loads(lab.sh(host, "bridge -j fdb show dev vx-black"))
            if "dst" in each and each["mac"] != "00:00:00:00:00:00"}


def evpn(host, what, key):
    """zebra's view of the segment: "mac" or "arp-cache"."""
    out = json.loads(lab.sh(host, f"vtysh -c 'show evpn {what} vni {VNI} json'") or "{}")
    return {name: each.get("type") for name, each in out.get(key, out).items() if isinstance(each, dict)}


def wrong_tables(containers):
    """On each host: what its kernel, and its zebra, lack or have too much of."""
    wrong = {}
    for host in lab.HOSTS:
        expected = {mac_of(each): f"10.0.0.{lab.LOOPBACKS[each.host]}" for each in containers if each.host != host}
        have = far_macs(host)
        if have != expected:
            wrong[host] = {"fdb": have, "expected": expected}
        here = {mac_of(each) for each in containers if each.host == host}
        macs = evpn(host, "mac", "macs")
        local = {mac for mac, kind in macs.items() if kind == "local"}
        if local & STARTED != here:  # the bridge's own, and those of ports' ends on the host, are no containers'
            wrong[host + " zebra"] = {"local": sorted(local), "expected": sorted(here)}
        addresses = {address for each in containers for address in each.addresses}
        known = {address for address in evpn(host, "arp-cache", "neighbors") if address.startswith(("10.66.", "fd00:66:"))}
        known -= {"10.66.0.1", "fd00:66::1"}
        if known != addresses:
            wrong[host + " neighbours"] = {"have": sorted(known), "expected": sorted(addresses)}
    return wrong


def made(network):
    """Waits until each host's Docker has it."""
    for host in lab.HOSTS:
        lab.until("the network is made", lambda: [] if lab.sh(host, f"docker network ls -q --filter name={network}") else "not yet")


def marked(host, network):
    return [each["ifname"] for each in json.loads(lab.sh(host, "ip -j link")) if each.get("ifalias") == "berth:" + network]


def transferred(one, other, address):
    """How many bytes of 4 MB came by TCP."""
    # Its input stays open: nc ends with that.
    server = subprocess.Popen(["docker", "exec", "-i", "clab-berth-" + other.host, "timeout", "30", "docker", "exec", "-i", other.name, "/bin/busybox", "sh",
                               "-c", "busybox nc -l -p 5001 | busybox wc -c"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    lab.until("it listens", lambda: [] if ":1389 " in lab.sh(other.host, f"docker exec {other.name} /bin/busybox cat /proc/net/tcp /proc/net/tcp6") else "not yet")
    lab.sh(one.host, f"head -c {4 << 20} /dev/zero | timeout 30 docker exec -i {one.name} /bin/busybox nc {address} 5001")
    count = server.stdout.read()
    server.communicate()
    return int(count)


class Wire:
    """What a host sends and gets by its tunnels (RFC 7348), by kind of frame; heard on its uplinks."""

    def __init__(self, host):
        self.frames, self.host = collections.Counter(), host

    def __enter__(self):
        self.sockets = []
        with lab.namespace_of(self.host):
            for name in [name for _, name in socket.if_nameindex() if name.startswith("eth")]:
                one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
                one.bind((name, ETH_P_ALL))
                self.sockets.append(one)
        return self

    def __exit__(self, *_):
        for one in self.sockets:
            one.setblocking(False)
            while True:
                try:
                    self.note(one.recv(65536))
                except BlockingIOError:
                    break
            one.close()

    def note(self, packet):
        if packet[12:14] != b"\x08\x00" or packet[23] != socket.IPPROTO_UDP:
            return
        udp = packet[14 + (packet[14] & 15) * 4:]
        if udp[2:4] != VXLAN_PORT:
            return
        frame = udp[16:]
        kind = {b"\x08\x06": "ARP", b"\x86\xdd": "IPv6", b"\x08\x00": "IPv4"}.get(frame[12:14], frame[12:14].hex())
        if frame[0] & 1 and kind == "IPv6" and frame[20] == socket.IPPROTO_ICMPV6:
            kind = f"ICMPv6 {frame[54]}"
        self.frames["flooded " + kind if frame[0] & 1 else "unicast"] += 1

    @classmethod
    def listen(cls, host, seconds):
        with cls(host) as wire:
            time.sleep(seconds)
        return {kind: count for kind, count in wire.frames.items() if kind != "unicast"}


STARTED = set()  # MAC addresses of containers that ever ran


class Overlay(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        lab.until("nothing but the fabric before the start", lambda: lab.wrong_routes([]))
        lab.NETWORKS["black"] = (66, "host")
        cls.addClassCleanup(lab.NETWORKS.pop, "black")
        cls.addClassCleanup(lab.until, "nothing is left", lambda: lab.wrong_routes([]))
        cls.config = {host: lab.sh(host, "cat /etc/frr/berthd.conf") for host in lab.HOSTS}
        for host in lab.HOSTS:
            if "network black" in cls.config[host]:  # the profile evpn
                continue
            cls.addClassCleanup(lab.until, "its links go when nothing stands on them", lambda host=host: marked(host, "black"))
            cls.addClassCleanup(lab.sh, host, "docker network rm black >/dev/null")
            cls.addClassCleanup(lab.configure, host, cls.config[host])
            cls.config[host] += NETWORK.replace("@N@", host[4:])
            lab.configure(host, cls.config[host])
        for host in lab.HOSTS:
            cls.addClassCleanup(lab.sh, host, "docker ps -aq --filter name=t- | xargs -r docker rm -f >/dev/null")
        made("black")

    def tearDown(self):
        lab.everywhere({host: "docker ps -aq --filter name=t- | xargs -r docker rm -f >/dev/null" for host in lab.HOSTS})
        lab.until("nothing is left", lambda: lab.wrong_routes([]))
        lab.until("no MAC address and no neighbour is left on any host", lambda: wrong_tables([]))

    def six(self):
        return [run(f"t-o{i}", host) for i, host in enumerate(lab.HOSTS * 2)]

    def test_six_that_never_send_are_known_and_reached(self):
        containers = self.six()
        lab.until("each is known everywhere", lambda: wrong_tables(containers))
        lab.until("each /32 is everywhere", lambda: lab.wrong_routes(containers))
        # At layer 2: what goes to another host's container is not routed.
        for one in containers:
            for other in containers:
                for address in other.addresses if one is not other else []:
                    out = inside(one, f"ping -c 1 -W 2 {address}", check=False)
                    self.assertIn("ttl=64", out, f"{one.name} to {other.name}: {out}")
        self.assertEqual(lab.reach(containers[:1] + containers[4:5]), "")

    def test_one_moves_and_takes_its_address_along(self):
        containers = self.six()
        address = ["10.66.200.9", "fd00:66::200:9"]
        old = run("t-old", "host1", address)
        lab.until("it is known everywhere", lambda: wrong_tables(containers + [old]))
        new = run("t-new", "host2", address)

        def known_at(host):
            return lambda: {each: far_macs(each) for each in ("host3",)
                            if far_macs(each).get(mac_of(new)) != f"10.0.0.{lab.LOOPBACKS[host]}"}

        lab.until("the others find it at its new place", known_at("host2"))
        told = lab.until("the old one's host tells of it", lambda: [] if "overlay-elsewhere" in lab.sh("host1", "berthctl -c 'show containers json'") else "not yet")
        self.assertLess(told, lab.PATIENCE)
        lab.until("with both hosts' names", lambda: [] if re.search(
            r"of t-old is on host2 \(VTEP 10.0.0.22\) and on host1 \(VTEP 10.0.0.21\)", lab.sh("host1", "berthctl -c 'show containers json'")) else "not yet")
        lab.remove([old])
        lab.until("and nothing of the old place is left", lambda: wrong_tables(containers + [new]))
        lab.until("its /32 comes from there", lambda: lab.wrong_routes(containers + [new]))
        for one in containers:
            out = inside(one, f"ping -c 1 -W 2 {address[0]}", check=False)
            self.assertIn("ttl=64", out, f"{one.name}: {out}")

    def test_berthctl_and_zebra_say_the_same(self):
        containers = self.six()
        lab.until("each is known everywhere", lambda: wrong_tables(containers))
        for host in lab.HOSTS:
            overlay = lab.show(host, "show overlays")["overlays"][0]
            zebra = json.loads(lab.sh(host, f"vtysh -c 'show evpn mac vni {VNI} json'"))["macs"]
            self.assertEqual({each["mac"]: each["vtep"] for each in overlay["macs"] if each["vtep"]},
                             {mac: each["remoteVtep"] for mac, each in zebra.items() if each["type"] == "remote"})
            self.assertEqual({each["mac"]: each["container"] for each in overlay["macs"] if not each["vtep"]},
                             {mac_of(each): each.name for each in containers if each.host == host})
            self.assertEqual({each["host"] for each in overlay["macs"]} - {""}, set(lab.HOSTS) - {host})
            self.assertEqual(overlay["vtep"], f"10.0.0.{lab.LOOPBACKS[host]}")
            self.assertEqual(set(overlay["farVteps"]), {f"10.0.0.{lab.LOOPBACKS[each]}" for each in lab.HOSTS if each != host})
            known = {address: each["mac"] for each in overlay["macs"] for address in each["addresses"] if not address.startswith("fe80")}
            self.assertEqual(known, {address: mac_of(each) for each in containers for address in each.addresses})

    def test_what_bgpd_lacks_is_told_and_the_remedy_cures_it(self):
        def problem():
            told = lab.show("host1", "show overlays")["overlays"][0]["problems"]
            return next((each for each in told if each["code"].startswith("evpn-")), None)

        one = run("t-one", "host1")
        lab.until("all is well", problem)
        lab.sh("host1", "vtysh -c 'configure terminal' -c 'router bgp' -c 'address-family l2vpn evpn' -c 'no advertise-all-vni'")
        lab.until("it is told", lambda: [] if problem() else "not yet")
        self.assertEqual(problem()["code"], "evpn-off")
        self.assertFalse(problem()["blocks"])
        lab.sh("host1", problem()["remedy"])
        lab.until("it is over", problem)
        lab.until("and the container is known again", lambda: wrong_tables([one]))

    def test_whatever_is_killed_the_tables_are_exact_again(self):
        containers = self.six()
        lab.until("each is known everywhere", lambda: wrong_tables(containers))
        for host in lab.HOSTS:  # an hour within two seconds
            lab.sh(host, "ip link set br-black type bridge ageing_time 200; sysctl -qw net.ipv4.neigh.br-black.base_reachable_time_ms=500 "
                         "net.ipv4.neigh.br-black.gc_stale_time=1 net.ipv6.neigh.br-black.base_reachable_time_ms=500")
            self.addCleanup(lab.sh, host, "ip link set br-black type bridge ageing_time 30000; sysctl -qw net.ipv4.neigh.br-black.base_reachable_time_ms=30000 "
                                          "net.ipv4.neigh.br-black.gc_stale_time=60 net.ipv6.neigh.br-black.base_reachable_time_ms=30000")
        for daemon in ("bgpd", "zebra", "berthd"):
            lab.sh("host1", f"pkill -9 -x {daemon}")
            if daemon == "berthd" and lab.composed():
                lab.sh("host1", "docker start berthd >/dev/null")
            gone, new = containers.pop(), run(f"t-{daemon}", "host1")  # meanwhile
            lab.remove([gone])
            containers.append(new)
            lab.until(f"{daemon} is back", lambda: [] if lab.sh("host1", f"pgrep -x {daemon}", check=False) else "not yet")
            lab.until(f"all is as it is after {daemon} was killed", lambda: wrong_tables(containers))
            lab.until("each /32 is everywhere", lambda: lab.wrong_routes(containers))
        for one in containers:
            out = inside(one, f"ping -c 1 -W 2 {containers[0].addresses[0]}", check=False)
            self.assertTrue(one is containers[0] or "ttl=64" in out, f"{one.name}: {out}")

    def test_nothing_is_flooded_for_who_is_known(self):
        containers = self.six()
        lab.until("each is known everywhere", lambda: wrong_tables(containers))
        lab.until("what each link says of itself at its start is said", lambda: set(Wire.listen("host1", 2)) - {"flooded ICMPv6 133"})
        with Wire("host1") as wire:
            for one in containers:
                for other in containers:
                    for address in other.addresses if one.host != other.host else []:
                        self.assertIn("ttl=64", inside(one, f"ping -c 1 -W 2 {address}", check=False))
        self.assertGreater(wire.frames["unicast"], 0)
        # ARP and ND were answered on the host of who asked. Containers' kernels look for a router now and then (RFC 4861, 6.3.7).
        self.assertLessEqual(set(wire.frames), {"unicast", "flooded ICMPv6 133"})

    def test_its_mtu_is_what_the_uplinks_carry(self):
        def uplinks(mtu):
            lab.everywhere({host: f"for each in eth1 eth2; do [ ! -e /sys/class/net/$each ] || ip link set $each mtu {mtu}; done" for host in lab.HOSTS})

        def overlay_mtu(host):
            return lab.show(host, "show overlays")["overlays"][0]["mtu"]

        def follow(mtu):
            uplinks(mtu)
            lab.until("the tunnel is as large", lambda: [host for host in lab.HOSTS if overlay_mtu(host) != mtu - 50])

        self.addCleanup(self.anew)
        self.addCleanup(follow, 9500)
        for mtu in (9000, 1450, 1400):
            follow(mtu)
            if mtu == 1450:  # a network of Docker's keeps the MTU with which it was made
                old = run("t-large", "host1")
                lab.until("that is told", lambda: [] if "mtu-exceeds" in lab.sh("host1", "berthctl -c 'show containers json'") else "not yet")
                lab.remove([old])
            self.anew()
            one, other = run("t-one", "host1"), run("t-other", "host2")
            lab.until("each is known everywhere", lambda: wrong_tables([one, other]))
            for each in (one, other):
                self.assertIn(f"mtu {mtu - 50} ", inside(each, "ip link show dev eth0"))
            for address, header in zip(other.addresses, (28, 48)):
                self.assertIn("ttl=64", inside(one, f"ping -c 1 -W 2 -M do -s {mtu - 50 - header} {address}", check=False))
                self.assertEqual(transferred(one, other, address), 4 << 20)
            self.assertNotIn("mtu-exceeds", lab.sh("host1", "berthctl -c 'show containers json'; berthctl -c 'show networks json'"))
            lab.remove([one, other])

    def anew(self):
        """Each host makes the network anew."""
        lab.until("none is on it", lambda: wrong_tables([]))
        lab.everywhere({host: "docker network rm black >/dev/null" for host in lab.HOSTS})
        made("black")

    def second(self, everywhere):
        """One more overlay, "ash", closed to the outside; `everywhere(True, …)` configures it, and takes it back."""
        lab.NETWORKS["ash"] = (68, "none")
        self.addCleanup(lab.NETWORKS.pop, "ash")
        for host in lab.HOSTS:
            self.addCleanup(lab.until, "its links go", lambda host=host: marked(host, "ash"))
            self.addCleanup(lab.sh, host, "docker ps -aq --filter name=t- | xargs -r docker rm -f >/dev/null; docker network rm ash >/dev/null")
        self.addCleanup(everywhere, False, "")
        everywhere(True, "")
        made("ash")

    @staticmethod
    def ash(host, line):
        return (NETWORK.replace("@N@", host[4:]).replace("network black", "network ash").replace("10100", "10101").replace("10.66.", "10.68.")
                .replace("fd00:66", "fd00:68").replace("advertise host", "advertise none\n" + line))

    def test_an_underlay_of_ipv6_or_it_is_told_that_frr_knows_none(self):
        def everywhere(more, _):
            for host in lab.HOSTS:
                vtep = f" vtep fd00::{lab.LOOPBACKS[host]}\n"
                lab.configure(host, self.config[host] + (self.ash(host, vtep) if more else ""))

        def ash(host):
            return next(each for each in lab.show(host, "show overlays")["overlays"] if each["network"] == "ash")

        self.second(everywhere)
        one, other = run("t-grey1", "host1", network="ash"), run("t-grey3", "host3", network="ash")
        if lab.settings()["release"] != "testing":  # FRR 8.4 and 10.3
            lab.until("it is told", lambda: [] if [each["code"] for each in ash("host1")["problems"]] == ["evpn-vtep"] else "not yet")
            self.assertIn("the tunnel of VNI 10101 is at fd00::21", ash("host1")["problems"][0]["text"])
            return
        lab.until("each is known to the other", lambda: [] if {each["vtep"] for each in ash("host1")["macs"]} == {"", "fd00::23"} else "not yet")
        for address, header in zip(other.addresses, (28, 48)):
            self.assertIn("ttl=64", inside(one, f"ping -c 1 -W 2 -M do -s {9500 - 70 - header} {address}", check=False))
        self.assertEqual(ash("host1")["problems"], [])

    def test_two_are_isolated_unless_both_say_otherwise(self):
        def everywhere(more, line):
            for host in lab.HOSTS:
                black = self.config[host].replace("vni 10100\n", "vni 10100\n" + line)
                lab.configure(host, black + (self.ash(host, line) if more else ""))

        def wrong(yes):
            return [f"{one.name} {other.name} {address}" for one in black for other in grey for address in other.addresses
                    if ("ttl=" in inside(one, f"ping -c 1 -W 1 {address}", check=False)) != yes]

        self.second(everywhere)
        black = [run("t-black1", "host1"), run("t-black2", "host2")]
        grey = [run("t-grey1", "host1", network="ash"), run("t-grey3", "host3", network="ash")]
        lab.until("each is known everywhere", lambda: wrong_tables(black))
        lab.until("neither reaches the other", lambda: wrong(False))
        lab.until("no network tells of a fault", lambda: [each for each in lab.show("host1", "show networks")["networks"] if each["problems"]])
        everywhere(True, " route-between\n")
        lab.until("each reaches the other", lambda: wrong(True))
        everywhere(True, "")
        lab.until("neither reaches the other again", lambda: wrong(False))

    def test_another_host_in_this_ones_range_is_told(self):
        def told():
            return [each for each in lab.show("host1", "show overlays")["overlays"][0]["problems"] if each["code"] == "overlay-range"]

        mine = run("t-mine", "host1")
        theirs = run("t-theirs", "host2", ["10.66.1.77", "fd00:66::1:77"])
        lab.until("each is known everywhere", lambda: wrong_tables([mine, theirs]))
        lab.until("it is told", lambda: [] if told() else "not yet")
        self.assertIn("VTEP 10.0.0.22", told()[0]["text"])
        self.assertFalse(told()[0]["blocks"])
        lab.remove([theirs])
        lab.until("and no longer", told)

    def test_nothing_stays_of_many_that_come_and_go(self):
        for _ in range(3):
            containers = self.six()
            lab.until("each is known everywhere", lambda: wrong_tables(containers))
            lab.remove(containers)
            lab.until("none is left", lambda: wrong_tables([]))


if __name__ == "__main__":
    unittest.main()
