# SPDX-License-Identifier: GPL-2.0-or-later
# go_source MODULE VERSION: a Go module's own source, in a folder of its own with all that it needs; that is the current folder from
# then on. For what runs in the image berth/tools.
go_source() {
  cd "$(mktemp -d)"
  export GOMODCACHE=/var/cache/berth/go/mod GOCACHE=/var/cache/berth/go/build GOTOOLCHAIN=auto CGO_ENABLED=0
  cat >go.mod <<MOD
module tools
go 1.24
require $1 $2
MOD
  go mod download "$1"
  cp -r "$GOMODCACHE/$1@$2" source
  chmod -R u+w source
  cd source
}
