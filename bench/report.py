# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows of a benchmark: the JSON that the documents name, and a table of the same."""
import argparse
import json
import os
import statistics


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def seconds_row(method, op, n, runs):
    """Of one thing done `len(runs)` times; runs: seconds."""
    median = statistics.median(runs)
    return {"method": method, "op": op, "n": n, "seconds": round(median, 6), "ratePerSecond": round(n / median),
            "runs": len(runs)}


def latency_row(method, profile, op, values):
    """values: milliseconds, one for each container or route."""
    return {"method": method, "profile": profile, "op": op, "n": len(values),
            "p50Ms": round(statistics.median(values), 3), "p99Ms": round(percentile(values, 0.99), 3), "runs": 1}


def medians_row(op, n, runs, digits=1, **more):
    """runs: for each, what was measured by name. A value that some run lacks is left out."""
    names = [name for name in runs[0] if all(run[name] is not None for run in runs)]
    return {"op": op, "n": n, **more,
            **{name: round(statistics.median(run[name] for run in runs), 3 if name == "seconds" else digits) for name in names},
            "runs": len(runs)}


def gathering_parser():
    """Of a bench that runs once on each of several fabrics, and once more for the report of all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", required=True, help="file that gathers the rows of the fabrics")
    parser.add_argument("--report", action="store_true", help="measure nothing, tell what was gathered")
    parser.add_argument("--json")
    return parser


def gathered(args, measure):
    """The rows of the fabrics until now, after those of this one unless only a report was asked for."""
    rows = []
    if os.path.exists(args.rows):
        with open(args.rows) as file:
            rows = json.load(file)
    if not args.report:
        rows += measure()
        with open(args.rows, "w") as file:
            json.dump(rows, file)
    return rows


def write(bench, rows, path):
    if path:
        with open(path, "w") as file:
            json.dump({"bench": bench, "rows": rows}, file, indent=1)
            file.write("\n")
    columns = list(dict.fromkeys(key for row in rows for key in row if key != "runs")) + ["runs"]
    lines = [columns] + [[str(row.get(c, "")) for c in columns] for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    for line in lines:
        print("  ".join(cell.ljust(width) if columns[i] in ("method", "profile", "op") else cell.rjust(width)
                        for i, (cell, width) in enumerate(zip(line, widths))).rstrip())
