# SPDX-License-Identifier: GPL-2.0-or-later
# The lab's plan and its files: nodes, links, and the configuration of each node from frr-configs/lab. Source after
# common.sh and engine.sh.

LAB_NODES=(spine1 spine2 leaf1 leaf2 host1 host2 host3 collector)
LAB_HOSTS=(host1 host2 host3)
# Which end is on which port.
LAB_LINKS=(
  leaf1:eth1,spine1:eth1 leaf1:eth2,spine2:eth1 leaf2:eth1,spine1:eth2 leaf2:eth2,spine2:eth2
  host1:eth1,leaf1:eth3 host2:eth1,leaf2:eth3 host3:eth1,leaf1:eth4 host3:eth2,leaf2:eth4 collector:eth1,leaf2:eth5
)

check_lab_options() { # PROFILE RELEASE SINK [DOCKER [BACKEND [HOLD]]]
  case $1 in bgp | evpn | ospf) ;; *) die "there is no profile '$1': bgp, evpn or ospf" ;; esac
  case $2 in 12 | 13 | testing) ;; *) die "there is no release '$2': 12, 13 or testing" ;; esac
  case $3 in module | northbound) ;; *) die "there is no sink '$3': module or northbound" ;; esac
  [[ ${6:-50} =~ ^([0-9]{1,3}|1000)(-([0-9]{1,3}|1000))?$ ]] || die "bgpd can't wait '$6': milliseconds, 0 to 1000, or from so many to so many: 1-50"
  case ${4:-} in '' | 29) ;; *) die "there is no Docker '$4': 29, or the release's own without --docker" ;; esac
  case ${4:-}:${5:-} in *: | 29:iptables | 29:nftables) ;;
    29:*) die "there is no firewall backend '$5': iptables or nftables" ;;
    *) die "the release's Docker has no choice of backends: --docker 29 --docker-backend $5" ;;
  esac
}

node_container() { echo "clab-berth-$1"; }
node_role() { case $1 in host*) echo host ;; collector) echo collector ;; *) echo router ;; esac; }
node_id() { # last number of its loopbacks 10.0.0.ID and fd00::ID
  case $1 in spine*) echo "${1#spine}" ;; leaf*) echo $((10 + ${1#leaf})) ;; host*) echo $((20 + ${1#host})) ;; *) echo 31 ;; esac
}
node_as() { case $1 in spine*) echo 65000 ;; *) echo $((65000 + $(node_id "$1"))) ;; esac; }
node_ports() { # those that lead to other FRR routers
  printf '%s\n' "${LAB_LINKS[@]}" | tr , '\n' | sed -n "s/^$1://p" | grep -vx "$([ "$1" = leaf2 ] && echo eth5)" | sort
}
node_peer() { printf '%s\n' "${LAB_LINKS[@]}" | sed -n "s/^$1,\([^:]*\):.*/\1/p; s/^\([^:]*\):[^,]*,$1\$/\1/p"; } # of NODE:PORT

# fill FILE NODE [KEY=VALUE…]: a template with its @KEY@s filled in; a value may have lines.
fill() {
  local text key value
  text=$(cat "$BERTH_TOP/frr-configs/lab/$1"; echo x)
  shift
  local node=$1
  shift
  for key in "NODE=$node" "ID=$(node_id "$node")" "AS=$(node_as "$node")" "N=${node#host}" "$@"; do
    value=${key#*=}
    text=${text//"@${key%%=*}@"/"$value"}
  done
  printf '%s' "${text%x}" | sed '/^$/d'
}

frr_conf() { # PROFILE NODE SINK
  local profile=$1 node=$2 sink=$3 port neighbors='' policy4='' policy6='' evpn='' cost=10
  if [ "$profile" = bgp ]; then
    printf 'frr defaults datacenter\n'
    evpn=$(cat "$BERTH_TOP/frr-configs/lab/bgp/evpn.conf")
  fi
  fill common.conf "$node"
  if [ "$(node_role "$node")" = host ]; then
    cost=1000 # a host with two uplinks is no way through
    fill containers.conf "$node"
    fill "$profile/host.conf" "$node"
    policy4=$(cat "$BERTH_TOP/frr-configs/lab/$profile/policy4.conf")
    policy6=$(cat "$BERTH_TOP/frr-configs/lab/$profile/policy6.conf")
    [ "$profile" != bgp ] || evpn=$(cat "$BERTH_TOP/frr-configs/lab/bgp/evpn-host.conf")
    if [ "$sink" = northbound ]; then
      fill northbound.conf "$node"
      policy4=$(by_northbound <<<"$policy4") policy6=$(by_northbound <<<"$policy6")
      [ "$profile" != bgp ] || neighbors+=$(cat "$BERTH_TOP/frr-configs/lab/bgp/northbound.conf")$'\n'
    fi
  elif [ "$profile" = bgp ]; then
    fill bgp/bfd.conf "$node"
  fi
  for port in $(node_ports "$node"); do
    fill "$profile/uplink.conf" "$node" "PORT=$port" "COST=$cost"
    neighbors+=" neighbor $port interface peer-group FABRIC"$'\n'
    # Not where a host is at an end: BFD and graceful restart exclude each other there (README, "What a restart costs").
    [[ "$(node_peer "$node:$port")" == host* || $node == host* ]] ||
      neighbors+=" neighbor $port bfd profile FABRIC"$'\n'
  done
  if [ "$node" = leaf2 ]; then
    fill "$profile/collector-port.conf" "$node"
    [ "$profile" = bgp ] && neighbors+=$(cat "$BERTH_TOP/frr-configs/lab/bgp/collector-neighbor.conf")
    if [ "$profile" = bgp ]; then
      policy4='  neighbor 10.1.0.1 activate' policy6='  neighbor fd00:1::1 activate'
    fi
  fi
  fill "$profile/router.conf" "$node" "NEIGHBORS=$neighbors" "POLICY4=$policy4" \
    "POLICY6=$policy6" "EVPN=$evpn"
}

lab_profile() { echo "${1/evpn/bgp}"; } # what it is of the other: evpn is bgp with an overlay in each host's berthd.conf
lab_run() { [ "$1" = bgp ] && echo compose || echo native; } # how FRR and berthd run on a host: as containers of its own, or not
# What is redistributed where berthd has no module in zebra.
by_northbound() { sed -e 's/redistribute openfabric/redistribute static/' -e 's/redistribute connected route-map BERTH/redistribute connected route-map SUBNETS/'; }

# lab_files PROFILE RELEASE SINK HOLD DOCKER BACKEND: topology and configurations into $LAB_DIR.
lab_files() {
  local profile release=$2 sink=$3 hold=$4 docker=${5:-release} backend=${6:-} node dir caps='' name
  profile=$(lab_profile "$1")
  mkdir -p "$LAB_DIR/conf"
  needs_caps_wrapper && caps='"runtimes": {"berth-caps": {"path": "/usr/local/bin/runc-caps"}}, "default-runtime": "berth-caps",'
  printf '{%s "live-restore": true, "bridge": "none", "ip-forward": true}\n' "$caps" | jq . >"$LAB_DIR/conf/daemon.json"
  for node in "${LAB_NODES[@]}"; do
    dir=$LAB_DIR/conf/$node
    rm -rf "$dir"
    mkdir -p "$dir"
    case $(node_role "$node") in
      collector)
        mkdir -p "$LAB_DIR/$node-log"
        fill "$profile/bird.conf" "$node" >"$dir/bird.conf"
        continue
        ;;
      host)
        for name in "${LAB_HOSTS[@]}"; do printf '10.0.0.%s %s\nfd00::%s %s\n' "$(node_id "$name")" "$name" "$(node_id "$name")" "$name"; done >"$dir/hosts"
        mkdir -p "$LAB_DIR/$node-docker" "$LAB_DIR/$node-containerd"
        ;;
    esac
    node_files "$1" "$node" "$sink" "$hold"
    printf 'service integrated-vtysh-config\nhostname %s\n' "$node" >"$dir/vtysh.conf"
  done
  topology "$(lab_run "$1")" "$release" "$docker${backend:+ $backend}" "$sink" >"$LAB_DIR/berth.clab.yml"
}

# node_files PROFILE NODE SINK HOLD: what of a node's configuration depends on the way into zebra, in the files that are there.
# HOLD: how long bgpd's process queue waits, in milliseconds (fpm_bridge/bgpd); 50 is FRR's own, without the module.
node_files() {
  local profile node=$2 sink=$3 dir=$LAB_DIR/conf/$2 zebra=-K60 hold='' bgp=no ospf=yes bfd=no name=traditional
  profile=$(lab_profile "$1")
  [ "$profile" != bgp ] || bgp=yes ospf=no bfd=yes name=datacenter
  if [ "$(node_role "$node")" = host ]; then
    bfd=no
    fill berthd.conf "$node" >"$dir/berthd.conf"
    [ "$1" != evpn ] || fill overlay.conf "$node" >>"$dir/berthd.conf"
    if [ "$sink" = northbound ]; then
      sed -i 's|^zebra socket .*|zebra northbound|' "$dir/berthd.conf"
    else
      zebra='-M /usr/lib/frr/modules/zebra_fpm_bridge.so:/run/frr/berth.sock -K60'
    fi
  fi
  [ "$4" = 50 ] || hold="-M /usr/lib/frr/modules/bgpd_process_hold.so:hold=$4"
  fill daemons "$node" "HOLD=$hold" "BGP=$bgp" "BFD=$bfd" "OSPF=$ospf" "ZEBRA=$zebra" "PROFILE=$name" >"$dir/daemons"
  frr_conf "$profile" "$node" "$sink" >"$dir/frr.conf"
}

topology() { # RUN RELEASE DOCKER, as `node engine` takes it, SINK
  local node dir
  printf 'name: berth\ntopology:\n  kinds:\n    linux:\n      image: berth/node:%s\n      image-pull-policy: Never\n  nodes:\n' "$2"
  for node in "${LAB_NODES[@]}"; do
    dir=$LAB_DIR/conf/$node
    printf '    %s:\n      kind: linux\n      network-mode: none\n      env:\n' "$node"
    printf '        ROLE: %s\n        RUN: %s\n        RELEASE: "%s"\n        DOCKER: "%s"\n        SINK: %s\n      binds:\n' \
      "$(node_role "$node")" "$1" "$2" "$3" "$4"
    case $(node_role "$node") in
      host)
        # Whichever Docker a host begins with: it can be upgraded to 29 once that is built.
        printf '        - %s\n' "$(docker29_folder):/opt/docker29:ro" "$(nerdctl_folder):/opt/nerdctl:ro" "$dir:/etc/frr" "$LAB_DIR/conf/daemon.json:/etc/docker/daemon.json:ro" \
          "$BERTH_CACHE/releases/$2/images.tar:/images.tar:ro" "$LAB_DIR/$node-docker:/var/lib/docker" \
          "$LAB_DIR/$node-containerd:/var/lib/containerd"
        ;;
      collector) printf '        - %s\n' "$dir:/etc/bird" "$LAB_DIR/$node-log:/var/log/bird" ;;
      *) printf '        - %s\n' "$dir:/etc/frr" ;;
    esac
  done
  printf '  links:\n'
  printf '    - endpoints: ["%s", "%s"]\n' $(printf '%s\n' "${LAB_LINKS[@]}" | tr , ' ')
}
