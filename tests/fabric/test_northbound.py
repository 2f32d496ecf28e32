# SPDX-License-Identifier: GPL-2.0-or-later
"""berthd through FRR's own northbound, on hosts whose FRR has no module: what others have typed there stays, whoever dies, and in the
end every FIB is right. What FRR itself withdraws meanwhile is counted and printed: staticd that dies takes its routes with it."""

import os
import re
import time
import unittest

import lab
from candidate import Candidate

HOST = "host1"
KILLS = int(os.environ.get("BERTH_KILLS", "1"))
LOCKED = int(os.environ.get("BERTH_LOCKED", "10"))  # seconds
LOCK_ENDED = "/tmp/a-person-ended"


class Northbound(unittest.TestCase):
    def setUp(self):
        self.assertEqual(lab.settings()["sink"], "northbound")
        lab.until("nothing but the fabric before the start", lambda: lab.wrong_routes([]))
        self.addCleanup(lab.until, "nothing is left", lambda: lab.wrong_routes([]))
        self.addCleanup(lab.everywhere, {host: "docker ps -aq --filter name=t- | xargs -r docker rm -f >/dev/null" for host in lab.HOSTS})

    def test_the_way_is_told_and_no_module_is_there(self):
        self.assertEqual(lab.sh(HOST, "ls /usr/lib/frr/modules | grep berth; vtysh -c 'show modules' | grep -i zebra_fpm_bridge; true",
                                check=False), "")
        status = lab.status(HOST)["zebra"]
        self.assertEqual(status["way"], "northbound")
        self.assertIn(status["moduleVersion"], "northbound of " + ("staticd" if self.release() == "12" else "mgmtd"))

    def test_what_an_operator_has_typed_stays(self):
        theirs = ["ip route 10.99.1.0/24 blackhole", "ip route 10.99.2.0/24 10.99.3.1 tag 100", "ipv6 route fd00:99::/64 blackhole"]
        self.type(theirs)
        self.addCleanup(self.type, ["no " + each for each in theirs])
        before = self.running()
        for each in theirs:
            self.assertIn(each, before)
        one = [lab.Container(HOST, network, f"t-{network}") for network in lab.NETWORKS]
        lab.start(one)
        lab.until("all are advertised", lambda: lab.wrong_routes_but(one, {HOST: self.kept(theirs)}))
        # Amid our own changes, in the address range of a network, too.
        late = ["ip route 10.99.4.0/24 blackhole", "ip route 10.10.1.200/32 10.99.3.1"]
        more = [lab.Container(HOST, "blue", f"t-more{n}") for n in range(5)]
        lab.start(more)
        self.type(late)
        if lab.settings()["profile"] == "ospf":  # BIRD keeps what lives for less than a second (MinLSArrival)
            lab.until("they are there", lambda: lab.wrong_routes_but(one + more, {HOST: self.kept(theirs + late)}))
        lab.remove(more)
        self.type(["no " + each for each in late])
        lab.remove(one)
        lab.until("nothing of the containers is left", lambda: lab.wrong_routes_but([], {HOST: self.kept(theirs)}))
        lab.until("the configuration is as it was", lambda: [] if self.running() == before else
                  [line for line in set(self.running()) ^ set(before)])

    def test_an_operators_route_for_the_same_prefix_is_left_alone(self):
        line = "ip route 10.10.1.123/32 blackhole"
        self.type([line])
        self.addCleanup(self.type, ["no " + line])
        lab.sh(HOST, f"docker run -d --name t-taken --network blue --ip 10.10.1.123 {lab.image()} >/dev/null")
        route = lambda: next((each for each in lab.show(HOST, "show routes")["routes"] if each["prefix"] == "10.10.1.123/32"), {})
        lab.until("it is refused", lambda: [] if route().get("state") == "rejected" else route())
        self.assertIn(line, route()["reason"])
        self.assertIn(line, self.running())
        lab.sh(HOST, "docker rm -f t-taken >/dev/null")

    def test_a_lock_of_a_person_is_waited_for(self):
        if self.release() == "12":
            self.skipTest("FRR 8.4 has no mgmtd, and no such lock")
        before = lab.sh(HOST, "vtysh -c 'show running-config'")
        # The file comes before the lock goes: without the file, all that was read until then was read under the lock.
        lab.sh(HOST, f"rm -f {LOCK_ENDED}; (echo 'configure terminal file-lock'; sleep {LOCKED}; touch {LOCK_ENDED}) | vtysh >/dev/null 2>&1 &")
        # It takes the candidate's lock, then the other.
        lab.until("somebody has the lock", lambda: [] if "candidate" in self.locks() and "running" in self.locks() else self.locks())
        began = time.monotonic()
        one = lab.start([lab.Container(HOST, "blue", "t-waits")])
        lab.until("berthd says what it waits for", lambda: [] if "is locked" in lab.status(HOST)["zebra"].get("reason", "")
                  else lab.status(HOST)["zebra"])
        self.assertIn("show mgmt frontend-adapter all", lab.status(HOST)["zebra"]["remedy"])
        looks = 0
        while (now := lab.sh(HOST, f"vtysh -c 'show running-config'; ls {LOCK_ENDED} 2>/dev/null; true")).splitlines()[-1] != LOCK_ENDED:
            self.assertEqual(now, before)
            self.assertLess(time.monotonic() - began, LOCKED + 5)
            looks += 1
        self.assertGreater(looks, 0, "the lock ended before anything was read under it")
        lab.until("it is advertised after", lambda: lab.wrong_routes(one), 5)
        lab.until("nothing is waited for any more", lambda: lab.status(HOST)["zebra"].get("reason", ""), 5)

    def test_edits_that_nobody_has_committed_are_waited_for(self):
        if self.release() == "12":
            self.skipTest("FRR 8.4 has no candidate that is shared")
        steady = lab.start([lab.Container(HOST, "blue", "t-steady")])
        lab.until("it is advertised", lambda: lab.wrong_routes(steady))
        somebody = Candidate(HOST)  # who alone looks, too: FRR 10.3 throws edits away when any session ends, vtysh's as well
        self.addCleanup(somebody.close)
        self.addCleanup(self.abort_edits)
        before = somebody.datastore(1)
        self.assertFalse(somebody.dirty())
        somebody.remove_route(steady[0].addresses[0] + "/32")
        self.assertTrue(somebody.dirty())
        more = lab.start([lab.Container(HOST, "blue", "t-waits")])
        lab.until("berthd says what it waits for", lambda: [] if "not committed" in lab.status(HOST)["zebra"].get("reason", "")
                  else lab.status(HOST)["zebra"])
        end = time.monotonic() + 5
        while time.monotonic() < end:
            one, two = somebody.datastore(1), somebody.datastore(2)
            self.assertIn(before, (one, two), "what runs is as it was")
            self.assertNotEqual(one, two, "their edits are not thrown away either")
        self.abort_edits()
        lab.until("it is advertised after", lambda: lab.wrong_routes(steady + more), 5)
        lab.until("nothing is waited for any more", lambda: lab.status(HOST)["zebra"].get("reason", ""), 5)

    @staticmethod
    def abort_edits():
        lab.sh(HOST, "vtysh -c 'configure terminal file-lock' -c 'mgmt commit abort' -c end")

    def test_what_is_taken_away_by_hand_is_put_back(self):
        one = lab.start([lab.Container(HOST, "blue", "t-one")])
        lab.until("it is advertised", lambda: lab.wrong_routes(one))
        self.type([f"no ip route {one[0].addresses[0]}/32 br-blue tag 100 15"])
        lab.until("it is gone", lambda: [] if lab.wrong_routes(one) else "still there")
        more = lab.start([lab.Container(HOST, "blue", "t-more")])
        lab.until("it is back with the next change", lambda: lab.wrong_routes(one + more), 10)

    def test_what_was_written_is_swept_after_the_next_boot(self):
        going, staying = (lab.Container(HOST, "blue", "t-" + name) for name in ("going", "staying"))
        lab.start([going, staying])
        lab.until("both are advertised", lambda: lab.wrong_routes([going, staying]))
        lab.sh(HOST, "cp -p /etc/frr/frr.conf /tmp/frr.conf.before; vtysh -c write")
        self.addCleanup(lab.sh, HOST, "cat /tmp/frr.conf.before >/etc/frr/frr.conf")
        lab.berthd(HOST, "stop")
        self.addCleanup(lab.berthd, HOST, "start")
        lab.remove([going])
        lab.sh(HOST, "node stop frr; node start frr")
        lab.until("FRR has both again", lambda: lab.wrong_routes([going, staying]))
        lab.berthd(HOST, "start")
        lab.until("what ended meanwhile is gone", lambda: lab.wrong_routes([staying]))

    def test_what_a_berthd_left_goes_after_the_grace_time_unless_it_comes_back(self):
        config = lab.sh(HOST, "cat /etc/frr/berthd.conf")
        short = re.sub("zebra grace-time .*", "zebra grace-time 8", config)
        self.assertNotEqual(config, short)
        steady = lab.start([lab.Container(HOST, network, f"t-{network}") for network in lab.NETWORKS])
        lab.until("all are advertised", lambda: lab.wrong_routes(steady))
        self.addCleanup(lab.berthd, HOST, "start")
        self.addCleanup(lab.sh, HOST, f"cat >/etc/frr/berthd.conf <<'END'\n{config}END\n")
        lab.sh(HOST, f"cat >/etc/frr/berthd.conf <<'END'\n{short}END\n")
        sweep = "berthd -f /etc/frr/berthd.conf --sweep --after_grace_time 2>&1; true"
        lab.berthd(HOST, "stop")
        began = time.monotonic()
        self.assertRegex(lab.sh(HOST, sweep), "routes taken out of FRR")
        self.assertGreater(time.monotonic() - began, 8)
        lab.until("nothing is advertised", lambda: lab.wrong_routes([]))
        lab.berthd(HOST, "start")
        lab.until("all are advertised again", lambda: lab.wrong_routes(steady))
        self.assertIn("a berthd runs", lab.sh(HOST, sweep))
        self.assertEqual(lab.wrong_routes(steady), {})

    def test_a_full_disk_holds_nothing_up(self):
        if self.release() == "12":
            self.skipTest("staticd of FRR 8.4 writes no file for a change")
        there = "nsenter -m -t $(pgrep -x mgmtd) sh -ec "
        lab.sh(HOST, there + """'owner=$(stat -c uid=%u,gid=%g /var/lib/frr); mount -t tmpfs -o size=4k,$owner none /var/lib/frr
            dd if=/dev/zero of=/var/lib/frr/full bs=1k count=64 2>/dev/null || true'""")
        self.addCleanup(lab.sh, HOST, there + "'umount /var/lib/frr'")
        self.assertEqual(lab.sh(HOST, there + "'echo more 2>/dev/null >/var/lib/frr/more || stat -c %s /var/lib/frr/more'"), "0\n",
                         "the disk is not full")
        containers = lab.start([lab.Container(HOST, network, f"t-{network}") for network in lab.NETWORKS])
        lab.until("all are advertised", lambda: lab.wrong_routes(containers), 5)
        self.assertEqual(lab.sh(HOST, there + "'cat /var/lib/frr/commit-*.json 2>/dev/null; true'"), "", "mgmtd had room for its files")
        lab.remove(containers)
        lab.until("all are withdrawn", lambda: lab.wrong_routes([]), 5)

    def locks(self):
        return lab.sh(HOST, "vtysh -c 'show mgmt frontend-adapter all'")

    def test_daemons_killed_amid_starts_and_stops(self):
        """On each host, at the same time."""
        steady = lab.start([lab.Container(host, network, f"t-steady-{network}") for host in lab.HOSTS for network in lab.NETWORKS])
        lab.until("all are advertised", lambda: lab.wrong_routes(steady))
        for daemon in ("mgmtd", "staticd", "zebra", "berthd"):
            if daemon == "mgmtd" and self.release() == "12":
                continue
            collector = lab.Collector()
            for n in range(KILLS):
                going, staying = ([lab.Container(host, "blue", f"t-{daemon}-{n}-{each}") for host in lab.HOSTS for each in which]
                                  for which in ((0, 1), (2,)))
                lab.start(going + staying)
                # What is taken back as soon as FRR has put it in again lives for less than a second: BIRD would keep it
                # (OSPF's MinLSArrival; README, "Limits").
                if lab.settings()["profile"] == "ospf":
                    lab.until("they are there", lambda: lab.wrong_routes(steady + going + staying))
                    lab.remove(going)
                    lab.until("those that go are gone", lambda: lab.wrong_routes(steady + staying))
                lab.everywhere({host: f"pkill -9 -x {daemon}" for host in lab.HOSTS})
                if lab.settings()["profile"] != "ospf":
                    lab.remove(going)
                lab.until(f"{daemon} was killed: every FIB is right again", lambda: lab.wrong_routes(steady + staying), 120)
                lab.remove(staying)
            lab.until("the routes of those that went are gone", lambda: lab.wrong_routes(steady), 120)
            gone = collector.removed(set().union(*(each.prefixes() for each in steady)))
            print(f"\n  {daemon} killed {KILLS} times on each of {len(lab.HOSTS)} hosts: {len(gone)} withdrawals of the steady routes at the "
                  "collector", end="", flush=True)
            if daemon in ("mgmtd", "berthd"):
                self.assertEqual(gone, [], daemon)
        lab.until("all are reachable", lambda: lab.reach(steady), 60)

    def release(self):
        return lab.settings()["release"]

    def type(self, lines):
        # mgmtd refuses what is typed while it takes another change.
        for line in lines:
            lab.until(f"FRR takes '{line}'", lambda: [] if self.taken(line) else "not yet")

    def taken(self, line):
        told = lab.sh(HOST, f"vtysh -c 'configure terminal' -c '{line}' 2>&1", check=False)
        return "lock" not in told

    def running(self):
        """`show running-config` without what is berth's, sorted by block."""
        text = lab.sh(HOST, "vtysh -c 'show running-config'")
        return [line for line in text.splitlines() if not re.search(r"prefix-list BERTH-\d+ (seq|permit)", line)
                and not re.match(r"ip(v6)? route \S+ \S+ tag \d+ 15$", line)]

    @staticmethod
    def kept(lines):
        return {line.split()[2] for line in lines if line.endswith("blackhole")}


if __name__ == "__main__":
    unittest.main()
