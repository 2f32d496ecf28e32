# SPDX-License-Identifier: GPL-2.0-or-later
"""A running host goes from the module to FRR's northbound and back (docs/northbound.md, "From one way to the other"): the collector sees
no withdrawal, and every FIB is right all the time."""

import pathlib
import re
import unittest

import lab

HOST = "host1"
LISTS = pathlib.Path(__file__).resolve().parents[2] / "frr-configs/lab/northbound.conf"
GRACE = 10  # seconds; the module's routes stay that long after the switch


class Switch(unittest.TestCase):
    def setUp(self):
        self.assertEqual(lab.settings()["sink"], "module")
        self.config = lab.sh(HOST, "cat /etc/frr/berthd.conf")
        lab.until("nothing but the fabric before the start", lambda: lab.wrong_routes([]))
        self.addCleanup(lab.until, "nothing is left", lambda: lab.wrong_routes([]))
        self.addCleanup(lab.sh, HOST, "docker ps -aq --filter name=t- | xargs -r docker rm -f >/dev/null")

    def test_to_the_northbound_and_back(self):
        socket = re.sub("zebra grace-time .*", f"zebra grace-time {GRACE}", self.config)
        northbound = re.sub("zebra socket .*", "zebra northbound", socket)
        self.assertEqual(len({self.config, socket, northbound}), 3)
        self.addCleanup(self.start_with, self.config)
        self.start_with(socket)
        steady = lab.start([lab.Container(HOST, network, "t-" + network) for network in lab.NETWORKS])
        lab.until("all is advertised", lambda: lab.wrong_routes(steady))
        collector = lab.Collector()

        self.addCleanup(self.type, self.routers("no redistribute static") + [
            "no route-map " + name.format(family) for name in ("BERTH{} permit 100", "SUBNETS{}", "ALLOWED{}") for family in "46"])
        self.type([line for line in LISTS.read_text().splitlines() if not line.startswith("!")] + [
            line for family in "46" for line in (f"route-map BERTH{family} permit 100", f"call SUBNETS{family}", "exit")])
        self.type(self.routers("redistribute static route-map BERTH{}"))
        self.start_with(northbound)
        self.assertEqual(lab.status(HOST)["zebra"]["way"], "northbound")
        self.through(steady, "static")
        self.assertIn("a berthd runs", self.sweep("northbound"))

        self.start_with(socket)
        self.assertEqual(lab.status(HOST)["zebra"]["way"], "socket")
        self.assertIn("routes taken out of FRR", self.sweep("northbound"))
        self.through(steady, "openfabric")
        self.assertEqual(lab.sh(HOST, "vtysh -c 'show running-config' | grep -E 'tag [0-9]+ 15$|prefix-list BERTH-[0-9]+ permit'; true"), "")
        self.assertEqual(collector.removed(set().union(*(each.prefixes() for each in steady))), [])

    def through(self, steady, protocol):
        """Every FIB is right, and zebra's best route for each container is of that protocol."""
        lab.until(f"zebra has {protocol} routes", lambda: lab.wrong_routes(steady) or [
            address for each in steady if each.network != "green" for address in each.addresses
            if f'Known via "{protocol}"' not in self.best(address)], 60)
        lab.until("all are reachable", lambda: lab.reach(steady), 60)

    @staticmethod
    def best(address):
        return lab.sh(HOST, f"vtysh -c 'show {'ipv6' if ':' in address else 'ip'} route {address}' | grep best; true")

    def sweep(self, way):
        where = "docker exec berthd " if lab.composed() else ""
        return lab.sh(HOST, f"{where}berthd --sweep={way} 2>&1; true")

    def start_with(self, config):
        lab.berthd(HOST, "stop")
        lab.sh(HOST, f"cat >/etc/frr/berthd.conf <<'END'\n{config}END\n")
        lab.berthd(HOST, "start")
        lab.until("berthd is in sync", lambda: not lab.status(HOST).get("inSync"))

    @staticmethod
    def type(lines):
        told = lab.sh(HOST, "vtysh -c 'configure terminal' " + " ".join(f"-c '{line.strip()}'" for line in lines) + " 2>&1")
        if "%" in told:
            raise AssertionError(told)

    @staticmethod
    def routers(line):
        """That line for the routing daemon's IPv4 and IPv6."""
        if lab.settings()["profile"] == "ospf":
            return ["router ospf", line.format(4), "exit", "router ospf6", line.format(6), "exit"]
        router = re.search(r"^router bgp \d+", lab.sh(HOST, "vtysh -c 'show running-config bgpd'"), re.M).group()
        return [router, "bgp route-map delay-timer 1"] + [each for family in (4, 6) for each in (
            f"address-family ipv{family} unicast", line.format(family), "exit-address-family")] + ["exit"]
