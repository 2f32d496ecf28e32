# SPDX-License-Identifier: GPL-2.0-or-later
"""The main test: containers of all networks on all hosts, reachable by their own address from everywhere; every
FIB holds exactly what it must; after the stop nothing of them is left."""

import unittest

import lab


class Main(unittest.TestCase):
    def tearDown(self):
        lab.everywhere({host: "docker ps -aq --filter name=t- | xargs -r docker rm -f >/dev/null" for host in lab.HOSTS})

    def test_twenty_containers(self):
        containers = [lab.Container(lab.HOSTS[i % 3], list(lab.NETWORKS)[i // 3 % 4], f"t-{i}") for i in range(20)]
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

    def test_life_of_a_container(self):
        """What operators do to containers that run. Each step ends with every FIB exactly right."""
        host = "host2"
        docker = lambda command: lab.sh(host, "docker " + command + " >/dev/null")
        right = lambda what, containers: lab.until(what, lambda: lab.wrong_routes(containers))
        life, other = lab.start([lab.Container(host, "blue", "t-life"), lab.Container(host, "red", "t-other")])
        right("both are advertised", [life, other])
        collector = lab.Collector()
        docker("pause t-life")
        docker("rename t-life t-renamed")
        docker("unpause t-renamed")
        life.name = "t-renamed"
        lab.until("berthd knows the new name", lambda: lab.show(host, "explain t-renamed")["verdict"] != "advertised")
        right("pause and rename change no route", [life, other])
        self.assertEqual(collector.removed(life.prefixes()), [])
        second, third = [lab.Container(host, network, life.name) for network in ("green", "red")]
        docker("network connect green t-renamed")
        docker("network connect red t-renamed")
        lab.learn([second])
        lab.learn([third])
        right("on three networks", [life, other, second, third])
        docker("network disconnect red t-renamed")
        right("off one of them", [life, other, second])
        docker("kill t-renamed")
        right("killed: the other alone, without green's subnet", [other])
        docker("start t-renamed")
        lab.learn([life])
        lab.learn([second])
        right("started again", [life, other, second])
        docker("network disconnect green t-renamed")
        docker("restart -t 0 t-renamed")
        lab.learn([life])
        right("restarted, on its first network alone", [life, other])
        lab.until("both are reachable", lambda: lab.reach([life, other]), 30)
        lab.remove([life, other])
        right("nothing is left", [])


if __name__ == "__main__":
    unittest.main()
