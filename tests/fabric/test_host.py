# SPDX-License-Identifier: GPL-2.0-or-later
"""What happens to a host under a berthd that runs well: its bridge goes down or loses its address, a link of it no longer
forwards, a container's port is pulled, the firewall is flushed, Docker dies with its containers. What nobody can reach any
more is withdrawn everywhere, what is still reachable stays, and berthd says which and why."""

import unittest

import lab

HOST = "host1"


class Host(unittest.TestCase):
    def setUp(self):
        lab.until("nothing but the fabric before the start", lambda: lab.wrong_routes([]))
        self.here = lab.start([lab.Container(HOST, "blue", "t-blue"), lab.Container(HOST, "blue", "t-other"),
                               lab.Container(HOST, "red", "t-red")])
        lab.until("all is advertised", lambda: lab.wrong_routes(self.here))

    def tearDown(self):
        lab.sh(HOST, "docker ps -aq --filter name=t- | xargs -r docker rm -f >/dev/null")
        lab.until("nothing is left", lambda: lab.wrong_routes([]))

    def blue(self):
        return set().union(*(each.prefixes() for each in self.here if each.network == "blue"))

    def without(self, prefixes, seconds=20):
        """Every FIB lacks exactly these, and has the rest."""
        kept = set().union(*(each.prefixes() for each in self.here)) - prefixes
        lab.until("these alone are withdrawn", lambda: {
            node: {"missing": sorted(kept - found), "too much": sorted(found & prefixes)}
            for node in lab.NODES if node != HOST
            for found in [lab.routes(node)] if kept - found or found & prefixes}, seconds)

    def mended(self):
        lab.until("all is advertised again", lambda: lab.wrong_routes(self.here))
        lab.until("and reachable", lambda: lab.reach(self.here))

    def problems(self, network):
        found = next(each for each in lab.show(HOST, "show networks")["networks"] if each["name"] == network)
        return {each["code"]: each for each in found["problems"]}

    def told(self, network, word):
        """A problem of that network that blocks and names this."""
        lab.until(f"berthd names {word}", lambda: [] if any(
            each["blocks"] and word in each["text"] and each["remedy"] for each in self.problems(network).values())
            else self.problems(network))

    def test_bridge_down(self):
        lab.sh(HOST, "ip link set br-blue down")
        self.without(self.blue())
        self.told("blue", "br-blue")
        self.assertEqual(lab.show(HOST, "explain t-blue")["verdict"], "notAdvertised")
        lab.sh(HOST, "ip link set br-blue up")
        self.mended()

    def test_default_route_by_a_network_with_nat(self):
        """What the container opens itself has another source then, which is told with the command that mends it."""
        def told():
            attachments = next(each for each in lab.show(HOST, "show containers")["containers"] if each["name"] == "t-blue")["attachments"]
            return [each for one in attachments if one["network"] == "blue" for each in one["problems"]]

        # Of two networks with the same families that of the first name has the default route.
        lab.sh(HOST, "docker network create --ipv6 --subnet 172.31.9.0/24 --subnet fd00:319::/64 aaa >/dev/null")
        self.addCleanup(lab.sh, HOST, "docker network rm aaa >/dev/null")
        lab.sh(HOST, "docker network connect aaa t-blue")
        self.addCleanup(lab.sh, HOST, "docker network disconnect aaa t-blue", False)
        lab.until("it is told", lambda: "" if [each["code"] for each in told()] == ["default-route-nat"] else f"told: {told()}")
        problem = told()[0]
        self.assertFalse(problem["blocks"])
        self.assertIn("t-blue opens connections by aaa (br-", problem["text"])
        why = lab.show(HOST, "explain t-blue")
        self.assertEqual(why["verdict"], "advertised")
        self.assertEqual([each["remedy"] for each in why["steps"] if each["name"] == "told"], [problem["remedy"]])
        lab.until("it is advertised", lambda: lab.wrong_routes(self.here))
        lab.until("and answers as itself", lambda: lab.reach(self.here[:1]))
        lab.sh(HOST, problem["remedy"].split(" (")[0])
        lab.until("that mends it", told)
        self.mended()

    def test_bridge_down_while_berthd_hangs(self):
        """The module alone sees to it."""
        lab.sh(HOST, "pkill -STOP -x berthd")
        try:
            lab.sh(HOST, "ip link set br-blue down")
            self.without(self.blue())
            lab.sh(HOST, "ip link set br-blue up")
            self.without(set())
        finally:
            lab.sh(HOST, "pkill -CONT -x berthd")
        self.mended()

    def test_address_of_the_bridge_is_put_back(self):
        for address in ("10.10.1.1/24", "fd00:10:1::1/64"):
            lab.sh(HOST, f"ip addr del {address} dev br-blue")
            lab.until(f"{address} is back", lambda: "" if f" {address} " in lab.sh(HOST, "ip addr show dev br-blue") else "no")
        self.mended()

    def test_one_family_of_a_bridge_does_not_forward(self):
        lab.sh(HOST, "sysctl -qw net.ipv4.conf.br-blue.forwarding=0")
        try:
            self.without({each for each in self.blue() if ":" not in each})
            self.told("blue", "net.ipv4.conf.br-blue.forwarding")
            self.assertEqual(lab.show(HOST, "explain t-blue")["verdict"], "partlyAdvertised")
        finally:
            lab.sh(HOST, "sysctl -qw net.ipv4.conf.br-blue.forwarding=1")
        self.mended()

    def test_a_pulled_port(self):
        one = self.here[0]
        inside = lab.sh(HOST, "docker exec t-blue cat /sys/class/net/eth0/iflink").strip()
        port = lab.sh(HOST, f"ip -o link | sed -n 's/^{inside}: \\([^@:]*\\).*/\\1/p'").strip()
        # Its address is learnt from what it sends or answers; there was time for that when all was advertised and asked for.
        lab.until("all are reachable", lambda: lab.reach(self.here))
        lab.sh(HOST, f"ip link set {port} nomaster")
        self.without(one.prefixes())
        why = lab.show(HOST, "explain t-blue")
        self.assertEqual(why["verdict"], "notAdvertised")
        self.assertTrue([step for step in why["steps"] if not step["ok"] and port in step["detail"]], why)
        lab.sh(HOST, f"ip link set {port} master br-blue")
        self.mended()

    def test_rules_are_flushed_and_docker_starts_anew(self):
        # As Docker's own policy is where it switches forwarding on; its 26.1 does nothing of the kind in IPv6.
        lab.sh(HOST, "nft flush ruleset; iptables -P FORWARD DROP; node stop docker; node start docker")
        try:
            lab.until("Docker takes orders", lambda: lab.sh(HOST, "docker version >/dev/null 2>&1 || echo no"))
            lab.until("all is advertised", lambda: lab.wrong_routes(self.here), 90)
            lab.until("and reachable", lambda: lab.reach(self.here), 90)
        finally:
            lab.sh(HOST, "iptables -P FORWARD ACCEPT")

    def test_docker_dies_with_its_containers(self):
        if lab.settings()["profile"] == "bgp":
            self.skipTest("there FRR and berthd are containers of that Docker")
        self.tearDown()
        # As Docker is without live-restore: it takes its containers down with it, and says nothing of it.
        lab.sh(HOST, """node stop docker
          jq '."live-restore" = false' /etc/docker/daemon.json >/tmp/mortal.json
          setsid dockerd --config-file /tmp/mortal.json >/tmp/mortal.log 2>&1 </dev/null &
          echo $! >/tmp/mortal.pid""")
        try:
            lab.until("that Docker takes orders", lambda: lab.sh(HOST, "docker version >/dev/null 2>&1 || echo no"))
            lab.start(self.here)
            lab.until("all is advertised", lambda: lab.wrong_routes(self.here))
            lab.until("and reachable", lambda: lab.reach(self.here))
            hosts = {each for one in self.here for each in one.prefixes() if each.endswith(("/32", "/128"))}
            lab.sh(HOST, "kill $(cat /tmp/mortal.pid); timeout 60 tail --pid=$(cat /tmp/mortal.pid) -f /dev/null")
            lab.until("none of them is advertised", lambda: {
                node: sorted(found) for node in lab.NODES if node != HOST and (found := hosts & lab.routes(node))}, 20)
        finally:
            lab.sh(HOST, "kill $(cat /tmp/mortal.pid) 2>/dev/null; timeout 60 tail --pid=$(cat /tmp/mortal.pid) -f /dev/null; "
                         "node start docker", check=False)
            lab.until("Docker takes orders", lambda: lab.sh(HOST, "docker version >/dev/null 2>&1 || echo no"))


if __name__ == "__main__":
    unittest.main()
