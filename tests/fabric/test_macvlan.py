# SPDX-License-Identifier: GPL-2.0-or-later
"""Containers as macvlans on a segment that others share, this host its router: reached from the segment, from their host by the
shim, and from the fabric. The routed form, without a wire, is the network violet of every host and of the main test."""

import json
import unittest

import lab

HOST = "host1"
# Behind seg0 is a namespace of the host's that knows nothing of berth: the machines of the segment.
SEGMENT = """ip netns add t-seg
ip link add seg0 type veth peer name eth0 netns t-seg
ip link set seg0 up
ip -n t-seg link set lo up
ip -n t-seg addr add 10.40.1.50/24 dev eth0
ip -n t-seg addr add fd00:40:1::50/64 dev eth0 nodad
ip -n t-seg link set eth0 up
ip -n t-seg route add default via 10.40.1.1
ip -n t-seg route add default via fd00:40:1::1
"""
LAST = " gateway fd00:40:1::1\n"
OWN = " shim 10.40.1.1\n shim fd00:40:1::1\n mac-limit 5\n aux-address machine 10.40.1.2\n"


class Macvlan(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.config = lab.sh(HOST, "cat /etc/frr/berthd.conf")
        cls.addClassCleanup(lab.until, "nothing is left", lambda: lab.wrong_routes([]))
        cls.addClassCleanup(cls.apply, cls.config)
        lab.sh(HOST, SEGMENT)
        cls.addClassCleanup(lab.sh, HOST, "ip netns del t-seg; ip link del ms-violet; true")
        cls.apply(cls.config.replace(" parent internal\n", " parent seg0\n").replace(LAST, LAST + OWN))
        cls.here = lab.Container(HOST, "violet", "t-segment")
        cls.all = [cls.here, lab.Container("host2", "violet", "t-far"), lab.Container(HOST, "blue", "t-near")]
        cls.addClassCleanup(lab.remove, cls.all)
        lab.start(cls.all)
        lab.until("all is advertised", lambda: lab.wrong_routes(cls.all))

    @classmethod
    def apply(cls, text):
        """Docker's network is on its old parent: berthd says so, and what to type."""
        lab.configure(HOST, text)
        told = []

        def parent_is_told():
            told[:] = [each for each in cls.network()["problems"] if each["code"] == "option"]
            return [] if told else "not told"

        lab.until("the old parent is told", parent_is_told)
        lab.sh(HOST, told[0]["remedy"].split(" (")[0] + " >/dev/null")
        lab.until("it is made anew", lambda: cls.network()["problems"])

    @staticmethod
    def network():
        return next(each for each in lab.show(HOST, "show networks")["networks"] if each["name"] == "violet")

    def setUp(self):
        self.collector = lab.Collector()

    def others(self):
        return [each for each in self.all if each is not self.here]

    def test_reached_from_everywhere_with_the_source_kept(self):
        lab.until("from the fabric and from other networks", lambda: lab.reach(self.all))
        for address, machine in zip(self.here.addresses, ("10.40.1.50", "fd00:40:1::50")):
            url = f"http://[{address}]:8080" if ":" in address else f"http://{address}:8080"
            seen = lab.sh(HOST, f"ip netns exec t-seg curl -s -m 3 {url}/cgi-bin/who")
            self.assertIn(machine, seen, "from the segment")
            self.assertTrue(lab.sh(HOST, f"curl -s -m 3 {url}/cgi-bin/who").strip(), "from its host, by the shim")
            route = json.loads(lab.sh(HOST, f"ip -j route get {address}"))[0]
            self.assertEqual(route["dev"], "ms-violet")
        self.assertNotEqual(self.here.addresses[0], "10.40.1.2", "which is a machine's")

    def test_a_parent_that_goes_and_comes(self):
        for harm, code, cure in (("ip link set seg0 down", "parent-down", "ip link set seg0 up"),
                                 ("ip -n t-seg link set eth0 down", "parent-no-carrier", "ip -n t-seg link set eth0 up")):
            lab.sh(HOST, harm)
            lab.until("it alone is withdrawn", lambda: lab.wrong_routes(self.others()))
            self.assertIn(code, [each["code"] for each in self.network()["problems"]])
            self.assertEqual(lab.show(HOST, "explain t-segment")["verdict"], "notAdvertised")
            lab.sh(HOST, cure)
            lab.until("it is back", lambda: lab.wrong_routes(self.all))
        lab.sh(HOST, "ip -n t-seg addr replace fd00:40:1::50/64 dev eth0 nodad; "
                     "ip -n t-seg route replace default via fd00:40:1::1")
        lab.until("and reached", lambda: lab.reach(self.all))

    def test_one_container_too_many(self):
        more = lab.start([lab.Container(HOST, "violet", f"t-more{i}") for i in range(3)])
        self.addCleanup(lab.until, "as before", lambda: lab.wrong_routes(self.all))
        self.addCleanup(lab.remove, more)

        def states():
            found = [lab.show(HOST, "explain " + each.name)["verdict"] for each in more]
            return "" if sorted(found) == ["advertised", "advertised", "notAdvertised"] else found

        lab.until("two have a place", states)
        self.assertEqual(lab.show(HOST, "explain t-segment")["verdict"], "advertised", "who is there keeps its place")
        self.assertIn("mac-limit", [each["code"] for each in self.network()["problems"]])
        self.assertEqual(self.collector.removed(self.here.prefixes()), [])


if __name__ == "__main__":
    unittest.main()
