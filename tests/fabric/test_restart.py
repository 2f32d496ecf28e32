# SPDX-License-Identifier: GPL-2.0-or-later
"""Daemons die while containers run, start and stop. At the end every FIB is right, and the collector has seen no
withdrawal of a route whose container ran throughout.

What is promised: berthd and dockerd may go at any time, in both profiles, without a withdrawal. bgpd and zebra (watchfrr
starts bgpd anew with zebra) are covered by BGP graceful restart: the peers keep the routes for the restart time of 120 s.
OSPF's graceful restart needs a word before the stop (`graceful-restart prepare`), so a killed zebra or ospfd in the OSPF
profile may withdraw for some seconds; there only the end state is checked. So may a killed zebra where berth has no module in
it: watchfrr starts mgmtd anew as well, with an empty configuration, and bgpd has said all before berthd is there again."""

import unittest

import lab

HOST = "host1"


class Restart(unittest.TestCase):
    def setUp(self):
        lab.until("nothing but the fabric before the start", lambda: lab.wrong_routes([]))
        self.steady = lab.start([lab.Container(host, network, f"t-{host}-{network}")
                                 for host in lab.HOSTS for network in lab.NETWORKS])
        self.leaving = lab.start([lab.Container(HOST, "blue", "t-leaving"), lab.Container("host2", "red", "t-leaving")])
        lab.until("all routes are there", lambda: lab.wrong_routes(self.steady + self.leaving))
        self.collector = lab.Collector()

    def tearDown(self):
        lab.everywhere({host: "docker ps -aq --filter name=t- | xargs -r docker rm -f >/dev/null" for host in lab.HOSTS})
        lab.until("nothing is left", lambda: lab.wrong_routes([]))

    def change_while(self, wound, promised=True):
        """Wounds the host, lets containers come and go at once, and waits until all is as it must be."""
        lab.sh(HOST, wound)
        lab.until("the host's Docker takes orders", lambda: lab.sh(HOST, "docker version >/dev/null 2>&1 || echo no"))
        lab.remove(self.leaving)
        coming = lab.start([lab.Container(HOST, "blue", "t-coming"), lab.Container("host3", "green", "t-coming")])
        lab.until("every FIB is right again", lambda: lab.wrong_routes(self.steady + coming), 120)
        lab.until("all are reachable", lambda: lab.reach(self.steady + coming), 90)
        steady = set().union(*(each.prefixes() for each in self.steady))
        if promised:
            self.assertEqual(self.collector.removed(steady), [])

    def test_berthd_starts_while_docker_is_away(self):
        if lab.composed():
            self.skipTest("there berthd is a container of that Docker")
        lab.sh(HOST, "node stop docker; kill -9 $(cat /run/node/berthd.pid)")
        lab.until("a new berthd that has not seen Docker", lambda: self.new_berthd_trouble())
        # The new one knows of no container, and must not take that for the truth.
        self.assertEqual(lab.wrong_routes(self.steady + self.leaving), {})
        lab.sh(HOST, "node start docker")
        lab.until("berthd is in sync", lambda: not lab.status(HOST).get("inSync"))
        lab.until("every FIB is right", lambda: lab.wrong_routes(self.steady + self.leaving))
        every = set().union(*(each.prefixes() for each in self.steady + self.leaving))
        self.assertEqual(self.collector.removed(every), [])

    def new_berthd_trouble(self):
        status = lab.status(HOST)
        if not status:
            return "no answer yet"
        return [each for each in status["runtimes"] if each["name"] == "docker" and each["inSync"]] or not status["zebra"]["connected"]

    def is_bgp(self):
        return lab.settings()["profile"] == "bgp"

    def test_berthd_killed(self):
        self.change_while("pkill -9 -x berthd; " + self.start("berthd"))

    def test_dockerd_restarted(self):
        self.change_while("node stop docker; node start docker", promised=True)

    def test_zebra_killed(self):
        self.change_while("pkill -9 -x zebra", promised=self.is_bgp() and lab.settings()["sink"] == "module")

    def test_routing_daemon_killed(self):
        # zebra tells a killed bgpd's old routes from the new ones by the second (FRR's zebra_gr.c): one that was learnt in the
        # second in which bgpd died, and withdrawn meanwhile, is never swept.
        lab.until("the youngest route is older than that", lambda: lab.Collector.newest_age() < 2)
        self.change_while("pkill -9 -x " + ("bgpd" if self.is_bgp() else "ospfd"), promised=self.is_bgp())

    def start(self, service):
        return "sleep 0.2; docker start berthd >/dev/null" if lab.composed() else "true"


if __name__ == "__main__":
    unittest.main()
