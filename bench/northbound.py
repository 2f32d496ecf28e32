# SPDX-License-Identifier: GPL-2.0-or-later
"""What a change costs through FRR's northbound, by how many routes are there already. Run by scripts/bench.

From put() of the daemon's client until zebra says that the kernel has the route, without the commit delay (50 ms), which berthd adds."""
import argparse, json, os, pathlib, subprocess

import report

parser = argparse.ArgumentParser()
parser.add_argument("--sizes", default="0,1,100,1000,2000")
parser.add_argument("--runs", type=int, default=5)
parser.add_argument("--json")
options = parser.parse_args()

tool = pathlib.Path(os.environ["BERTH_TOOL"]).with_name("berth_bench_northbound")
out = subprocess.run([tool, options.sizes, str(options.runs)], check=True, stdout=subprocess.PIPE, text=True).stdout
rows = [{"op": op, "n": each["present"], "ms": each[op], "runs": options.runs}
        for each in json.loads(out) for op in ("bulk", "bulkGone", "oneMore", "oneLess") if each["present"] or op.startswith("one")]
report.write("northbound", rows, options.json)
