# SPDX-License-Identifier: GPL-2.0-or-later
"""berthd through FRR's own northbound, on hosts whose FRR has no module: what others have typed there stays, whoever dies, and in the
end every FIB is right. What FRR itself withdraws meanwhile is counted and printed: staticd that dies takes its routes with it."""

import os
import re
import time
import unittest

import lab

HOST = "host1"
KILLS = int(os.environ.get("BERTH_KILLS", "1"))
LOCKED = int(os.environ.get("BERTH_LOCKED", "10"))  # seconds
LOCK_ENDED = "/tmp/a-person-ended"


class Northbound(unittest.TestCase):
    def setUp(self):
        self.assertEqual(lab.settings()["sink"], "northbound")
        lab.until("nothing but the fabric before the start", lambda: lab.wrong_routes([]))
        self.addCleanup(lab.until, "nothing is left", lambda: lab.wrong_routes([]))
        self.addCleanup(lab.sh, HOST, "docker ps -aq --filter name=t- | xargs -r docker rm -f >/dev/null")

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

    def locks(self):
        return lab.sh(HOST, "vtysh -c 'show mgmt frontend-adapter all'")

    def test_daemons_killed_amid_starts_and_stops(self):
        steady = lab.start([lab.Container(HOST, network, f"t-steady-{network}") for network in lab.NETWORKS])
        lab.until("all are advertised", lambda: lab.wrong_routes(steady))
        for daemon in ("mgmtd", "staticd", "zebra", "berthd"):
            if daemon == "mgmtd" and self.release() == "12":
                continue
            collector = lab.Collector()
            for n in range(KILLS):
                coming = [lab.Container(HOST, "blue", f"t-{daemon}-{n}-{each}") for each in range(3)]
                lab.start(coming)
                # What is taken back as soon as FRR has put it in again lives for less than a second: BIRD would keep it
                # (OSPF's MinLSArrival; README, "Limits").
                if lab.settings()["profile"] == "ospf":
                    lab.until("they are there", lambda: lab.wrong_routes(steady + coming))
                    lab.remove(coming[:2])
                    lab.until("two are gone", lambda: lab.wrong_routes(steady + coming[2:]))
                lab.sh(HOST, f"pkill -9 -x {daemon}")
                if lab.settings()["profile"] != "ospf":
                    lab.remove(coming[:2])
                lab.until(f"{daemon} was killed: every FIB is right again", lambda: lab.wrong_routes(steady + coming[2:]), 120)
                lab.remove(coming[2:])
            lab.until("the routes of those that went are gone", lambda: lab.wrong_routes(steady), 120)
            gone = collector.removed(set().union(*(each.prefixes() for each in steady)))
            print(f"\n  {daemon} killed {KILLS} times: {len(gone)} withdrawals of steady routes at the collector", end="", flush=True)
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
