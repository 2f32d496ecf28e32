# SPDX-License-Identifier: GPL-2.0-or-later
"""One run at a time: what a run finds that begins while another is at work, is still ending, or has left things behind.
scripts/lib/turn.sh and engine.sh with an engine that is a stand-in, in folders of their own."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
FAKES = TOP / "tests/demo/fakes"
LOCKS = pathlib.Path("/run/berth-lock")
PATIENCE = 30
RUN = """
. scripts/lib/common.sh
for part in engine turn; do . scripts/lib/$part.sh; done
take_turn "$0"
trap engine_stop EXIT
trap 'exit 130' INT TERM
engine_start
echo up
read -r word || true
[ "$word" != keep ] || trap - EXIT
"""


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


class Turns(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="berth-turns."))
        self.runs, self.others = [], []
        self.environment = dict(os.environ, PATH=f"{FAKES}:{os.environ['PATH']}", BERTH_RUN=str(self.folder / "run"),
                                BERTH_CACHE=str(self.folder / "cache"), LAB_DIR=str(self.folder / "lab"))
        for name in ("BERTH_TURN", "DOCKER_HOST"):
            self.environment.pop(name, None)

    def tearDown(self):
        for run in self.runs:
            run.kill()
            run.communicate()
        for pid in self.engines() + [other.pid for other in self.others]:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
        for other in self.others:
            other.wait()
        shutil.rmtree(self.folder)
        for lock in LOCKS.glob(str(self.folder).strip("/").replace("/", "-") + "*"):
            lock.unlink()

    def begin(self, name="first", script=RUN, **environment):
        run = subprocess.Popen(["bash", "-c", script, name], cwd=TOP, env=dict(self.environment, **environment), text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.runs.append(run)
        return run

    def until_says(self, run, word):
        said = ""
        for line in run.stdout:
            said += line
            if word in line:
                return said
        self.fail(f"it never said '{word}':\n{said}")

    def ends(self, run, word="end"):
        out, _ = run.communicate(word + "\n", PATIENCE)
        return out

    def engines(self):
        """Process ids of what has our folder among its words, under an engine's name."""
        found = []
        for folder in pathlib.Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
                except OSError:
                    continue
                if words[0].split("/")[-1].startswith(("dockerd", "containerd")) and str(self.folder) in " ".join(words):
                    found.append(int(folder.name))
        return [pid for pid in found if alive(pid)]

    def stand_in(self, *words):
        """A process that does nothing, under the name and with the words that are wanted."""
        other = subprocess.Popen([words[0], "-c", "import time; time.sleep(600)", *words[1:]], executable="/usr/bin/python3")
        self.others.append(other)
        return other

    def test_the_next_waits_for_an_engine_that_is_going_away(self):
        first = self.begin(FAKE_LINGER="2")
        self.until_says(first, "up")
        engine = self.engines()
        first.send_signal(signal.SIGTERM)
        second = self.begin("second")
        said = self.until_says(second, "up")
        self.assertIn(f"first (process {first.pid})", said)
        self.assertFalse(alive(engine[0]), "the engine that was going away is still there")
        self.assertEqual(first.wait(PATIENCE), 130)
        self.assertEqual(len(self.engines()), 1)
        self.ends(second)
        self.assertEqual(self.engines(), [])
        self.assertFalse((self.folder / "run").exists())

    def test_two_at_once(self):
        first, second = self.begin(), self.begin("second")
        runs = {first: second, second: first}
        winner, end = None, time.monotonic() + PATIENCE
        while winner is None:
            self.assertLess(time.monotonic(), end, "nobody has the lock")
            for lock in LOCKS.glob(str(self.folder).strip("/").replace("/", "-") + "-run"):
                winner = next((run for run in runs if lock.read_text().startswith(f"{run.pid} ")), None)
            time.sleep(0.02)
        self.until_says(winner, "up")
        self.until_says(runs[winner], "waiting for the run that uses")
        self.ends(winner)
        self.until_says(runs[winner], "up")
        self.assertEqual(len(self.engines()), 1)
        self.ends(runs[winner])

    def test_the_cache_alone_in_common(self):
        first = self.begin()
        self.until_says(first, "up")
        second = self.begin("second", BERTH_RUN=str(self.folder / "elsewhere"))
        self.until_says(second, f"waiting for the run that uses {self.folder}/cache: first")
        self.ends(first)
        self.until_says(second, "up")
        self.ends(second)

    def test_an_engine_that_was_left_behind(self):
        first = self.begin(FAKE_LINGER="1")
        self.until_says(first, "up")
        left = self.engines()
        first.kill()
        first.wait()
        second = self.begin("second")
        self.until_says(second, "up")
        self.assertFalse(alive(left[0]))
        self.ends(second)
        self.assertEqual(self.engines(), [])

    def test_an_engine_whose_folder_is_gone(self):
        """Nobody knows it, and it has the cache's data."""
        first = self.begin()
        self.until_says(first, "up")
        left = self.engines()
        first.kill()
        first.wait()
        shutil.rmtree(self.folder / "run")
        second = self.begin("second")
        self.until_says(second, "up")
        self.assertFalse(alive(left[0]))
        self.ends(second)

    def test_what_a_killed_engine_leaves(self):
        run = self.folder / "run"
        left = [self.stand_in("/usr/bin/containerd-shim-runc-v2", "-namespace", "moby", "-address",
                              f"{run}/exec/containerd/containerd.sock"),
                self.stand_in("containerd", "--config", f"{run}/exec/containerd/containerd.toml")]
        strangers = [self.stand_in("dockerd", "--data-root", "/elsewhere/docker"),
                     self.stand_in("containerd", "--config", "/etc/containerd/config.toml"),
                     self.stand_in("containerd-shim-runc-v2", "-address", f"{run}2/exec/containerd/containerd.sock"),
                     self.stand_in("tail", "-f", f"{self.folder}/cache/docker")]
        run.mkdir()
        (run / "engine.pid").write_text(f"{strangers[0].pid}\n")  # a number that another process has by now
        (run / "docker.pid").write_text(f"{strangers[3].pid}\n")
        first = self.begin()
        self.until_says(first, "up")
        self.assertEqual([each.poll() for each in left], [-signal.SIGKILL] * 2)
        self.assertEqual([each.poll() for each in strangers], [None] * 4)
        self.ends(first)

    def test_what_a_killed_run_leaves_running(self):
        first = self.begin(script=RUN.replace("echo up", "sleep 1234 & echo up"))
        self.until_says(first, "up")
        first.kill()
        first.wait()
        second = self.begin("second")
        said = self.until_says(second, "up")
        self.assertIn("sleep 1234", said)
        self.assertNotIn("waiting", said)
        self.ends(second)

    def test_what_a_run_starts_is_part_of_it(self):
        nested = RUN.replace("$0", "nested").replace("trap engine_stop EXIT", "").replace("read -r word || true", "word=")
        first = self.begin(script=RUN.replace("echo up", """python3 -c '
import subprocess, sys
subprocess.run(["bash", "-c", sys.argv[1], "nested"], check=True, timeout=20)' "$NESTED" """), NESTED=nested)
        self.assertNotIn("waiting", self.until_says(first, "up"))
        self.ends(first)

    def keep_a_fabric(self):
        first = self.begin()
        self.until_says(first, "up")
        (self.folder / "lab").mkdir()
        (self.folder / "lab/lab").write_text("profile=bgp\nrelease=13\n")
        self.ends(first, "keep")
        return self.engines()

    def test_a_fabric_that_stays_up_holds_no_lock_and_stays(self):
        engine = self.keep_a_fabric()
        second = self.begin("second")
        self.assertNotIn("waiting", self.until_says(second, "up"))
        self.assertEqual(self.engines(), engine)
        self.ends(second, "keep")
        down = subprocess.run([TOP / "scripts/lab", "down"], env=self.environment, text=True, capture_output=True,
                              timeout=PATIENCE)
        self.assertEqual(down.returncode, 0, down.stderr)
        self.assertEqual(self.engines(), [])
        self.assertFalse((self.folder / "lab").exists())

    def test_a_fabric_that_uses_the_cache_elsewhere(self):
        engine = self.keep_a_fabric()
        second = self.begin("second", BERTH_RUN=str(self.folder / "elsewhere"))
        said = self.ends(second)
        self.assertIn(f"sudo BERTH_RUN={self.folder}/run {TOP}/scripts/lab down", said)
        self.assertEqual(self.engines(), engine)

    def test_a_fabric_of_a_run_that_was_killed(self):
        engine = self.keep_a_fabric()
        (self.folder / "lab/run").write_text(f"{self.runs[0].pid}\n")
        second = self.begin("second")
        self.assertIn("taking down the fabric", self.until_says(second, "up"))
        self.assertFalse(alive(engine[0]))
        self.assertFalse((self.folder / "lab").exists())
        self.ends(second)


if __name__ == "__main__":
    unittest.main()
