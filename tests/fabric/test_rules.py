# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules that others write on a host: Tailscale's, podman's, firewalld's, an operator's own. What they can't touch stays
advertised and is reached from everywhere with its source kept; what they close is withdrawn, and no more than that. Where it
can, a case takes its rules from tests/data/rulesets, in tables of its own."""

import os
import re
import unittest

import lab
from rules import FABRIC, HOST, OWN_POLICY_DROP, RulesCase

RULESETS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../data/rulesets")
# green of the lab, as an operator's own network of Docker.
APART = """network green
 docker-network t-apart
 subnet 10.20.1.0/24
 gateway 10.20.1.1
 subnet fd00:20:1::/64
 gateway fd00:20:1::1
 advertise host
 tag 200
exit
"""
MAKE_APART = """docker network create --ipv6 -o com.docker.network.bridge.name=br-apart \
  -o com.docker.network.bridge.enable_icc=false \
  -o com.docker.network.bridge.enable_ip_masquerade=false --subnet 10.20.1.0/24 --gateway 10.20.1.1 \
  --subnet fd00:20:1::/64 --gateway fd00:20:1::1 t-apart >/dev/null"""


def ruleset(name):
    """One of tests/data/rulesets, in tables that are nobody else's."""
    with open(os.path.join(RULESETS, name + ".nft")) as file:
        return re.sub(r"^table (\S+) ", r"table \1 t_", file.read(), flags=re.M)


class Rules(RulesCase):
    def test_a_masquerade_of_what_tailscale_marked(self):
        self.rules(ruleset("tailscale_masquerade"))
        self.stays()

    def test_a_masquerade_of_what_netavark_marked(self):
        self.addCleanup(lab.sh, HOST, "ip link del podman0")
        lab.sh(HOST, "ip link add podman0 type bridge && ip addr add 10.88.0.1/16 dev podman0 && ip link set podman0 up")
        self.rules(ruleset("netavark_masquerade_mark"))
        self.stays()

    def test_a_blocklist_of_foreign_addresses(self):
        self.rules(ruleset("blocklist_of_foreign_addresses"))
        self.stays(silent=False)

    def test_a_masquerade_of_what_leaves_the_fabric(self):
        self.fabric()
        self.iptables("-t nat -A POSTROUTING -s 10.10.1.0/24 ! -d 10.0.0.0/8 -j MASQUERADE")
        self.stays()

    def test_an_own_policy_drop_that_lets_the_fabric_in(self):
        self.fabric()
        self.rules(OWN_POLICY_DROP)
        self.stays(silent=False)

    def test_a_policy_drop_in_ip6(self):
        self.rules(ruleset("policy_drop_in_ip6"))
        self.withheld(self.here.addresses[1], "policy drop", "t_filter")

    def test_a_drop_on_the_only_uplink_before_our_rule(self):
        uplinks = lab.sh(HOST, "ls /sys/class/net | grep ^eth").split()
        self.assertEqual(uplinks, ["eth1"])
        self.iptables("-I DOCKER-USER 1 -i eth1 -j DROP")
        self.withheld(self.here.addresses[0], "DOCKER-USER", 'iifname "eth1"', "drop")

    def test_a_masquerade_that_cant_be_judged_and_is_known_to_be_harmless(self):
        self.iptables("-t nat -A POSTROUTING -m policy --dir out --pol ipsec -j MASQUERADE")
        self.withheld(self.here.addresses[0], "ip nat POSTROUTING, of which berthd can't judge \"xt match policy\"",
                      problems=2)  # both ways
        self.addCleanup(lab.configure, HOST, self.own)
        lab.sh(HOST, next(each["remedy"] for each in self.blue()["problems"] if each["blocks"]) + "\n")
        lab.until("it is advertised again", lambda: lab.wrong_routes(self.all))
        self.assertEqual(lab.reach(self.all), "")

    def test_words_of_firewalld_that_are_no_nat(self):
        self.rules(ruleset("firewalld_words"))
        self.stays()

    def test_containers_that_docker_keeps_apart(self):
        one, two = apart = [lab.Container(HOST, "t-apart", name) for name in ("t-one", "t-two")]
        begin, green = self.own.split("network green", 1)
        without = begin + green.split("exit\n", 1)[1]
        self.configure(without)
        self.addCleanup(lab.sh, HOST, "docker rm -f t-one t-two >/dev/null; docker network rm t-apart >/dev/null")
        self.addCleanup(lab.configure, HOST, without)
        lab.sh(HOST, f"set -e\ndocker network rm green >/dev/null\n{MAKE_APART}")
        lab.start(apart)
        # Docker 26.1 keeps them apart in IPv4 alone.
        asks = (f"docker exec -i t-one /bin/busybox nc -w 2 {two.addresses[0]} 8080 </dev/null >/dev/null 2>&1 && echo reached; "
                f"docker exec t-one /bin/busybox ping -c 1 -W 1 {two.addresses[0]} >/dev/null && echo pinged; true")
        self.assertEqual(lab.sh(HOST, asks), "", "Docker itself")
        lab.configure(HOST, without + APART)
        lab.NETWORKS["t-apart"] = (20, "host")
        self.addCleanup(lab.NETWORKS.pop, "t-apart")
        lab.until("they are advertised", lambda: lab.wrong_routes(self.all + apart))
        lab.until("and reached from the other hosts", lambda: lab.reach(self.all + [one]))
        self.assertEqual(lab.sh(HOST, asks), "", "under berthd")

    def test_a_reload_withdraws_nothing_and_what_stays_closed_is_withdrawn(self):
        self.looked(lambda: self.configure(FABRIC + self.config))
        self.rules(OWN_POLICY_DROP)
        for _ in range(2):
            lab.sh(HOST, f"nft flush chain inet t_own forward; sleep 1.5; nft -f - <<'END'\n{OWN_POLICY_DROP}END\n")
        self.stays(silent=False)
        lab.sh(HOST, "nft flush chain inet t_own forward")
        took = lab.until("nothing of it is advertised", lambda: lab.wrong_routes(self.all[1:]))
        self.assertGreater(took, 2)
        self.assertLess(took, 8)

    def test_rules_are_flushed_and_docker_starts_anew(self):
        self.addCleanup(lab.sh, HOST, "iptables -P FORWARD ACCEPT")
        lab.sh(HOST, "nft flush ruleset; iptables -P FORWARD DROP; node stop docker; node start docker")
        lab.until("Docker takes orders", lambda: lab.sh(HOST, "docker version >/dev/null 2>&1 || echo no"))
        took = lab.until("all is reached", lambda: lab.reach(self.all)) + \
            lab.until("and advertised", lambda: lab.wrong_routes(self.all))
        self.assertLess(took, 10)


if __name__ == "__main__":
    unittest.main()
