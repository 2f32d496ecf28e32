# SPDX-License-Identifier: GPL-2.0-or-later
# Building berth on this machine, outside of the checkout. Source after common.sh.

# What berthd and berthctl are compiled with.
build_packages() {
  local boost=libboost-dev json=libboost-json-dev
  if [ "$(host_release)" = 12 ]; then boost=libboost1.81-dev json=libboost-json1.81-dev; fi
  echo g++ cmake ninja-build ccache pkg-config "$boost" "$json" libnl-3-dev libnl-route-3-dev libprotobuf-dev \
    protobuf-compiler libgrpc++-dev protobuf-compiler-grpc libspdlog-dev libnftables-dev libreadline-dev
}

# What the tests and the checks need beside them.
check_packages() {
  local runtime=libclang-rt-dev
  if [ "$(host_release)" = 12 ]; then runtime=libclang-rt-14-dev; fi
  echo clang "$runtime" libgtest-dev libgmock-dev containerd runc busybox-static
}

# What FRR's tree and the module need. libyang's headers were renamed between the releases.
module_packages() {
  local libyang=libyang-dev
  if [ "$(host_release)" = 12 ]; then libyang=libyang2-dev; fi
  echo autoconf automake libtool bison flex make gcc pkg-config dpkg-dev "$libyang" libjson-c-dev libelf-dev \
    libcap-dev libreadline-dev libcrypt-dev python3-dev protobuf-c-compiler libprotobuf-c-dev texinfo
}

# What the module's tests need beside FRR.
module_test_packages() { echo iproute2 protobuf-compiler python3-protobuf; }

# configure_and_build NAME TARGET [cmake options…]: builds into the cache and prints the folder. Each library is compiled as one
# source, which takes half of the time, unless an option says -DCMAKE_UNITY_BUILD=OFF. The checkout has the same name in each build,
# source/ in its folder: so ccache knows what was compiled from another checkout.
configure_and_build() {
  local name=$1 target=$2 dir=$BERTH_CACHE/build/$1
  shift 2
  of_this_checkout "$dir"
  ln -sfn "$BERTH_TOP" "$dir/source"
  export CCACHE_DIR=$BERTH_CACHE/ccache CCACHE_NOHASHDIR=1
  cmake -S "$dir/source" -B "$dir" -G Ninja \
    -DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_C_COMPILER_LAUNCHER=ccache \
    -DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=0 "$@" >"$dir/configure.log" 2>&1 ||
    { tail -30 "$dir/configure.log" >&2; die "cmake failed for '$name'"; }
  ninja -C "$dir" "$target" >"$dir/build.log" 2>&1 ||
    { grep -E 'error|FAILED' -A5 "$dir/build.log" | head -60 >&2; die "the build '$name' failed; log: $dir/build.log"; }
  echo "$dir"
}

# build_modules TREE OUT [EXTRA_CFLAGS]: zebra's into OUT, bgpd's into OUT/bgpd.
build_modules() {
  of_this_checkout "$2"
  make -s -j "$(nproc)" -C "$BERTH_TOP/fpm_bridge/zebra" FRR_TREE="$1" OUT="$2" EXTRA_CFLAGS="${3:-}" &&
    make -s -j "$(nproc)" -C "$BERTH_TOP/fpm_bridge/bgpd" FRR_TREE="$1" OUT="$2/bgpd" EXTRA_CFLAGS="${3:-}"
}
