#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A new driver, runtime and route sink are each a folder and a line of wiring: puts one of each, as CONTRIBUTING.md says, into a
copy of the tree, builds berthd there, and sees a container of the stub runtime, by the stub driver, arrive in the stub sink.

tenants.py TOP WORK    TOP: the tree; WORK: a folder for the copy and its build, kept for the next time
"""
import os
import re
import shutil
import subprocess
import sys
import time

STUBS = {
    "driver": ("container_watcher/attach/stub", "the<BridgeDriver>(),", "the<StubDriver>(),"),
    "runtime": ("container_watcher/stub", '{"docker", "A Docker engine"', '{"stub", "A stub", "/nowhere", true, runtime<StubRuntime>},'),
    "sink": ("fpm_bridge/stub", '{"socket", "The socket of', '{"stub", "A stub", "/nowhere", route_sink<StubSink>},'),
}
WIRING = "daemon/tenants.cpp"
CONFIG = """hostname stub
zebra stub {work}/routes
vty socket {work}/vty
runtime stub unix:/nowhere
network one
 driver stub
 subnet 10.99.0.0/24
 link lo
 advertise host
 tag 7
exit
"""


def copy(top, tree):
    """What git knows of the tree, as it is now; a file that is the same keeps its time."""
    names = subprocess.run(["git", "-C", top, "ls-files", "-z"], check=True, capture_output=True, text=True).stdout.split("\0")
    wanted = {name for name in names if name and os.path.isfile(os.path.join(top, name))}
    for base, folders, files in os.walk(tree):
        for each in files:
            if os.path.relpath(os.path.join(base, each), tree) not in wanted:
                os.remove(os.path.join(base, each))
    for name in wanted:
        put(os.path.join(tree, name), open(os.path.join(top, name), "rb").read())


def put(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if not os.path.exists(path) or open(path, "rb").read() != data:
        with open(path, "wb") as out:
            out.write(data)


def add(top, tree):
    """The stubs. Returns how many lines of the rest of the tree were changed for each."""
    stubs = os.path.join(top, "tests/checks/stubs")
    with open(os.path.join(top, WIRING), encoding="utf-8") as file:
        text = file.read()
    before = text.splitlines()
    for kind, (folder, beside, line) in STUBS.items():
        for name in os.listdir(os.path.join(stubs, kind)):
            put(os.path.join(tree, folder, name), open(os.path.join(stubs, kind, name), "rb").read())
        header = next(name for name in os.listdir(os.path.join(stubs, kind)) if name.endswith(".h"))
        text = re.sub(r'(#include "daemon/tenants\.h"\n)', rf'\1#include "{folder}/{header}"\n', text, count=1)
        at = text.index(beside)
        text = text[:at] + line + "\n      " + text[at:]
    put(os.path.join(tree, WIRING), text.encode())
    return len(text.splitlines()) - len(before)


def build(tree, where):
    launcher = ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache", "-DCMAKE_C_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
    subprocess.run(["cmake", "-S", tree, "-B", where, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=None", "-DCMAKE_CXX_FLAGS=-O0",
                    "-DBERTH_TESTS=OFF", "-DBERTH_BENCH=OFF", "-DCMAKE_UNITY_BUILD=ON", "-DCMAKE_UNITY_BUILD_BATCH_SIZE=0",
                    *launcher], check=True, stdout=subprocess.DEVNULL)
    done = subprocess.run(["ninja", "-C", where, "berthd"], capture_output=True, text=True)
    if done.returncode:
        sys.exit("berthd with three stubs does not build:\n" + done.stdout[-4000:])


def refuses(berthd, work, text, expected):
    put(work + "/wrong.conf", text.encode())
    done = subprocess.run([berthd, "-C", "-f", work + "/wrong.conf"], capture_output=True, text=True)
    if done.returncode == 0 or expected not in done.stderr:
        sys.exit(f"berthd -C should say '{expected}', and says:\n{done.stderr}")


def runs(berthd, work):
    """A container of the stub runtime becomes a route in the stub sink, in a network namespace of its own."""
    routes = work + "/routes"
    if os.path.exists(routes):
        os.remove(routes)
    put(work + "/berthd.conf", CONFIG.format(work=work).encode())
    subprocess.run([berthd, "-C", "-f", work + "/berthd.conf"], check=True, stdout=subprocess.DEVNULL)
    with open(work + "/log", "w", encoding="utf-8") as log:
        daemon = subprocess.Popen(["unshare", "-n", "sh", "-c", f"ip link set lo up; exec {berthd} -f {work}/berthd.conf"],
                                  stdout=log, stderr=log)
        try:
            wanted = "put 10.99.0.2/32 dev lo tag 7"
            end = time.monotonic() + 20
            while not (os.path.exists(routes) and wanted in open(routes, encoding="utf-8").read()):
                if time.monotonic() > end:
                    sys.exit(f"no '{wanted}' within 20 s:\n" + open(work + "/log", encoding="utf-8").read())
                time.sleep(0.05)
        finally:
            daemon.terminate()
            daemon.wait(20)


def main():
    top, work = (os.path.abspath(each) for each in sys.argv[1:3])
    os.makedirs(work, exist_ok=True)
    tree = work + "/tree"
    copy(top, tree)
    lines = add(top, tree)
    if lines > 2 * len(STUBS):
        sys.exit(f"{lines} lines of wiring for {len(STUBS)} tenants")
    build(tree, work + "/build")
    berthd = work + "/build/daemon/berthd"
    good = CONFIG.format(work=work)
    refuses(berthd, work, good.replace(" link lo\n", ""), "a link for network one (link IF)")
    refuses(berthd, work, good.replace("driver stub", "driver bridge"), "driver bridge has no such line; stub has")
    refuses(berthd, work, good.replace("driver stub", "driver none"), ", stub")
    runs(berthd, work)
    print(f"three tenants, {lines} lines of wiring: a route came all the way")


if __name__ == "__main__":
    main()
