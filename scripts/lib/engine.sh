# SPDX-License-Identifier: GPL-2.0-or-later
# The Docker engine that the lab's nodes run in: the machine's own where one answers, else one of ours with a folder and a
# socket of its own, without a bridge and without a firewall rule. Source after common.sh.

BERTH_RUN=${BERTH_RUN:-/run/berth-lab}

# The capabilities that this machine's bounding set lacks make --privileged fail; then, and only then, a wrapper around
# runc takes them out of what a container asks for.
needs_caps_wrapper() {
  local bounding
  bounding=$(sed -n 's/^CapBnd:[[:space:]]*//p' /proc/self/status)
  [ $((0x$bounding & 1 << 24)) = 0 ]
}

docker_client_packages() { [ "$(host_release)" = 12 ] || echo docker-cli; }

# engine_attach: true when an engine answers; our own where it runs, else the machine's.
engine_attach() {
  command -v docker >/dev/null || return 1
  if [ -S "$BERTH_RUN/docker.sock" ]; then export DOCKER_HOST=unix://$BERTH_RUN/docker.sock; fi
  docker version >/dev/null 2>&1
}

engine_start() {
  engine_attach && return
  install_packages docker.io $(docker_client_packages) iproute2 jq
  export DOCKER_HOST=unix://$BERTH_RUN/docker.sock
  say "starting a Docker engine of our own"
  mkdir -p "$BERTH_RUN" "$BERTH_CACHE/docker"
  local options=()
  if needs_caps_wrapper; then
    options=(--add-runtime "berth-caps=$BERTH_TOP/containers/node/runc-caps" --default-runtime berth-caps)
  fi
  setsid dockerd --host "$DOCKER_HOST" --data-root "$BERTH_CACHE/docker" --exec-root "$BERTH_RUN/exec" \
    --pidfile "$BERTH_RUN/docker.pid" --bridge none --iptables=false --ip6tables=false "${options[@]}" \
    >"$BERTH_RUN/dockerd.log" 2>&1 </dev/null &
  echo $! >"$BERTH_RUN/engine.pid"
  local end=$((SECONDS + 60))
  until docker version >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || { tail -20 "$BERTH_RUN/dockerd.log" >&2; die "dockerd did not start; its log: $BERTH_RUN/dockerd.log"; }
    sleep 0.2
  done
}

# Stops our own engine, also one that is still starting; the machine's is left alone. Images stay in the cache.
engine_stop() {
  local pid
  pid=$(cat "$BERTH_RUN/engine.pid" 2>/dev/null) || return 0
  kill "$pid" 2>/dev/null || true
  timeout 30 tail --pid="$pid" -f /dev/null || kill -9 "$pid" 2>/dev/null || true
  grep -o " $BERTH_CACHE/docker/[^ ]*\| $BERTH_RUN/[^ ]*" /proc/mounts | sort -ru | xargs -r -n1 umount -l 2>/dev/null || true
  rm -rf "$BERTH_RUN"
  unset DOCKER_HOST
}
