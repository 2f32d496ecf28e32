# SPDX-License-Identifier: GPL-2.0-or-later
# The images of one release: what they are made from and what is compiled for them. Source after common.sh and engine.sh.
# A release is 12, 13 or testing. Docker's classic builder is enough.

# base_image RELEASE: debian:RELEASE, pulled where a registry answers, else made by debootstrap under the same name.
base_image() {
  local release=$1 suite
  docker image inspect "debian:$release" >/dev/null 2>&1 && return
  if timeout --foreground 120 docker pull "debian:$release" >/dev/null 2>&1; then return; fi
  case $release in 12) suite=bookworm ;; 13) suite=trixie ;; *) suite=testing ;; esac
  say "no registry answers: making debian:$release by debootstrap"
  install_packages debootstrap
  mkdir -p "$BERTH_CACHE"
  (
    root=$(mktemp -d "$BERTH_CACHE/debootstrap.XXXXXX") || exit
    # Also when it is interrupted. What fails in a trap would be the last word.
    trap 'umount -l "$root/proc" "$root/sys" 2>/dev/null || true; rm -rf "$root"' EXIT
    debootstrap --variant=minbase --include=ca-certificates "$suite" "$root" >"$BERTH_CACHE/debootstrap.log" 2>&1 || exit
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
    # A mirror that is a snapshot serves a signed list of testing that has run out: its signature still holds.
    [ "$suite" != testing ] || echo 'Acquire::Check-Valid-Until "false";' >"$root/etc/apt/apt.conf.d/10snapshot"
    tar -C "$root" --one-file-system -c . | docker import --change 'CMD ["bash"]' - "debian:$release" >/dev/null
  ) && return
  tail -5 "$BERTH_CACHE/debootstrap.log" >&2
  die "debootstrap of $suite failed; its log: $BERTH_CACHE/debootstrap.log"
}

# build_image NAME RELEASE CONTEXT: containers/NAME/Dockerfile -> berth/NAME:RELEASE
build_image() {
  local name=$1 release=$2 context=$3 log=$BERTH_CACHE/releases/$2/image-$1.log
  DOCKER_BUILDKIT=0 docker build --network host --build-arg "RELEASE=$release" --tag "berth/$name:$release" \
    --file "$context/containers/$name/Dockerfile" "$context" >"$log" 2>&1 ||
    { tail -25 "$log" >&2; die "the image berth/$name:$release could not be built; the whole log: $log"; }
}

# run_in RELEASE IMAGE OPTIONS COMMAND…: with the checkout at /src and the release's own cache, as root, on the host's
# network. OPTIONS are words for docker run, or empty.
run_in() {
  local release=$1 image=$2 options=$3 name=berth-run-$$
  shift 3
  of_this_checkout "$BERTH_CACHE/releases/$release/build" # in there each is /src
  ( # A shell takes a signal at once only while it waits for a job, and the container's first process takes none.
    trap 'docker rm -f "$name" >/dev/null 2>&1; exit 130' INT TERM
    docker run --rm --name "$name" $options --network host --volume "$BERTH_TOP:/src:ro" \
      --volume "$BERTH_CACHE/releases/$release:/var/cache/berth" --volume /etc/ssl/certs:/etc/ssl/certs:ro "$image" "$@" &
    wait $!
  )
}

# in_tools SCRIPT ARGUMENT…: one of scripts/lib that builds something from its Go module. Says nothing on its output.
in_tools() {
  local script=$1 dir=$BERTH_CACHE/releases/tools
  shift
  base_image 13 >&2
  mkdir -p "$dir/context"
  stage_context "$dir/context" >&2
  build_image tools tools "$dir/context"
  run_in tools berth/tools:tools "" "/src/scripts/lib/$script" "$@" >"$dir/$script.log" 2>&1 ||
    { tail -20 "$dir/$script.log" >&2; die "$script failed; its whole log: $dir/$script.log"; }
}

# tool_folder NAME: where the programs are that in_tools built.
tool_folder() {
  local dir=$BERTH_CACHE/releases/tools/$1
  mkdir -p "$dir"
  echo "$dir"
}

# build_tool PROGRAM WORDS SCRIPT NAME ARGUMENT…: in_tools SCRIPT FOLDER ARGUMENT…, unless PROGRAM is in NAME's folder already.
build_tool() {
  local program=$1 words=$2 script=$3 name=$4
  shift 4
  [ ! -x "$(tool_folder "$name")/$program" ] || return 0
  say "building $words"
  in_tools "$script" "/var/cache/berth/$name" "$@"
}

# compiler_image RELEASE: what berthd and the module are compiled in.
compiler_image() {
  local release=$1 dir=$BERTH_CACHE/releases/$1
  mkdir -p "$dir/context"
  base_image "$release"
  stage_context "$dir/context"
  build_image build "$release" "$dir/context"
}

# release_root RELEASE: the folder with what is installed in that release's compiler image, its FRR above all.
release_root() {
  local release=$1 id root=$BERTH_CACHE/releases/$1/root
  id=$(docker image inspect -f '{{.Id}}' "berth/build:$release")
  if [ "$(cat "$root.id" 2>/dev/null)" != "$id" ]; then
    rm -rf "$root" "$root.id"
    mkdir -p "$root"
    local container
    container=$(docker create "berth/build:$release" true)
    docker export "$container" | tar -C "$root" -x --exclude='dev/*' --exclude=usr/share/doc --exclude=usr/lib/gcc --exclude='*.a'
    docker rm "$container" >/dev/null
    mknod -m 666 "$root/dev/null" c 1 3
    mknod -m 666 "$root/dev/urandom" c 1 9
    chmod 755 "$root" # FRR's daemons are not root for long
    echo "$id" >"$root.id"
  fi
  echo "$root"
}

# release_images RELEASE: everything that a lab of that release runs.
release_images() {
  local release=$1 dir=$BERTH_CACHE/releases/$1
  say "images of release $release (the first time takes some minutes)"
  compiler_image "$release"
  say "compiling berthd and the module in Debian $release"
  run_in "$release" "berth/build:$release" "${BERTH_QUICK:+-e BERTH_QUICK=$BERTH_QUICK}" /src/scripts/lib/compile /var/cache/berth/out >&2
  mkdir -p "$dir/context/out"
  rsync -rlpc --delete "$dir/out/" "$dir/context/out/"
  local name
  for name in frr berthd node workload; do build_image "$name" "$release" "$dir/context"; done
  # What the hosts' own engines load.
  local id
  id=$(docker image inspect -f '{{.Id}}' "berth/frr:$release" "berth/berthd:$release" "berth/workload:$release" | sha256sum)
  if [ "$(cat "$dir/images.id" 2>/dev/null)" != "$id" ]; then
    docker save --output "$dir/images.tar" "berth/frr:$release" "berth/berthd:$release" "berth/workload:$release"
    echo "$id" >"$dir/images.id"
  fi
}

# The build context: the Dockerfiles, what they copy, and the scripts that install packages. Times of files do not matter
# to Docker's cache, contents and modes do.
stage_context() {
  install_packages rsync
  rsync -rlpc --delete --exclude /out "$BERTH_TOP/containers" "$BERTH_TOP/scripts" "$1/"
}
