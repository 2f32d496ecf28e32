# SPDX-License-Identifier: GPL-2.0-or-later
# Shared by the commands in scripts/: messages, root check, package installs. Source it; it runs nothing.
set -euo pipefail

BERTH_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BERTH_CACHE=$(realpath -m "${BERTH_CACHE:-/var/cache/berth}")

say() { printf '\033[1m== %s\033[0m\n' "$*" >&2; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

need_root() { [ "$(id -u)" = 0 ] || die "this needs root: sudo $0 $*"; }

# The release of this machine as berth names it: 12, 13 or testing.
host_release() {
  . /etc/os-release
  case "${ID:-}:${VERSION_ID:-}" in
    debian:12) echo 12 ;;
    debian:13) echo 13 ;;
    debian:) echo testing ;;
    *) die "Debian 12, 13 or testing is needed, this is ${PRETTY_NAME:-unknown}" ;;
  esac
}

# install_packages NAME…: what is missing, without recommends; services do not start because of it.
install_packages() {
  local missing=() name
  for name in "$@"; do
    dpkg-query -W -f='${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed || missing+=("$name")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing ${#missing[@]} packages: ${missing[*]}"
  mkdir -p "$BERTH_CACHE"
  local log=$BERTH_CACHE/apt.log
  (
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
      trap 'rm -f "$policy"' EXIT # also when it is interrupted: services would never start again
      printf '#!/bin/sh\nexit 101\n' >"$policy"
      chmod +x "$policy"
    fi
    apt-get -o DPkg::Lock::Timeout=300 update &&
      DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "${missing[@]}"
  ) >"$log" 2>&1 </dev/null || { tail -20 "$log" >&2; die "apt could not install them; the whole log is in $log"; }
}

# of_this_checkout FOLDER: it is there, and what another checkout built in it is gone: by the times of its files an older source
# would pass for built, with the other's objects.
of_this_checkout() {
  [ "$(cat "$1/checkout" 2>/dev/null)" = "$BERTH_TOP" ] || rm -rf "$1"
  mkdir -p "$1"
  echo "$BERTH_TOP" >"$1/checkout"
}
