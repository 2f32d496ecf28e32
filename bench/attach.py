# SPDX-License-Identifier: GPL-2.0-or-later
"""How long an application runs until its network is there, for each way in which containers hang on it; on a fabric that is up.
Run by scripts/bench.

sent: from the program's first instruction to the first packet that its kernel took; answered: to the first answer of this
host; command: from the line that starts the container to that answer, the runtime's own work included."""
import argparse
import time

import on_lab
import report


def measure(n):
    rows = []
    with on_lab.Lab() as there:
        for kind in on_lab.KINDS:
            taken = {"sent": [], "answered": [], "command": []}
            for i in range(n):
                begin = time.time_ns()
                sent, answered, end = map(int, there.run(kind, f"bench-{i}", f"first {on_lab.HERE} {on_lab.PORT}").split())
                for name, value in (("sent", sent), ("answered", answered), ("command", end - begin)):
                    taken[name].append(value / 1e6)
            for name, values in taken.items():
                row = report.latency_row(kind, "bgp", name, values)
                del row["profile"]
                rows.append(row)
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=30)
    parser.add_argument("--json")
    args = parser.parse_args()
    report.write("attach", measure(args.n), args.json)


if __name__ == "__main__":
    main()
