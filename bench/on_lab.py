# SPDX-License-Identifier: GPL-2.0-or-later
"""A fabric that is up, for the benches of attachments: its nodes as the tests see them, host1's networks of each kind, and
the program that runs in the containers."""
import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "tests/fabric"))
import lab  # noqa: E402
import test_containerd  # noqa: E402

HOST, FAR, PORT = "host1", "host3", 9999
HERE, THERE = "10.0.0.21", "10.0.0.23"  # their loopbacks
WHERE = "/run/bench"
NATTED = "bench-natted"  # a network of Docker's as it makes them by itself
CTR = "ctr -n default"


def docker(network):
    return f"docker run --rm --network {network} -v {WHERE}:{WHERE}:ro --entrypoint {WHERE}/probe {{image}} {{words}}"


def ctr(network):
    return (f"{CTR} run --rm --label berth.network={network} --mount type=bind,src={WHERE},dst={WHERE},options=rbind:ro "
            f"docker.io/{{image}} {{name}} {WHERE}/probe {{words}}")


KINDS = {
    "docker bridge": docker("blue"),
    "docker macvlan": docker("violet"),
    "docker none, plugged": docker("none --label berth.network=amber"),
    "containerd bridge": ctr("amber"),
    "containerd routed": ctr("olive"),
    "containerd macvlan": ctr("pink"),
    "nerdctl, CNI bridge": f"nerdctl run --rm --pull never --network lime -v {WHERE}:{WHERE}:ro --entrypoint {WHERE}/probe "
                           "{image} {words}",
}


class Lab:
    """The networks are there while it lasts, and an echo at both ends."""

    def __enter__(self):
        self.set_up = type("SetUp", (test_containerd.Containerd,), {})
        lab.NETWORKS.update(test_containerd.NETWORKS)
        self.set_up.set_up(HOST, HOST[4:])
        lab.sh(HOST, f"docker network create {NATTED} >/dev/null")
        program = "/tmp/berth-bench-probe"
        subprocess.run(["gcc", "-O2", "-static", "-o", program, os.path.join(TOP, "bench/probe.c")], check=True)
        for node, address in ((HOST, HERE), (FAR, THERE)):
            lab.sh(node, f"mkdir -p {WHERE}")
            subprocess.run(["docker", "cp", "-q", program, f"clab-berth-{node}:{WHERE}/probe"], check=True)
            lab.sh(node, f"{WHERE}/probe echo {address} {PORT} >/dev/null 2>&1 & echo $! >{WHERE}/pid")
        os.remove(program)
        lab.until("the networks are there", lambda: [each["name"] for each in lab.show(HOST, "show networks")["networks"]
                                                     if not each["attached"] and each["name"] != "lime"])
        return self

    def __exit__(self, *why):
        for node, address in ((HOST, HERE), (FAR, THERE)):
            lab.sh(node, f"kill $(cat {WHERE}/pid); rm -rf {WHERE}", check=False)
        lab.sh(HOST, f"docker network rm {NATTED}", check=False)
        self.set_up.doClassCleanups()

    @staticmethod
    def run(kind, name, words):
        """What the program says in a container of that kind on HOST."""
        return lab.sh(HOST, KINDS[kind].format(image=lab.image(), name=name, words=words))
