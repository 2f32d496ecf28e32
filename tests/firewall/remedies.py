#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The remedies that berth prints, typed as they stand.

remedies.py VERDICT_OF FOLDER   loads each ruleset of the corpus that nft takes into a network namespace, types the remedies of what
holds a network back, as long as they are for nft, and asks again: then nothing may hold it back. What other programs' remedies do
(ufw, firewalld) is in the corpus itself, as these programs left it.
"""
import ctypes
import glob
import json
import os
import subprocess
import sys


def shell(command, text=None):
    return subprocess.run(["bash", "-c", command], input=text, text=True, capture_output=True)


class Verdicts:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def blocking(self, listing):
        self.process.stdin.write(listing + "\n#end\n")
        self.process.stdin.flush()
        return [each for each in json.loads(self.process.stdout.readline())["problems"] if each["blocks"]]


def main():
    verdicts, folder = Verdicts(sys.argv[1]), sys.argv[2]
    if ctypes.CDLL(None, use_errno=True).unshare(0x40000000) != 0:
        sys.exit("a network namespace is needed: run as root")
    tried, failed = 0, []
    for path in sorted(glob.glob(os.path.join(folder, "*.nft"))):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        around = "".join(line + "\n" for line in text.splitlines() if line.startswith("#:"))
        shell("nft flush ruleset")
        if shell("nft -f -", text).returncode != 0:
            continue  # what nft prints of iptables' matches it does not read
        typed = []
        for _ in range(4):
            found = verdicts.blocking(around + shell("nft -a -s list ruleset").stdout)
            if not found or not all(each["remedy"].startswith("nft ") for each in found):
                break
            for each in found:
                done = shell(each["remedy"])
                typed.append(each["remedy"])
                if done.returncode != 0:
                    failed.append(f"{path}: {each['remedy']}: {done.stderr}")
        if not typed:
            continue
        tried += 1
        for each in verdicts.blocking(around + shell("nft -a -s list ruleset").stdout):
            if each["remedy"].startswith("nft "):
                failed.append(f"{path}: still {each['text']}, after {typed}")
    print("\n".join(failed))
    print(f"the remedies of {tried} rulesets were typed, {len(failed)} failed")
    return 1 if failed or tried < 5 else 0


if __name__ == "__main__":
    sys.exit(main())
