# SPDX-License-Identifier: GPL-2.0-or-later
"""Ctrl-C in the middle of scripts/demo and scripts/test leaves nothing behind: the machine is looked at before and after.
Run by scripts/test demo, when images and tools are there already."""

import os
import pathlib
import signal
import subprocess
import time
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
PATIENCE = 90  # seconds for the cleaning up


def out(command):
    return subprocess.run(command, shell=True, capture_output=True, text=True).stdout


def processes():
    """pid -> command line of all that is no kernel thread and no child of this test's own looking."""
    found = {}
    for folder in pathlib.Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            except OSError:
                continue
            if line:
                found[folder.name] = line
    return found


def machine():
    return {
        "namespaces": out("ip netns list"),
        "links": out("ip -br link | awk '{print $1}' | sort"),
        "rules": out("nft list ruleset 2>/dev/null; iptables-save 2>/dev/null | grep -v '^#'"),
        "mounts": out("awk '{print $2}' /proc/mounts | sort"),
        "containers": out("docker ps -aq 2>/dev/null"),
        "files": [path for path in ("/run/berth-lab", "/var/lib/berth-lab", "/usr/sbin/policy-rc.d") if os.path.exists(path)],
    }


class Interrupted(unittest.TestCase):
    def interrupt(self, at, *command, reader_goes=False):
        """Sends SIGINT when the command has printed `at`, or reads no more of it."""
        before, running = machine(), processes()
        # As from a terminal: the whole group gets the signal. A shell that was started with SIGINT ignored could not trap it.
        process = subprocess.Popen([str(TOP / "scripts" / command[0]), *command[1:]], start_new_session=True, text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        said = []
        for line in process.stdout:
            said.append(line)
            if at in line:
                break
        else:
            self.fail("it never said that:\n" + "".join(said[-40:]))
        rest = ""
        if not reader_goes:
            os.killpg(process.pid, signal.SIGINT)
            rest = process.stdout.read()
        process.stdout.close()
        self.assertEqual(process.wait(PATIENCE), 141 if reader_goes else 130, rest)
        after = machine()
        for what, was in before.items():
            self.assertEqual(after[what], was, what)
        end = time.monotonic() + 10
        while left := {pid: line for pid, line in processes().items() if running.get(pid) != line}:
            if time.monotonic() > end:
                self.fail(f"still running: {left}")
            time.sleep(0.2)

    def test_demo_while_the_engine_starts(self):
        self.interrupt("starting a Docker engine", "demo")

    def test_demo_while_the_fabric_comes_up(self):
        self.interrupt("the fabric: profile ospf", "demo", "--profile", "ospf")

    def test_demo_whose_reader_goes(self):
        """As in scripts/demo | head."""
        self.interrupt("the fabric: profile bgp", "demo", reader_goes=True)

    def test_demo_while_containers_run(self):
        self.interrupt("from host3, across the fabric", "demo")

    def test_fabric_tests(self):
        self.interrupt("tests on the fabric", "test", "fabric")


if __name__ == "__main__":
    unittest.main()
