# SPDX-License-Identifier: GPL-2.0-or-later
# The Docker engine that the lab's nodes run in: the machine's own where one answers, else one of ours with a folder and a
# socket of its own, without a bridge and without a firewall rule. Source after common.sh.

BERTH_RUN=$(realpath -m "${BERTH_RUN:-/run/berth-lab}")
LAB_DIR=${LAB_DIR:-/var/lib/berth-lab}

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
  local socket pid
  for pid in $(engine_pids dockerd); do
    ! socket=$(engine_elsewhere "$pid") ||
      die "a fabric that is up uses $BERTH_CACHE/docker: sudo BERTH_RUN=${socket%/*} $BERTH_TOP/scripts/lab down, or another BERTH_CACHE"
  done
  export DOCKER_HOST=unix://$BERTH_RUN/docker.sock
  say "starting a Docker engine of our own"
  mkdir -p "$BERTH_RUN" "$BERTH_CACHE/docker"
  local options=()
  if needs_caps_wrapper; then
    options=(--add-runtime "berth-caps=$BERTH_TOP/containers/node/runc-caps" --default-runtime berth-caps)
  fi
  # 8 and 9 are the run's locks (turn.sh): the engine may outlive it.
  setsid dockerd --host "$DOCKER_HOST" --data-root "$BERTH_CACHE/docker" --exec-root "$BERTH_RUN/exec" \
    --pidfile "$BERTH_RUN/docker.pid" --bridge none --iptables=false --ip6tables=false "${options[@]}" \
    >"$BERTH_RUN/dockerd.log" 2>&1 </dev/null 8>&- 9>&- &
  local end=$((SECONDS + 60))
  until docker version >/dev/null 2>&1; do
    if [ $SECONDS -ge $end ] || ! kill -0 $! 2>/dev/null; then
      tail -20 "$BERTH_RUN/dockerd.log" >&2
      die "dockerd did not start; its log: $BERTH_RUN/dockerd.log"
    fi
    sleep 0.2
  done
}

# engine_pids NAME…: the processes of these names (patterns) that are our engine's: an argument of theirs is our data folder,
# or a file in our run folder. A pid file says less: its folder may be gone while the process is there, or the reverse.
engine_pids() {
  local folder words word name
  for folder in /proc/[0-9]*; do
    words=()
    { mapfile -d '' -t words <"$folder/cmdline"; } 2>/dev/null || continue
    for name in "$@"; do
      # shellcheck disable=SC2053 # a pattern
      [[ "${words[0]:-}" == $name || "${words[0]:-}" == */$name ]] || continue
      for word in "${words[@]:1}"; do
        case $word in "$BERTH_CACHE/docker" | "$BERTH_RUN/exec" | "$BERTH_RUN/exec/"*) echo "${folder#/proc/}" && break 2 ;; esac
      done
    done
  done
}

# The socket of a dockerd that has our data folder and serves another run folder: that of a fabric which is up there.
engine_elsewhere() { # PID
  local socket
  socket=$(tr '\0' '\n' <"/proc/$1/cmdline" 2>/dev/null | sed -n 's/^unix:\/\///p')
  [ "$socket" != "$BERTH_RUN/docker.sock" ] && [ -S "$socket" ] && echo "$socket"
}

# end_processes SIGNAL SECONDS PID…: true when all have ended within the time.
end_processes() {
  local signal=$1 end=$((SECONDS + $2)) pid
  shift 2
  kill "-$signal" "$@" 2>/dev/null || true
  for pid; do
    while kill -0 "$pid" 2>/dev/null && [ "$(cut -d' ' -f3 "/proc/$pid/stat" 2>/dev/null)" != Z ]; do
      [ $SECONDS -lt $end ] || return 1
      sleep 0.1
    done
  done
}

# Stops our own engine, also one that is still starting or stopping already, and what is left of one; the machine's is left
# alone. Images stay in the cache.
engine_stop() {
  local pids pid shim
  pids=$(for pid in $(engine_pids dockerd); do engine_elsewhere "$pid" >/dev/null || echo "$pid"; done)
  [ -n "$pids" ] || [ -e "$BERTH_RUN" ] || return 0
  # shellcheck disable=SC2086 # words
  end_processes TERM 30 $pids || end_processes KILL 10 $pids || warn "dockerd does not end: $pids"
  # Of an engine that was killed: containers live on under their shims, which would keep them.
  for shim in $(engine_pids 'containerd-shim*'); do
    pids=$(pgrep -P "$shim" | tr '\n' ' ' || true)
    # shellcheck disable=SC2086
    end_processes KILL 10 "$shim" $pids || true
  done
  # shellcheck disable=SC2046
  end_processes KILL 10 $(engine_pids containerd) || true
  cut -d' ' -f2 /proc/mounts | grep -E "^($BERTH_CACHE/docker|$BERTH_RUN)(/|\$)" | sort -ru | xargs -r -n1 umount -l 2>/dev/null || true
  rm -rf "$BERTH_RUN"
  unset DOCKER_HOST
}
