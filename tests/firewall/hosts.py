# SPDX-License-Identifier: GPL-2.0-or-later
"""Network namespaces for the differential test: a remote behind two uplinks, a host with two bridges, a container on each.

Everything is made by one process: it lives in the host's namespace, where libnftables loads and lists the rules, and opens
its sockets in the others' (a socket stays in the namespace in which it was made).
"""
import ctypes
import os
import select
import socket
import struct
import subprocess
import time

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000

# Who is where: name -> addresses of each family.
REMOTE = {4: ["10.0.1.2", "10.0.1.77", "10.0.2.2"], 6: ["fd00:1::2", "fd00:1::77", "fd00:2::2"]}
CONTAINERS = {"blue": {4: "10.10.1.2", 6: "fd00:10:1::2"}, "red": {4: "10.10.2.2", 6: "fd00:10:2::2"}}
HEADER = """#: network blue br-blue 10.10.1.0/24 gateway 10.10.1.1 fd00:10:1::/64 gateway fd00:10:1::1
#: network red br-red 10.10.2.0/24 gateway 10.10.2.1 fd00:10:2::/64 gateway fd00:10:2::1
#: uplink eth0 eth1
#: link pblue bridge br-blue kind veth
#: link pred bridge br-red kind veth
#: host 10.0.1.1 10.0.2.1 10.10.1.1 10.10.2.1 fd00:1::1 fd00:2::1 fd00:10:1::1 fd00:10:2::1
#: fabric 10.0.0.0/16 fd00:1::/64 fd00:2::/64
"""
BRIDGE_CALLS = "/proc/sys/net/bridge/bridge-nf-call-ip{}tables"
TCP_PORTS = [22, 80, 443, 5001]
UDP_PORTS = [53, 80, 5002]


def setns(fd):
    if LIBC.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def run(command, **kwargs):
    return subprocess.run(command, shell=True, check=True, **kwargs)


class Nft:
    """libnftables as berthd uses it."""

    def __init__(self):
        self.lib = ctypes.CDLL("libnftables.so.1")
        self.lib.nft_ctx_new.restype = ctypes.c_void_p
        for name in ("nft_ctx_get_output_buffer", "nft_ctx_get_error_buffer"):
            getattr(self.lib, name).restype = ctypes.c_char_p
        self.context = ctypes.c_void_p(self.lib.nft_ctx_new(0))
        self.lib.nft_ctx_buffer_output(self.context)
        self.lib.nft_ctx_buffer_error(self.context)
        # handles, stateless, numeric priorities: NFT_CTX_OUTPUT_HANDLE | _STATELESS | _NUMERIC_PRIO
        self.lib.nft_ctx_output_set_flags(self.context, (1 << 3) | (1 << 2) | (1 << 8))

    def run(self, commands):
        ok = self.lib.nft_run_cmd_from_buffer(self.context, commands.encode()) == 0
        errors = self.lib.nft_ctx_get_error_buffer(self.context) or b""
        output = self.lib.nft_ctx_get_output_buffer(self.context) or b""
        return ok, (output if ok else errors).decode(errors="replace")


def header():
    """What the verdict knows of the host."""
    with open(BRIDGE_CALLS.format(""), encoding="ascii") as value:
        return HEADER + ("#: bridge calls-ip\n" if value.read().strip() == "1" else "")


class Hosts:
    def __init__(self, bridge_calls_ip):
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.spaces = {}
        for name in ("host", "remote", "blue", "red"):
            setns(self.home)
            if LIBC.unshare(CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "unshare: are you root?")
            self.spaces[name] = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.enter("host")
        if os.path.exists(BRIDGE_CALLS.format("")):
            for each in ("", "6"):
                with open(BRIDGE_CALLS.format(each), "w", encoding="ascii") as value:
                    value.write(str(int(bridge_calls_ip)))
        self.build()
        self.port = 20000
        self.nft = Nft()
        self.listeners()
        self.ready()

    def ready(self):
        """Until everybody reaches everybody: links come up, neighbours are found."""
        deadline = time.monotonic() + 20
        lost = [None]
        while lost and time.monotonic() < deadline:
            probes = all_probes(self)
            Round(self, probes, 0.1).run()
            lost = [each.text() for each in probes if not each.passed()]
        if lost:
            raise RuntimeError(f"without any rule these are lost: {lost}")

    def enter(self, name):
        setns(self.spaces[name])

    def within(self, name, commands):
        self.enter(name)
        run(commands)
        self.enter("host")

    def build(self):
        quiet = ("sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 "
                 "net.ipv6.conf.default.dad_transmits=0 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0; "
                 "ip link set lo up; ")
        for name in self.spaces:
            self.within(name, quiet)
        self.within("host", "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 "
                            "net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0")
        for number, link in ((1, "eth0"), (2, "eth1")):
            self.veth(link, "remote", f"r{number}")
            run(f"ip addr add 10.0.{number}.1/24 dev {link}; ip addr add fd00:{number}::1/64 dev {link} nodad")
            self.within("remote", f"ip addr add 10.0.{number}.2/24 dev r{number}; "
                                  f"ip addr add fd00:{number}::2/64 dev r{number} nodad; "
                                  f"ip route add default via 10.0.{number}.1 table {number}; "
                                  f"ip -6 route add default via fd00:{number}::1 table {number}; "
                                  f"ip rule add from 10.0.{number}.0/24 table {number}; "
                                  f"ip -6 rule add from fd00:{number}::/64 table {number}")
        self.within("remote", "ip addr add 10.0.1.77/24 dev r1; ip addr add fd00:1::77/64 dev r1 nodad; "
                              "ip route add default via 10.0.1.1; ip -6 route add default via fd00:1::1")
        for number, name in ((1, "blue"), (2, "red")):
            run(f"ip link add br-{name} type bridge; ip link set br-{name} up; "
                f"ip addr add 10.10.{number}.1/24 dev br-{name}; ip addr add fd00:10:{number}::1/64 dev br-{name} nodad")
            self.veth(f"p{name}", name, "eth0")
            run(f"ip link set p{name} master br-{name}")
            self.within(name, f"ip addr add {CONTAINERS[name][4]}/24 dev eth0; "
                              f"ip addr add {CONTAINERS[name][6]}/64 dev eth0 nodad; "
                              f"ip route add default via 10.10.{number}.1; ip -6 route add default via fd00:10:{number}::1")

    def veth(self, here, name, there):
        """A pair of links, one end in the host, one in `name`."""
        self.enter(name)
        run(f"ip link add {there} type veth peer name {here}")
        # The other end goes by a file descriptor that the child inherits.
        os.set_inheritable(self.spaces["host"], True)
        subprocess.run(["ip", "link", "set", here, "netns", f"/proc/self/fd/{self.spaces['host']}"], check=True, close_fds=False)
        run(f"ip link set {there} up")
        self.enter("host")
        run(f"ip link set {here} up")

    def socket(self, name, family, kind, protocol=0):
        self.enter(name)
        try:
            made = socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, kind, protocol)
            made.setblocking(False)
            return made
        finally:
            self.enter("host")

    def listeners(self):
        """What containers and the remote answer with: each socket once, for all rulesets."""
        self.tcp, self.udp, self.icmp = {}, {}, {}
        for name in ("remote", "blue", "red"):
            for family in (4, 6):
                for port in TCP_PORTS:
                    made = self.socket(name, family, socket.SOCK_STREAM)
                    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    if family == 6:
                        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                    made.bind(("", port) if family == 4 else ("::", port))
                    made.listen(256)
                    self.tcp[name, family, port] = made
                for port in UDP_PORTS:
                    made = self.socket(name, family, socket.SOCK_DGRAM)
                    if family == 6:
                        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                        made.setsockopt(socket.IPPROTO_IPV6, 49, 1)  # IPV6_RECVPKTINFO
                    else:
                        made.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO
                    made.bind(("", port) if family == 4 else ("::", port))
                    self.udp[name, family, port] = made
                protocol = 1 if family == 4 else 58
                self.icmp[name, family] = self.socket(name, family, socket.SOCK_RAW, protocol)

    def flush_connections(self):
        """ctnetlink: forget every connection (IPCTNL_MSG_CT_DELETE without a tuple)."""
        made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
        for family in (socket.AF_INET, socket.AF_INET6):
            made.send(struct.pack("=IHHIIBBH", 20, (1 << 8) | 2, 1 | 4, 1, 0, family, 0, 0))
            made.recv(4096)
        made.close()


class Probe:
    """One flow, from a client to a server: did it get there and back, and did the server see the client?"""

    def __init__(self, hosts, way, name, family, protocol, source, target, port):
        self.way, self.name, self.family, self.protocol, self.port = way, name, family, protocol, port
        self.source, self.target = source, target
        self.client = "remote" if way == "in" else name
        self.server = name if way == "in" else "remote"
        self.reached = self.answered = False
        self.seen = None
        self.socket = None
        hosts.port = 20000 + (hosts.port - 19999) % 40000
        self.own_port = hosts.port

    def text(self):
        where = f" port {self.port}" if self.port else ""
        return f"{self.protocol}{where} {self.source} -> {self.target}"

    def passed(self):
        return self.reached and self.answered


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def all_probes(hosts):
    out = []
    for name, addresses in CONTAINERS.items():
        for family in (4, 6):
            for remote in REMOTE[family]:
                for way in ("in", "out"):
                    ends = (remote, addresses[family]) if way == "in" else (addresses[family], remote)
                    few = remote.endswith("77")
                    for port in TCP_PORTS[:2] if few else TCP_PORTS:
                        out.append(Probe(hosts, way, name, family, "tcp", *ends, port))
                    for port in UDP_PORTS[:1] if few else UDP_PORTS:
                        out.append(Probe(hosts, way, name, family, "udp", *ends, port))
                    out.append(Probe(hosts, way, name, family, "icmp", *ends, 0))
    return out


def send(hosts, probe):
    if probe.protocol == "icmp":
        kind = 8 if probe.family == 4 else 128
        payload = struct.pack("!BBHHH", kind, 0, 0, probe.own_port, 1) + b"berth!"
        if probe.family == 4:
            payload = struct.pack("!BBHHH", kind, 0, checksum(payload), probe.own_port, 1) + b"berth!"
        made = hosts.icmp[probe.client, probe.family]
        # The source is chosen by the message, so that one socket does for all of them.
        if probe.family == 4:
            ancillary = [(socket.IPPROTO_IP, 8, struct.pack("=i4s4s", 0, socket.inet_aton(probe.source), b"\0" * 4))]
        else:
            ancillary = [(socket.IPPROTO_IPV6, 50, socket.inet_pton(socket.AF_INET6, probe.source) + struct.pack("=i", 0))]
        try:
            made.sendmsg([payload], ancillary, 0, (probe.target, 0))
        except OSError:
            pass
        return
    probe.socket = hosts.socket(probe.client, probe.family, socket.SOCK_STREAM if probe.protocol == "tcp" else socket.SOCK_DGRAM)
    if probe.protocol == "tcp":
        probe.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    try:
        probe.socket.bind((probe.source, probe.own_port))
        if probe.protocol == "tcp":
            probe.socket.connect((probe.target, probe.port))
        else:
            probe.socket.sendto(struct.pack("!H", probe.own_port), (probe.target, probe.port))
    except OSError:
        pass


class Round:
    """All probes at once; `quiet` seconds without news end it."""

    def __init__(self, hosts, probes, quiet):
        self.hosts, self.probes, self.quiet = hosts, probes, quiet
        # A flow is known by its client's port, which NAT may change: then by what the client wrote.
        self.by_port = {(p.protocol, p.own_port): p for p in probes}
        self.accepted = []

    def run(self):
        poller = select.epoll()
        kinds = {}

        def watch(made, kind):
            kinds[made.fileno()] = (made, kind)
            poller.register(made.fileno(), select.EPOLLIN)

        for key, made in self.hosts.tcp.items():
            watch(made, ("listen", key))
        for key, made in self.hosts.udp.items():
            watch(made, ("udp", key))
        for key, made in self.hosts.icmp.items():
            watch(made, ("icmp", key))
        for probe in self.probes:
            send(self.hosts, probe)
        pending = {}
        for probe in self.probes:
            if probe.socket is None:
                continue
            kinds[probe.socket.fileno()] = (probe.socket, ("client", probe))
            poller.register(probe.socket.fileno(), select.EPOLLOUT if probe.protocol == "tcp" else select.EPOLLIN)
            pending[probe.socket.fileno()] = probe
        deadline = time.monotonic() + self.quiet
        while time.monotonic() < deadline and not all(p.passed() for p in self.probes):
            news = poller.poll(max(0, deadline - time.monotonic()))
            for fd, event in news:
                made, (kind, what) = kinds[fd]
                if self.handle(poller, kinds, made, kind, what, event):
                    deadline = time.monotonic() + self.quiet
        for probe in self.probes:
            if probe.socket is not None:
                probe.socket.close()
        for each in self.accepted:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            each.close()
        poller.close()

    def handle(self, poller, kinds, made, kind, what, event):
        try:
            if kind == "listen":
                peer, address = made.accept()
                peer.setblocking(False)
                self.accepted.append(peer)
                kinds[peer.fileno()] = (peer, ("server", (what, address[0])))
                poller.register(peer.fileno(), select.EPOLLIN)
                return True
            if kind == "client" and what.protocol == "tcp":
                if event & select.EPOLLOUT:
                    made.send(struct.pack("!H", what.own_port))
                    poller.modify(made.fileno(), select.EPOLLIN)
                    return True
                what.answered = made.recv(64) == b"ok"
                poller.unregister(made.fileno())
                return what.answered
            if kind == "client":
                what.answered = made.recv(64) == b"ok"
                return True
            if kind == "server":
                return self.served(poller, made, what)
            if kind == "udp":
                return self.datagram(made, what)
            return self.echo(made, what)
        except OSError:
            try:
                poller.unregister(made.fileno())
            except (OSError, ValueError):
                pass
            return False

    def note(self, protocol, port, server, seen):
        probe = self.by_port.get((protocol, port))
        if probe and probe.server == server:
            probe.reached, probe.seen = True, seen

    def served(self, poller, made, what):
        data = made.recv(64)
        poller.unregister(made.fileno())
        if len(data) == 2:
            self.note("tcp", struct.unpack("!H", data)[0], what[0][0], what[1])
            made.send(b"ok")
        return True

    def datagram(self, made, what):
        data, ancillary, _, address = made.recvmsg(64, 256)
        if len(data) != 2:
            return False
        self.note("udp", struct.unpack("!H", data)[0], what[0], address[0])
        made.sendmsg([b"ok"], [(level, kind, self.answer_from(level, content)) for level, kind, content in ancillary], 0, address)
        return True

    @staticmethod
    def answer_from(level, content):
        if level == socket.IPPROTO_IP:
            return struct.pack("=i4s4s", 0, content[8:12], b"\0" * 4)
        return content[:16] + struct.pack("=i", 0)

    def echo(self, made, what):
        data, address = made.recvfrom(512)
        if what[1] == 4:
            data = data[20:]
        if len(data) < 8 or not data.endswith(b"berth!"):
            return False
        kind, _, _, number, _ = struct.unpack("!BBHHH", data[:8])
        probe = self.by_port.get(("icmp", number))
        if not probe:
            return False
        if kind in (8, 128) and what[0] == probe.server:
            probe.reached, probe.seen = True, address[0]
        elif kind in (0, 129) and what[0] == probe.client and address[0] == probe.target:
            probe.answered = True
        return True
