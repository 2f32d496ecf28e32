# SPDX-License-Identifier: GPL-2.0-or-later
"""What the operator says to berthd: stop and start, withdraw, a changed configuration. The collector sees what of it the
fabric heard: exactly that, and nothing of the routes that nobody touched."""

import unittest

import lab

HOST = "host1"


class Daemon(unittest.TestCase):
    def setUp(self):
        self.config = lab.sh(HOST, "cat /etc/frr/berthd.conf")
        lab.until("nothing but the fabric before the start", lambda: lab.wrong_routes([]))
        self.containers = lab.start([lab.Container(HOST, network, "t-" + network) for network in lab.NETWORKS] +
                                    [lab.Container("host2", "blue", "t-elsewhere")])
        self.here = set().union(*(each.prefixes() for each in self.containers[:-1]))
        lab.until("all is advertised", lambda: lab.wrong_routes(self.containers))
        self.collector = lab.Collector()

    def tearDown(self):
        lab.everywhere({host: "docker ps -aq --filter name=t- | xargs -r docker rm -f >/dev/null" for host in lab.HOSTS})
        lab.until("nothing is left", lambda: lab.wrong_routes([]))

    def heard(self):
        """Prefixes of which the collector heard anything."""
        return {prefix for _, _, prefix in self.collector.events()}

    def test_a_clean_stop_keeps_the_routes_for_the_next_start(self):
        lab.berthd(HOST, "stop")
        lab.until("berthd is gone", lambda: lab.status(HOST))
        self.assertEqual(lab.wrong_routes(self.containers), {})
        lab.berthd(HOST, "start")
        lab.until("berthd is in sync", lambda: not lab.status(HOST).get("inSync"))
        lab.until("all is as it was", lambda: lab.wrong_routes(self.containers))
        self.assertEqual(self.heard(), set())

    def test_withdraw(self):
        lab.sh(HOST, "berthctl -c withdraw")
        lab.until("the others' alone are left", lambda: lab.wrong_routes(self.containers[-1:]))
        lab.sh(HOST, "berthctl -c 'no withdraw'")
        lab.until("all is advertised again", lambda: lab.wrong_routes(self.containers))
        lab.sh(HOST, "berthctl -c withdraw")
        lab.berthd(HOST, "stop")
        lab.until("a stop after that leaves nothing", lambda: lab.wrong_routes(self.containers[-1:]))
        lab.berthd(HOST, "start")
        lab.until("the next start advertises", lambda: lab.wrong_routes(self.containers))
        self.assertEqual(self.heard(), self.here)

    def test_a_reload_applies_the_difference_alone(self):
        red = next(each for each in self.containers if each.network == "red")
        host_only = self.config.replace("advertise both", "advertise host")
        self.assertNotEqual(host_only, self.config)
        subnets = {prefix for prefix in red.prefixes() if not prefix.endswith(("/32", "/128"))}
        try:
            lab.configure(HOST, host_only)
            red.prefixes = lambda: {f"{a}/{128 if ':' in a else 32}" for a in red.addresses}
            lab.until("red's subnets alone are gone", lambda: lab.wrong_routes(self.containers))
            self.assertEqual(self.heard(), subnets)
        finally:
            lab.configure(HOST, self.config)
            del red.prefixes
        lab.until("and are back", lambda: lab.wrong_routes(self.containers))
        self.assertEqual(self.heard(), subnets)


if __name__ == "__main__":
    unittest.main()
