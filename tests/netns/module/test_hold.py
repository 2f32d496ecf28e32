# SPDX-License-Identifier: GPL-2.0-or-later
"""bgpd_process_hold in a real bgpd: `show work-queues`, which is FRR's own, says how long each process queue waits."""
import os, random, re, signal, subprocess, time, unittest

from test_module import ask_vty, listens, takes, until

WORK = os.environ["BERTH_WORK"] + "/bgpd"
KILLS = int(os.environ.get("BERTH_KILLS", "3"))
OF_FRR = 50  # milliseconds, set in bgpd's code
CONFIG = "router bgp 65000\nexit\nrouter bgp 65001 view red\nexit\n"
TABLE = CONFIG + "router bgp 65000\nno bgp network import-check\naddress-family ipv4 unicast\n" + "".join(
    f"network 10.{n // 256}.{n % 256}.0/24\n" for n in range(30000))


def hold_module(build):
    return os.path.dirname(os.environ[build]) + "/bgpd/bgpd_process_hold.so"


class Bgpd:
    def __init__(self, args=":hold=1", module="BERTH_MODULE", config=CONFIG):
        os.makedirs(WORK, exist_ok=True)
        with open(WORK + "/bgpd.conf", "w") as file:
            file.write(config)
        subprocess.run(["chown", "-R", "frr:frr", WORK], check=True)
        self.process = subprocess.Popen(
            ["/usr/lib/frr/bgpd", "-M", hold_module(module) + args, "-f", WORK + "/bgpd.conf", "-i", WORK + "/pid", "-p", "0",
             "-z", WORK + "/zserv.api", "--vty_socket", WORK, "--log", "file:" + WORK + "/log", "--log-level", "info"],
            stdout=subprocess.DEVNULL, stderr=open(WORK + "/stderr", "w"))
        until("bgpd has read its configuration", lambda: listens(WORK + "/bgpd.vty") and len(self.holds()) == 2, 10)

    def vty(self, *commands):
        return ask_vty(WORK + "/bgpd.vty", *commands)

    def holds(self):
        """Of each process queue."""
        return [int(hold) for hold in re.findall(r"^\S?\s+\d+\s+(\d+)\s.*process_queue", self.vty("show work-queues"), re.M)]

    def described(self):
        return next(line for line in self.vty("show modules").splitlines() if line.startswith("bgpd_process_hold"))

    def said(self, what="/log"):
        with open(WORK + what) as file:
            return file.read()

    def stop(self, by=signal.SIGTERM):
        self.process.send_signal(by)
        code = self.process.wait(10)
        for name in ("/bgpd.vty", "/log"):
            if os.path.exists(WORK + name):
                os.unlink(WORK + name)
        if code != (0 if by == signal.SIGTERM else -by):
            raise AssertionError(f"bgpd ended with {code}")


class Hold(unittest.TestCase):
    def bgpd(self, *args, **more):
        bgpd = Bgpd(*args, **more)
        self.addCleanup(lambda: bgpd.process.poll() is None and bgpd.stop())
        return bgpd

    @takes(4)
    def test_each_instance_waits_so_long_and_those_made_later_too(self):
        bgpd = self.bgpd()
        until("both", lambda: bgpd.holds() == [1, 1])
        self.assertIn("the process queue of VRF default waits 1 ms, and not 50", bgpd.said())
        until("it is told", lambda: "waits 1 ms in each of 2 instances" in bgpd.described())
        for _ in range(2):  # of a VRF: `no router bgp … view` finds no instance in 10.3
            bgpd.vty("configure terminal", "router bgp 65002 vrf later")
            until("a third", lambda: bgpd.holds() == [1, 1, 1])
            until("it is told", lambda: "3 instances" in bgpd.described())
            bgpd.vty("configure terminal", "no router bgp 65002 vrf later")
            until("it is gone", lambda: bgpd.holds() == [1, 1])
        bgpd.stop()

    @takes(4)
    def test_from_nothing_to_a_second(self):
        for hold in (0, 1000):
            bgpd = self.bgpd(f":hold={hold}")
            until("both", lambda: bgpd.holds() == [hold, hold])
            bgpd.stop()

    @takes(6)
    def test_a_table_waits_longer_and_one_route_does_not(self):
        for args in ("", ":hold=1-50"):
            bgpd = self.bgpd(args, config=TABLE)
            until("the table was worked on", lambda: "until now at most 50" in bgpd.described())
            self.assertIn("waits 1 to 50 ms in each of 2 instances", bgpd.described())
            self.assertIn("the process queue of VRF default waits 1 to 50 ms, and not 50", bgpd.said())
            until("it is quiet again", lambda: bgpd.holds() == [1, 1])
            bgpd.stop()
        bgpd = self.bgpd("")
        until("both", lambda: bgpd.holds() == [1, 1])
        for n in range(20):
            bgpd.vty("configure terminal", "router bgp 65000", "no bgp network import-check", "address-family ipv4 unicast",
                     f"network 10.0.0.{n}/32")
            self.assertEqual(bgpd.holds(), [1, 1])
        self.assertIn("until now at most 1", bgpd.described())
        bgpd.stop()

    @takes(5 + 3 * KILLS)
    def test_killed_amid_its_work_and_started_again(self):
        for n in range(KILLS):
            bgpd = self.bgpd("", config=TABLE)
            time.sleep(random.uniform(0, 0.1))
            self.assertIsNone(bgpd.process.poll())
            bgpd.stop(signal.SIGKILL)
        bgpd = self.bgpd("")
        until("it is as ever", lambda: bgpd.holds() == [1, 1] and "each of 2 instances" in bgpd.described())
        bgpd.stop()

    @takes(20)
    def test_a_wrong_argument_changes_nothing_and_is_told(self):
        for args in (":", ":hold", ":hold=", ":hold=-1", ":hold=1x", ":hold=1001", ":hold=1-", ":hold=1-1", ":hold=50-1", ":hold=1-1001", ":hold=-50",
                     ":hold=1-50-60", ":hold=99999999999999999999", ":wait=1"):
            with self.subTest(args):
                bgpd = self.bgpd(args)
                time.sleep(0.2)
                self.assertEqual(bgpd.holds(), [OF_FRR, OF_FRR])
                self.assertRegex(bgpd.described(), "inert: .*hold=.* 0 to 1000")
                self.assertIn("0 to 1000", bgpd.said())
                bgpd.stop()

    def inert(self, build):
        """A bgpd that has had the time in which a module that works would have set its queues."""
        bgpd = self.bgpd(":hold=1", build)
        time.sleep(1.2)
        self.assertEqual(bgpd.holds(), [OF_FRR, OF_FRR])
        return bgpd

    @takes(3)
    def test_in_another_frr_it_does_nothing_and_says_so(self):
        bgpd = self.inert("BERTH_FOREIGN")
        self.assertRegex(bgpd.described(), "inert: .*built for FRR 1.2.3")
        self.assertIn("built for FRR 1.2.3", bgpd.said())
        bgpd.stop()

    @takes(3)
    def test_where_something_is_missing_bgpd_starts_all_the_same(self):
        bgpd = self.inert("BERTH_FOREIGN_ABI")
        self.assertIn("which has no bm_of_another_frr", bgpd.said("/stderr"))
        bgpd.stop()


if __name__ == "__main__":
    unittest.main()
