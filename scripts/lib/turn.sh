# SPDX-License-Identifier: GPL-2.0-or-later
# One run at a time: the engine, the fabric and the cache have one user. Source after engine.sh.
#
# A run holds a lock on the cache and one on the engine's folder from its beginning until its last process has ended, cleaning
# up included; the next waits. What a run starts is part of it (BERTH_TURN names the run); the engine is not, since a fabric
# may stay up after its run. That one belongs to nobody: exec, status and down find it by its files.

BERTH_LOCKS=/run/berth-lock

# take_turn COMMAND…: waits for the run that is under way, says for which, then ends what an earlier one left behind.
take_turn() {
  mkdir -p "$BERTH_LOCKS"
  # Always in this order. The numbers are fixed so that what outlives a run can close them.
  take_lock 8 "$BERTH_CACHE" "$@"
  take_lock 9 "$BERTH_RUN" "$@"
  [ -z "${turn_begins:-}" ] || end_leftovers
}

# take_lock DESCRIPTOR FOLDER COMMAND…
take_lock() {
  local descriptor=$1 folder=$2 file told='' holder
  file=$BERTH_LOCKS/$(tr / - <<<"${folder#/}")
  shift 2
  [ -z "${BERTH_TURN:-}" ] || [ "$(cut -d' ' -f1 "$file" 2>/dev/null)" != "$BERTH_TURN" ] || return 0
  eval "exec $descriptor>>\"\$file\""
  until flock -n "$descriptor"; do
    holder=$(lock_holder "$file")
    if [ -z "$holder" ]; then
      end_holders "$descriptor" "$file"
      holder="an earlier one's last processes"
    fi
    ! flock -w 1 "$descriptor" || break # not for longer: a signal is heard when it returns
    [ "$holder" = "$told" ] || say "waiting for the run that uses $folder: $holder"
    told=$holder
  done
  export BERTH_TURN=$$
  turn_begins=yes
  echo "$$ $*" >"$file"
}

# The run that holds it; nothing where that was killed.
lock_holder() {
  local pid='' command=''
  read -r pid command <"$1" || true
  if [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; then echo "$command (process $pid)"; fi
}

# end_holders DESCRIPTOR FILE: ends what a killed run has left running: it has the very descriptor that was locked, and that
# run's number in its environment.
end_holders() {
  local folder run pids=()
  read -r run _ <"$2" || return 0
  for folder in /proc/[0-9]*; do
    [ "$folder/fd/$1" -ef "$2" ] || continue
    if grep -qs '^lock:' "$folder/fdinfo/$1" && grep -qsxz "BERTH_TURN=$run" "$folder/environ"; then pids+=("${folder#/proc/}"); fi
  done
  [ ${#pids[@]} -gt 0 ] || return 0
  say "ending what an earlier run left behind: $(ps -o pid=,args= -p "$(IFS=, && echo "${pids[*]}")" | cut -c 1-100 | tr '\n' ';' || true)"
  end_processes TERM 10 "${pids[@]}" || end_processes KILL 10 "${pids[@]}" || true
}

# A fabric that belonged to a run that has ended, and an engine that serves no fabric.
end_leftovers() {
  if [ -e "$LAB_DIR/run" ]; then
    say "taking down the fabric that an earlier run left behind (process $(cat "$LAB_DIR/run"))"
    "$BERTH_TOP/scripts/lab" down
  elif [ -e "$LAB_DIR/lab" ] && engine_attach; then
    return 0
  fi
  engine_stop
}
