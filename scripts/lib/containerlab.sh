# SPDX-License-Identifier: GPL-2.0-or-later
# containerlab: the machine's own where it is on PATH, else built once from its Go module. After engine.sh and images.sh.

containerlab_path() {
  command -v containerlab && return
  local dir=$BERTH_CACHE/releases/tools
  if [ ! -x "$dir/containerlab" ]; then
    say "building containerlab (two minutes, once)"
    in_tools build-containerlab /var/cache/berth/containerlab
  fi
  echo "$dir/containerlab"
}
