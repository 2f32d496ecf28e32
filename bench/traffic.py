# SPDX-License-Identifier: GPL-2.0-or-later
"""What each way of hanging on the network costs the traffic: TCP from a container on one host to another host (iperf3), and the
time of a UDP question and its answer; beside Docker's own bridge with NAT and host to host, in turn. Of the overlays, berth's and
Docker's own (a Swarm of the two hosts), the other end is a container on the same segment. On a fabric that is up. Run by scripts/bench."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

import on_lab
import report
from on_lab import lab
from propagation import pid

ROUNDS, FIRST_PORT = 2000, 10001
WAYS = {**on_lab.KINDS, "docker bridge, NAT": on_lab.docker(on_lab.NATTED)}
SWARM = "bench-swarm"
OVERLAYS = {"overlay": "black", "Swarm's overlay": SWARM}
DAEMON = os.path.join(lab.LAB_DIR, "conf/daemon.json")


def process(port):
    """The pid, as this machine has it, of the program that echoes at that port."""
    words = "".join(word + "\0" for word in (on_lab.WHERE + "/probe", "echo", "0.0.0.0", str(port))).encode()
    for each in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{each}/cmdline", "rb") as line:
                if line.read() == words:
                    return each
        except OSError:
            continue
    return None


def live_restore(on):
    """Docker has no Swarm where its containers outlive it."""
    with open(DAEMON) as file:
        config = json.load(file)
    with open(DAEMON, "w") as file:  # the same file: the nodes have it mounted
        json.dump({**config, "live-restore": on}, file)
    for host in (on_lab.HOST, on_lab.FAR):
        lab.sh(host, "kill -HUP $(cat /run/docker.pid)")
        lab.until("Docker has heard it", lambda: [] if lab.sh(host, "docker info -f '{{.LiveRestoreEnabled}}'").strip() == str(on).lower() else "not yet")


def swarm():
    """A network of Docker's own over the two hosts; or why there is none."""
    live_restore(False)
    try:
        lab.sh(on_lab.HOST, f"docker swarm init --advertise-addr {on_lab.HERE} >/dev/null")
        token = lab.sh(on_lab.HOST, "docker swarm join-token -q worker").strip()
        lab.sh(on_lab.FAR, f"docker swarm join --token {token} --advertise-addr {on_lab.THERE} {on_lab.HERE}:2377 >/dev/null")
        lab.sh(on_lab.HOST, f"docker network create -d overlay --attachable {SWARM} >/dev/null")
        return ""
    except AssertionError as error:
        return str(error)


def leave_swarm():
    for host in (on_lab.FAR, on_lab.HOST):
        lab.sh(host, "docker swarm leave --force >/dev/null 2>&1", check=False)
    live_restore(True)


def throughput(client, server, address, seconds):
    """Gbit/s of one TCP stream between two network namespaces, each of a process of this machine."""
    listening = subprocess.Popen(["nsenter", "-n", "-t", server, "iperf3", "-s", "-1", "-p", "5201"], stdout=subprocess.DEVNULL)
    try:
        for _ in range(50):
            done = subprocess.run(["nsenter", "-n", "-t", client, "iperf3", "-c", address, "-t", str(seconds), "-J"],
                                  capture_output=True, text=True)
            received = json.loads(done.stdout or "{}").get("end", {}).get("sum_received")  # without it, it was refused
            if received:
                return received["bits_per_second"] / 1e9
            time.sleep(0.1)
        raise SystemExit(done.stdout + done.stderr)
    finally:
        listening.kill()
        listening.wait()


def start(host, ways, first):
    """A container of each; the port at which its first process echoes, and that."""
    lab.sh(host, "".join(
        f"({line.format(image=lab.image(), name=f'bench-{port}', words=f'echo 0.0.0.0 {port}')} >/dev/null 2>&1) &\n"
        for port, line in enumerate(ways.values(), first)))
    out = {}
    for port, way in enumerate(ways, first):
        lab.until(way, lambda port=port: "" if process(port) else "does not run")
        out[way] = port, process(port)
    return out


def ask(client, program, address, port, rounds=ROUNDS):
    """Microseconds of each question and its answer; nothing: one was not answered."""
    done = subprocess.run(["nsenter", "-n", "-t", client, program, "rounds", address, str(port), str(rounds)],
                          capture_output=True, text=True)
    return [int(line) / 1e3 for line in done.stdout.split()] if done.returncode == 0 else []


def first_address(pid):
    links = json.loads(subprocess.run(["nsenter", "-n", "-t", pid, "ip", "-j", "-4", "addr", "show", "dev", "eth0"], check=True,
                                      capture_output=True, text=True).stdout)
    return links[0]["addr_info"][0]["local"]


def measure(runs, seconds):
    gigabits, rounds = {}, {}
    with on_lab.Lab():
        if why := swarm():
            print("no Swarm: " + why, file=sys.stderr)
        overlays = {way: on_lab.docker(network) for way, network in OVERLAYS.items() if network != SWARM or not why}
        here, far = pid(on_lab.HOST), pid(on_lab.FAR)
        program = f"/proc/{here}/root{on_lab.WHERE}/probe"
        # Who asks, and where; the other end is there before who asks: a Swarm's network begins on a host with its first container.
        ends = {way: (server, first_address(server), port) for way, (port, server) in start(on_lab.FAR, overlays, FIRST_PORT + 100).items()}
        clients = {"host to host": here, **{way: client for way, (_, client) in start(on_lab.HOST, {**WAYS, **overlays}, FIRST_PORT).items()}}
        ends = {way: ends.get(way, (far, on_lab.THERE, on_lab.PORT)) for way in clients}
        for way, client in clients.items():  # its route is there, in both directions
            lab.until(way, lambda client=client, way=way: [] if ask(client, program, *ends[way][1:], rounds=1) else "no answer")
        for _ in range(runs):
            for way, client in clients.items():
                gigabits.setdefault(way, []).append(throughput(client, *ends[way][:2], seconds))
                rounds.setdefault(way, []).extend(ask(client, program, *ends[way][1:]))
        for host in (on_lab.HOST, on_lab.FAR):
            lab.sh(host, f"""docker ps -aq | xargs -r docker inspect -f '{{{{.Path}}}} {{{{.Id}}}}' | awk '$1 ~ /probe/ {{print $2}}' |
              xargs -r docker rm -f; for each in $({on_lab.CTR} container ls -q); do {on_lab.CTR} task kill -s KILL $each; done""", check=False)
        leave_swarm()
    return [{"method": way, "gigabitsPerSecond": round(statistics.median(gigabits[way]), 2),
             "roundP50Us": round(statistics.median(rounds[way]), 1), "roundP99Us": round(report.percentile(rounds[way], 0.99), 1),
             "runs": runs} for way in gigabits]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--json")
    args = parser.parse_args()
    report.write("traffic", measure(args.runs, args.seconds), args.json)


if __name__ == "__main__":
    main()
