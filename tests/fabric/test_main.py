# SPDX-License-Identifier: GPL-2.0-or-later
"""The main test: containers of all three networks on all hosts, reachable by their own address from everywhere; every
FIB holds exactly what it must; after the stop nothing of them is left."""

import unittest

import lab


class Main(unittest.TestCase):
    def tearDown(self):
        lab.everywhere({host: "docker ps -aq --filter name=t- | xargs -r docker rm -f >/dev/null" for host in lab.HOSTS})

    def test_twenty_containers(self):
        containers = [lab.Container(lab.HOSTS[i % 3], list(lab.NETWORKS)[i // 3 % 3], f"t-{i}") for i in range(20)]
        lab.until("nothing but the fabric before the start", lambda: lab.wrong_routes([]))
        collector = lab.Collector()
        lab.start(containers)
        lab.until("every FIB and the collector hold exactly the expected prefixes", lambda: lab.wrong_routes(containers))
        lab.until("every container is reachable, sources unchanged", lambda: lab.reach(containers), 90)
        for host in lab.HOSTS:
            states = {route["state"] for route in lab.show(host, "show routes")["routes"]}
            self.assertEqual(states, {"installed"}, host)
        self.assertEqual(collector.removed(set().union(*(each.prefixes() for each in containers))), [])
        # A part of them goes: the others stay, and a subnet until its last container.
        lab.remove(containers[:9])
        lab.until("only the stopped ones are gone", lambda: lab.wrong_routes(containers[9:]))
        staying = set().union(*(each.prefixes() for each in containers[9:]))
        self.assertEqual(collector.removed(staying), [])
        lab.remove(containers[9:])
        lab.until("nothing is left after the last stop", lambda: lab.wrong_routes([]))


if __name__ == "__main__":
    unittest.main()
