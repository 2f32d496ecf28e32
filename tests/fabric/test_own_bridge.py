# SPDX-License-Identifier: GPL-2.0-or-later
"""Containers of Docker on a bridge that the operator owns, the host's LAN with a machine on it: they are advertised, reach the
machine at layer 2, and the bridge's addresses stay as they were. Where Docker was not told to leave them alone, it is refused."""

import json
import unittest

import lab

HOST = "host1"
# The LAN: a machine that knows the host as its router.
LAN = """ip link add br-lan type bridge
ip addr add 10.90.1.1/24 dev br-lan
ip addr add 10.90.1.2/24 dev br-lan
ip link set br-lan up
ip netns add t-lan
ip link add lan0 type veth peer name eth0 netns t-lan
ip link set lan0 master br-lan up
ip -n t-lan link set lo up
ip -n t-lan addr add 10.90.1.50/24 dev eth0
ip -n t-lan link set eth0 up
ip -n t-lan route add default via 10.90.1.1
"""
NETWORK = """network lan
 driver bridge
 interface br-lan
 subnet 10.90.1.0/24
 gateway 10.90.1.1
 ip-range 10.90.1.128/25
 advertise host
 tag 100
exit
"""
PREFIX_LIST = "ip prefix-list CONTAINERS4 seq 90 permit 10.90.1.0/24 le 32"


class Lan(lab.Container):
    """Of one family."""

    def __init__(self, name):
        super().__init__(HOST, "lan", name)

    def learn(self):
        network = json.loads(lab.sh(HOST, f"docker inspect {self.name}"))[0]["NetworkSettings"]["Networks"]["lan"]
        self.addresses = [network["IPAddress"]]


class OwnBridge(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        config = lab.sh(HOST, "cat /etc/frr/berthd.conf")
        cls.addClassCleanup(lab.until, "nothing is left", lambda: lab.wrong_routes([]))
        lab.NETWORKS["lan"] = (90, "host")
        cls.addClassCleanup(lab.NETWORKS.pop, "lan")
        lab.sh(HOST, f"vtysh -c 'configure terminal' -c '{PREFIX_LIST}'")
        cls.addClassCleanup(lab.sh, HOST, f"vtysh -c 'configure terminal' -c 'no {PREFIX_LIST}'")
        cls.addClassCleanup(lab.sh, HOST, "docker network rm lan >/dev/null; ip link del br-lan; ip netns del t-lan", False)
        cls.addClassCleanup(lab.configure, HOST, config)
        lab.configure(HOST, config + NETWORK)

    @staticmethod
    def problems():
        return {each["code"]: each for network in lab.show(HOST, "show networks")["networks"] if network["name"] == "lan"
                for each in network["problems"]}

    @staticmethod
    def addresses():
        return sorted((each["local"], each["prefixlen"]) for link in json.loads(lab.sh(HOST, "ip -j -4 addr show dev br-lan"))
                      for each in link["addr_info"])

    def test_the_bridge_stays_the_operators(self):
        lab.until("it is told that there is no such bridge", lambda: "" if "bridge-missing" in self.problems() else "not told")
        self.assertEqual(lab.sh(HOST, "docker network ls -q --filter name=^lan$"), "", "Docker would have made the bridge")
        lab.sh(HOST, LAN)
        before = self.addresses()
        lab.until("it is found", self.problems)
        one = Lan("t-lan-one")
        lab.sh(HOST, f"docker run -d --name {one.name} --network lan {lab.image()} >/dev/null")
        self.addCleanup(lab.sh, HOST, f"docker rm -f {one.name} >/dev/null", False)
        one.learn()
        lab.until("it is advertised", lambda: lab.wrong_routes([one]))
        lab.until("and reached", lambda: lab.reach([one]))
        seen = lab.sh(HOST, f"ip netns exec t-lan curl -s -m 3 http://{one.addresses[0]}:8080/cgi-bin/who")
        self.assertIn("10.90.1.50", seen)
        self.assertIn(one.addresses[0], lab.sh(HOST, "ip -n t-lan neigh show dev eth0"), "at layer 2")
        self.assertEqual(self.addresses(), before)
        lab.remove([one])
        lab.until("it is gone", lambda: lab.wrong_routes([]))
        self.refused_where_docker_was_not_told()

    def refused_where_docker_was_not_told(self):
        lab.berthd(HOST, "stop")  # it would make the network anew at once
        self.addCleanup(lab.berthd, HOST, "start")
        lab.sh(HOST, """docker network rm lan >/dev/null
          docker network create --subnet 10.90.1.0/24 --gateway 10.90.1.1 --ip-range 10.90.1.128/25 \
            -o com.docker.network.bridge.name=br-lan -o com.docker.network.bridge.enable_ip_masquerade=false lan >/dev/null""")
        lab.berthd(HOST, "start")
        lab.until("berthd answers", lambda: "" if lab.status(HOST).get("inSync") else "no")
        lab.until("it is told", lambda: "" if "option" in self.problems() else self.problems())
        told = self.problems()["option"]
        self.assertTrue(told["blocks"])
        self.assertIn("inhibit_ipv4", told["text"])
        lab.sh(HOST, told["remedy"].split(" (")[0] + " >/dev/null")
        lab.until("berthd makes it anew", self.problems)


if __name__ == "__main__":
    unittest.main()
