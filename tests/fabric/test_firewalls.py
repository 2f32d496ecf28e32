# SPDX-License-Identifier: GPL-2.0-or-later
"""Firewalls and a second engine that are really installed and started on a host: ufw, firewalld, Debian's nftables.service,
podman. What they drop is withheld, and no more than that; the remedy that berth prints, typed as it stands, opens it; and their
reloads, and Docker's, withdraw nothing."""

import unittest

import lab
from rules import FABRIC, HOST, OWN_POLICY_DROP, RulesCase

LEAF = "leaf1"  # host1 hangs on its eth3
DOCKER_ANEW = "node stop docker; node start docker"
# As its service would: with the bus that it and Docker talk over.
FIREWALLD = """set -e
cp -a /etc/firewalld /run/t-firewalld
mkdir -p /run/dbus
dbus-daemon --system --nofork --nopidfile >/dev/null 2>&1 </dev/null &
echo $! >/run/t-dbus.pid
until [ -S /run/dbus/system_bus_socket ]; do sleep 0.1; done
firewalld --nofork --nopid >/var/log/firewalld.log 2>&1 </dev/null &
echo $! >/run/t-firewalld.pid
for i in $(seq 100); do [ "$(firewall-cmd --state 2>/dev/null)" != running ] || exit 0; sleep 0.2; done
cat /var/log/firewalld.log; exit 1
"""
NO_FIREWALLD = """
for each in firewalld dbus; do
  kill $(cat /run/t-$each.pid); timeout 20 tail --pid=$(cat /run/t-$each.pid) -f /dev/null; rm -f /run/t-$each.pid
done
rm -rf /run/dbus /etc/firewalld && mv /run/t-firewalld /etc/firewalld
nft delete table inet firewalld 2>/dev/null
true
"""
UFW = """set -e; cp -a /etc/ufw /run/t-ufw; cp -a /etc/default/ufw /run/t-ufw-default
sysctl -ar accept_redirects >/run/t-ufw-sysctl 2>/dev/null || true"""
NO_UFW = """
ufw --force disable >/dev/null
for each in iptables ip6tables; do
  $each -P FORWARD ACCEPT; $each -P INPUT ACCEPT
  $each-save -t filter | sed -n 's/^-A \\([A-Z]* -j ufw.*\\)/-D \\1/p' | while read -r rule; do $each $rule; done
  chains=$($each-save -t filter | sed -n 's/^:\\(ufw[^ ]*\\) .*/\\1/p')
  for chain in $chains; do $each -F $chain; done
  for chain in $chains; do $each -X $chain; done
done
rm -rf /etc/ufw; mv /run/t-ufw /etc/ufw; mv /run/t-ufw-default /etc/default/ufw
sysctl -qp /run/t-ufw-sysctl 2>/dev/null
rm /run/t-ufw-sysctl
"""
# Layers on a disk that is itself one are no ground for podman's overlay driver.
PODMAN = "podman --root /run/t-podman --runroot /run/t-podman-run --storage-driver vfs"


class Firewalls(RulesCase):
    PATIENT = True

    def docker_anew(self):
        lab.sh(HOST, DOCKER_ANEW)
        lab.until("Docker takes orders", lambda: lab.sh(HOST, "docker version >/dev/null 2>&1 || echo no"))

    def passes(self, address):
        """Does t-blue answer a neighbour that sends to it whether it is advertised or not?"""
        via = lab.sh(HOST, "ip -6 -br addr show dev eth1 scope link").split()[2].split("/")[0]
        six = ":" in address
        url, own = (f"[{address}]", "fd00::11") if six else (address, "10.0.0.11")
        route = f"{address} via {'' if six else 'inet6 '}{via} dev eth3 metric 1"
        return "pass" in lab.sh(LEAF, f"""ip {'-6 ' if six else ''}route add {route}
curl -s -m 2 --interface {own} http://{url}:8080/cgi-bin/who >/dev/null && echo passes
ip {'-6 ' if six else ''}route del {route}""")

    def typed(self):
        """The remedies of what is dropped of blue, as they stand in the JSON, until there is no more of it."""
        out = []
        for _ in range(3):
            told = [each for each in self.blue()["problems"] if each["blocks"] or each["code"] == "firewall-drops"]
            if not told:
                self.assertTrue(out, "nothing is told")
                return out
            for remedy in dict.fromkeys(each["remedy"] for each in told):
                self.looked(lambda: lab.sh(HOST, remedy + "\n"))
                out.append(remedy)
        raise AssertionError(f"the remedies do not help: {out}\n{self.blue()}")

    def nothing_is_withdrawn_by(self, change):
        self.collector = lab.Collector()
        self.looked(change)
        lab.until("all is reached", lambda: lab.reach(self.all))
        self.stays(silent=False)

    def test_ufw(self):
        lab.sh(HOST, UFW)
        self.addCleanup(lab.sh, HOST, NO_UFW)
        forward = "sed -i 's/^DEFAULT_FORWARD_POLICY=.*/DEFAULT_FORWARD_POLICY=\"{}\"/' /etc/default/ufw\n"
        self.looked(lambda: lab.sh(HOST, forward.format("ACCEPT") + "ufw --force enable"))
        self.assertTrue(self.passes(self.here.addresses[1]))
        self.stays(silent=False)
        # Debian's defaults. Docker lets IPv4 through before ufw is asked, and does nothing in IPv6.
        self.looked(lambda: lab.sh(HOST, forward.format("DROP") + "ufw reload"))
        self.withheld(self.here.addresses[1], "policy drop", "ip6 filter FORWARD")
        self.assertEqual([self.passes(each) for each in self.here.addresses], [True, False])
        for remedy in self.typed():
            self.assertIn("ufw route allow", remedy)
        lab.until("both families are advertised", lambda: lab.wrong_routes(self.all))
        self.assertEqual(lab.reach(self.all), "")
        self.nothing_is_withdrawn_by(lambda: lab.sh(HOST, "ufw reload"))

    def firewalld(self, then=lambda: None):
        self.addCleanup(self.docker_anew)
        self.addCleanup(lab.sh, HOST, NO_FIREWALLD)
        self.looked(lambda: lab.sh(HOST, FIREWALLD))
        then()
        lab.until("both families are withdrawn", lambda: lab.wrong_routes(self.all[1:]))
        self.assertEqual([self.passes(each) for each in self.here.addresses], [False, False])

    def test_firewalld_that_docker_meets_when_it_starts(self):
        self.firewalld(self.docker_anew)
        self.assertIn("br-blue", lab.sh(HOST, "firewall-cmd --zone=docker --list-interfaces"))
        self.typed()
        lab.until("both families are advertised", lambda: lab.wrong_routes(self.all))
        self.assertEqual(lab.reach(self.all), "")
        self.nothing_is_withdrawn_by(lambda: lab.sh(HOST, "firewall-cmd --reload"))

    def test_firewalld_that_comes_after_docker(self):
        self.firewalld()
        # Debian's default zone is public. One that accepts is none of berth's business.
        self.looked(lambda: lab.sh(HOST, "firewall-cmd --set-default-zone=trusted"))
        lab.until("both are advertised", lambda: lab.wrong_routes(self.all))
        self.assertEqual(lab.reach(self.all), "")
        lab.sh(HOST, "firewall-cmd --set-default-zone=public")
        self.assertLess(lab.until("both are withdrawn", lambda: lab.wrong_routes(self.all[1:])), 8)
        for remedy in self.typed():
            self.assertIn("firewall-cmd --permanent", remedy)
        lab.until("both families are advertised", lambda: lab.wrong_routes(self.all))
        self.assertEqual(lab.reach(self.all), "")
        self.nothing_is_withdrawn_by(lambda: lab.sh(HOST, "firewall-cmd --reload"))
        # Docker gives a network up whose bridge is in another zone than its own. And the uplink, said to be public.
        self.nothing_is_withdrawn_by(self.docker_anew)
        self.assertNotIn("ZONE_CONFLICT", lab.sh(HOST, "tail -n 50 /var/log/docker.log"))
        self.nothing_is_withdrawn_by(lambda: lab.sh(
            HOST, "firewall-cmd --permanent --zone=public --change-interface=eth1; firewall-cmd --reload"))

    def test_a_restart_of_nftables_service(self):
        def write(rules):
            lab.sh(HOST, f"cat >/etc/nftables.conf <<'END'\n#!/usr/sbin/nft -f\nflush ruleset\n{rules}END\n")

        restart = "nft flush ruleset; nft -f /etc/nftables.conf"  # ExecStop, ExecStart
        lab.sh(HOST, "cp -a /etc/nftables.conf /run/t-nftables.conf")
        self.addCleanup(self.docker_anew)
        self.addCleanup(lab.sh, HOST, "mv /run/t-nftables.conf /etc/nftables.conf; nft flush ruleset")
        self.looked(lambda: self.configure(FABRIC + self.own))
        write(OWN_POLICY_DROP)
        self.nothing_is_withdrawn_by(lambda: lab.sh(HOST, restart))
        self.nothing_is_withdrawn_by(lambda: lab.sh(HOST, f"{restart}; sleep 1; {restart}; nft -f /etc/nftables.conf"))
        # The rules come in two steps, the policy first.
        write(OWN_POLICY_DROP.split("    ct state", 1)[0] + "  }\n}\n")
        self.nothing_is_withdrawn_by(lambda: lab.sh(
            HOST, f"{restart}; sleep 1; nft -f - <<'END'\n{OWN_POLICY_DROP}END\n"))
        lab.sh(HOST, restart)
        self.assertEqual([each["waitedFor"] for each in self.held_back()], [True, True])
        took = lab.until("what stays closed is withdrawn", lambda: lab.wrong_routes(self.all[1:]))
        self.assertGreater(took, 1)
        self.assertLess(took, 8)
        self.assertEqual([self.passes(each) for each in self.here.addresses], [False, False])

    def held_back(self):
        """The drops of what comes to blue, as soon as there are any."""
        drops = lambda: [each for each in self.blue()["problems"] if "traffic to" in each["text"] and
                         each["code"] == "firewall-drops"]
        lab.until("a drop is told", lambda: [] if drops() else "not yet")
        return drops()

    def test_docker_is_told_of_a_change_and_starts_anew_with_30_networks(self):
        names = [f"t-net{i}" for i in range(30)]
        self.addCleanup(lab.sh, HOST, "docker network rm " + " ".join(names) + " >/dev/null")
        lab.sh(HOST, "".join(f"docker network create --subnet 172.30.{i}.0/24 {each} >/dev/null || exit 1\n"
                             for i, each in enumerate(names)))
        self.addCleanup(lab.sh, HOST, "iptables -P FORWARD ACCEPT")
        self.nothing_is_withdrawn_by(lambda: lab.sh(HOST, "iptables -P FORWARD DROP"))
        self.collector = lab.Collector()
        lab.sh(HOST, "kill -HUP $(cat /run/node/docker.pid)")
        self.nothing_is_withdrawn_by(self.docker_anew)

    def test_podman_beside_docker(self):
        self.addCleanup(lab.sh, HOST, f"""{PODMAN} rm -f -t 0 t-podman >/dev/null 2>&1
{PODMAN} network rm -f t-pod >/dev/null 2>&1
rm -rf /run/t-podman*
nft delete table inet netavark; true""")
        self.nothing_is_withdrawn_by(lambda: lab.sh(HOST, f"""set -e
image=$(docker save {lab.image()} | {PODMAN} load -q | sed 's/^Loaded image: //')
{PODMAN} network create --subnet 10.77.0.0/24 t-pod >/dev/null
{PODMAN} run -d --name t-podman --network t-pod -p 8081:8080 $image >/dev/null
"""))
        self.stays()
        # Its own is as it was: an address that this host alone knows, behind its masquerade, and a port that leads to it.
        far, port = self.all[1].addresses[0], "http://10.0.0.21:8081/cgi-bin/who"
        ask = f"printf 'GET /cgi-bin/who HTTP/1.0\\r\\n\\r\\n' | busybox nc -w 3 {far} 8080"
        self.assertRegex(lab.sh(HOST, f"{PODMAN} exec -i t-podman /bin/busybox sh -s <<'END'\n{ask}\nEND\n"), r"10\.(0|1)\.")
        self.assertIn("10.0.0.22", lab.sh("host2", f"curl -s -m 3 --interface 10.0.0.22 {port}"))
        netavark = lab.sh(HOST, "nft -s list table inet netavark")
        self.assertIn("masquerade", netavark)
        lab.berthd(HOST, "stop")
        lab.berthd(HOST, "start")
        lab.until("berthd is in sync", lambda: [] if lab.status(HOST).get("inSync") else "not yet")
        self.stays()
        self.assertEqual(lab.sh(HOST, "nft -s list table inet netavark"), netavark)
        self.assertNotIn("10.77.0", " ".join(lab.routes("host2")))


if __name__ == "__main__":
    unittest.main()
