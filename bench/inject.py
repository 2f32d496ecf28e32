# SPDX-License-Identifier: GPL-2.0-or-later
"""Host routes into the kernel and zebra's RIB, and out again, by several ways in the same namespace. Run by scripts/bench.

The end of each is the same: every route in the kernel and selected in zebra's RIB; then neither. berth, the daemon's client
alone, is told so by the module, route by route; berthd is the whole daemon, with a stand-in for its engine. For the others the last prefix is asked for over the module's socket, every 5 ms (zebra reads the
kernel's messages in their order), and the whole is counted once when the clock has stopped; a count that is short starts
the clock again."""
import argparse, datetime, ipaddress, json, os, pathlib, shutil, socket, struct, subprocess, sys, time

import berth_pb2 as pb
import report
from host import SOCKET, WORK, Bridge, Berthd, Engine, Routes, Zebra, sh, wait

TOOL = os.environ["BERTH_TOOL"]
BRIDGE = "br0"
FIRST = int(ipaddress.ip_address("10.128.0.1"))
LEFT_FOR = 5.0  # seconds that a count may stand still before the rest is called lost


def address(i):
    return str(ipaddress.ip_address(FIRST + i))


class Asker:
    """Asks the module what the RIB has for one prefix."""

    def __init__(self):
        self.sock, self.data = socket.socket(socket.AF_UNIX), b""
        self.sock.settimeout(60)
        self.sock.connect(SOCKET)
        self.send(pb.Message(hello=pb.Hello(protocol=1, session=1, software="bench")))
        self.receive("hello")

    def send(self, message):
        body = message.SerializeToString()
        self.sock.sendall(struct.pack("!BBH", 1, 2, len(body) + 4) + body)

    def receive(self, field):
        while True:
            if len(self.data) >= 4 and len(self.data) >= (length := struct.unpack("!H", self.data[2:4])[0]):
                message, self.data = pb.Message.FromString(self.data[4:length]), self.data[length:]
                if message.HasField(field):
                    return getattr(message, field)
                continue
            more = self.sock.recv(65536)
            if not more:
                raise SystemExit("zebra closed the connection")
            self.data += more

    def selected(self, text):
        host = ipaddress.ip_address(text)
        self.send(pb.Message(query=pb.Query(id=1, prefix=pb.Prefix(address=host.packed, length=32))))
        return any(entry.selected for entry in self.receive("query_reply").entries)

    def close(self):
        self.sock.close()


def in_kernel():
    return len(sh("ip -4 route show root 10.128.0.0/9").splitlines())


def settled(zebra, asker, n, begin, there):
    """Seconds from begin until kernel and RIB have all n (or none); None when some never come (or go)."""
    want, before, moved = (n if there else 0), None, time.monotonic()
    while True:
        if asker.selected(address(n - 1)) == there:
            end = time.monotonic()
            count = (in_kernel(), zebra.count())
            if count == (want, want):
                return end - begin
            if count != before:
                before, moved = count, end
            elif end - moved > LEFT_FOR:
                print(f"kernel and RIB hold {count} instead of {want}, and it stays so", file=sys.stderr)
                return None
            time.sleep(0.1)
        elif time.monotonic() - begin > 900:
            return None
        time.sleep(0.005)


def by_tool(command):
    out = json.loads(subprocess.run([TOOL, *command], check=True, capture_output=True, text=True).stdout)
    return out["add"], out["delete"]


def by_commands(n, files, command):
    zebra = Zebra()
    try:
        asker = Asker()
        out = []
        for there, name in zip((True, False), files):
            begin = time.monotonic()
            subprocess.run(command + [name], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            out.append(settled(zebra, asker, n, begin, there))
            if out[-1] is None and there:
                return None, None
        asker.close()
        return tuple(out)
    finally:
        zebra.stop()


def berth(n):
    zebra = Zebra()
    try:
        return by_tool(["berth", SOCKET, BRIDGE, str(n)])
    finally:
        zebra.stop()


def berthd(n):
    """The whole daemon: from the moment that it begins to list until it had the module's word for the last route; then from
    Docker's event that all are gone until the kernel has none."""
    bridge, zebra = Bridge("br1", "10.128.0.1/9"), Zebra()
    engine = Engine("br1", "10.128.0.0/9")
    routes = Routes()
    try:
        engine.do("fill", n, "lean")
        daemon = Berthd(engine)
        wait(lambda: len(routes.added) >= n, f"not all of {n} routes came into the kernel")
        since = wait(lambda: len(found := daemon.installed()) == n and found, f"not all of {n} routes are acknowledged")
        begun = engine.do("listed")["listed"]
        end = max(datetime.datetime.fromisoformat(each.replace("Z", "+00:00")).timestamp() for each in since.values())
        routes.begin()
        left = time.time_ns()
        engine.do("clear")
        wait(lambda: len(routes.removed) >= n, f"not all of {n} routes went out of the kernel")
        daemon.stop()
        return end - begun / 1e9, (max(routes.removed.values()) - left) / 1e9
    finally:
        engine.stop()
        zebra.stop()
        bridge.remove()


def rtnetlink(n):
    zebra = Zebra()
    try:
        return by_tool(["rtnetlink", BRIDGE, str(n)])
    finally:
        zebra.stop()


def write_files(n, name, add, delete):
    files = [f"{WORK}/{name}-{op}" for op in ("add", "delete")]
    for path, text in zip(files, (add, delete)):
        pathlib.Path(path).write_text("".join(text % address(i) for i in range(n)))
        os.chmod(path, 0o644)
    return files


def ip_batch(n):
    return by_commands(n, write_files(n, "ip", f"route add %s/32 dev {BRIDGE}\n", f"route del %s/32 dev {BRIDGE}\n"),
                       ["ip", "-batch"])


def vtysh(n):
    return by_commands(n, write_files(n, "vtysh", f"ip route %s/32 {BRIDGE}\n", f"no ip route %s/32 {BRIDGE}\n"),
                       [shutil.which("vtysh"), "--vty_socket", WORK, "--config_dir", WORK, "-f"])


METHODS = {"berth": berth, "berthd": berthd, "ip-batch": ip_batch, "rtnetlink": rtnetlink, "vtysh": vtysh}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", default="1000,10000,100000")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--vtysh-runs", type=int, default=1, help="of the largest size: each takes minutes")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--json")
    args = parser.parse_args()
    Bridge(BRIDGE, "10.1.0.1/24")
    pathlib.Path(WORK, "vtysh.conf").write_text("")
    rows = []
    sizes = [int(each) for each in args.sizes.split(",")]
    for n in sizes:
        results = {method: [] for method in args.methods.split(",")}
        for run in range(args.runs):
            for method in results:
                if method == "vtysh" and n == max(sizes) and run >= args.vtysh_runs:
                    continue
                found = METHODS[method](n)
                results[method].append(found)
                print(f"{n} {method}: " + " ".join("-" if x is None else f"{x:.3f} s" for x in found), file=sys.stderr)
        for at, op in enumerate(("add", "delete")):
            for method, found in results.items():
                seconds = [each[at] for each in found if each[at] is not None]
                if seconds:
                    rows.append(report.seconds_row(method, op, n, seconds))
    report.write("inject", rows, args.json)
    of = {(row["method"], row["op"], row["n"]): row["seconds"] for row in rows}
    for (method, op, n), seconds in of.items():
        if method != "berth" and ("berth", op, n) in of:
            print(f"{n} {op}: berth has {seconds / of['berth', op, n]:.2f} x the rate of {method}")


if __name__ == "__main__":
    main()
