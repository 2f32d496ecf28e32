# SPDX-License-Identifier: GPL-2.0-or-later
"""One segment over the three hosts: VXLAN, EVPN by FRR, no Swarm. What berthd writes into the bridges' tables is what zebra and bgpd
tell the others: containers that never sent a packet are known, reached at layer 2 from each other and at their /32 from the fabric,
and nothing of them is left anywhere when they are gone."""

import json
import os
import unittest

import lab

VNI = 10100
with open(os.path.dirname(os.path.abspath(__file__)) + "/../../frr-configs/lab/overlay.conf") as file:
    NETWORK = file.read()


def run(name, host, address=None):
    """A container that sends nothing: it waits."""
    one = lab.Container(host, "black", name)
    fixed = f"--ip {address[0]} --ip6 {address[1]}" if address else ""
    lab.sh(host, f"docker run -d --name {name} --network black {fixed} {lab.image()} >/dev/null")
    lab.learn([one])
    STARTED.add(mac_of(one))
    return one


def mac_of(one):
    return lab.sh(one.host, "docker inspect -f '{{range .NetworkSettings.Networks}}{{.MacAddress}}{{end}}' " + one.name).strip()


def inside(one, script, check=True):
    return lab.sh(one.host, f"nsenter -n -t $(docker inspect -f '{{{{.State.Pid}}}}' {one.name}) sh -s <<'END'\n{script}\nEND\n", check=check)


def far_macs(host):
    """MAC addresses that the host's kernel has behind its tunnel, and behind which VTEP."""
    return {each["mac"]: each["dst"] for each in json.loads(lab.sh(host, "bridge -j fdb show dev vx-black"))
            if "dst" in each and each["mac"] != "00:00:00:00:00:00"}


def evpn(host, what, key):
    """zebra's view of the segment: "mac" or "arp-cache"."""
    out = json.loads(lab.sh(host, f"vtysh -c 'show evpn {what} vni {VNI} json'") or "{}")
    return {name: each.get("type") for name, each in out.get(key, out).items() if isinstance(each, dict)}


def wrong_tables(containers):
    """On each host: what its kernel, and its zebra, lack or have too much of."""
    wrong = {}
    for host in lab.HOSTS:
        expected = {mac_of(each): f"10.0.0.{lab.LOOPBACKS[each.host]}" for each in containers if each.host != host}
        have = far_macs(host)
        if have != expected:
            wrong[host] = {"fdb": have, "expected": expected}
        here = {mac_of(each) for each in containers if each.host == host}
        macs = evpn(host, "mac", "macs")
        local = {mac for mac, kind in macs.items() if kind == "local"}
        if local & STARTED != here:  # the bridge's own, and those of ports' ends on the host, are no containers'
            wrong[host + " zebra"] = {"local": sorted(local), "expected": sorted(here)}
        addresses = {address for each in containers for address in each.addresses}
        known = {address for address in evpn(host, "arp-cache", "neighbors") if address.startswith(("10.66.", "fd00:66:"))}
        known -= {"10.66.0.1", "fd00:66::1"}
        if known != addresses:
            wrong[host + " neighbours"] = {"have": sorted(known), "expected": sorted(addresses)}
    return wrong


STARTED = set()  # MAC addresses of containers that ever ran


class Overlay(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        lab.until("nothing but the fabric before the start", lambda: lab.wrong_routes([]))
        lab.NETWORKS["black"] = (66, "host")
        cls.addClassCleanup(lab.NETWORKS.pop, "black")
        cls.addClassCleanup(lab.until, "nothing is left", lambda: lab.wrong_routes([]))
        cls.config = {host: lab.sh(host, "cat /etc/frr/berthd.conf") for host in lab.HOSTS}
        for host in lab.HOSTS:
            cls.addClassCleanup(lab.sh, host, "docker network rm black >/dev/null; for each in vx vs br; do ip link del $each-black 2>/dev/null; done; true")
            cls.addClassCleanup(lab.configure, host, cls.config[host])
            cls.addClassCleanup(lab.sh, host, "docker ps -aq --filter name=t- | xargs -r docker rm -f >/dev/null")
            lab.configure(host, cls.config[host] + NETWORK.replace("@N@", host[4:]))
        for host in lab.HOSTS:
            lab.until("the network is made", lambda: [] if lab.sh(host, "docker network ls -q --filter name=black") else "not yet")

    def tearDown(self):
        lab.everywhere({host: "docker ps -aq --filter name=t- | xargs -r docker rm -f >/dev/null" for host in lab.HOSTS})
        lab.until("nothing is left", lambda: lab.wrong_routes([]))
        lab.until("no MAC address and no neighbour is left on any host", lambda: wrong_tables([]))

    def six(self):
        return [run(f"t-o{i}", host) for i, host in enumerate(lab.HOSTS * 2)]

    def test_six_that_never_send_are_known_and_reached(self):
        containers = self.six()
        lab.until("each is known everywhere", lambda: wrong_tables(containers))
        lab.until("each /32 is everywhere", lambda: lab.wrong_routes(containers))
        # At layer 2: what goes to another host's container is not routed.
        for one in containers:
            for other in containers:
                for address in other.addresses if one is not other else []:
                    out = inside(one, f"ping -c 1 -W 2 {address}", check=False)
                    self.assertIn("ttl=64", out, f"{one.name} to {other.name}: {out}")
        self.assertEqual(lab.reach(containers[:1] + containers[4:5]), "")

    def test_one_moves_and_takes_its_address_along(self):
        containers = self.six()
        address = ["10.66.200.9", "fd00:66::200:9"]
        old = run("t-old", "host1", address)
        lab.until("it is known everywhere", lambda: wrong_tables(containers + [old]))
        new = run("t-new", "host2", address)

        def known_at(host):
            return lambda: {each: far_macs(each) for each in ("host3",)
                            if far_macs(each).get(mac_of(new)) != f"10.0.0.{lab.LOOPBACKS[host]}"}

        lab.until("the others find it at its new place", known_at("host2"))
        told = lab.until("the old one's host tells of it", lambda: [] if "overlay-elsewhere" in lab.sh("host1", "berthctl -c 'show containers json'") else "not yet")
        self.assertLess(told, lab.PATIENCE)
        lab.remove([old])
        lab.until("and nothing of the old place is left", lambda: wrong_tables(containers + [new]))
        lab.until("its /32 comes from there", lambda: lab.wrong_routes(containers + [new]))
        for one in containers:
            out = inside(one, f"ping -c 1 -W 2 {address[0]}", check=False)
            self.assertIn("ttl=64", out, f"{one.name}: {out}")

    def test_berthctl_and_zebra_say_the_same(self):
        containers = self.six()
        lab.until("each is known everywhere", lambda: wrong_tables(containers))
        for host in lab.HOSTS:
            overlay = lab.show(host, "show overlays")["overlays"][0]
            zebra = json.loads(lab.sh(host, f"vtysh -c 'show evpn mac vni {VNI} json'"))["macs"]
            self.assertEqual({each["mac"]: each["vtep"] for each in overlay["macs"] if each["vtep"]},
                             {mac: each["remoteVtep"] for mac, each in zebra.items() if each["type"] == "remote"})
            self.assertEqual({each["mac"]: each["container"] for each in overlay["macs"] if not each["vtep"]},
                             {mac_of(each): each.name for each in containers if each.host == host})
            self.assertEqual(overlay["vtep"], f"10.0.0.{lab.LOOPBACKS[host]}")
            self.assertEqual(set(overlay["farVteps"]), {f"10.0.0.{lab.LOOPBACKS[each]}" for each in lab.HOSTS if each != host})
            known = {address: each["mac"] for each in overlay["macs"] for address in each["addresses"] if not address.startswith("fe80")}
            self.assertEqual(known, {address: mac_of(each) for each in containers for address in each.addresses})

    def test_what_bgpd_lacks_is_told_and_the_remedy_cures_it(self):
        def problem():
            told = lab.show("host1", "show overlays")["overlays"][0]["problems"]
            return next((each for each in told if each["code"].startswith("evpn-")), None)

        one = run("t-one", "host1")
        lab.until("all is well", problem)
        lab.sh("host1", "vtysh -c 'configure terminal' -c 'router bgp' -c 'address-family l2vpn evpn' -c 'no advertise-all-vni'")
        lab.until("it is told", lambda: [] if problem() else "not yet")
        self.assertEqual(problem()["code"], "evpn-off")
        self.assertFalse(problem()["blocks"])
        lab.sh("host1", problem()["remedy"])
        lab.until("it is over", problem)
        lab.until("and the container is known again", lambda: wrong_tables([one]))

    def test_whatever_is_killed_the_tables_are_exact_again(self):
        containers = self.six()
        lab.until("each is known everywhere", lambda: wrong_tables(containers))
        for daemon in ("bgpd", "zebra", "berthd"):
            lab.sh("host1", f"pkill -9 -x {daemon}")
            if daemon == "berthd":
                lab.sh("host1", "docker start berthd >/dev/null")
            gone, new = containers.pop(), run(f"t-{daemon}", "host1")  # meanwhile
            lab.remove([gone])
            containers.append(new)
            lab.until(f"{daemon} is back", lambda: [] if lab.sh("host1", f"pgrep -x {daemon}", check=False) else "not yet")
            lab.until(f"all is as it is after {daemon} was killed", lambda: wrong_tables(containers))
            lab.until("each /32 is everywhere", lambda: lab.wrong_routes(containers))
        for one in containers:
            out = inside(one, f"ping -c 1 -W 2 {containers[0].addresses[0]}", check=False)
            self.assertTrue(one is containers[0] or "ttl=64" in out, f"{one.name}: {out}")

    def test_nothing_stays_of_many_that_come_and_go(self):
        for _ in range(3):
            containers = self.six()
            lab.until("each is known everywhere", lambda: wrong_tables(containers))
            lab.remove(containers)
            lab.until("none is left", lambda: wrong_tables([]))


if __name__ == "__main__":
    unittest.main()
