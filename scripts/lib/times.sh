# SPDX-License-Identifier: GPL-2.0-or-later
# What took how long. A run says where a step begins; the step before ends there. Source after common.sh.

step_names=() step_begins=()

# suite NAME, step NAME…: begins one. A step belongs to the suite before it; `step -` ends one and begins none.
suite() { step_names+=("$1") step_begins+=("$SECONDS"); }
step() { step_names+=("  $*") step_begins+=("$SECONDS"); }

# Also where the run has failed: then the last step is the one that did. Steps of less than a second are left out.
print_times() {
  local i j end rc=$1 name count=${#step_names[@]} mark
  [ "$count" -gt 0 ] || return 0
  say "what took how long, in seconds"
  for ((i = 0; i < count; i++)); do
    name=${step_names[i]} end=$SECONDS mark=
    for ((j = i + 1; j < count; j++)); do # a suite ends where the next suite begins, a step where anything begins
      if [[ $name == ' '* || ${step_names[j]} != ' '* ]]; then
        end=${step_begins[j]}
        break
      fi
    done
    if [ "$rc" != 0 ] && [ "$end" = "$SECONDS" ] && [ "$j" = "$count" ]; then mark='   did not pass'; fi
    if [ "$name" = '  -' ] || [[ $name == ' '* && -z $mark && $end = "${step_begins[i]}" ]]; then continue; fi
    printf '%-64s %6d%s\n' "$name" $((end - step_begins[i])) "$mark" >&2
  done
  printf '%-64s %6d\n' "all" $((SECONDS - step_begins[0])) >&2
}
