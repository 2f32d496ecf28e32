# SPDX-License-Identifier: GPL-2.0-or-later
"""The main test: containers of all networks on all hosts, reachable by their own address from everywhere; every
FIB holds exactly what it must; after the stop nothing of them is left."""

import json
import time
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

    def test_one_address_on_two_hosts(self):
        """Anycast: the second host has the first one's route already, and prefers its own container all the same."""
        address, hosts = "10.20.9.9", ("host1", "host2")
        network = ("network any\n driver bridge\n subnet 10.20.9.0/24\n gateway 10.20.9.1\n advertise host\n tag 200\n anycast\nexit\n")
        lab.until("nothing but the fabric before the start", lambda: lab.wrong_routes([]))
        self.addCleanup(lab.until, "nothing is left", lambda: lab.wrong_routes([]))
        for host in hosts:
            config = lab.sh(host, "cat /etc/frr/berthd.conf")
            self.addCleanup(lab.sh, host, "docker network rm any >/dev/null")
            self.addCleanup(lab.configure, host, config)
            self.addCleanup(lab.sh, host, "docker rm -f t-any >/dev/null")
            lab.configure(host, config + network)
            permit = "ip prefix-list CONTAINERS4 seq 99 permit 10.20.9.0/24 le 32"
            lab.sh(host, f"vtysh -c 'configure terminal' -c '{permit}'")
            self.addCleanup(lab.sh, host, f"vtysh -c 'configure terminal' -c 'no {permit}'")
            lab.until("the network is made",
                      lambda: [] if "any" in lab.sh(host, "docker network ls --format '{{.Name}}'").split() else "not yet")
        way = lambda host: json.loads(lab.sh(host, f"ip -j route show {address}/32"))
        run = lambda host: lab.sh(host, f"docker run -d --name t-any --network any --ip {address} {lab.image()} >/dev/null")
        run("host1")
        lab.until("the second host knows the first one's", lambda: [] if way("host2") else "no route")
        run("host2")
        for host in hosts:
            lab.until("each host uses its own", lambda: [] if [each.get("dev") for each in way(host)] == ["br-any"] else way(host))
            self.assertIn("installed", [each["state"] for each in lab.show(host, "show routes")["routes"]
                                        if each["prefix"] == address + "/32"])
        lab.until("two ways at the spine", lambda: [] if len((way("spine1") or [{}])[0].get("nexthops", [])) == 2
                  else way("spine1"))
        # The second way may be no event of the collector's, by which the others leave OSPF its time between two changes.
        there = time.monotonic()
        lab.until("the next change is taken", lambda: time.monotonic() < there + 2 * lab.MIN_LS_ARRIVAL)


if __name__ == "__main__":
    unittest.main()
