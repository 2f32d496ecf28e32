# SPDX-License-Identifier: GPL-2.0-or-later
"""Links, addresses and berthd in any order: what is told is so, and what can be installed is."""
import json, os, random, subprocess, unittest
import test_truth as truth
from test_module import add, remove, sh, takes, until


class Anything(truth.Base):
    """Random sequences. After each, when it has settled: what is told is so, and what can be installed is."""
    NET = {"br0": (1, "p"), "br1": (2, "q")}

    @takes(12)
    def test_what_is_told_is_so(self):
        seed = int(os.environ.get("BERTH_SEED", random.getrandbits(32)))
        print("seed", seed, flush=True)
        self.rng = random.Random(seed)
        self.make_bridge("br1", "q", 2)
        self.wanted = {}
        for name, (net, _) in self.NET.items():
            self.wanted.update({"10.%d.0.%d/32" % (net, i): name for i in (5, 6)})
            self.wanted.update({"fd00:%d::%d/128" % (net, i): name for i in (5, 6)})
            self.wanted.update({"10.%d.0.0/16" % (100 + net): name, "fd00:%d::/48" % (100 + net): name})
        c, done = self.client(), []
        c.batch(*[add(p, interface=name) for p, name in self.wanted.items()])
        for step in range(int(os.environ.get("BERTH_STEPS", 25))):
            for _ in range(self.rng.randrange(1, 5)):
                op = self.rng.choice(self.operations())
                done.append(op if isinstance(op, str) else op.__name__)
                if isinstance(op, str):
                    subprocess.run(op, shell=True, capture_output=True)
                else:
                    c = op(c)
            c.batch()  # reads
            self.check("seed %d, step %d, after %s" % (seed, step, done[-8:]))

    def operations(self):
        name = self.rng.choice(list(self.NET))
        net, port = self.NET[name]
        a4, a6 = "10.%d.0.1/24 dev %s" % (net, name), "fd00:%d::1/64 dev %s nodad" % (net, name)
        make = "ip link add {0} type bridge; ip link set {1}0 master {0}; ip link set {0} up; ip addr add {2}; ip addr add {3}"
        return ["ip link set %s down" % name, "ip link set %s up" % name, "ip link del " + name, make.format(name, port, a4, a6),
                "ip link del %s;%s" % (name, make.format(name, port, a4, a6)), "ip link set %s up; ip addr add %s" % (name, a4),
                "ip addr del " + a4, "ip addr add " + a4, "ip addr add 10.%d.9.1/24 dev %s" % (net, name),
                "ip addr del {0}; ip addr add {0}".format(a4), "ip addr flush dev %s; ip addr add %s" % (name, a4),
                "ip -6 addr flush dev " + name, "ip addr add " + a6, "ip -6 addr add fe80::1/64 dev %s nodad" % name,
                "ip link set %s1 down" % port, "ip link set %s1 up" % port, "ip link set %s0 nomaster" % port,
                "ip link set %s0 master %s" % (port, name), "ip link set %s mtu 1000" % name, "ip link set %s mtu 1500" % name,
                "sysctl -qw net.ipv6.conf.%s.disable_ipv6=1" % name, "sysctl -qw net.ipv6.conf.%s.disable_ipv6=0" % name,
                "sysctl -qw net.ipv4.conf.%s.forwarding=%d" % (name, self.rng.randrange(2)),
                self.reconnect, self.say_again, self.remove_one]

    def reconnect(self, c):
        c.close()
        d = until("zebra has read the other's last words", lambda: (lambda d: d if not d.hello.error else d.close())(self.client()))
        d.batch(*[add(p, interface=name) for p, name in self.wanted.items()])
        d.sync()
        return d

    def say_again(self, c):
        p = self.rng.choice(list(self.wanted))
        c.batch(add(p, interface=self.wanted[p], tag=self.rng.randrange(1, 9)))
        return c

    def remove_one(self, c):
        p = self.rng.choice(list(self.wanted))
        c.batch(remove(p))
        c.batch(add(p, interface=self.wanted[p]))
        return c

    def can_be(self, p):
        """By what the kernel says of the link; None: it may be either."""
        links = {l["ifname"]: l for l in json.loads(sh("ip -j addr show"))}
        link = links.get(self.wanted[p])
        if not link or "UP" not in link["flags"]:
            return False
        mine = [a for a in link["addr_info"] if a["family"] == ("inet6" if ":" in p else "inet")
                and (a["family"] == "inet" or a["scope"] == "link") and not a.get("tentative")]
        if not mine or "LOWER_UP" not in link["flags"]:
            return None
        if ":" in p and (link["mtu"] < 1280 or
                         sh("sysctl -n net.ipv6.conf.%s.disable_ipv6" % self.wanted[p]).strip() == "1"):
            return False
        return True

    def check(self, what):
        seen = {}

        def so():
            seen.update(kernel=truth.kernel_has(), rib=truth.rib_selects(), bgp=self.bgpd.has(),
                        told={p for p, state in self.told().items() if state == "installed"},
                        can={p: self.can_be(p) for p in self.wanted})
            agreed = (seen["kernel"] == seen["rib"] == seen["bgp"] == seen["told"] and set(self.told()) == set(self.wanted) and
                        all(can is None or can == (p in seen["told"]) for p, can in seen["can"].items()))
            seen["looks"] = seen.get("looks", 0) + 1 if agreed else 0
            return seen["looks"] == 5  # and it stays so
        try:
            until(what, so, 12)  # what the kernel refused is tried again after 5 s
        except AssertionError:
            self.fail("%s: %s\n%s" % (what, seen, sh("ip addr show")))


class AnythingWithGroups(Anything):
    groups = True


if __name__ == "__main__":
    unittest.main()
