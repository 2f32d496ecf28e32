# SPDX-License-Identifier: GPL-2.0-or-later
# Building berth on this machine, outside of the checkout. Source after common.sh.

build_packages() {
  local boost=libboost-dev json=libboost-json-dev
  if [ "$(host_release)" = 12 ]; then boost=libboost1.81-dev json=libboost-json1.81-dev; fi
  echo g++ clang cmake ninja-build ccache pkg-config clang-format clang-tidy libclang-rt-14-dev \
    "$boost" "$json" libnl-3-dev libnl-route-3-dev libprotobuf-dev protobuf-compiler libspdlog-dev libnftables-dev \
    libreadline-dev libgtest-dev libgmock-dev |
    if [ "$(host_release)" = 12 ]; then cat; else sed 's/libclang-rt-14-dev/libclang-rt-dev/'; fi
}

# configure_and_build NAME TARGET [cmake options…]: builds into the cache and prints the folder.
configure_and_build() {
  local name=$1 target=$2 dir=$BERTH_CACHE/build/$1
  shift 2
  # Another checkout's build can't be gone on with; ccache still knows the objects.
  if [ -e "$dir/CMakeCache.txt" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$BERTH_TOP" "$dir/CMakeCache.txt"; then
    rm -rf "$dir"
  fi
  mkdir -p "$dir"
  export CCACHE_DIR=$BERTH_CACHE/ccache CCACHE_BASEDIR=$BERTH_TOP CCACHE_NOHASHDIR=1
  cmake -S "$BERTH_TOP" -B "$dir" -G Ninja \
    -DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_C_COMPILER_LAUNCHER=ccache "$@" >"$dir/configure.log" 2>&1 ||
    { tail -30 "$dir/configure.log" >&2; die "cmake failed for '$name'"; }
  ninja -C "$dir" "$target" >"$dir/build.log" 2>&1 ||
    { grep -E 'error|FAILED' -A5 "$dir/build.log" | head -60 >&2; die "the build '$name' failed; log: $dir/build.log"; }
  echo "$dir"
}
