# SPDX-License-Identifier: GPL-2.0-or-later
# The suites lint and fuzz of scripts/test. Source after common.sh, build.sh and clang.sh.

# Files of ours that git knows and that are there, by pattern; the module keeps to FRR's own style.
own_files() { (cd "$BERTH_TOP" && git ls-files -- "$@" | while read -r file; do [ ! -e "$file" ] || echo "$file"; done); }
cxx_files() { own_files '*.cpp' '*.h' | grep -vE '^fpm_bridge/(zebra|bgpd|module|proto)/'; }
shell_files() { own_files | while read -r file; do ! head -c 64 "$BERTH_TOP/$file" | grep -aqE '^#!.*\b(ba)?sh\b' || echo "$file"; done; }

check_text() {
  local wrong
  wrong=$(cd "$BERTH_TOP" && {
    cxx_files | xargs grep -nP '\t|[ ]+$' | sed 's/$/   <- a tab, or a space at the end of the line/'
    own_files '*.cpp' '*.h' '*.c' '*.py' '*.sh' '*.cmake' '*CMakeLists.txt' 'scripts/*' | grep -v '\.md$' | while read -r file; do
      [ ! -s "$file" ] || head -3 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0-or-later' || echo "$file: no SPDX line"
    done
  } || true)
  [ -z "$wrong" ] || { echo "$wrong" | head -40 >&2; return 1; }
}

# check_format TOOLS: the folder of clang_tools.
check_format() {
  (cd "$BERTH_TOP" && cxx_files | xargs "$1/clang-format" --dry-run -Werror) 2>&1 | head -40 >&2
  [ "${PIPESTATUS[0]}" = 0 ] || { warn "scripts/format puts it right"; return 1; }
}

# check_tidy TOOLS BUILD. A file whose text and whose headers' text were clean once need not be looked at again by the same
# clang-tidy: the stamp is their hash.
check_tidy() {
  local tools=$1 dir=$2 stamps=$BERTH_CACHE/tidy
  mkdir -p "$stamps"
  (cd "$BERTH_TOP" && cxx_files | grep -E '^(core|redistribute|container_watcher|fpm_bridge|daemon)/.*\.cpp$' |
    while read -r file; do grep -qF "$dir/source/$file\"" "$dir/compile_commands.json" && echo "$file"; done |
    xargs -P "$(nproc)" -n 1 "$BERTH_TOP/scripts/lib/tidy-one" "$tools/clang-tidy" "$dir" "$stamps")
}

# What two files say of one name must be the same thing: the linker keeps one of the two, and at -O0 the other file's objects
# are then destroyed by a stranger's destructor. All of berth is linked as one program, which then reads configurations.
check_odr() {
  local dir config flags='-O0 -flto=auto -Wodr -Werror=odr -Wlto-type-mismatch -Werror=lto-type-mismatch'
  odr_can_fail $flags || return 1
  dir=$(configure_and_build odr berth_whole -DCMAKE_BUILD_TYPE=None -DBERTH_BENCH=OFF "-DCMAKE_CXX_FLAGS=$flags") || return 1
  for config in host lab; do
    sed 's/@NODE@/host1/; s/@N@/1/g' "$BERTH_TOP/frr-configs/$config/berthd.conf" |
      "$dir/tests/checks/berth_whole" -C -f /dev/stdin >/dev/null || return 1
  done
}

# odr_can_fail FLAGS: these flags refuse two structs of one name.
odr_can_fail() {
  local dir rc=0
  dir=$(mktemp -d)
  echo 'struct Twice { int a; }; int one(Twice* t) { return t->a; }' >"$dir/one.cpp"
  echo 'struct Twice { char a[9]; }; int two(Twice* t) { return t->a[0]; } int main() {}' >"$dir/two.cpp"
  if g++ "$@" "$dir/one.cpp" "$dir/two.cpp" -o "$dir/both" 2>"$dir/log"; then rc=1; fi
  grep -q 'violates the C++ One Definition Rule' "$dir/log" || rc=1
  rm -rf "$dir"
  [ "$rc" = 0 ] || warn "the check of the one definition rule can't fail"
  return "$rc"
}

suite_lint() {
  install_packages $(build_packages) $(check_packages) $(clang_tools_packages) shellcheck python3 git
  local failed=() dir tools
  tools=$(clang_tools)
  step "layering, text, shellcheck, clang-format"
  say "layering"
  python3 "$BERTH_TOP/tests/checks/layering.py" --self && python3 "$BERTH_TOP/tests/checks/layering.py" "$BERTH_TOP" || failed+=(layering)
  say "text, shellcheck, clang-format"
  check_text || failed+=(text)
  (cd "$BERTH_TOP" && shell_files | xargs shellcheck -x -S warning -e SC1090,SC1091,SC2046) >&2 || failed+=(shellcheck)
  check_format "$tools" || failed+=(clang-format)
  say "clang-tidy"
  step "clang-tidy"
  dir=$(configure_and_build lint berth_generated -DBERTH_TESTS=OFF -DBERTH_BENCH=OFF -DCMAKE_UNITY_BUILD=OFF) # each file once: tests compile some again
  check_tidy "$tools" "$dir" >&2 || failed+=(clang-tidy)
  say "one definition of each name, with link-time optimisation"
  step "one definition of each name"
  check_odr >&2 || failed+=(odr)
  say "a driver, a runtime and a sink more, in a copy of the tree"
  step "a driver, a runtime and a sink more"
  CCACHE_DIR=$BERTH_CACHE/ccache CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=$BERTH_CACHE/build/tenants/tree \
    python3 -B "$BERTH_TOP/tests/checks/tenants.py" "$BERTH_TOP" "$BERTH_CACHE/build/tenants" >&2 || failed+=(tenants)
  [ ${#failed[@]} = 0 ] || die "lint: ${failed[*]}"
}

# Each target for so many seconds, as many at a time as there are cores. New inputs stay in the cache and are the next run's
# beginning, so a short run goes on where the one before has ended; a long one is scripts/test fuzz --seconds N.
suite_fuzz() {
  install_packages $(build_packages) $(check_packages) libprotobuf-c-dev protobuf-c-compiler
  local dir seconds=${FUZZ_SECONDS:-10} out=$BERTH_CACHE/fuzz
  step "build"
  dir=$(configure_and_build fuzz berth_fuzzers -DBERTH_FUZZ=ON -DBERTH_TESTS=OFF -DBERTH_BENCH=OFF \
    -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++)
  mkdir -p "$out"
  step "$seconds s for each target, $(nproc) at a time"
  say "fuzzing for $seconds s each, $(nproc) at a time: $(cd "$BERTH_TOP/tests/fuzz" && echo fuzz_*.cpp)"
  find "$dir/tests/fuzz" -maxdepth 1 -name 'fuzz_*' -type f -executable | sort |
    xargs -P "$(nproc)" -n 1 "$BERTH_TOP/tests/fuzz/run-one" "$seconds" "$out" ||
    die "a fuzz target failed; the input is in $out/TARGET/"
}
