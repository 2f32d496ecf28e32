# SPDX-License-Identifier: GPL-2.0-or-later
"""A host's only uplink fails: its routes are gone everywhere before traffic is sent into the void for long, and back with the
link. Graceful restart must not keep them."""

import unittest

import lab

HOST, UPLINK = "host1", "eth1"
SILENCE = f"""nft -f - <<'END'
table inet silence {{
  chain in {{ type filter hook input priority -300; iifname {UPLINK} drop; }}
  chain out {{ type filter hook output priority -300; oifname {UPLINK} drop; }}
}}
END
"""


class Link(unittest.TestCase):
    def setUp(self):
        lab.until("nothing but the fabric before the start", lambda: lab.wrong_routes([]))
        self.containers = lab.start([lab.Container(HOST, network, f"t-{network}") for network in lab.NETWORKS])
        lab.until("all is advertised", lambda: lab.wrong_routes(self.containers))

    def tearDown(self):
        lab.sh(HOST, f"ip link set {UPLINK} up; nft delete table inet silence 2>/dev/null", check=False)
        lab.sh(HOST, "docker ps -aq --filter name=t- | xargs -r docker rm -f >/dev/null")
        lab.until("nothing is left", lambda: lab.wrong_routes([]))

    def fails(self, how, mended, seconds):
        prefixes = set().union(*(each.prefixes() for each in self.containers))
        lab.sh(HOST, how)
        lab.until("the others know that the host is away", lambda: {
            node: found for node in lab.NODES if node != HOST and (found := prefixes & lab.routes(node))}, seconds)
        lab.sh(HOST, mended)
        lab.until("all is advertised again", lambda: lab.wrong_routes(self.containers))
        lab.until("and reachable", lambda: lab.reach(self.containers))

    def test_down(self):
        self.fails(f"ip link set {UPLINK} down", f"ip link set {UPLINK} up", 3)

    def test_silent_with_carrier(self):
        """Within the hold time of 9 s, or OSPF's dead interval of 4 s."""
        self.fails(SILENCE, "nft delete table inet silence", 12)


if __name__ == "__main__":
    unittest.main()
