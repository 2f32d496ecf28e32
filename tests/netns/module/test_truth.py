# SPDX-License-Identifier: GPL-2.0-or-later
"""Installed means that the kernel has it, and what the kernel lacks is advertised by nobody. Judges: the kernel, zebra's RIB,
and what a bgpd beside it has got by redistribution."""
import json, os, pathlib, random, re, shutil, signal, socket, struct, subprocess, time, unittest
import berth_pb2 as pb
from test_module import WORK, Client, Zebra, add, ask_vty, listens, prefix, remove, sh, takes, until

V4, V6 = ["10.1.0.5/32", "10.77.0.0/24"], ["fd00:1::5/128", "fd00:77::/64"]
BRIDGE = ("ip link add br0 type bridge; ip link set p0 master br0; ip link set br0 up; ip addr add 10.1.0.1/24 dev br0;"
          "ip -6 addr add fd00:1::1/64 dev br0 nodad")


class Bgpd:
    """Has in its table what zebra redistributes, and forgets what it withdraws."""
    def __init__(self, kind="openfabric"):
        pathlib.Path(WORK, "bgpd.conf").write_text(
            "router bgp 65000\n bgp router-id 192.0.2.1\n"
            " address-family ipv4 unicast\n  redistribute %s\n exit-address-family\n"
            " address-family ipv6 unicast\n  redistribute %s\n exit-address-family\n" % (kind, kind))
        self.process = subprocess.Popen(
            ["/usr/lib/frr/bgpd", "-n", "-p", "0", "-z", WORK + "/zserv.api", "-i", WORK + "/bgpd.pid", "--vty_socket", WORK,
             "-f", WORK + "/bgpd.conf", "--log", "file:" + WORK + "/bgpd.log"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until("bgpd listens", lambda: listens(WORK + "/bgpd.vty"), 10)

    def has(self):
        found = set()
        for family in ("ipv4", "ipv6"):
            found |= set(json.loads(vty("bgpd", "show bgp %s unicast json" % family) or "{}").get("routes", {}))
        return found

    def version(self):
        """Of the tables: each word of zebra's that changes something counts it up."""
        return [json.loads(vty("bgpd", "show bgp %s unicast json" % family))["tableVersion"] for family in ("ipv4", "ipv6")]

    def stop(self):
        self.process.kill()
        self.process.wait()
        os.unlink(WORK + "/bgpd.vty")


def vty(daemon, *commands):
    return ask_vty("%s/%s.vty" % (WORK, daemon), *commands)


def full(p):
    return p if "/" in p else p + ("/128" if ":" in p else "/32")


def kernel_has():
    """Every route of a routing daemon in the main table."""
    return {full(r["dst"]) for family in ("-4", "-6") for r in json.loads(sh("ip -j %s route show table main" % family) or "[]")
            if r.get("protocol") not in ("kernel", "boot", "static", "ra")}


def rib_selects():
    found = set()
    for family in ("ip", "ipv6"):
        for p, entries in json.loads(vty("zebra", "show %s route openfabric json" % family) or "{}").items():
            found |= {p for e in entries if e.get("selected")}
    return found


class Mgmtd:
    """From FRR 10 on it is mgmtd that takes `ip protocol …` and route-maps for zebra. The two find each other by name."""
    PROGRAM, NAME = "/usr/lib/frr/mgmtd", "berth-test-%d" % os.getpid()

    def __init__(self):
        self.folder = pathlib.Path("/run/frr", self.NAME)
        self.folder.mkdir(parents=True)
        shutil.chown(self.folder, "frr", "frr")
        self.process = subprocess.Popen([self.PROGRAM, "-N", self.NAME, "-i", WORK + "/mgmtd.pid", "--vty_socket", WORK,
                                         "--log", "file:" + WORK + "/mgmtd.log"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until("mgmtd listens", lambda: listens(WORK + "/mgmtd.vty"), 10)

    def stop(self):
        self.process.kill()
        self.process.wait()
        os.unlink(WORK + "/mgmtd.vty")
        shutil.rmtree(self.folder)


class RouteMessages:
    """Counts what the kernel tells of routing daemons' routes that came and went, from now on."""
    def __init__(self):
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.sock.bind((0, 0x40 | 0x400))  # RTMGRP_IPV4_ROUTE, RTMGRP_IPV6_ROUTE
        self.sock.setblocking(False)

    def count(self):
        n = 0
        while True:
            try:
                data = self.sock.recv(1 << 16)
            except BlockingIOError:
                return n
            while len(data) >= 16:
                length, kind = struct.unpack("IH", data[:6])
                n += kind in (24, 25) and data[16 + 5] not in (0, 2, 3)  # RTM_NEWROUTE, RTM_DELROUTE of a daemon
                data = data[(length + 3) & ~3:]

    def close(self):
        self.sock.close()


class Base(unittest.TestCase):
    groups = False

    def setUp(self):
        subprocess.run("for l in br0 br1 p0 q0 up0; do ip link del $l; done", shell=True, capture_output=True)
        sh("sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1")
        self.make_bridge("br0", "p", 1)
        self.conf = "hostname z\n" if self.groups else "no zebra nexthop kernel enable\n"
        pathlib.Path(WORK, "zebra.conf").write_text(self.conf)
        self.zebra, self.clients, self.bgpd = Zebra(args=",grace=20"), [], Bgpd()
        self.addCleanup(lambda: subprocess.run("for l in br0 br1 p0 q0 up0; do ip link del $l; done", shell=True,
                                               capture_output=True))

    def make_bridge(self, name, port, net):
        sh(("ip link add {0} type bridge; ip link show {1}0 2>/dev/null || ip link add {1}0 type veth peer name {1}1;"
            "ip link set {1}0 master {0}; ip link set {1}1 up; ip link set {1}0 up; ip link set {0} up;"
            "ip addr add 10.{2}.0.1/24 dev {0}; ip -6 addr add fd00:{2}::1/64 dev {0} nodad").format(name, port, net))

    def tearDown(self):
        for c in self.clients:
            c.close()
        if self.bgpd:
            self.bgpd.stop()
        self.assertTrue(self.zebra.alive(), "zebra died")
        self.assertNotIn("berth: bug", pathlib.Path(self.zebra.log).read_text())
        self.zebra.stop(signal.SIGTERM)
        sh("ip route flush proto openfabric; ip -6 route flush proto openfabric")

    def client(self, **fields):
        self.clients.append(Client(**fields))
        return self.clients[-1]

    def told(self):
        return {r["prefix"]: r["state"] for r in json.loads(vty("zebra", "show berth routes json"))["routes"]
                if r["kind"] == "route"}

    def settled(self, want, seconds=8):
        """All four say the same: kernel, RIB, bgpd, module."""
        seen = {}

        def agree():
            seen.update(kernel=kernel_has(), rib=rib_selects(), bgp=self.bgpd.has(), told=self.told())
            installed = {p for p, state in seen["told"].items() if state in ("installed", "stale")}
            return installed == want == seen["kernel"] == seen["rib"] == seen["bgp"]
        try:
            until("all agree", agree, seconds)
        except AssertionError:
            self.fail("wanted %s, but %s" % (sorted(want), seen))

    def say(self, c, *prefixes, **more):
        """Puts them, and reads until each is answered."""
        n = c.batch(*[add(p, **more) for p in prefixes])
        while not all((pb.OBJECT_ROUTE, p, n) in c.answered for p in prefixes):
            c.receive()

    def reason(self, c, p, pattern):
        """It is told inactive for this, if not at once: a link that is deleted goes down first."""
        while not re.search(pattern, c.state(p, pb.STATE_INACTIVE).reason):
            c.receive()  # fails when nothing comes

    def there(self, *prefixes):
        """A client whose routes are all in and advertised, on a link that has all of its addresses."""
        until("zebra knows the link-local address", lambda: "fe80" in self.zebra.vty("show interface br0"))
        c = self.client()
        self.say(c, *prefixes)
        self.settled(set(prefixes))
        return c


class Links(Base):
    """What empties the kernel, and what does not, one by one. Then it is undone, and all is back."""

    def change(self, how, undo, gone, reason):
        c = self.there(*V4, *V6)
        sh(how)
        self.settled({*V4, *V6} - set(gone))
        for p in gone:
            self.reason(c, p, reason)
        sh(undo)
        self.settled({*V4, *V6})
        for p in gone:
            c.state(p, pb.STATE_INSTALLED)

    def test_down(self):
        self.change("ip link set br0 down", "ip link set br0 up", V4 + V6, "interface br0 is down")

    def test_deleted(self):
        self.change("ip link del br0", BRIDGE, V4 + V6, "no interface br0")

    def test_renamed(self):
        self.change("ip link set br0 down; ip link set br0 name br1; ip link set br1 up",
                    "ip link set br1 down; ip link set br1 name br0; ip link set br0 up", V4 + V6, "no interface br0")

    def test_no_carrier(self):
        """The kernel drops what is in nexthop groups, and keeps the rest."""
        self.change("ip link set p1 down", "ip link set p1 up", V4 + V6 if self.groups else [], "br0 has no carrier")

    def test_the_last_ipv4_address(self):
        self.change("ip addr del 10.1.0.1/24 dev br0", "ip addr add 10.1.0.1/24 dev br0", V4, "br0 has lost its last IPv4")

    def test_one_of_two_ipv4_addresses(self):
        sh("ip addr add 10.9.0.1/24 dev br0")
        self.change("ip addr del 10.1.0.1/24 dev br0", "ip addr add 10.1.0.1/24 dev br0", [], "")

    def test_no_ipv6_link_local_address(self):
        """The kernel keeps the routes, and finds no neighbour any more."""
        self.change("ip -6 addr flush dev br0", "ip -6 addr add fe80::1/64 dev br0 nodad", V6, "lost its IPv6 link-local")

    def test_a_global_ipv6_address(self):
        self.change("ip -6 addr del fd00:1::1/64 dev br0", "ip -6 addr add fd00:1::1/64 dev br0 nodad", [], "")

    def test_ipv6_disabled(self):
        self.change("sysctl -qw net.ipv6.conf.br0.disable_ipv6=1", "sysctl -qw net.ipv6.conf.br0.disable_ipv6=0", V6,
                    "lost its IPv6 link-local|kernel refused")

    def test_an_mtu_too_small_for_ipv6(self):
        self.change("ip link set br0 mtu 1000", "ip link set br0 mtu 1500", V6, "lost its IPv6 link-local|kernel refused")

    def test_forwarding_off_takes_nothing_away(self):
        self.change("sysctl -qw net.ipv4.conf.br0.forwarding=0 net.ipv6.conf.br0.forwarding=0",
                    "sysctl -qw net.ipv4.conf.br0.forwarding=1 net.ipv6.conf.br0.forwarding=1", [], "")

    def test_in_one_breath(self):
        """Over before anybody has looked: zebra sees nothing of some of it."""
        c, addresses = self.there(*V4, *V6), "ip addr add 10.1.0.1/24 dev br0"
        for how in ("ip addr del 10.1.0.1/24 dev br0; ip addr add 10.1.0.2/24 dev br0; ip addr del 10.1.0.2/24 dev br0;"
                    + addresses, "ip addr del 10.1.0.1/24 dev br0;" + addresses, "ip addr flush dev br0;" + addresses +
                    "; ip -6 addr add fe80::2/64 dev br0 nodad", "ip link set br0 down; ip link set br0 up",
                    "ip link del br0;" + BRIDGE, "sysctl -qw net.ipv6.conf.br0.disable_ipv6=1 net.ipv6.conf.br0.disable_ipv6=0",
                    "ip link set br0 mtu 1000; ip link set br0 mtu 1500", "ip link set p1 down; ip link set p1 up"):
            sh(how)
            with self.subTest(how):
                self.settled({*V4, *V6})
        self.assertFalse([p for p in V4 + V6 if c.last[pb.OBJECT_ROUTE, p].state == pb.STATE_GONE])

    def test_with_berthd_away(self):
        c = self.there(*V4, *V6)
        c.close()
        sh("ip link set br0 down")
        until("withdrawn", lambda: not (self.bgpd.has() | rib_selects() | kernel_has()))
        sh("ip link set br0 up")
        until("back", lambda: self.bgpd.has() == rib_selects() == kernel_has() == {*V4, *V6})
        sh("ip addr del 10.1.0.1/24 dev br0")
        until("withdrawn", lambda: self.bgpd.has() == rib_selects() == kernel_has() == {*V6})
        d = self.client()
        self.say(d, *V4, *V6)
        for p in V4:
            self.assertIn("last IPv4", d.state(p, pb.STATE_INACTIVE).reason)
        self.assertEqual(d.sync(), 0)
        sh("ip addr add 10.1.0.1/24 dev br0")
        self.settled({*V4, *V6})

    def test_a_bridge_that_never_had_an_address(self):
        """As Docker makes it with inhibit_ipv4."""
        sh("ip addr flush dev br0; sysctl -qw net.ipv6.conf.br0.addr_gen_mode=1; ip link set br0 down; ip link set br0 up")
        until("zebra has seen it", lambda: "inet" not in self.zebra.vty("show interface br0"))
        c = self.client()
        self.say(c, *V4, *V6)
        self.settled({*V4, *V6})
        sh("ip link set br0 down")
        self.settled(set())
        sh("ip link set br0 up")
        self.settled({*V4, *V6})

    def test_said_again_while_the_link_is_down_it_is_answered(self):
        c = self.there(*V4, *V6)
        sh("ip link set br0 down")
        self.settled(set())
        self.say(c, *V4, *V6, tag=200)
        self.say(c, "10.1.0.6/32", "fd00:1::6/128")
        self.settled(set())
        n = c.batch(remove(V4[0]), remove(V6[0]))
        for p in (V4[0], V6[0]):
            c.state(p, pb.STATE_GONE, sequence=n)
        sh("ip link set br0 up")
        self.settled({V4[1], V6[1], "10.1.0.6/32", "fd00:1::6/128"})
        self.assertEqual([e.tag for e in c.query(V4[1]).entries], [200])


class LinksWithGroups(Links):
    """FRR's own default: nexthop groups in the kernel."""
    groups = True


class Others(Base):
    def test_what_the_kernel_refuses_is_withdrawn(self):
        c = self.there(*V4, *V6)
        sh("sysctl -qw net.ipv6.conf.br0.disable_ipv6=1")
        self.settled(set(V4))
        self.say(c, "fd00:1::6/128")  # there is no link-local address to miss: the kernel itself says no
        self.settled(set(V4))
        sh("sysctl -qw net.ipv6.conf.br0.disable_ipv6=0")
        self.settled({*V4, *V6, "fd00:1::6/128"})

    @takes(6)
    def test_a_gateway_follows_its_network(self):
        """Without an interface, the next hop is where the gateway is now."""
        via = lambda p, gateway, **more: pb.Operation(add=pb.Route(prefix=prefix(p), tag=7, next_hops=[pb.NextHop(
            gateway=socket.inet_pton(socket.AF_INET6 if ":" in gateway else socket.AF_INET, gateway), **more)]))
        c, each = self.client(), ["10.88.0.0/24", "10.89.0.0/24", "fd00:88::/64", "fd00:89::/64"]
        c.batch(via(each[0], "10.1.0.9"), via(each[1], "10.1.0.9", interface="br0"),
                via(each[2], "fd00:1::9"), via(each[3], "fd00:1::9", interface="br0"))
        self.settled(set(each))
        sh("ip link set br0 down")
        self.settled(set())
        self.assertIn("10.1.0.9 is in no connected network", c.state(each[0], pb.STATE_INACTIVE).reason)
        sh("ip link set br0 up; ip -6 addr replace fd00:1::1/64 dev br0 nodad")
        self.settled(set(each))
        sh("ip addr del 10.1.0.1/24 dev br0; ip -6 addr del fd00:1::1/64 dev br0")
        self.settled(set())
        self.make_bridge("br1", "q", 1)
        self.settled({each[0], each[2]})
        self.assertEqual(c.query(each[0]).entries[0].next_hops[0].interface, "br1")

    def test_nothing_flaps_while_zebra_judges_anew(self):
        """Other links and routes come and go, and the carrier, while the kernel keeps ours."""
        c = self.there(*V4, *V6)
        until("bgpd has worked on them", lambda: self.bgpd.version() == [2, 2])
        messages, results = RouteMessages(), dict(c.last)
        for i in range(20):
            sh("ip route add 10.200.%d.0/24 dev br0; ip link add d%d type veth peer name e%d; ip link set d%d up;"
               "ip addr add 10.201.%d.1/24 dev d%d" % ((i,) * 6))
            sh("ip link set p1 down; ip route del 10.200.%d.0/24 dev br0; ip link del d%d; ip link set p1 up" % (i, i))
        self.settled({*V4, *V6})
        self.assertEqual((messages.count(), self.bgpd.version()), (0, [2, 2]))
        messages.close()
        self.assertEqual({k: r.state for k, r in c.last.items()}, {k: r.state for k, r in results.items()})

    @takes(6)
    def test_a_route_map_that_denies_is_named(self):
        self.configurable()
        c = self.there(V4[0], V6[0])
        for family, p, new in (("ip", V4[0], "10.1.0.7/32"), ("ipv6", V6[0], "fd00:1::7/128")):
            for protocol in ("openfabric", "any"):
                line, there = "%s protocol %s route-map NONE" % (family, protocol), {V4[0], V6[0]}
                self.configure("route-map NONE deny 10", "exit", line)
                self.say(c, new)
                if protocol == "any":  # FRR 8.4 judges only what comes from then on
                    self.say(c, p, tag=200)
                self.settled(there - {p})
                for denied in (p, new):
                    self.reason(c, denied, "route-map NONE of '%s' denies it" % line[:-15])
                self.configure("no " + line)
                self.settled(there | {new})
                c.batch(remove(new))
        self.configure("ip protocol openfabric route-map LATER")
        self.say(c, "10.1.0.7/32")
        self.reason(c, "10.1.0.7/32", "route-map LATER of 'ip protocol openfabric' does not exist")
        self.configure("route-map LATER permit 10")
        self.settled({V4[0], V6[0], "10.1.0.7/32"})

    def configurable(self):
        if not os.path.exists(Mgmtd.PROGRAM):
            return
        mgmtd = Mgmtd()
        self.addCleanup(mgmtd.stop)
        self.restart_zebra(keep=["-N", Mgmtd.NAME])

    def configure(self, *lines):
        self.assertEqual(vty("mgmtd" if os.path.exists(Mgmtd.PROGRAM) else "zebra", "configure terminal", *lines), "")

    def restart_zebra(self, kind="openfabric", **arguments):
        if self.bgpd:  # first: FRR 10.3 aborts when a client connects while it stops
            self.bgpd.stop()
        self.zebra.stop()
        self.zebra, self.bgpd = Zebra(**arguments), kind and Bgpd(kind)

    @takes(4)
    def test_a_type_of_routes_works_or_is_refused(self):
        works, every = ["babel", "isis", "nhrp", "static"], (
            "system kernel connected local rip ripng ospf ospf6 bgp pim eigrp hsls olsr table ldp vnc vnc-direct vnc-rn "
            "bgp-direct sharp pbr bfd vrrp zebra srte table-direct any wildcard all 26").split()
        for kind in works:
            self.restart_zebra(kind, args=",grace=20,type=" + kind)
            c = self.client()
            self.assertEqual((c.hello.error, c.hello.route_type), ("", kind))
            self.say(c, V4[0], V6[0])
            until("%s is redistributed in both families" % kind, lambda: {V4[0], V6[0]} <= self.bgpd.has())
            n = c.batch(remove(V4[0]), remove(V6[0]))
            for p in (V4[0], V6[0]):
                c.state(p, pb.STATE_GONE, sequence=n)
            until("%s is withdrawn" % kind, lambda: not {V4[0], V6[0]} & self.bgpd.has())
        for kind in every:
            self.restart_zebra(None, args=",type=" + kind)
            self.assertIn("type= needs openfabric, babel", self.client().hello.error, kind)

    def test_what_leaves_makes_room(self):
        self.restart_zebra(args=",max-routes=3,grace=20")
        c = self.there("10.1.0.11/32", "10.1.0.12/32", "10.1.0.13/32")
        c.batch(remove("10.1.0.13/32"), add("10.1.0.14/32"))
        c.state("10.1.0.14/32", pb.STATE_INSTALLED)
        c.close()
        d = self.client()
        d.batch(*[add("10.1.0.%d/32" % i) for i in (21, 22, 23, 24, 11)])
        for i in (24, 11):
            self.assertIn("max-routes", d.state("10.1.0.%d/32" % i, pb.STATE_REJECTED).reason)
        self.assertEqual(d.sync(), 3)
        self.settled({"10.1.0.21/32", "10.1.0.22/32", "10.1.0.23/32"})


class Reconnect(Base):
    def test_nothing_is_said_to_the_kernel(self):
        each = ["10.1.%d.%d/32" % (i // 200, i % 200 + 9) for i in range(500)] + ["fd00:1::%x/128" % (i + 9) for i in range(500)]
        mark = pb.Operation(mark=pb.MarkConnected(prefix=prefix("10.1.0.0/24"), interface="br0", tag=300))
        c = self.there(*each)
        c.batch(mark)
        c.state("10.1.0.0/24", pb.STATE_INSTALLED, kind=pb.OBJECT_MARK)
        vty("bgpd", "configure terminal", "router bgp 65000", "address-family ipv4 unicast", "redistribute connected")
        until("bgpd has worked on them, and on the subnet", lambda: self.bgpd.version() == [501, 500])
        entries, messages = self.entries(), RouteMessages()
        for _ in range(2):
            c.close()
            c = self.client()
            self.say(c, *each)  # each is answered
            c.batch(mark)
            c.state("10.1.0.0/24", pb.STATE_INSTALLED, kind=pb.OBJECT_MARK)
            for p in each:
                c.state(p, pb.STATE_INSTALLED)
            self.assertEqual(c.sync(), 0)
        self.assertEqual((messages.count(), self.bgpd.version()), (0, [501, 500]))
        self.assertEqual(self.entries(), entries, "zebra's entries are the same")
        # what has changed is put in
        self.say(c, each[0], each[-1], tag=200)
        for p in (each[0], each[-1]):
            self.assertEqual([e.tag for e in c.query(p).entries], [200])
        messages.close()

    def entries(self):
        return {p: [(e["nexthopGroupId"], e["tag"]) for e in entries] for family in ("ip", "ipv6")
                for p, entries in json.loads(vty("zebra", "show %s route openfabric json" % family)).items()}

    def test_what_the_kernel_lost_meanwhile_is_put_in(self):
        c = self.there(*V4, *V6)
        c.close()
        sh("ip addr del 10.1.0.1/24 dev br0; ip addr add 10.1.0.1/24 dev br0")
        d = self.client()
        self.say(d, *V4, *V6)
        self.settled({*V4, *V6})

    def test_two_changes_and_back_again(self):
        """What zebra has still in its queue counts."""
        c = self.there(*V4, *V6)
        for _ in range(20):
            for tag in (200, 100):
                c.batch(*[add(p, tag=tag) for p in V4 + V6])
        last = c.sequence
        for p in V4 + V6:
            c.state(p, pb.STATE_INSTALLED, sequence=last)
            until("the last word holds", lambda: [e.tag for e in c.query(p).entries] == [100])


class ReconnectWithGroups(Reconnect):
    groups = True


if __name__ == "__main__":
    unittest.main()
