#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a look at the rules costs: rulesets of 10, 1,000 and 50,000 rules and elements, and kube-proxy's of up to 5,000 services.

firewall.py BENCH_FIREWALL   run as root: each ruleset is loaded into a network namespace of its own, listed there by libnftables
as berthd does it, and read and judged by the tool. All times are CPU time.
"""
import ctypes
import os
import random
import subprocess
import sys
import tempfile
import time

NETWORKS = "#: network blue br-blue 10.10.1.0/24\n#: network red br-red 10.10.2.0/24\n"


def address(pick):
    return f"{pick.randrange(1, 224)}.{pick.randrange(256)}.{pick.randrange(256)}.{pick.randrange(256)}"


def elements(count):
    pick = random.Random(1)
    found = sorted({address(pick) for _ in range(count)})
    return ("table inet guard {\n\tset blocklist {\n\t\ttype ipv4_addr\n\t\telements = { " + ", ".join(found) + " }\n\t}\n"
            "\tchain forward {\n\t\ttype filter hook forward priority 0; policy accept;\n\t\tip saddr @blocklist drop\n"
            "\t\tip daddr @blocklist drop\n\t}\n}\n")


def rules(count):
    pick = random.Random(1)
    lines = "\n".join(f"\t\tip saddr {address(pick)} counter drop" for _ in range(count))
    return ("table ip guard {\n\tchain forward {\n\t\ttype filter hook forward priority 0; policy accept;\n" + lines + "\n\t}\n}\n")


def services(count):
    """kube-proxy in its iptables mode, two endpoints each."""
    chains, calls = [], []
    for i in range(count):
        low = f"{i // 256 % 256}.{i % 256}"
        calls.append(f"\t\tip daddr 10.96.{low} tcp dport {80 + i % 3} counter jump KUBE-SVC-{i}")
        for end in "ab":
            chains.append(f"\tchain KUBE-SEP-{i}{end} {{\n\t\tip saddr 10.244.{low} counter jump KUBE-MARK-MASQ\n"
                          f"\t\tmeta l4proto tcp counter dnat to 10.244.{low}:8080\n\t}}")
        chains.append(f"\tchain KUBE-SVC-{i} {{\n\t\tip saddr != 10.244.0.0/16 ip daddr 10.96.{low} tcp dport {80 + i % 3} counter jump "
                      f"KUBE-MARK-MASQ\n\t\tmeta random & 2147483647 < 1073741824 counter jump KUBE-SEP-{i}a\n"
                      f"\t\tcounter jump KUBE-SEP-{i}b\n\t}}")
    return ("table ip nat {\n\tchain KUBE-MARK-MASQ {\n\t\tmeta mark set meta mark | 0x4000\n\t}\n" + "\n".join(chains) +
            "\n\tchain KUBE-SERVICES {\n" + "\n".join(calls) + "\n\t}\n\tchain PREROUTING {\n"
            "\t\ttype nat hook prerouting priority -100; policy accept;\n\t\tjump KUBE-SERVICES\n\t}\n\tchain POSTROUTING {\n"
            "\t\ttype nat hook postrouting priority 100; policy accept;\n\t\tmeta mark & 0x00004000 != 0x00004000 counter return\n"
            "\t\tmeta mark set meta mark ^ 0x4000\n\t\tmasquerade\n\t}\n}\n")


class Nft:
    def __init__(self):
        self.lib = ctypes.CDLL("libnftables.so.1")
        self.lib.nft_ctx_new.restype = ctypes.c_void_p
        for name in ("nft_ctx_get_output_buffer", "nft_ctx_get_error_buffer"):
            getattr(self.lib, name).restype = ctypes.c_char_p
        self.context = ctypes.c_void_p(self.lib.nft_ctx_new(0))
        self.lib.nft_ctx_buffer_output(self.context)
        self.lib.nft_ctx_buffer_error(self.context)
        self.lib.nft_ctx_output_set_flags(self.context, (1 << 3) | (1 << 2) | (1 << 8))

    def run(self, commands):
        if self.lib.nft_run_cmd_from_buffer(self.context, commands.encode()) != 0:
            raise RuntimeError(self.lib.nft_ctx_get_error_buffer(self.context)[:500])
        return self.lib.nft_ctx_get_output_buffer(self.context).decode()


def main():
    tool = os.path.abspath(sys.argv[1])
    if ctypes.CDLL(None, use_errno=True).unshare(0x40000000) != 0:
        sys.exit("a network namespace is needed: run as root")
    nft = Nft()
    cases = [(f"{name} {count}", make(count)) for name, make, counts in
             (("elements", elements, (10, 1000, 50000)), ("rules", rules, (10, 1000, 50000)), ("services", services, (10, 1000, 5000)))
             for count in counts]
    for name, text in cases:
        nft.run("flush ruleset\n")
        nft.run(text)
        begin = time.process_time()
        listing = nft.run("list ruleset")
        listed = 1000 * (time.process_time() - begin)
        with tempfile.NamedTemporaryFile("w", suffix=".nft") as out:
            out.write(NETWORKS + listing)
            out.flush()
            done = subprocess.run([tool, out.name], check=True, capture_output=True, text=True).stdout
        print(f"{name}: list {listed:.0f} ms;" + done.split(":", 1)[1].rstrip(), flush=True)


if __name__ == "__main__":
    main()
