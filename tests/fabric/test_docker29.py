# SPDX-License-Identifier: GPL-2.0-or-later
"""Docker 29 with each of its two firewall backends: the main test, and hosts that are upgraded to it while containers run.

A network that was made under Docker 26.1 is closed to the fabric by 29: 26.1 forgot that berthd had said otherwise. With the
iptables backend berthd opens it again and nothing is lost. With the nftables backend it can't: it withholds the network and says
the commands that make it anew, which are typed here as they stand."""

import unittest

import lab
import test_main

FAMILIES = ("ip", "ip6")


def run_docker(hosts, backend):
    """From now on these hosts run Docker 29, with that backend."""
    lab.everywhere({host: f"node engine 29 {backend} && node stop docker && node start docker" for host in hosts})
    for host in hosts:
        lab.until(f"{host}'s Docker takes orders",
                  lambda: lab.sh(host, "docker version >/dev/null 2>&1 || tail -3 /var/log/docker.log"))
        version = lab.sh(host, "docker version -f '{{.Server.Version}}'")
        if not version.startswith("29."):
            raise AssertionError(f"{host} runs Docker {version}")
        tables = lab.sh(host, "nft list tables")
        if ("docker-bridges" in tables) != (backend == "nftables"):
            raise AssertionError(f"{host} does not use the backend {backend}:\n{tables}")


def ours(host):
    """Where rules of ours are that open something: family, table and chain of each."""
    found, table, chain = [], "", ""
    for line in lab.sh(host, "nft list ruleset 2>/dev/null").splitlines():
        words = line.split()
        if words[:1] == ["table"]:
            table = " ".join(words[1:3])
        elif words[:1] == ["chain"]:
            chain = words[1]
        elif 'comment "berth:' in line and " accept " in line:
            found.append(f"{table} {chain}")
    return sorted(found)


def in_docker_user():
    """One rule for each subnet, and one more where Docker lets nothing out: for what it did not make."""
    rules = lab.BRIDGES + 2 * [network for network in lab.NETWORKS if network not in lab.BRIDGES]
    return sorted(f"{family} filter DOCKER-USER" for family in FAMILIES for _ in rules)


def blocking(host):
    return [{"network": network["name"], **problem} for network in lab.show(host, "show networks")["networks"]
            for problem in network["problems"] if problem["blocks"]]


class Backend:
    """The main test with one of them, on all hosts."""

    @classmethod
    def setUpClass(cls):
        run_docker(lab.HOSTS, cls.backend)
        lab.until("nothing holds a network back", lambda: {host: told for host in lab.HOSTS if (told := blocking(host))})

    def test_twenty_containers(self):
        super().test_twenty_containers()
        lab.until("no rule of ours is where it opens nothing", lambda: {
            host: found for host in lab.HOSTS if (found := ours(host)) != self.rules()})


class Iptables(Backend, test_main.Main):
    backend = "iptables"
    rules = staticmethod(in_docker_user)


class Nftables(Backend, test_main.Main):
    backend = "nftables"
    rules = staticmethod(list)


class Upgrade(unittest.TestCase):
    """From the release's Docker. The hosts stay upgraded: nothing that needs the old one can come after this."""

    def setUp(self):
        lab.until("nothing but the fabric before the start", lambda: lab.wrong_routes([]))
        self.assertEqual(lab.settings()["docker"], "release")
        self.all = lab.start([lab.Container(host, network, f"t-{host[4:]}-{network}")
                              for host in lab.HOSTS for network in lab.NETWORKS])
        lab.until("all is advertised", lambda: lab.wrong_routes(self.all))

    def tearDown(self):
        lab.everywhere({host: "docker ps -aq --filter name=t- | xargs -r docker rm -f >/dev/null" for host in lab.HOSTS})
        lab.until("nothing is left", lambda: lab.wrong_routes([]))

    def right(self, containers):
        lab.until("every FIB is right", lambda: lab.wrong_routes(containers))
        lab.until("all are reachable, sources unchanged", lambda: lab.reach(containers), 90)

    def on(self, host):
        return [each for each in self.all if each.host == host]

    def test_with_iptables_nothing_is_lost(self):
        host = "host1"
        # As Docker itself sets it where it switches forwarding on.
        lab.sh(host, "iptables -P FORWARD DROP")
        self.addCleanup(lab.sh, host, "iptables -P FORWARD ACCEPT")
        collector = lab.Collector()
        run_docker([host], "iptables")
        self.right(self.all)
        self.assertEqual(collector.removed(set().union(*(each.prefixes() for each in self.all))), [])
        self.assertEqual(blocking(host), [])
        raw = sorted(f"{family} raw PREROUTING" for family in FAMILIES for _ in lab.BRIDGES)
        self.assertEqual(ours(host), sorted(in_docker_user() + raw))
        self.all += lab.start([lab.Container(host, "blue", "t-new")])
        self.right(self.all)
        # Of the last container that Docker protects the rule before it goes, too.
        lab.remove(self.on(host))
        lab.until("no rule of ours is where it opens nothing", lambda: [] if ours(host) == in_docker_user() else ours(host))

    def test_with_nftables_the_commands_are_said(self):
        host = "host2"
        lab.sh(host, f"""set -e
          iptables -P FORWARD DROP
          docker run -d --name t-fixed --network blue --ip 10.10.2.77 --network-alias fixed {lab.image()} >/dev/null
          docker create --name t-later --network green {lab.image()} >/dev/null""")
        self.addCleanup(lab.sh, host, "iptables -P FORWARD ACCEPT")
        fixed = lab.Container(host, "blue", "t-fixed")
        self.all += lab.learn([fixed])
        self.right(self.all)
        others = [each for each in self.all if each.host != host or each.network not in lab.BRIDGES]
        collector = lab.Collector()
        run_docker([host], "nftables")
        lab.until("what can't be reached is not advertised", lambda: lab.wrong_routes(others))
        self.assertEqual(lab.reach(others), "")
        self.assertEqual(collector.removed(set().union(*(each.prefixes() for each in others))), [])
        typed = []
        def mended():
            told = blocking(host)
            for remedy in sorted({each["remedy"] for each in told} - set(typed)):
                typed.append(remedy)
                lab.sh(host, remedy)
            return told
        lab.until("nothing holds a network back", mended, 90)
        self.assertEqual(len([each for each in typed if "docker network rm" in each]), len(lab.BRIDGES), typed)
        lab.learn([fixed])
        self.assertEqual(fixed.addresses[0], "10.10.2.77")
        self.assertIn("fixed", lab.sh(host, "docker inspect -f '{{.NetworkSettings.Networks.blue.Aliases}}' t-fixed"))
        for each in self.on(host):
            lab.learn([each])
        lab.sh(host, "docker start t-later >/dev/null")
        self.all += lab.learn([lab.Container(host, "green", "t-later")])
        self.right(self.all)


if __name__ == "__main__":
    unittest.main()
