# SPDX-License-Identifier: GPL-2.0-or-later
"""What berthd costs with many containers, and with many that come and go: a real berthd and a real zebra with the module, in
a namespace, beside a stand-in for the engine (engine.py), which does nothing with the host. Run by scripts/bench.

restart: berthd is killed with -9 while n containers are there, and started again at once. seconds: until zebra holds all of
them of the new session and berthd says that it is in sync. rssMb and peakRssMb: VmRSS and VmHWM of that berthd then.
routeMessages: what the kernel told of routes meanwhile, in either family.
churn: with n containers there, each second so many are stopped and so many others started. Percent of one core for each
process; p50Ms and p99Ms from the engine's connect event to the kernel's announcement of the route."""

import argparse
import statistics
import sys
import time

import report
from host import Berthd, Bridge, Engine, Process, Routes, Zebra, wait

SUBNET, GATEWAY = "10.128.0.0/9", "10.128.0.1/9"


class Host:
    def __init__(self, n):
        self.n, self.zebra, self.engine = n, Zebra(grace=120), Engine("br-bench", SUBNET)
        self.engine.do("fill", n)
        self.routes = Routes()
        self.berthd = Berthd(self.engine)
        self.settle()

    def settle(self):
        wait(lambda: self.berthd.process.poll() is not None or self.zebra.holds(self.n), f"zebra never held {self.n} routes")
        wait(self.berthd.in_sync, "berthd is not in sync", every=0.005)

    def restart(self):
        time.sleep(1)  # what the first start brought about is over
        self.routes.begin()
        begin = time.monotonic()
        self.berthd.kill()
        self.berthd = Berthd(self.engine)
        self.settle()
        seconds = time.monotonic() - begin
        time.sleep(1)
        rss, peak = Process(self.berthd.pid).memory()
        if len(self.berthd.installed()) != self.n:
            raise SystemExit(f"berthd does not show {self.n} installed routes")
        return {"seconds": seconds, "rssMb": rss, "peakRssMb": peak, "routeMessages": self.routes.messages}

    def churn(self, rate, seconds):
        time.sleep(1)
        self.routes.begin()
        used = {name: Process(pid) for name, pid in
                (("berthd", self.berthd.pid), ("zebra", self.zebra.pid), ("engine", self.engine.pid))}
        done = self.engine.do("churn", rate, seconds)
        percent = {name + "Percent": process.percent() for name, process in used.items()}
        started = dict(done["starts"])
        if done["late"] > 1:
            raise SystemExit(f"the stand-in was {done['late']} s late: it measures itself")
        wait(lambda: started.keys() <= self.routes.added.keys(), "not every start has its route")
        wait(lambda: len(self.berthd.installed()) == self.n, f"berthd does not settle at {self.n} routes")
        took = [(self.routes.added[address] - at) / 1e6 for address, at in started.items()]
        return dict(percent, p50Ms=statistics.median(took), p99Ms=report.percentile(took, 0.99),
                    routeMessages=self.routes.messages)

    def stop(self):
        self.berthd.kill()
        self.engine.stop()
        self.zebra.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", default="1000,10000", help="containers of the restart")
    parser.add_argument("--rates", default="20,100", help="starts, and stops, a second")
    parser.add_argument("--present", type=int, default=500, help="containers that are there while others come and go")
    parser.add_argument("--seconds", type=float, default=20, help="of each churn")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json")
    args = parser.parse_args()
    bridge, rows = Bridge("br-bench", GATEWAY), []

    def measure(op, n, what, **more):
        runs = []
        for _ in range(args.runs):
            host = Host(n)
            try:
                runs.append(what(host))
            finally:
                host.stop()
            print(f"{op} {n} {more}: " + " ".join(f"{name} {value:.3f}" for name, value in runs[-1].items()), file=sys.stderr)
        rows.append(report.medians_row(op, n, runs, **more))

    for n in filter(None, args.sizes.split(",")):
        measure("restart", int(n), Host.restart)
    for rate in filter(None, args.rates.split(",")):
        measure("churn", args.present, lambda host, rate=rate: host.churn(int(rate), args.seconds), rate=int(rate))
    bridge.remove()
    report.write("scale", rows, args.json)


if __name__ == "__main__":
    main()
