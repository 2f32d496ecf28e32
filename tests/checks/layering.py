#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may know whom (DESIGN, The house): fails when a file includes what its folder must not know.

layering.py TOP      checks the tree below TOP
layering.py --self   checks the check: each rule must catch an include that breaks it
"""
import os
import re
import sys
import tempfile

# folder -> the folders of ours that its files may include from; the longest folder that fits decides
MAY = {
    "core": ["core"],
    "redistribute": ["redistribute", "core"],
    "container_watcher": ["container_watcher", "core"],
    "container_watcher/netlink": ["container_watcher/netlink", "core"],
    "container_watcher/firewall": ["container_watcher/firewall", "container_watcher/attach/network_site", "core"],
    "fpm_bridge/wire": ["fpm_bridge/wire", "fpm_bridge/proto", "core"],
    "fpm_bridge/client": ["fpm_bridge/client", "fpm_bridge/wire", "fpm_bridge/proto", "core"],
    "fpm_bridge/vty": ["fpm_bridge/vty", "core"],
    "fpm_bridge/northbound": ["fpm_bridge/northbound", "fpm_bridge/vty", "core"],
    "daemon": ["daemon", "container_watcher", "redistribute", "fpm_bridge/client", "fpm_bridge/northbound",
               "fpm_bridge/vty", "core"],
    "daemon/config": ["daemon/config", "daemon/vty", "daemon/tenants", "container_watcher/attach/driver",
                      "container_watcher/attach/options", "core"],
    # The shell program is a client of the socket: it knows none of berthd's insides.
    "daemon/berthctl": ["daemon/berthctl", "daemon/vty", "core"],
}
# A driver, each folder of attach/, says and judges; it knows no runtime and no other driver, and how the host is asked and changed
# is not its business.
DRIVER = re.compile(r"(container_watcher/attach/[^/]+)/")
DRIVER_MAY = ["container_watcher/attach/driver", "container_watcher/attach/link_checks", "container_watcher/attach/options",
              "container_watcher/attach/plug_steps",
              "container_watcher/attach/network_site", "container_watcher/netlink/host_state",
              "container_watcher/netlink/operation", "container_watcher/runtime", "core"]
OURS = ("core", "redistribute", "container_watcher", "fpm_bridge", "daemon", "tests", "bench")
# Pure folders: the standard library alone, without its I/O, clocks and threads.
PURE = ("core", "redistribute", "container_watcher/firewall")  # and each driver
# The firewall's edge: what reads the rules in force. It may do I/O, and ask for the kernel's number of them.
EDGE = tuple("container_watcher/firewall/" + each for each in ("nft.", "rules_reader.", "legacy_tables."))
GENERATION = "container_watcher/netlink/ruleset_generation.h"
# One room speaks netlink, and one file libnftables.
NETLINK_ROOM = "container_watcher/netlink/"
NETLINK = re.compile(r"^(netlink/.*|linux/(netlink|rtnetlink|if_link|if_addr|if_bridge|neighbour|netconf|net_namespace)\.h|"
                     r"linux/netfilter/nf.*)$")
NETLINK_SOCKET = re.compile(r"\b(AF_NETLINK|PF_NETLINK|NETLINK_(ROUTE|NETFILTER|GENERIC|SOCK_DIAG))\b")
NFTABLES = re.compile(r"^nftables/.*$")
NFTABLES_FILE = "container_watcher/firewall/nft.cpp"
IMPURE = re.compile(r"^(iostream|fstream|filesystem|chrono|thread|mutex|ctime|time\.h|unistd\.h|sys/.*|boost/.*|spdlog/.*|"
                    r"netinet/.*|netlink/.*|google/.*|.*\.pb\.h)$")
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')
# The modules know proto and FRR; rib.c alone touches the RIB.
MODULE = "fpm_bridge/zebra"
MODULES = tuple("fpm_bridge/" + each for each in ("zebra/", "bgpd/", "module/"))
RIB = re.compile(r"^zebra/(rib|zebra_rnh|zebra_dplane|redistribute|zebra_vrf|connected)\.h$")
RIB_FILE = "fpm_bridge/zebra/rib.c"
# What of the module is tested without a zebra: standard C alone.
MODULE_PURE = tuple(MODULE + "/" + each for each in ("reserved.h", "state.h", "state.c"))
STANDARD_C = re.compile(r"^(stdbool|stddef|stdint|string|limits)\.h$")


def may(folder):
    return DRIVER_MAY + [folder] if DRIVER.match(folder + "/") else MAY[folder]


def folder_of(path):
    if driver := DRIVER.match(path):
        return driver[1]
    fits = [f for f in MAY if path.startswith(f + "/")]
    return max(fits, key=len) if fits else None


def wrong(path, kind, name):
    """Why this include must not be, or None."""
    folder = folder_of(path)
    if path.startswith(MODULES):
        if name.startswith(("core/", "redistribute/", "container_watcher/", "daemon/", "fpm_bridge/wire", "fpm_bridge/client")):
            return "a module knows proto and FRR's headers alone"
        if RIB.match(name) and path != RIB_FILE:
            return "rib.c alone touches zebra's RIB"
        if path in MODULE_PURE and MODULE + "/" + name not in MODULE_PURE and not STANDARD_C.match(name):
            return "this part of the module is pure: standard C alone"
        return None
    if folder is None:
        return None
    if NETLINK.match(name) and not path.startswith(NETLINK_ROOM):
        return f"{NETLINK_ROOM} alone speaks netlink"
    if NFTABLES.match(name) and path != NFTABLES_FILE:
        return f"{NFTABLES_FILE} alone knows libnftables"
    edge = path.startswith(EDGE)
    if edge and name == GENERATION:
        return None
    if (folder in PURE or DRIVER.match(path)) and not edge and IMPURE.match(name):
        return f"{folder} is pure: no I/O, clock, thread or library"
    if kind == '"' and name.endswith(".pb.h"):
        return None if "fpm_bridge/proto" in may(folder) else f"{folder} must not know fpm_bridge/proto"
    if not name.startswith(tuple(f + "/" for f in OURS)):
        return f"include from the root of the tree: {name}" if kind == '"' else None
    if not any(name.startswith((f + "/", f + ".h")) for f in may(folder)):
        return f"{folder} must not know {os.path.dirname(name)}"
    return None


def check(top):
    found = []
    for base, folders, files in os.walk(top):
        folders[:] = [f for f in folders if not f.startswith(".") and f not in ("build", "tests", "bench")]
        for each in sorted(files):
            if not each.endswith((".h", ".cpp", ".c")):
                continue
            path = os.path.relpath(os.path.join(base, each), top)
            with open(os.path.join(base, each), encoding="utf-8") as lines:
                for number, line in enumerate(lines, 1):
                    if NETLINK_SOCKET.search(line) and folder_of(path) and not path.startswith(NETLINK_ROOM):
                        found.append(f"{path}:{number}: {NETLINK_ROOM} alone opens netlink sockets")
                    match = INCLUDE.match(line)
                    why = match and wrong(path, match[1], match[2])
                    if why:
                        found.append(f"{path}:{number}: {why}")
    return found


def self_test():
    bad = [
        ("core/a.h", "#include <iostream>"),
        ("core/a.h", '#include "redistribute/policy.h"'),
        ("redistribute/a.cpp", '#include "fpm_bridge/client/zebra_client.h"'),
        ("redistribute/a.cpp", "#include <boost/asio.hpp>"),
        ("redistribute/a.cpp", "#include <chrono>"),
        ("container_watcher/docker/a.h", '#include "redistribute/redistributor.h"'),
        ("container_watcher/docker/a.h", '#include "daemon/app.h"'),
        ("container_watcher/firewall/a.cpp", "#include <fstream>"),
        ("container_watcher/firewall/a.cpp", '#include "container_watcher/netlink/host_state.h"'),
        ("container_watcher/firewall/a.cpp", f'#include "{GENERATION}"'),
        ("container_watcher/firewall/nft.cpp", '#include "container_watcher/netlink/host_state.h"'),
        ("container_watcher/firewall/rules_reader.cpp", "#include <nftables/libnftables.h>"),
        ("container_watcher/attach/a.cpp", "#include <nftables/libnftables.h>"),
        ("container_watcher/attach/a.cpp", "#include <netlink/netlink.h>"),
        ("container_watcher/attach/a.cpp", "#include <linux/rtnetlink.h>"),
        ("container_watcher/attach/a.cpp", "const int fd = socket(AF_NETLINK, SOCK_RAW, 0);"),
        ("daemon/a.cpp", "#include <linux/netlink.h>"),
        ("container_watcher/netlink/a.cpp", '#include "container_watcher/attach/driver.h"'),
        ("container_watcher/attach/bridge/a.cpp", '#include "container_watcher/netlink/executor.h"'),
        ("container_watcher/attach/bridge/a.cpp", '#include "container_watcher/docker/docker_client.h"'),
        ("container_watcher/attach/bridge/a.cpp", "#include <fstream>"),
        ("container_watcher/attach/macvlan/a.cpp", '#include "container_watcher/attach/bridge/bridge_driver.h"'),
        ("container_watcher/attach/new/a.cpp", '#include "container_watcher/attach/host_agent.h"'),
        ("fpm_bridge/wire/a.cpp", '#include "fpm_bridge/client/zebra_client.h"'),
        ("fpm_bridge/client/a.cpp", '#include "container_watcher/runtime.h"'),
        ("daemon/config/a.cpp", '#include "daemon/app.h"'),
        ("daemon/config/a.cpp", '#include "container_watcher/attach/host_agent.h"'),
        ("daemon/a.cpp", '#include "fpm_bridge/wire/codec.h"'),
        ("fpm_bridge/zebra/a.c", '#include "core/ip.h"'),
        ("fpm_bridge/bgpd/a.c", '#include "core/ip.h"'),
        ("fpm_bridge/module/a.c", '#include "zebra/rib.h"'),
        ("fpm_bridge/zebra/table.c", '#include "zebra/rib.h"'),
        ("fpm_bridge/zebra/state.c", '#include "object.h"'),
        ("fpm_bridge/zebra/state.h", "#include <zebra.h>"),
        ("core/a.h", '#include "ip.h"'),
    ]
    good = [
        ("core/a.cpp", '#include "core/ip.h"'),
        ("redistribute/a.cpp", '#include "core/ip.h"\n#include <map>'),
        ("container_watcher/firewall/a.cpp", '#include "container_watcher/attach/network_site.h"'),
        ("container_watcher/firewall/rules_reader.cpp", f'#include "{GENERATION}"'),
        ("container_watcher/firewall/nft.cpp", "#include <nftables/libnftables.h>"),
        ("container_watcher/netlink/a.cpp", "#include <netlink/netlink.h>\nint fd = socket(AF_NETLINK, SOCK_RAW, 0);"),
        ("container_watcher/attach/bridge/a.cpp", '#include "container_watcher/attach/driver.h"'),
        ("container_watcher/attach/new/a.cpp", '#include "container_watcher/attach/new/driver_of_it.h"'),
        ("fpm_bridge/wire/a.cpp", '#include "berth.pb.h"'),
        ("fpm_bridge/zebra/rib.c", '#include "zebra/rib.h"'),
        ("fpm_bridge/zebra/state.c", '#include "state.h"\n#include <stddef.h>'),
        ("daemon/a.cpp", '#include "redistribute/redistributor.h"\n#include <chrono>'),
        ("tests/unit/a.cpp", '#include "daemon/app.h"'),
    ]
    for cases, expected in ((bad, 1), (good, 0)):
        for path, text in cases:
            with tempfile.TemporaryDirectory() as top:
                os.makedirs(os.path.join(top, os.path.dirname(path)))
                with open(os.path.join(top, path), "w", encoding="utf-8") as out:
                    out.write(text + "\n")
                found = check(top)
                if len(found) != expected:
                    sys.exit(f"the layering check is broken: {path}: {text!r} gives {found}")
    print(f"the layering check catches all {len(bad)} wrong includes and none of {len(good)} right ones")


def main():
    if sys.argv[1:] == ["--self"]:
        return self_test()
    found = check(sys.argv[1])
    print("\n".join(found) if found else "the layering holds")
    return sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
