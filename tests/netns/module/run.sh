#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The modules in the installed zebra and bgpd, in network namespaces of their own:
# run.sh MODULE.so FOREIGN.so FOREIGN_ABI.so [GARBAGE_SECONDS [TEST…]], where FOREIGN was built for a version of FRR that is not
# this one, and FOREIGN_ABI for one with a function that this one has not. bgpd's module is beside each, in bgpd/. BERTH_LANES says
# how many tests run at a time.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
lanes=${BERTH_LANES:-3}
tests=("${@:5}")
[ ${#tests[@]} = 0 ] || lanes=1
work=$(mktemp -d /tmp/berth-module.XXXXXX)
cleanup() {
  local lane
  for ((lane = 0; lane < lanes; lane++)); do
    ip netns pids "berth-module-$$-$lane" 2>/dev/null | xargs -r kill -9 2>/dev/null || true
    ip netns del "berth-module-$$-$lane" 2>/dev/null || true
  done
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
export BERTH_MODULE BERTH_FOREIGN BERTH_FOREIGN_ABI BERTH_GARBAGE_SECONDS=${4:-10}
BERTH_MODULE=$(realpath "$1") BERTH_FOREIGN=$(realpath "$2") BERTH_FOREIGN_ABI=$(realpath "$3")
protoc --python_out="$work" --proto_path="$here/../../../fpm_bridge/proto" berth.proto
chmod 755 "$work"

# lane NUMBER COMMAND…: in a namespace and a folder of that lane's own.
lane() {
  local ns=berth-module-$$-$1 folder=$work/$1
  shift
  mkdir "$folder"
  chown frr:frr "$folder"
  ip netns add "$ns"
  ip -n "$ns" link set lo up
  PYTHONPATH=$work:$here BERTH_NS=$ns BERTH_WORK=$folder PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION=python \
    exec ip netns exec "$ns" /usr/bin/python3 -B -W ignore::ResourceWarning "$@"
}

pids=()
for ((n = 0; n < lanes; n++)); do
  if [ ${#tests[@]} -gt 0 ]; then share=(-m unittest -v "${tests[@]}"); else share=("$here/lane.py" "$n" "$lanes"); fi
  (lane "$n" "${share[@]}" >"$work/log-$n" 2>&1) &
  pids+=($!)
done
rc=0
for ((n = 0; n < lanes; n++)); do
  wait "${pids[n]}" || rc=1
  cat "$work/log-$n"
done
exit "$rc"
