#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The module in the installed zebra, in a network namespace of its own: 
# run.sh MODULE.so FOREIGN.so FOREIGN_ABI.so [GARBAGE_SECONDS], where FOREIGN was built for a version of FRR that is not
# this one, and FOREIGN_ABI for one with a function that this one has not.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
module=$(realpath "$1")
work=$(mktemp -d /tmp/berth-module.XXXXXX)
ns=berth-module-$$
cleanup() {
  ip netns pids "$ns" 2>/dev/null | xargs -r kill -9 2>/dev/null || true
  ip netns del "$ns" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
protoc --python_out="$work" --proto_path="$here/../../../fpm_bridge/proto" berth.proto
ip netns add "$ns"
ip -n "$ns" link set lo up
chown frr:frr "$work"
chmod 755 "$work"
PYTHONPATH=$work:$here BERTH_NS=$ns BERTH_WORK=$work BERTH_MODULE=$module BERTH_FOREIGN=$(realpath "$2") \
  BERTH_FOREIGN_ABI=$(realpath "$3") BERTH_GARBAGE_SECONDS=${4:-10} \
  PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION=python ip netns exec "$ns" /usr/bin/python3 -B -m unittest -v \
  test_module test_truth test_anything
