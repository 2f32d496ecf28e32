# SPDX-License-Identifier: GPL-2.0-or-later
"""One subnet over the three hosts, without an overlay: containers of different hosts reach each other, routed, and nobody answers
for an address that nobody has. One address on two hosts: refused and told, taken when the other one is gone, or both by
`anycast`."""

import itertools
import json
import time
import unittest

import lab

NETWORK = """network teal
 driver bridge
 subnet 10.77.0.0/16
 gateway 10.77.0.1
 ip-range 10.77.{n}.0/24
 subnet fd00:77::/64
 gateway fd00:77::1
 ip-range fd00:77::{n}:0/112
 advertise host
 tag 200
 spread
exit
"""
PERMIT = ("ip prefix-list CONTAINERS4 seq 99 permit 10.77.0.0/16 le 32", "ipv6 prefix-list CONTAINERS6 seq 99 permit fd00:77::/64 le 128")
TOLD = "10.77.9.9 is advertised by another host already: bgp via "


def run(host, name, *addresses):
    """A container with these addresses, which is started by now."""
    one = lab.Container(host, "teal", name)
    one.addresses = list(addresses)
    lab.sh(host, f"docker run -d --name {name} --network teal --ip {addresses[0]} --ip6 {addresses[1]} {lab.image()} >/dev/null")
    return one


def asked(one, address):
    """What the container's kernel has of that address, once somebody there wanted to send to it."""
    inside = f"nsenter -n -t $(docker inspect -f '{{{{.State.Pid}}}}' {one.name}) "
    lab.sh(one.host, f"{inside} ping -c 1 -W 4 {address} >/dev/null", check=False)
    return json.loads(lab.sh(one.host, f"{inside} ip -j neigh show {address} dev eth0"))


class Spread(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        lab.until("nothing but the fabric before the start", lambda: lab.wrong_routes([]))
        lab.NETWORKS["teal"] = (77, "host")
        cls.addClassCleanup(lab.NETWORKS.pop, "teal")
        cls.addClassCleanup(lab.until, "nothing is left", lambda: lab.wrong_routes([]))
        cls.config = {host: lab.sh(host, "cat /etc/frr/berthd.conf") for host in lab.HOSTS}
        for host in lab.HOSTS:
            for line in PERMIT:
                lab.sh(host, f"vtysh -c 'configure terminal' -c '{line}'")
                cls.addClassCleanup(lab.sh, host, f"vtysh -c 'configure terminal' -c 'no {line}'")
            cls.addClassCleanup(lab.sh, host, "docker network rm teal >/dev/null")
            cls.addClassCleanup(lab.configure, host, cls.config[host])
            cls.addClassCleanup(lab.sh, host, "docker ps -aq --filter name=t- | xargs -r docker rm -f >/dev/null")
            cls.configure(host)
            lab.until("the network is made", lambda: [] if lab.sh(host, "docker network ls -q --filter name=teal") else "not yet")

    @classmethod
    def configure(cls, host, more=""):
        network = NETWORK.format(n=host[4:]).replace("exit\n", more + "exit\n")
        lab.configure(host, cls.config[host] + network)

    def tearDown(self):
        lab.everywhere({host: "docker ps -aq --filter name=t- | xargs -r docker rm -f >/dev/null" for host in lab.HOSTS})
        lab.until("nothing is left", lambda: lab.wrong_routes([]))
        for host in lab.HOSTS:
            lab.until("no entry is left", lambda: self.entries(host))

    @staticmethod
    def entries(host):
        return {each["dst"] for family in "46" for each in json.loads(lab.sh(host, f"ip -j -{family} neigh show proxy dev br-teal"))}

    @staticmethod
    def route(host, address):
        return next((each for each in lab.show(host, "show routes")["routes"] if each["prefix"] == address + "/32"), {})

    @staticmethod
    def refusals(host):
        return lab.sh(host, f"docker logs berthd 2>&1 | grep -F '{TOLD}'", check=False).splitlines()

    def test_six_containers_of_one_subnet(self):
        six = [run(host, f"t-{host}-{n}", f"10.77.{host[4:]}.{n}", f"fd00:77::{host[4:]}:{n}")
               for host in lab.HOSTS for n in (11, 12)]
        lab.until("all is advertised", lambda: lab.wrong_routes(six))
        for host in lab.HOSTS:
            others = {address for each in six if each.host != host for address in each.addresses}
            lab.until("an entry for each that is elsewhere, and no other", lambda: self.entries(host) ^ others)
        lab.until("all pairs, with the source kept", lambda: self.unreached(six))
        lab.until("from the hosts and from other networks", lambda: lab.reach(six))
        for address in ("10.77.1.99", "10.77.2.99", "10.77.200.1", "fd00:77::1:99", "fd00:77::2:99", "fd00:77::99:1"):
            for each in asked(six[0], address):
                self.assertNotIn("lladdr", each, "who has an address that does not exist?")
        for address in six[2].addresses:
            self.assertTrue(any("lladdr" in each for each in asked(six[0], address)), "the same way of asking gets an answer")

    @staticmethod
    def unreached(containers):
        scripts = {}
        for one, other in itertools.permutations(containers, 2):
            lines = scripts.setdefault(one.host, [])
            for own, address in zip(one.addresses, other.addresses):
                lines.append(f"seen=$(printf 'GET /cgi-bin/who HTTP/1.0\\r\\n\\r\\n' | docker exec -i {one.name} "
                             f"/bin/busybox nc -w 3 {address} 8080 2>&1); case \"$seen\" in *{own}]*|*{own}) ;; "
                             f"*) echo \"{one.name} to {address}: the server saw '$seen'\" ;; esac")
                lines.append(f"docker exec {one.name} /bin/ping -c 1 -W 2 {address} >/dev/null || "
                             f"echo 'no ping {one.name} {address}'")
        return "".join(lab.everywhere({host: "\n".join(lines) + "\n" for host, lines in scripts.items()}).values())

    def test_one_address_on_two_hosts_is_refused_until_the_other_is_gone(self):
        addresses = ("10.77.9.9", "fd00:77::9:9")
        first = run("host1", "t-first", *addresses)
        lab.until("the first is advertised", lambda: lab.wrong_routes([first]))
        told = len(self.refusals("host2"))
        second = run("host2", "t-second", *addresses)
        lab.until("it is refused", lambda: [] if self.route("host2", addresses[0]).get("state") == "rejected"
                  else self.route("host2", addresses[0]))
        self.assertTrue(self.route("host2", addresses[0])["reason"].startswith(TOLD))
        self.assertEqual(len(self.refusals("host2")), told + 1, "once")
        why = lab.show("host2", "explain t-second")
        self.assertEqual(why["verdict"], "notAdvertised")
        self.assertIn("anycast in network teal", why["steps"][-1]["remedy"])
        self.assertFalse(lab.wrong_routes([first]), "the first has it as before")
        self.assertTrue(lab.show("host2", "show status"), "and berthd is in sync all the same")
        lab.berthd("host1", "stop")  # what zebra holds of the first's is its own, though the second may ask
        lab.berthd("host1", "start")
        lab.until("the first is installed again",
                  lambda: [] if lab.status("host1") and self.route("host1", addresses[0]).get("state") == "installed" else "not yet")
        self.assertFalse(lab.wrong_routes([first]))
        lab.remove([first])
        lab.until("the second is advertised", lambda: lab.wrong_routes([second]))

    def test_a_container_that_moves(self):
        addresses = ("10.77.9.9", "fd00:77::9:9")
        told = {host: len(self.refusals(host)) for host in lab.HOSTS}
        before = run("host1", "t-moves", *addresses)
        lab.until("it is advertised", lambda: lab.wrong_routes([before]))
        for host in ("host2", "host3", "host1"):
            lab.remove([before])
            before = run(host, "t-moves", *addresses)
            lab.until("it is advertised by its new host", lambda: lab.wrong_routes([before]))
            lab.until("and reached", lambda: lab.reach([before]))
        self.assertEqual({host: len(self.refusals(host)) for host in lab.HOSTS}, told, "and nothing was told of it")

    def test_anycast(self):
        address, hosts = "10.77.9.9", ("host1", "host2")
        for host in hosts:
            self.addCleanup(self.configure, host)
            self.configure(host, " anycast\n")
        way = lambda node: json.loads(lab.sh(node, f"ip -j route show {address}/32"))
        for host in hosts:
            run(host, "t-any", address, "fd00:77::9:9")
        for host in hosts:
            lab.until("each host uses its own", lambda: [] if [each.get("dev") for each in way(host)] == ["br-teal"] else way(host))
            self.assertFalse(self.entries(host), "an address that is here is not elsewhere")
        lab.until("two ways at the spine", lambda: [] if len((way("spine1") or [{}])[0].get("nexthops", [])) == 2
                  else way("spine1"))
        lab.until("the third host answers for it", lambda: {address} - self.entries("host3"))
        there = time.monotonic()
        lab.until("the next change is taken", lambda: time.monotonic() < there + 2 * lab.MIN_LS_ARRIVAL)


if __name__ == "__main__":
    unittest.main()
