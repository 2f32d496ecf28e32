# SPDX-License-Identifier: GPL-2.0-or-later
"""The parts of a host in this namespace that a benchmark starts: zebra with the module, berthd, an engine's stand-in, the
kernel's announcements of routes. Each in the folder BERTH_WORK."""

import json
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time

from rtnetlink import RT_TABLE_MAIN, RTM_NEWROUTE, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, announcements

WORK, MODULE = os.environ["BERTH_WORK"], os.environ["BERTH_MODULE"]
SOCKET = WORK + "/berth.sock"
FRR = "/usr/lib/frr/"
PATIENCE = 120
SO_RCVBUFFORCE = 33


def sh(command):
    return subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout


def wait(ready, what, seconds=PATIENCE, every=0.01):
    end = time.monotonic() + seconds
    while not (found := ready()):
        if time.monotonic() > end:
            raise SystemExit(what)
        time.sleep(every)
    return found


def ask_vty(path, *lines):
    """The answer to the last of these commands, over FRR's vty protocol."""
    with socket.socket(socket.AF_UNIX) as vty:
        vty.settimeout(60)
        vty.connect(path)
        for line in lines:
            vty.sendall(line.encode() + b"\0")
            out = b""
            while out[-4:-1] != b"\0\0\0":
                more = vty.recv(1 << 20)
                if not more:
                    raise ConnectionError(path)
                out += more
    return out[:-4].decode()


class Process:
    """What one process has used; the numbers of /proc/PID (proc(5))."""

    def __init__(self, pid):
        self.pid, self.begun, self.used = pid, time.monotonic(), self.cpu(pid)

    @staticmethod
    def cpu(pid):
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def percent(self):
        """Of one core, since this was made."""
        return 100 * (self.cpu(self.pid) - self.used) / (time.monotonic() - self.begun)

    def memory(self):
        """Megabytes: resident now, and at most ever."""
        status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines())
        return tuple(int(status[key].split()[0]) / 1024 for key in ("VmRSS", "VmHWM"))


class Zebra:
    """A fresh zebra and staticd (FRR 10 configures that one by mgmtd): no measurement begins with what another left."""

    def __init__(self, grace=1):
        self.processes = [self.start("zebra", "-M", f"{MODULE}:{SOCKET},grace={grace}", "-s", "90000000",
                                     "-z", WORK + "/zserv.api")]
        self.pid = self.processes[0].pid
        wait(lambda: os.path.exists(SOCKET) and os.path.exists(WORK + "/zebra.vty"), "zebra does not start")
        if os.path.exists(FRR + "mgmtd"):
            self.begin("mgmtd")
        self.begin("staticd", "-z", WORK + "/zserv.api")
        time.sleep(1)  # the kernel frees what the last run left; zebra and its daemons come to rest

    def begin(self, name, *args):
        self.processes.append(self.start(name, *args))
        wait(lambda: os.path.exists(f"{WORK}/{name}.vty"), name + " does not start")

    @staticmethod
    def start(name, *args):
        if "--config_file" in sh(FRR + name + " --help"):  # what mgmtd configures has none
            pathlib.Path(WORK, name + ".conf").write_text("hostname bench\n")
            args += ("-f", f"{WORK}/{name}.conf")
        return subprocess.Popen([FRR + name, "-i", f"{WORK}/{name}.pid", "--vty_socket", WORK,
                                 "--log", f"file:{WORK}/{name}.log", *args],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def count(self):
        """Selected and installed host routes of ours in the RIB; asked over zebra's own vty socket."""
        routes = json.loads(ask_vty(WORK + "/zebra.vty", "enable", "show ip route summary json"))["routes"]
        return sum(each["fib"] for each in routes if each["type"] not in ("connected", "local"))

    def holds(self, n):
        """Whether berthd is there and has said these n objects, and no other is left of what was said before."""
        status = ask_vty(WORK + "/zebra.vty", "enable", "show berth status")
        return "berthd is connected" in status and f" Objects {n}, stale 0," in status

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            process.wait(20)
        sh("ip -4 route flush root 10.128.0.0/9; rm -f %s/*.vty %s" % (WORK, SOCKET))


class Bridge:
    """A bridge with carrier and an address: a port of it is one end of a veth whose other end is up."""

    def __init__(self, name, address):
        self.name = name
        sh(f"ip link add {name} type bridge; ip link add {name}p0 type veth peer name {name}p1;"
           f"ip link set {name}p0 master {name}; ip link set {name}p1 up; ip link set {name}p0 up; ip link set {name} up;"
           f"ip addr add {address} dev {name}")

    def remove(self):
        sh(f"ip link del {self.name}p0; ip link del {self.name}")


class Routes:
    """What this namespace's kernel tells of routes, counted by a thread of its own."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 256 << 20)
        self.socket.bind((0, 1 << (RTNLGRP_IPV4_ROUTE - 1) | 1 << (RTNLGRP_IPV6_ROUTE - 1)))
        self.messages, self.added, self.removed = 0, {}, {}
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        while True:
            data, now = self.socket.recv(1 << 20), time.time_ns()
            for kind, host, table in announcements(data):
                self.messages += 1
                if host and table == RT_TABLE_MAIN:
                    (self.added if kind == RTM_NEWROUTE else self.removed).setdefault(host, now)

    def begin(self):
        self.messages, self.added, self.removed = 0, {}, {}


class Engine:
    """bench/engine.py, a process of its own."""

    def __init__(self, bridge, subnet):
        self.socket = WORK + "/docker.sock"
        self.process = subprocess.Popen([sys.executable, os.path.dirname(__file__) + "/engine.py", self.socket, "bench",
                                         bridge, subnet], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid, self.subnet = self.process.pid, subnet
        self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("the engine's stand-in has ended")
        return json.loads(line)

    def say(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()

    def do(self, *words):
        self.say(*words)
        return self.answer()

    def stop(self):
        self.process.stdin.close()
        self.process.wait(20)


class Berthd:
    """The real one; its engine is the stand-in."""

    def __init__(self, engine):
        self.vty = WORK + "/berthd.vty"
        network, length = engine.subnet.split("/")
        gateway = network.rsplit(".", 1)[0] + ".1"
        pathlib.Path(WORK, "berthd.conf").write_text(
            f"hostname bench\nlog stderr warnings\nzebra socket {SOCKET}\nlimit routes 1000000\nvty socket {self.vty}\n"
            f"runtime docker unix:{engine.socket}\n!\nnetwork bench\n subnet {network}/{length}\n gateway {gateway}\n"
            f" advertise host\n tag 100\nexit\n")
        self.begun = time.time_ns()
        self.process = subprocess.Popen([os.environ["BERTH_BERTHD"], "-f", WORK + "/berthd.conf"],
                                        stdout=subprocess.DEVNULL, stderr=open(WORK + "/berthd.log", "a"))
        self.pid = self.process.pid

    def ask(self, command):
        return json.loads(ask_vty(self.vty, command))

    def reachable(self):
        if self.process.poll() is not None:
            raise SystemExit("berthd has ended: " + pathlib.Path(WORK, "berthd.log").read_text()[-2000:])
        try:
            return self.ask("show status json")
        except (ConnectionError, FileNotFoundError):
            return None

    def in_sync(self):
        status = self.reachable()
        return status and status["inSync"] and status["zebra"]["inSync"]

    def installed(self):
        """Prefix -> nanoseconds since the epoch at which berthd had the module's word that it is installed."""
        return {each["prefix"]: each["since"] for each in self.ask("show routes json")["routes"]
                if each["state"] == "installed"}

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
