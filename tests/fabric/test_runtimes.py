# SPDX-License-Identifier: GPL-2.0-or-later
"""Two real Docker engines on one host, each with a network that it calls blue. Both are advertised; one that dies holds back
what is its own, and nothing of the other."""

import json
import unittest

import lab

HOST = "host1"
SOCKET = "/run/second.sock"
SECOND = f"docker -H unix://{SOCKET}"
# The addresses of green, which this test takes from the first engine: the fabric lets them through with green's tag.
NETWORK = """network second
 driver bridge
 runtime second
 docker-network blue
 subnet 10.20.1.0/24
 gateway 10.20.1.1
 subnet fd00:20:1::/64
 gateway fd00:20:1::1
 advertise host
 tag 200
exit
"""
MAKE = f"""{SECOND} network create --ipv6 -o com.docker.network.bridge.name=br-second \
  -o com.docker.network.bridge.enable_ip_masquerade=false --subnet 10.20.1.0/24 --gateway 10.20.1.1 \
  --subnet fd00:20:1::/64 --gateway fd00:20:1::1 blue >/dev/null"""
START = f"""setsid dockerd --config-file /tmp/second.json --exec-root /run/second --pidfile /run/second.pid -H unix://{SOCKET} \
  --iptables=false --ip6tables=false >>/var/log/second.log 2>&1 </dev/null &"""


def second_answers():
    return lab.sh(HOST, f"{SECOND} version >/dev/null 2>&1 || {{ echo no; tail -3 /var/log/second.log; }}")


class Runtimes(unittest.TestCase):
    def setUp(self):
        if lab.settings()["profile"] == "bgp":
            self.skipTest("there berthd is a container that sees the socket of its own engine alone")
        self.config = lab.sh(HOST, "cat /etc/frr/berthd.conf")
        lab.until("nothing but the fabric before the start", lambda: lab.wrong_routes([]))
        lab.sh(HOST, f"""set -e
          jq '."data-root" = "/var/lib/docker/second"' /etc/docker/daemon.json >/tmp/second.json
          {START}""")
        lab.until("the second engine takes orders", second_answers)
        before, green = self.config.split("network green")
        config = before.replace("runtime docker ", f"runtime second docker unix:{SOCKET}\nruntime docker ", 1) + \
            NETWORK + green.split("exit\n", 1)[1]
        self.assertIn("network red", config)
        # The engine of the old line is no longer the first one: its networks say whose they are.
        for network in ("blue", "red", "violet"):
            config = config.replace(f"\nnetwork {network}\n", f"\nnetwork {network}\n runtime docker\n")
        self.start_with(config)
        lab.sh(HOST, f"set -e\ndocker network rm green >/dev/null\n{MAKE}\ndocker save {lab.image()} | {SECOND} load >/dev/null")
        self.one = lab.Container(HOST, "blue", "t-one")
        self.two = lab.Container(HOST, "blue", "t-two")
        lab.start([self.one])
        self.start_two()
        lab.until("both are advertised", lambda: lab.wrong_routes([self.one, self.two]))

    def start_two(self):
        lab.sh(HOST, f"{SECOND} run -d --name t-two --network blue {lab.image()} >/dev/null")
        network = json.loads(lab.sh(HOST, f"{SECOND} inspect t-two"))[0]["NetworkSettings"]["Networks"]["blue"]
        self.two.addresses = [network["IPAddress"], network["GlobalIPv6Address"]]

    def tearDown(self):
        lab.sh(HOST, f"docker ps -aq --filter name=t- | xargs -r docker rm -f >/dev/null; {SECOND} rm -f t-two; "
                     f"{SECOND} network rm blue; kill $(cat /run/second.pid); timeout 60 tail --pid=$(cat /run/second.pid) -f "
                     "/dev/null; rm -rf /var/lib/docker/second", check=False)
        self.start_with(self.config)
        lab.until("nothing is left", lambda: lab.wrong_routes([]))

    def start_with(self, config):
        """Runtimes are taken from the configuration at berthd's start."""
        lab.sh(HOST, f"cat >/etc/frr/berthd.conf <<'END'\n{config}END\nberthd -C -f /etc/frr/berthd.conf >/dev/null")
        lab.berthd(HOST, "stop")
        lab.berthd(HOST, "start")
        lab.until("berthd answers", lambda: "" if lab.status(HOST) else "no")

    def in_sync(self):
        return {each["name"]: each["inSync"] for each in lab.status(HOST).get("runtimes", []) if each["kind"] == "docker"}

    def test_both_are_advertised_and_one_that_dies_holds_back_its_own(self):
        lab.until("the first engine's is reachable", lambda: lab.reach([self.one]))
        lab.until("and the second's, as itself", lambda: "".join(lab.sh(other, f"""
          ping -c 1 -W 2 {address} >/dev/null || echo no ping to {address}
          curl -s -m 3 http://{f"[{address}]" if ":" in address else address}:8080/cgi-bin/who >/dev/null || echo no HTTP from {address}
          """) for other in ("host2", "host3") for address in self.two.addresses))
        self.assertEqual(self.in_sync(), {"docker": True, "second": True})
        containers = {each["name"]: each["runtime"] for each in lab.show(HOST, "show containers")["containers"]}
        self.assertEqual(containers, {"t-one": "docker", "t-two": "second"})
        self.assertEqual(lab.show(HOST, "explain t-two")["verdict"], "advertised")
        # It dies: its containers live on, and nothing of them is withdrawn.
        collector = lab.Collector()
        lab.sh(HOST, "kill -9 $(cat /run/second.pid)")
        lab.until("berthd has seen it", lambda: "" if self.in_sync() == {"docker": True, "second": False} else self.in_sync())
        more = lab.start([lab.Container(HOST, "blue", "t-more")])
        lab.until("the other's work goes on", lambda: lab.wrong_routes([self.one, self.two] + more))
        # berthd begins anew without it: what is gone of the first engine is swept, the second's is kept.
        lab.berthd(HOST, "stop")
        lab.remove(more)
        lab.berthd(HOST, "start")
        lab.until("the first engine's is as it is", lambda: lab.wrong_routes([self.one, self.two]))
        self.assertFalse(lab.status(HOST)["inSync"])
        self.assertEqual(collector.removed(self.one.prefixes() | self.two.prefixes()), [])
        # It is back.
        lab.sh(HOST, START)
        lab.until("the second engine takes orders", second_answers)
        lab.until("all is in sync", lambda: not lab.status(HOST).get("inSync"))
        self.assertEqual(lab.wrong_routes([self.one, self.two]), {})
        self.assertEqual(collector.removed(self.one.prefixes() | self.two.prefixes()), [])
        lab.sh(HOST, f"{SECOND} rm -f t-two >/dev/null")
        lab.until("and what ends there is withdrawn", lambda: lab.wrong_routes([self.one]))


if __name__ == "__main__":
    unittest.main()
