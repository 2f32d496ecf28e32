# SPDX-License-Identifier: GPL-2.0-or-later
"""What each way of hanging on the network costs the traffic: TCP from a container on one host to another host (iperf3), and the
time of a UDP question and its answer; beside Docker's own bridge with NAT and host to host, in turn. On a fabric that is up.
Run by scripts/bench."""
import argparse
import json
import os
import statistics
import subprocess
import time

import on_lab
import report
from on_lab import lab
from propagation import pid

ROUNDS, FIRST_PORT = 2000, 10001
WAYS = {**on_lab.KINDS, "docker bridge, NAT": on_lab.docker(on_lab.NATTED)}


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


def throughput(client, server, seconds):
    """Gbit/s of one TCP stream between two network namespaces, each of a process of this machine."""
    listening = subprocess.Popen(["nsenter", "-n", "-t", server, "iperf3", "-s", "-1", "-p", "5201"], stdout=subprocess.DEVNULL)
    try:
        for _ in range(50):
            done = subprocess.run(["nsenter", "-n", "-t", client, "iperf3", "-c", on_lab.THERE, "-t", str(seconds), "-J"],
                                  capture_output=True, text=True)
            received = json.loads(done.stdout or "{}").get("end", {}).get("sum_received")  # without it, it was refused
            if received:
                return received["bits_per_second"] / 1e9
            time.sleep(0.1)
        raise SystemExit(done.stdout + done.stderr)
    finally:
        listening.kill()
        listening.wait()


def start(ways):
    """A container of each; its first process."""
    lab.sh(on_lab.HOST, "".join(
        f"({line.format(image=lab.image(), name=f'bench-{port}', words=f'echo 0.0.0.0 {port}')} >/dev/null 2>&1) &\n"
        for port, line in enumerate(ways.values(), FIRST_PORT)))
    pids = {}
    for port, way in enumerate(ways, FIRST_PORT):
        lab.until(way, lambda port=port: "" if process(port) else "does not run")
        pids[way] = process(port)
    return pids


def ask(client, program):
    """Microseconds of each question and its answer."""
    return [int(line) / 1e3 for line in subprocess.run(
        ["nsenter", "-n", "-t", client, program, "rounds", on_lab.THERE, str(on_lab.PORT), str(ROUNDS)], check=True,
        capture_output=True, text=True).stdout.split()]


def measure(runs, seconds):
    gigabits, rounds = {}, {}
    with on_lab.Lab():
        here, far = pid(on_lab.HOST), pid(on_lab.FAR)
        program = f"/proc/{here}/root{on_lab.WHERE}/probe"
        pids = {"host to host": here, **start(WAYS)}
        for way, client in pids.items():  # its route is there, in both directions
            lab.until(way, lambda client=client: subprocess.run(
                ["nsenter", "-n", "-t", client, program, "rounds", on_lab.THERE, str(on_lab.PORT), "1"],
                capture_output=True).returncode)
        for _ in range(runs):
            for way, client in pids.items():
                gigabits.setdefault(way, []).append(throughput(client, far, seconds))
                rounds.setdefault(way, []).extend(ask(client, program))
        lab.sh(on_lab.HOST, f"""docker ps -aq | xargs -r docker inspect -f '{{{{.Path}}}} {{{{.Id}}}}' | awk '$1 ~ /probe/ {{print $2}}' |
          xargs -r docker rm -f; for each in $({on_lab.CTR} container ls -q); do {on_lab.CTR} task kill -s KILL $each; done""", check=False)
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
