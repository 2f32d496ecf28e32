# SPDX-License-Identifier: GPL-2.0-or-later
"""What must never be advertised: a network with NAT, what a label asks for without leave, an address that the operator has
not allowed or that somebody else has, the default route. Each is told in berthd's shows, and no FIB of the fabric ever sees
it. Two containers of one host with one address are left to the unit tests: Docker's IPAM gives an address once."""

import unittest

import lab

HOST = "host1"


class Refused(unittest.TestCase):
    def setUp(self):
        self.config = lab.sh(HOST, "cat /etc/frr/berthd.conf")
        lab.until("nothing but the fabric before the start", lambda: lab.wrong_routes([]))

    def tearDown(self):
        lab.sh(HOST, "docker ps -aq --filter name=t- | xargs -r docker rm -f >/dev/null")
        lab.configure(HOST, self.config)
        lab.sh(HOST, "docker network rm natted >/dev/null 2>&1", check=False)
        lab.until("nothing is left", lambda: lab.wrong_routes([]))

    def test_network_with_nat(self):
        before = self.counter("refusedNetwork")
        lab.sh(HOST, "docker network create --subnet 10.44.1.0/24 natted >/dev/null")
        lab.configure(HOST, self.config + "network natted\n docker-network natted\n subnet 10.44.1.0/24\n advertise both\n"
                                          " tag 100\nexit\n")
        lab.until("berthd says that NAT is on", lambda: self.nat_of("natted") != "on")
        network = self.network("natted")
        self.assertTrue(network["problems"], network)
        for problem in network["problems"]:
            self.assertTrue(problem["text"] and problem["remedy"], problem)
        one = lab.Container(HOST, "blue", "t-seen")
        lab.sh(HOST, f"docker run -d --name t-hidden --network natted {lab.image()} >/dev/null")
        lab.start([one])
        lab.until("it is counted", lambda: self.counter("refusedNetwork") <= before)
        lab.until("only the other network's container is advertised", lambda: lab.wrong_routes([one]))
        self.assertEqual(lab.show(HOST, "explain t-hidden")["verdict"], "notAdvertised")

    def test_hostile_labels(self):
        one = lab.Container(HOST, "green", "t-plain")
        before = self.counter("refusedLabel")
        lab.sh(HOST, "docker run -d --name t-hostile --network green --label berth.advertise=host --label berth.tag=100 "
                     f"--label berth.network=blue {lab.image()} >/dev/null")
        lab.start([one])
        # green advertises its subnet alone; the label asked for a /32 with blue's tag.
        lab.until("the subnet, and no more", lambda: lab.wrong_routes([one]))
        self.assertGreater(self.counter("refusedLabel"), before)

    def test_address_of_the_host(self):
        one = lab.Container(HOST, "blue", "t-plain")
        before = self.counter("refusedPrefix")
        # Not on lo, which OSPF advertises by itself.
        lab.sh(HOST, "ip addr add 10.10.1.200/32 dev br-red")
        try:
            lab.sh(HOST, f"docker run -d --name t-thief --network green --ip 10.20.1.200 {lab.image()} >/dev/null")
            lab.sh(HOST, f"docker run -d --name t-taker --network blue --ip 10.10.1.200 {lab.image()} >/dev/null")
            lab.start([one])
            why = lab.show(HOST, "explain 10.10.1.200")
            self.assertEqual(why["verdict"], "notAdvertised")
            self.assertIn("address of this host", why["steps"][-1]["detail"])
            lab.until("no /32 for the address of the host", lambda: {
                node: routes for node in lab.NODES if "10.10.1.200/32" in (routes := lab.routes(node))})
            self.assertGreater(self.counter("refusedPrefix"), before)
            lab.until("the others are advertised", lambda: set() if f"{one.addresses[0]}/32" in lab.routes("leaf2") and
                      "10.20.1.0/24" in lab.routes("leaf2") else lab.routes("leaf2"))
        finally:
            # In this order: a route that lives for less than a second may stay at the collector (BIRD keeps to OSPF's
            # MinLSArrival, which FRR is told to ignore here).
            lab.sh(HOST, "docker rm -f t-taker >/dev/null; ip addr del 10.10.1.200/32 dev br-red")

    def test_prefix_outside_the_allowed(self):
        """red's Docker network has an IPv6 subnet that the operator's configuration does not name."""
        before = self.counter("refusedPrefix")
        narrow = "".join(line + "\n" for line in self.config.splitlines() if "fd00:30:" not in line)
        self.assertNotEqual(narrow, self.config)
        lab.configure(HOST, narrow)
        lab.until("the subnet is out of the configuration", lambda: [
            subnet for subnet in self.network("red")["subnets"] if ":" in subnet])
        one = lab.Container(HOST, "red", "t-outside")
        lab.start([one])
        six = one.addresses[1]
        one.prefixes = lambda: {f"{one.addresses[0]}/32", "10.30.1.0/24"}
        lab.until("IPv4 alone is advertised", lambda: lab.wrong_routes([one]))
        self.assertGreater(self.counter("refusedPrefix"), before)
        why = lab.show(HOST, f"explain {six}")
        self.assertEqual(why["verdict"], "notAdvertised")
        self.assertFalse(why["steps"][-1]["ok"], why)
        self.assertTrue(why["steps"][-1]["remedy"], why)

    def test_default_route(self):
        one = lab.Container(HOST, "blue", "t-plain")
        lab.start([one])
        lab.until("the route is there", lambda: lab.wrong_routes([one]))
        wrong = self.config.replace(" subnet 10.30.1.0/24", " subnet 0.0.0.0/0")
        self.assertNotEqual(wrong, self.config)
        since = lab.sh(HOST, "date +%Y-%m-%dT%H:%M:%S").strip()
        told = lab.configure(HOST, wrong, check=False)
        self.assertIn("subnet 0.0.0.0/0", told)
        self.assertIn("^", told)
        lab.until("berthd has read it and refused it", lambda: "stays as it was" not in self.log(since))
        lab.until("nothing has changed", lambda: lab.wrong_routes([one]))
        self.assertIn("10.30.1.0/24", self.network("red")["subnets"])

    def test_route_of_another(self):
        """The address is routed by somebody else already: a kernel route, which beats every protocol."""
        lab.sh(HOST, "ip route add blackhole 10.10.1.77/32")
        collector = lab.Collector()
        try:
            lab.sh(HOST, f"docker run -d --name t-second --network blue --ip 10.10.1.77 {lab.image()} >/dev/null")
            lab.until("berthd says that another route wins", lambda: self.state("10.10.1.77/32") != "notBest")
            why = lab.show(HOST, "explain 10.10.1.77")
            self.assertEqual(why["verdict"], "notAdvertised")
            self.assertIn("kernel", " ".join(step["detail"] for step in why["steps"]))
            self.assertEqual([node for node in lab.NODES if node != HOST and "10.10.1.77/32" in lab.routes(node)], [])
            self.assertEqual([event for event in collector.events() if event[2] == "10.10.1.77/32"], [])
        finally:
            lab.sh(HOST, "ip route del blackhole 10.10.1.77/32")
        lab.until("it is ours, now that the other is gone", lambda: self.state("10.10.1.77/32") != "installed")
        lab.until("everywhere", lambda: [node for node in lab.NODES if "10.10.1.77/32" not in lab.routes(node)])

    def log(self, since):
        if lab.composed():
            return lab.sh(HOST, f"docker logs --since {since} berthd 2>&1")
        return lab.sh(HOST, "tail -n 40 /var/log/berthd.log")

    def counter(self, name):
        return lab.show(HOST, "show status")["counters"].get(name, 0)

    def state(self, prefix):
        return next((r["state"] for r in lab.show(HOST, "show routes")["routes"] if r["prefix"] == prefix), "absent")

    def network(self, name):
        return next((n for n in lab.show(HOST, "show networks")["networks"] if n["name"] == name), {})

    def nat_of(self, name):
        return self.network(name).get("nat", "absent")


if __name__ == "__main__":
    unittest.main()
