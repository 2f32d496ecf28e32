# SPDX-License-Identifier: GPL-2.0-or-later
"""Containers that hang on no network of Docker's: tasks of containerd and a Docker container without a network, plugged in by
berthd on a bridge, a routed link or a macvlan; and tasks that CNI plugged in, by nerdctl and by ctr. The main test for each kind on
three hosts; then what is hard on it: containerd away, another one at its socket, a storm of events, berthd killed amid the work."""

import collections
import concurrent.futures
import json
import os
import random
import re
import time
import unittest

import lab

HOST = "host1"
NETWORKS = {"amber": (50, "host"), "olive": (60, "host"), "pink": (70, "host"), "lime": (80, "host"), "coal": (67, "host")}
DRIVERS = {"amber": "driver bridge", "olive": "driver routed", "pink": "driver macvlan\n parent internal",
           "lime": "driver bridge\n interface cni0", "coal": "driver overlay\n vni 10200"}
NETWORK = """network {name}
 runtime containerd
 {driver}
{subnets} advertise host
 tag 100
 allow label network
exit
"""
SUBNETS = " subnet 10.{number}.{n}.0/24\n subnet fd00:{number}:{n}::/64\n"
GATEWAYS = " gateway 10.{number}.{n}.1\n gateway fd00:{number}:{n}::1\n"
OVERLAY = """ subnet 10.{number}.0.0/16
 gateway 10.{number}.0.1
 ip-range 10.{number}.{n}.0/24
 subnet fd00:{number}::/64
 gateway fd00:{number}::1
 ip-range fd00:{number}::{n}:0/112
"""  # one segment over all hosts
SUBNETS_OF = {"olive": SUBNETS, "lime": SUBNETS, "coal": OVERLAY}
# CNI's bridge plugin, without its masquerade, and with it. ctr takes the first file of the folder.
CNI = """{{"cniVersion": "1.0.0", "name": "{name}", "plugins": [{{"type": "bridge", "bridge": "cni0", "isGateway": true,
  "ipMasq": {masquerade}, "ipam": {{"type": "host-local", "dataDir": "/run/t-cni", "ranges": [
  [{{"subnet": "10.80.{n}.0/24", "rangeStart": "10.80.{n}.{first}", "rangeEnd": "10.80.{n}.{last}"}}],
  [{{"subnet": "fd00:80:{n}::/64", "rangeStart": "fd00:80:{n}::{first}", "rangeEnd": "fd00:80:{n}::{last}"}}]],
  "routes": [{{"dst": "0.0.0.0/0"}}, {{"dst": "::/0"}}]}}}}]}}
"""
CTR = "ctr -n default"
TASK = CTR + " task ls | awk '$1 == \"{name}\" {{print $2}}'"


class Kind:
    """How a container of it is run, and how its first process is found."""

    def __init__(self, network, run, pid=TASK, stop=CTR + " task delete -f {name} >/dev/null; " + CTR + " container delete {name}"):
        self.network, self.run, self.pid, self.stop = network, run, pid, stop


def plugged(network, more=""):
    return Kind(network, CTR + " run -d --label berth.network=" + network + more + " {full} {name}")


def nerdctl(network):
    return Kind("lime", "nerdctl run -d --pull never --network " + network + " --name {name} {image} >/dev/null",
                "nerdctl inspect -f '{{{{.State.Pid}}}}' {name}", "nerdctl rm -f {name} >/dev/null")


KINDS = {
    "bridge": plugged("amber"),
    "routed": plugged("olive"),
    "macvlan": plugged("pink"),
    "overlay": plugged("coal"),
    "docker": Kind("amber", "docker run -d --network none --label berth.network=amber --name {name} {image} >/dev/null",
                   "docker inspect -f '{{{{.State.Pid}}}}' {name}", "docker rm -f {name} >/dev/null"),
    "nerdctl": nerdctl("lime"),
    "ctr-cni": Kind("lime", CTR + " run -d --cni {full} {name}"),
}
MASQUERADED = "nerdctl-masqueraded"  # a kind that is not advertised


def kinds():
    return [each for each in KINDS if each != "overlay" or lab.settings()["profile"] == "bgp"]  # EVPN is bgpd's


class Container(lab.Container):
    def __init__(self, host, kind, name):
        self.how = nerdctl("lime-nat") if kind == MASQUERADED else KINDS[kind]
        super().__init__(host, self.how.network, name)
        self.kind = kind

    def say(self, what):
        """A command of its kind."""
        return getattr(self.how, what).format(name=self.name, image=lab.image(), full="docker.io/" + lab.image())

    def inside(self):
        return f"nsenter -n -m -t $({self.say('pid')})"

    def learn(self):
        """Its addresses as its own kernel has them; what is missing."""
        out = lab.sh(self.host, f"nsenter -n -t $({self.say('pid')}) ip -j addr show dev eth0", check=False)
        have = {each["family"]: each["local"] for link in json.loads(out or "[]") for each in link["addr_info"]
                if each["scope"] == "global" and not each.get("tentative")}
        self.addresses = [have[family] for family in ("inet", "inet6") if family in have]
        return "" if len(self.addresses) == 2 else f"{self.host} {self.name} has {self.addresses}"


def everywhere(what, containers):
    scripts = {}
    for each in containers:
        scripts.setdefault(each.host, ["set -e"]).append(each.say(what))
    lab.everywhere({host: "\n".join(lines) for host, lines in scripts.items()})


def learn(containers):
    lab.until("both addresses", lambda: "".join(each.learn() for each in containers))
    return containers


def start(containers):
    everywhere("run", containers)
    return learn(containers)


def leases(host, state="used"):
    return {tuple(each["addresses"]): each["container"] for each in lab.show(host, "show leases")["leases"] if each["state"] == state}


def links(host):
    """Of containers that berthd plugged in."""
    return {each["ifname"] for each in json.loads(lab.sh(host, "ip -j link"))
            if each.get("ifalias", "").startswith("berth:") and each["ifname"].startswith(("bv-", "rv"))}


def attachments(host):
    return {each["container"]: each for each in lab.show(host, "show attachments")["attachments"]}


# Starts and stops containers until it had so many or is told to end; prints how many it had, and every command
# that failed or took a minute. What runs them, and on which network, takes turns.
CHURN = """do_() {{ timeout 60 "$@" >/dev/null 2>/tmp/t-churn.{worker} || {{ echo "rc $?: $*"; cat /tmp/t-churn.{worker}; }}; }}
n=0
while [ -e /run/t-churn ] && [ $n -lt {most} ]; do
  n=$((n + 1)); name=t-churn-{worker}-$n
  case $(((n + {worker}) % 5)) in
    0) with="--network none --label berth.network=amber" ;;
    1) with="--network blue" ;;
    2) with="--label berth.network=amber" ;;
    3) with="--label berth.network=olive" ;;
    4) with="--label berth.network=pink" ;;
  esac
  case $with in
    --network*) do_ docker run -d --name $name $with {image}; sleep 0.$((n % 4)); do_ docker rm -f $name ;;
    *) do_ {ctr} run -d $with docker.io/{image} $name; sleep 0.$((n % 4))
       do_ {ctr} task delete -f $name; do_ {ctr} container delete $name ;;
  esac
done
echo "had $n"
"""
KILLS = int(os.environ.get("BERTH_KILLS", "10"))  # of berthd, amid ten times as many starts; 50 for a long look
WORKERS = 4


class Churn:
    """Containers of all kinds that come and go on one host, from four hands at once, while the body runs; at most so many each."""

    def __init__(self, most):
        self.most, self.had, self.failed = most, 0, []

    def __enter__(self):
        lab.sh(HOST, "touch /run/t-churn")
        self.pool = concurrent.futures.ThreadPoolExecutor(WORKERS)
        scripts = [CHURN.format(worker=n, most=self.most, image=lab.image(), ctr=CTR) for n in range(WORKERS)]
        self.running = [self.pool.submit(lab.sh, HOST, each, timeout=600) for each in scripts]
        return self

    def ended(self):
        return all(each.done() for each in self.running)

    def __exit__(self, *_):
        lab.sh(HOST, "rm -f /run/t-churn")
        for each in self.running:
            *failed, last = each.result().splitlines()
            self.failed += failed
            self.had += int(last.split()[1])
        self.pool.shutdown()


def traces():
    """What containers leave behind on their host when not all is cleaned up, as the kernel has it."""
    out = lab.sh(HOST, """ip -o link | sed 's/: <.*//; s/^[0-9]*: /link /'
      lsns -n -t net -o NS | sed 's/^ */netns /'
      ip -4 route show table all | sed 's/^/route /'; ip -6 route show table all | sed 's/^/route /'
      ip rule | sed 's/^/rule /'; ip -6 rule | sed 's/^/rule /'
      ip -o addr | sed 's/^[0-9]*: /address /'
      ip neigh show nud permanent | sed 's/^/neighbour /'; ip neigh show proxy; ip -6 neigh show proxy
      nft list ruleset""")
    passing = r"nhid \d+ ?|packets \d+ bytes \d+|(valid_lft|preferred_lft|expires) \S+"
    return sorted(re.sub(passing, "", line).strip() for line in out.splitlines())


def descriptors():
    """Berthd's, of each kind and path how many; but connections to Docker, of which some are kept for the next question."""
    links = lab.sh(HOST, "find /proc/$(pgrep -o -x berthd)/fd -type l -printf '%l\\n'").splitlines()
    docker = set(lab.sh(HOST, "ss -xH | awk '$5 ~ /docker.sock$/ {print \"socket:[\" $8 \"]\"}'").split())
    kept = [each for each in links if each in docker]
    out = collections.Counter(each.split(":[")[0] for each in links if each not in docker)
    return out + collections.Counter(docker=max(0, len(kept) - 10))


class Ground(unittest.TestCase):
    """Hosts with the networks of all the kinds."""

    hosts = lab.HOSTS

    @classmethod
    def setUpClass(cls):
        lab.until("nothing but the fabric before the start", lambda: lab.wrong_routes([]))
        lab.NETWORKS.update(NETWORKS)
        for network in NETWORKS:
            cls.addClassCleanup(lab.NETWORKS.pop, network)
        cls.addClassCleanup(lab.until, "nothing is left", lambda: lab.wrong_routes([]))
        for host in cls.hosts:
            cls.set_up(host, host[4:])

    @classmethod
    def set_up(cls, host, n):
        config = lab.sh(host, "cat /etc/frr/berthd.conf")
        cls.addClassCleanup(lab.sh, host, "ip link del cni0; rm -rf /etc/cni/net.d/*-t-lime.conflist /run/t-cni", False)
        lab.sh(host, f"""set -e
          cat >/etc/cni/net.d/10-t-lime.conflist <<'END'\n{CNI.format(n=n, name="lime", masquerade="false", first=10, last=99)}END
          cat >/etc/cni/net.d/20-t-lime.conflist <<'END'\n{CNI.format(n=n, name="lime-nat", masquerade="true", first=110, last=199)}END
          docker save {lab.image()} | {CTR} image import - >/dev/null""")
        cls.addClassCleanup(lab.configure, host, config)
        for name, (number, _) in NETWORKS.items():
            six = f"fd00:{number}::/64" if name == "coal" else f"fd00:{number}:{n}::/64"
            for line in (f"ip prefix-list CONTAINERS4 seq {number} permit 10.{number}.{n}.0/24 le 32",
                         f"ipv6 prefix-list CONTAINERS6 seq {number} permit {six} le 128"):
                lab.sh(host, f"vtysh -c 'configure terminal' -c '{line}'")
                cls.addClassCleanup(lab.sh, host, f"vtysh -c 'configure terminal' -c 'no {line}'")
            subnets = SUBNETS_OF.get(name, SUBNETS + GATEWAYS).format(number=number, n=n)
            config_of = NETWORK.format(name=name, driver=DRIVERS[name], subnets=subnets)
            cls.config = getattr(cls, "config", {})
            cls.config[host] = cls.config.get(host, config) + config_of
        lab.configure(host, cls.config[host])

    def tearDown(self):
        lab.everywhere({host: f"""nerdctl ps -aq | xargs -r nerdctl rm -f
          for name in $({CTR} container ls -q); do {CTR} task delete -f $name; {CTR} container delete $name; done
          docker ps -aq --filter name=t- | xargs -r docker rm -f
          rm -rf /run/t-cni # ctr does not tell CNI that one of its is gone""" for host in lab.HOSTS}, check=False)
        self.clean()

    def clean(self):
        lab.until("no route is left", lambda: lab.wrong_routes([]))
        lab.until("no link and no address in use", lambda: {
            host: found for host in lab.HOSTS if (found := [*links(host), *leases(host).values()])})


class Containerd(Ground):
    def test_each_kind_on_three_hosts(self):
        containers = [Container(host, kind, f"t-{kind}-{host[4:]}") for host in lab.HOSTS for kind in kinds()]
        collector = lab.Collector()
        start(containers)
        lab.until("every FIB and the collector hold exactly the expected prefixes", lambda: lab.wrong_routes(containers))
        lab.until("every container is reachable, sources unchanged", lambda: lab.reach(containers), 90)
        for each in containers:
            self.assertEqual(lab.show(each.host, "explain " + each.name)["verdict"], "advertised")
        for host in lab.HOSTS:
            used = [each for each in containers if each.host == host and each.network != "lime"]
            self.assertEqual(leases(host), {tuple(each.addresses): each.name for each in used})
        self.assertEqual(collector.removed(set().union(*(each.prefixes() for each in containers))), [])
        going, staying = containers[::2], containers[1::2]
        everywhere("stop", going)
        lab.until("only the stopped ones are gone", lambda: lab.wrong_routes(staying))
        self.assertEqual(collector.removed(set().union(*(each.prefixes() for each in staying))), [])
        everywhere("stop", staying)
        self.clean()

    def test_a_masquerade_of_cni_concerns_its_address_alone(self):
        if not self.is_bgp():
            self.skipTest("CNI's rule follows its address by some milliseconds: OSPF loses a change within a second (lab.py)")
        # ctr does not undo what CNI did: its rules stay, and would be told of every network.
        self.addCleanup(lab.sh, HOST, "for each in iptables ip6tables; do $each-save -t nat | grep -v CNI- | $each-restore -T nat; done")
        one, other = start([Container(HOST, "ctr-cni", "t-plain"), Container(HOST, MASQUERADED, "t-natted")])
        lab.until("the other one is advertised", lambda: lab.wrong_routes([one]))
        lab.until("and reached", lambda: lab.reach([one]))
        why = lab.show(HOST, "explain t-natted")
        self.assertEqual(why["verdict"], "notAdvertised")
        self.assertTrue([each for each in why["steps"] if not each["ok"] and "masquerade" in each["detail"].lower() and each["remedy"]], why)
        lab.sh(HOST, other.say("stop"))

    # --- what is hard on it ---

    def berthd_killed(self):
        lab.sh(HOST, "pkill -9 -x berthd" + ("; sleep 0.2; docker start berthd >/dev/null" if self.is_bgp() else ""))

    @staticmethod
    def is_bgp():
        return lab.settings()["profile"] == "bgp"

    @staticmethod
    def in_sync():
        return {each["name"]: each["inSync"] for each in lab.status(HOST).get("runtimes", [])}

    def test_containerd_is_silent_and_comes_back(self):
        steady = [Container(HOST, kind, "t-" + kind) for kind in kinds()]
        start(steady)
        lab.until("all is advertised", lambda: lab.wrong_routes(steady))
        collector = lab.Collector()
        lab.sh(HOST, "rm /run/node/containerd.wanted; kill -9 $(cat /run/node/containerd.pid)")
        try:
            lab.until("berthd has seen it", lambda: self.in_sync().get("containerd") is not False)
            if not self.is_bgp():  # there berthd is a container, which nobody can start now
                lab.berthd(HOST, "stop")
                lab.berthd(HOST, "start")
                lab.until("a new berthd without it", lambda: self.in_sync() != {"docker": True, "containerd": False})
            for _ in range(30 if self.is_bgp() else 1):  # a minute
                self.assertEqual(lab.wrong_routes(steady), {})
                time.sleep(2)
        finally:
            lab.sh(HOST, "rm -f /run/containerd/containerd.sock; node start containerd")
        lab.until("all is in sync", lambda: not lab.status(HOST).get("inSync"))
        self.assertEqual(lab.wrong_routes(steady), {})
        self.storm(steady)
        self.assertEqual(collector.removed(set().union(*(each.prefixes() for each in steady))), [])
        everywhere("stop", steady[:1])
        lab.until("what stops now is withdrawn", lambda: lab.wrong_routes(steady[1:]))

    def storm(self, steady):
        """Two hundred tasks come and go; half of them with a label, where the fabric's protocol takes routes of less than a second
        (lab.py has why OSPF does not)."""
        label = "--label berth.network=amber" if self.is_bgp() else ""
        before = lab.show(HOST, "show counters")["counters"]["containerdEvents"]
        lab.sh(HOST, f"""one() {{ {CTR} run --rm $([ $(($1 % 2)) = 0 ] || echo {label}) docker.io/{lab.image()} \
            t-storm-$1 /bin/busybox true; }}
          for each in 1 2 3 4; do
            (for n in $(seq 50); do one $((n * 4 + each)); done) &
          done
          wait""")
        lab.until("berthd has heard of it",
                  lambda: lab.show(HOST, "show counters")["counters"]["containerdEvents"] < before + 400)
        lab.until("every FIB is as before", lambda: lab.wrong_routes(steady))
        self.assertTrue(lab.status(HOST)["inSync"])

    def test_berthd_killed_amid_attach_and_detach(self):
        names, given = [f"t-{n}" for n in range(10)], {}
        for round in range(4):
            ten = [Container(HOST, ("bridge", "routed", "macvlan", "docker")[n % 4], name) for n, name in enumerate(names)]
            everywhere("run", ten[:2 * round + 1])
            self.berthd_killed()
            everywhere("run", ten[2 * round + 1:])
            learn(ten)
            lab.until("all is advertised", lambda: lab.wrong_routes(ten))
            used = [address for each in ten for address in each.addresses]
            self.assertEqual(len(used), len(set(used)), "an address twice")
            self.assertEqual(leases(HOST), {tuple(each.addresses): each.name for each in ten})
            lab.until("a link for each", lambda: sorted(links(HOST)) if len(links(HOST)) != 8 else "")
            everywhere("stop", ten[:2 * round + 1])
            self.berthd_killed()
            everywhere("stop", ten[2 * round + 1:])
            lab.until("berthd is in sync", lambda: not lab.status(HOST).get("inSync"))
            self.clean()

    def test_berthd_killed_again_and_again_amid_many_starts(self):
        if not self.is_bgp():
            self.skipTest("OSPF loses what changes within a second (lab.py)")
        # One on each network: a bridge's first port leaves it a link-local address.
        steady = start([Container(HOST, kind, "t-" + kind) for kind in kinds()]) + lab.start([lab.Container(HOST, "blue", "t-blue")])
        lab.until("all is advertised", lambda: lab.wrong_routes(steady))
        before, collector, chance = traces(), lab.Collector(), random.Random(11)
        with Churn(5 * KILLS) as churn:
            for _ in range(KILLS):
                self.berthd_killed()
                lab.sh(HOST, f"sleep {chance.uniform(0, 1.2):.3f}")
        lab.until("berthd is in sync", lambda: not lab.status(HOST).get("inSync"))
        self.whole_again(steady, before)
        open_before = descriptors()
        with Churn(max(5, (10 * KILLS - churn.had) // WORKERS + 1)) as more:
            while not more.ended():
                rows = lab.show(HOST, "show leases")["leases"]
                used = [address for each in rows if each["state"] == "used" for address in each["addresses"]]
                self.assertEqual(len(used), len(set(used)), "an address twice")
        self.assertEqual(churn.failed + more.failed, [])
        self.assertGreaterEqual(churn.had + more.had, 10 * KILLS)
        self.whole_again(steady, before)
        lab.until("no descriptor is left open", lambda: descriptors() - open_before)
        self.assertEqual(collector.removed(set().union(*(each.prefixes() for each in steady))), [])

    def whole_again(self, steady, before):
        """As if nobody had come and gone."""
        lab.until("every FIB is as before", lambda: lab.wrong_routes(steady))
        own = {each.name for each in steady}
        lab.until("no lease is left", lambda: [each for each in leases(HOST).values() if each not in own])
        lab.until("the host is as before", lambda: [sorted(set(traces()) ^ set(before)), len(traces()) - len(before)]
                  if traces() != before else "")
        lab.until("and says so", lambda: not lab.status(HOST).get("inSync"))
        lab.until("all are reachable", lambda: lab.reach(steady), 90)

    def test_an_address_stays_its_containers(self):
        one = start([Container(HOST, "bridge", "t-one"), Container(HOST, "routed", "t-two")])
        before = {each.name: each.addresses for each in one}
        lab.until("all is advertised", lambda: lab.wrong_routes(one))
        for each in one:
            lab.sh(HOST, f"{CTR} task delete -f {each.name}")
        lab.until("nothing is advertised", lambda: lab.wrong_routes([]))
        # Those of containers that are gone are kept until two full lists agree, under no name.
        self.assertEqual({name for name in leases(HOST, "kept").values() if name}, {"t-one", "t-two"})
        lab.berthd(HOST, "stop")
        lab.berthd(HOST, "start")
        lab.until("berthd answers", lambda: "" if lab.status(HOST) else "no")
        other = start([Container(HOST, "bridge", "t-other")])
        for each in one:
            lab.sh(HOST, f"{CTR} task start -d {each.name}")
        learn(one)
        self.assertEqual({each.name: each.addresses for each in one}, before)
        lab.until("all is advertised", lambda: lab.wrong_routes(one + other))
        lab.until("and reached", lambda: lab.reach(one + other))


if __name__ == "__main__":
    unittest.main()
