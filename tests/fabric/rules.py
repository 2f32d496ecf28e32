# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests of the rules on a host stand on: a container on blue of host1 and one of host2, and what must be so of them."""

import re
import time
import unittest

import lab

HOST = "host1"
FABRIC = "fabric 10.0.0.0/8\nfabric fd00::/16\n"
OWN_POLICY_DROP = """table inet t_own {
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    ip saddr 10.0.0.0/8 ip daddr 10.10.0.0/16 accept
    ip6 saddr fd00::/16 ip6 daddr fd00:10::/32 accept
  }
}
"""


class RulesCase(unittest.TestCase):
    PATIENT = False  # what is wrong must show at once, and not after the patience

    @classmethod
    def setUpClass(cls):
        cls.config = lab.sh(HOST, "cat /etc/frr/berthd.conf")
        cls.addClassCleanup(lab.configure, HOST, cls.config)
        cls.own = cls.config
        if not cls.PATIENT:
            cls.own = cls.config.replace("runtime docker", "firewall patience 0\nruntime docker", 1)
            lab.configure(HOST, cls.own)
        lab.until("nothing but the fabric before the start", lambda: lab.wrong_routes([]))
        cls.addClassCleanup(lab.until, "nothing is left", lambda: lab.wrong_routes([]))
        cls.addClassCleanup(lab.everywhere, {
            host: "docker ps -aq --filter name=t- | xargs -r docker rm -f >/dev/null" for host in lab.HOSTS})
        cls.here = lab.Container(HOST, "blue", "t-blue")
        cls.all = [cls.here, lab.Container("host2", "blue", "t-far")]
        lab.start(cls.all)
        lab.until("all is advertised", lambda: lab.wrong_routes(cls.all))
        lab.until("and reachable", lambda: lab.reach(cls.all))

    def setUp(self):
        self.collector = lab.Collector()
        self.addCleanup(lab.until, "all is advertised again", lambda: lab.wrong_routes(self.all))

    def looked(self, change):
        """After this change berthd has looked at the rules, and is at rest."""
        looks = lambda: lab.show(HOST, "show counters")["counters"]["hostLooks"]
        before = looks()
        change()
        lab.until("berthd looks", lambda: [] if looks() > before else "not yet")
        while before != (before := looks()):
            time.sleep(0.3)

    def rules(self, text):
        """Tables of another hand."""
        tables = re.findall(r"^table (\S+ \S+)", text, flags=re.M)
        self.addCleanup(lab.sh, HOST, "".join(f"nft delete table {each}\n" for each in tables))
        self.looked(lambda: lab.sh(HOST, f"nft -f - <<'END'\n{text}\nEND\n"))

    def iptables(self, rule):
        """One rule of another hand: what follows iptables [-t TABLE], as -I or -A."""
        back = re.sub(r" -I (\S+) \d+", r" -D \1", " " + rule).replace(" -A ", " -D ")
        self.addCleanup(lab.sh, HOST, "iptables" + back)
        self.looked(lambda: lab.sh(HOST, "iptables " + rule))

    def configure(self, text):
        self.addCleanup(lab.configure, HOST, self.own)
        lab.configure(HOST, text)

    def fabric(self):
        self.looked(lambda: self.configure(FABRIC + self.own))

    def blue(self):
        return next(each for each in lab.show(HOST, "show networks")["networks"] if each["name"] == "blue")

    def stays(self, silent=True):
        told = self.blue()["problems"]
        self.assertEqual([each for each in told if silent or each["blocks"]], [])
        self.assertEqual(lab.show(HOST, "explain t-blue")["verdict"], "advertised")
        self.assertEqual(lab.wrong_routes(self.all), {})
        self.assertEqual(lab.reach(self.all), "")
        self.assertEqual(self.collector.removed(self.here.prefixes()), [])

    def withheld(self, withdrawn, *words, problems=1):
        """This address of t-blue alone is withdrawn, the other one is reached, and a problem with these words blocks."""
        kept = [lab.Container(each.host, each.network, each.name) for each in self.all]
        for new, old in zip(kept, self.all):
            new.addresses = [each for each in old.addresses if (":" in each) != (":" in withdrawn)]
        lab.until("this alone is withdrawn", lambda: lab.wrong_routes([kept[0]] + self.all[1:]))
        self.assertEqual(lab.reach(kept), "")
        told = [each for each in self.blue()["problems"] if each["blocks"]]
        self.assertEqual(len(told), problems, told)
        for word in words:
            self.assertIn(word, told[0]["text"])
        self.assertTrue(told[0]["remedy"])
        self.assertEqual(lab.show(HOST, "explain t-blue")["verdict"], "partlyAdvertised")
