# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows of a benchmark: the JSON that the documents name, and a table of the same."""
import json
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


def write(bench, rows, path):
    if path:
        with open(path, "w") as file:
            json.dump({"bench": bench, "rows": rows}, file, indent=1)
            file.write("\n")
    columns = [c for c in ("method", "profile", "op", "n", "seconds", "ratePerSecond", "p50Ms", "p99Ms", "runs")
               if any(c in row for row in rows)]
    lines = [columns] + [[str(row.get(c, "")) for c in columns] for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    for line in lines:
        print("  ".join(cell.rjust(width) if i > 2 else cell.ljust(width)
                        for i, (cell, width) in enumerate(zip(line, widths))).rstrip())
