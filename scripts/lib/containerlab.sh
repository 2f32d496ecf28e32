# SPDX-License-Identifier: GPL-2.0-or-later
# containerlab: the machine's own where it is on PATH, else built once from its Go module. After engine.sh and images.sh.

containerlab_path() {
  command -v containerlab && return
  local dir=$BERTH_CACHE/releases/tools
  if [ ! -x "$dir/containerlab" ]; then
    base_image 13 >&2
    say "building containerlab (two minutes, once)"
    mkdir -p "$dir/context"
    stage_context "$dir/context" >&2
    build_image tools tools "$dir/context"
    run_in tools berth/tools:tools "" /src/scripts/lib/build-containerlab /var/cache/berth/containerlab >"$dir/log" 2>&1 ||
      { tail -20 "$dir/log" >&2; die "containerlab could not be built; the whole log: $dir/log"; }
  fi
  echo "$dir/containerlab"
}
