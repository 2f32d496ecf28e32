#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The verdict on rulesets, judged by the kernel.

Generated rulesets (grammar.py) are loaded into a network namespace, packets of each class are sent through it (hosts.py), and
what became of them is compared with what berth says (verdict_of): what it says of all of a class must be so of each packet.

differential.py VERDICT_OF [--count N] [--seed N] [--first N] [--keep FILE] [--verbose]
"""
import argparse
import json
import os
import random
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import grammar  # noqa: E402
import hosts as lab  # noqa: E402


class Verdicts:
    def __init__(self, program):
        self.header = lab.header() if os.path.exists(lab.BRIDGE_CALLS.format("")) else lab.HEADER
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, listing):
        self.process.stdin.write(self.header + listing + "\n#end\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        del answer["problems"]
        return answer


class Refused(Exception):
    pass


class Test:
    def __init__(self, options):
        self.options = options
        self.hosts = lab.Hosts(options.seed % 2 == 1)
        self.verdicts = Verdicts(options.verdict_of)
        self.unknown = self.judged = self.refused = 0
        self.shares = {}

    def load(self, ruleset):
        ok, _ = self.hosts.nft.run("flush ruleset\n")
        native = "".join(each.text() for each in ruleset if isinstance(each, grammar.Table))
        if native:
            ok, output = self.hosts.nft.run(native)
            if not ok:
                raise Refused(output)
        for each in ruleset:
            if isinstance(each, grammar.Iptables):
                command = "iptables-nft-restore" if each.family == "ip" else "ip6tables-nft-restore"
                done = subprocess.run([command, "--noflush"], input=each.text(), text=True, capture_output=True)
                if done.returncode != 0:
                    raise Refused(done.stderr + each.text())
        ok, listing = self.hosts.nft.run("list ruleset")
        if not ok:
            raise Refused(listing)
        return listing

    def probe(self, quiet):
        self.hosts.flush_connections()
        probes = lab.all_probes(self.hosts)
        lab.Round(self.hosts, probes, quiet).run()
        return probes

    def compare(self, verdicts, probes):
        """What the kernel contradicts."""
        out = []
        by = {}
        for each in probes:
            by.setdefault((f"{each.name} {'ip' if each.family == 4 else 'ip6'}", each.way), []).append(each)
        for (key, way), all_of in by.items():
            verdict = verdicts[key][way]
            passed = [each for each in all_of if each.passed()]
            lost = [each for each in all_of if not each.passed()]
            target = lab.CONTAINERS[all_of[0].name][all_of[0].family]
            say = lambda what, each: out.append(f"{key} {way}: berth says {what}, and {each.text()} "
                                                f"{'passes, seen from ' + str(each.seen) if each.passed() else 'is lost'}: {verdict}")
            straight = verdict["destination"] == "all"
            if verdict["passed"] == "all" and straight and lost:
                say("all pass", lost[0])
            if verdict["passed"] == "none" and passed:
                say("none passes", passed[0])
            through = [each for each in passed if each.protocol != "icmp"]
            if any(each.split("/")[0] == target for each in verdict["closed"]) and through:
                say("the address is closed", through[0])
            changed = [each for each in passed if each.seen != each.source]
            kept = [each for each in passed if each.seen == each.source]
            if verdict["source"] == "all" and changed:
                say("the source is kept", changed[0])
            if verdict["source"] == "none" and kept:
                say("NAT is on", kept[0])
            if any(each.split("/")[0] == target for each in verdict["natted"]) and kept:
                say("NAT is on for the address", kept[0])
        return out

    def count(self, number, verdicts):
        for each in verdicts.values():
            for way in each.values():
                for what in ("passed", "source"):
                    self.judged += 1
                    self.unknown += way[what] == "unknown"
                    if way[what] == "unknown" and self.options.verbose:
                        print(f"{number}: {what} is unknown: {way['drop']} | {way['nat']}")
                    self.shares[what, way[what]] = self.shares.get((what, way[what]), 0) + 1

    def once(self, ruleset, counted=None):
        listing = self.load(ruleset)
        verdicts = self.verdicts.ask(listing)
        if counted is not None:
            self.count(counted, verdicts)
        wrong = self.compare(verdicts, self.probe(0.012))
        # A machine that is busy is slow to deliver: what was lost is sent again, with patience.
        for patience in (0.1, 0.4):
            if wrong:
                wrong = self.compare(verdicts, self.probe(patience))
        return wrong, listing

    def shrunk(self, ruleset):
        again = True
        while again:
            again = False
            for less in grammar.smaller(ruleset):
                try:
                    if self.once(less)[0]:
                        ruleset, again = less, True
                        break
                except Refused:
                    continue
        return ruleset

    def run(self):
        begin = time.monotonic()
        failed = 0
        for number in range(self.options.first, self.options.first + self.options.count):
            ruleset = grammar.Grammar(f"{self.options.seed}/{number}").ruleset()
            try:
                wrong, _ = self.once(ruleset, counted=number)
            except Refused as refused:
                self.refused += 1
                if self.options.verbose:
                    print(f"{number} is refused: {refused}")
                continue
            if not wrong:
                continue
            failed += 1
            print("\n".join(wrong) + "\nmade smaller:", flush=True)
            ruleset = self.shrunk(ruleset)
            wrong, listing = self.once(ruleset)
            print(f"--- ruleset {number} of seed {self.options.seed}:\n" + "\n".join(wrong) + "\n" + listing, flush=True)
            if failed == self.options.most:
                break
        took = time.monotonic() - begin
        share = 100 * self.unknown / max(1, self.judged)
        print(f"{self.options.count} rulesets of seed {self.options.seed} from {self.options.first} on, {self.refused} refused by nft, "
              f"{took:.0f} s: {failed} contradicted by the kernel, {share:.2f} % of {self.judged} verdicts unknown")
        print(", ".join(f"{what} {share}: {n}" for (what, share), n in sorted(self.shares.items())))
        return 1 if failed or share > 1 or self.refused > self.options.count // 5 else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("verdict_of")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--most", type=int, default=3, help="contradictions after which it gives up")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    return Test(options).run()


if __name__ == "__main__":
    sys.exit(main())
