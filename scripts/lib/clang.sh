# SPDX-License-Identifier: GPL-2.0-or-later
# clang-format and clang-tidy of the reference release, Debian 13, on whichever release they run: each release's own would judge
# differently. Where the machine's own are of that version they are taken, else pip's wheels, installed once into the cache.
# Source after common.sh.

CLANG_TOOLS_VERSION=19.1
CLANG_TOOLS_WHEELS=(clang-format==19.1.7 clang-tidy==19.1.0.1)

# What clang_tools needs where it has not installed them yet.
clang_tools_packages() {
  if [ "$(host_release)" = 13 ]; then echo clang-format clang-tidy; else echo python3-venv; fi
}

# clang_tools_in FOLDER: both tools are there, run, and are of the version.
clang_tools_in() {
  local tool
  for tool in clang-format clang-tidy; do
    [[ $("$1/$tool" --version 2>/dev/null) == *" version $CLANG_TOOLS_VERSION."* ]] || return 1
  done
}

# clang_tools: prints the folder that has both.
clang_tools() {
  local wheels=${CLANG_TOOLS_WHEELS[*]} dir
  dir=$BERTH_CACHE/clang-tools/${wheels// /,}
  if clang_tools_in /usr/bin; then echo /usr/bin; return; fi
  if clang_tools_in "$dir"; then echo "$dir"; return; fi
  need_root
  install_packages $(clang_tools_packages)
  if clang_tools_in /usr/bin; then echo /usr/bin; return; fi
  say "installing $wheels (once)"
  install_clang_wheels "$dir" || return
  clang_tools_in "$dir" || die "$wheels: they do not run here, or are not of version $CLANG_TOOLS_VERSION; they are in $dir"
  echo "$dir"
}

# install_clang_wheels FOLDER. The virtual environment is there for its pip alone: the tools are programs and need no Python.
install_clang_wheels() (
  log=$BERTH_CACHE/clang-tools/pip.log
  mkdir -p "$BERTH_CACHE/clang-tools"
  new=$(mktemp -d "$BERTH_CACHE/clang-tools/new.XXXXXX") || exit
  trap 'rm -rf "$new"' EXIT # also when it is interrupted
  trap 'exit 130' INT TERM
  chmod 755 "$new"
  {
    /usr/bin/python3 -m venv "$new/venv" &&
      "$new/venv/bin/pip" --disable-pip-version-check install --no-cache-dir --no-deps --only-binary :all: \
        --target "$new/tools" "${CLANG_TOOLS_WHEELS[@]}" &&
      ln -s clang_format/data/bin/clang-format clang_tidy/data/bin/clang-tidy "$new/tools/"
  } >"$log" 2>&1 </dev/null || {
    tail -10 "$log" >&2
    die "pip could not install ${CLANG_TOOLS_WHEELS[*]}, which it needs a package index for; the whole log is in $log"
  }
  rm -rf "$1"
  mv -T "$new/tools" "$1"
)
