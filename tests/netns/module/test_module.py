# SPDX-License-Identifier: GPL-2.0-or-later
"""The zebra module against a real zebra, bgpd-less: what a client says, and what RIB and kernel then hold."""
import ipaddress, json, os, pathlib, random, re, select, shutil, signal, socket, struct, subprocess, time, unittest
import berth_pb2 as pb

WORK, MODULE = os.environ["BERTH_WORK"], os.environ["BERTH_MODULE"]
SOCKET = WORK + "/berth.sock"
STATES = pb.State


def takes(seconds):
    """About so long, where that is much: lane.py deals the tests out by it."""
    def mark(test):
        test.takes = seconds
        return test
    return mark


def sh(command):
    return subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout


def until(what, check, seconds=5.0):
    end = time.monotonic() + seconds
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("not within %s s: %s" % (seconds, what))
        time.sleep(0.01)


def stays(what, check, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not check():
            raise AssertionError("%s: no longer so after %.1f of %s s" % (what, seconds - end + time.monotonic(), seconds))
        time.sleep(0.01)


def kernel(prefix):
    family = "-6" if ":" in prefix else "-4"
    return sh("ip %s route show %s proto 26 2>/dev/null; ip %s route show %s proto openfabric 2>/dev/null || true"
              % (family, prefix, family, prefix)).strip() or sh("ip %s route show exact %s" % (family, prefix)).strip()


def prefix(text):
    net = ipaddress.ip_network(text)
    return pb.Prefix(address=net.network_address.packed, length=net.prefixlen)


def text_of(p):
    return "%s/%d" % (ipaddress.ip_address(p.address), p.length)


def listens(path):
    """A daemon's vty socket is there a moment before somebody listens on it."""
    with socket.socket(socket.AF_UNIX) as s:
        try:
            s.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            return False
    return True


def ask_vty(path, *commands):
    """What the last of them prints."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)  # the daemon may be busy with what a test floods it with
        s.connect(path)
        for line in ("enable", *commands):
            s.sendall(line.encode() + b"\0")
            out = b""
            while out[-4:-1] != b"\0\0\0":
                got = s.recv(65536)
                if not got:
                    raise ConnectionError(path)
                out += got
    return out[:-4].decode()


class Zebra:
    def __init__(self, args="", keep=(), module=MODULE, opens=True, **env):
        self.log = WORK + "/zebra.log"
        self.process = subprocess.Popen(
            ["/usr/lib/frr/zebra", "-M", "%s:%s,grace=2%s" % (module, SOCKET, args), "-z", WORK + "/zserv.api",
             "-i", WORK + "/zebra.pid", "--vty_socket", WORK, "-f", WORK + "/zebra.conf",
             "--log", "file:" + self.log] + list(keep),
            stdout=subprocess.DEVNULL, stderr=open(WORK + "/zebra.stderr", "w"), env=dict(os.environ, **env))
        until("zebra listens", lambda: (os.path.exists(SOCKET) or not opens) and listens(WORK + "/zebra.vty"), 10)

    def vty(self, command):
        return ask_vty(WORK + "/zebra.vty", command)

    def alive(self):
        return self.process.poll() is None

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        if self.process.wait(10) != (0 if how == signal.SIGTERM else -how):
            raise AssertionError("zebra ended with %d" % self.process.returncode)
        for name in (SOCKET, WORK + "/zebra.vty"):
            if os.path.exists(name):
                os.unlink(name)


class Client:
    def __init__(self, hello=True, **fields):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(5)
        self.sock.connect(SOCKET)
        self.sequence, self.data, self.last, self.answered = 0, b"", {}, set()
        if hello:
            fields.setdefault("protocol", 1)
            try:
                self.send(pb.Message(hello=pb.Hello(session=random.getrandbits(60), software="test", **fields)))
            except BrokenPipeError:
                pass  # closed already; the module has said why
            self.hello = self.receive().hello

    def send(self, message):
        body = message.SerializeToString()
        self.sock.sendall(struct.pack("!BBH", 1, 2, len(body) + 4) + body)

    def receive(self):
        while True:
            if len(self.data) >= 4:
                length = struct.unpack("!H", self.data[2:4])[0]
                if len(self.data) >= length:
                    message = pb.Message.FromString(self.data[4:length])
                    self.data = self.data[length:]
                    for r in message.results.results:
                        self.last[(r.kind, text_of(r.prefix) if r.prefix.address else "")] = r
                        self.answered.add((r.kind, text_of(r.prefix) if r.prefix.address else "", r.sequence))
                    return message
            more = self.sock.recv(65536)
            if not more:
                raise EOFError
            self.data += more

    def batch(self, *operations):
        while select.select([self.sock], [], [], 0)[0]:  # who does not read is not read from
            self.receive()
        self.sequence += 1
        self.send(pb.Message(batch=pb.Batch(sequence=self.sequence, operations=operations)))
        return self.sequence

    def state(self, p, want, kind=pb.OBJECT_ROUTE, sequence=None, seconds=5):
        """The last state told is `want`, and the batch, where one is named, was answered."""
        address, length = p.split("/")
        p = "%s/%s" % (ipaddress.ip_address(address), length)  # as this Python writes it: releases differ for ::ffff:0:0/96
        end = time.monotonic() + seconds
        while True:
            r = self.last.get((kind, p))
            if r is not None and r.state == want and (sequence is None or (kind, p, sequence) in self.answered):
                return r
            self.sock.settimeout(max(0.01, end - time.monotonic()))
            try:
                self.receive()
            except socket.timeout:
                raise AssertionError("%s is not %s but %s" % (p, STATES.Name(want), r))

    def sync(self, keep=()):
        self.send(pb.Message(end_of_sync=pb.EndOfSync(sequence=self.sequence, keep=[prefix(p) for p in keep])))
        while True:
            m = self.receive()
            if m.HasField("sync_done"):
                return m.sync_done.swept

    def query(self, p):
        self.send(pb.Message(query=pb.Query(id=7, prefix=prefix(p))))
        while True:
            m = self.receive()
            if m.HasField("query_reply"):
                return m.query_reply

    def live(self, seconds):
        """As berthd does where nothing is to be said; True while the module keeps the session."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.send(pb.Message(keepalive=pb.Keepalive()))
            self.sock.settimeout(0.5)
            try:
                self.receive()
            except socket.timeout:
                pass
        self.sock.settimeout(5)
        return True

    def close(self):
        self.sock.close()


def add(p, interface="br0", tag=100, **more):
    return pb.Operation(add=pb.Route(prefix=prefix(p), tag=tag, next_hops=[pb.NextHop(interface=interface)], **more))


def remove(p):
    return pb.Operation(remove=prefix(p))


class ModuleTest(unittest.TestCase):
    def setUp(self):
        self.addCleanup(lambda: subprocess.run("ip link del br0; ip link del p0", shell=True, capture_output=True))
        sh("ip link add br0 type bridge; ip link add p0 type veth peer name p1; ip link set p0 master br0;"
           "ip link set p1 up; ip link set p0 up; ip link set br0 up; ip addr add 10.1.0.1/24 dev br0;"
           "ip -6 addr add fd00:1::1/64 dev br0 nodad")
        pathlib.Path(WORK, "zebra.conf").write_text("no zebra nexthop kernel enable\n")  # as in frr-configs
        self.zebra, self.clients = Zebra(), []

    def tearDown(self):
        for c in self.clients:
            c.close()
        self.assertTrue(self.zebra.alive(), "zebra died")
        self.assertNotIn("berth: bug", pathlib.Path(self.zebra.log).read_text())
        self.zebra.stop(signal.SIGTERM)

    def client(self, **fields):
        c = Client(**fields)
        self.clients.append(c)
        return c

    def test_add_replace_remove_both_families(self):
        c = self.client()
        self.assertEqual((c.hello.protocol, c.hello.error, c.hello.route_type), (1, "", "openfabric"))
        for p in ("10.1.0.5/32", "fd00:1::5/128"):
            n = c.batch(add(p))
            c.state(p, pb.STATE_INSTALLED, sequence=n)
            self.assertIn("br0", kernel(p))
            n = c.batch(add(p, tag=200))
            c.state(p, pb.STATE_INSTALLED, sequence=n)
            self.assertEqual([(e.type, e.tag, e.selected, [(h.gateway, h.interface) for h in e.next_hops])
                              for e in c.query(p).entries], [("openfabric", 200, True, [(b"", "br0")])])
            n = c.batch(remove(p))
            c.state(p, pb.STATE_GONE, sequence=n)
            # zebra unlinks a route when its removal is on the way to the kernel, not when the kernel has answered
            until("the kernel has removed it", lambda: not kernel(p))

    def test_not_best_tells_the_winner_and_then_wins(self):
        sh("ip route add 10.1.0.6/32 dev br0")
        c = self.client()
        c.batch(add("10.1.0.6/32"))
        self.assertEqual(c.state("10.1.0.6/32", pb.STATE_NOT_BEST).winner.type, "kernel")
        sh("ip route del 10.1.0.6/32 dev br0")
        c.state("10.1.0.6/32", pb.STATE_INSTALLED)

    def test_a_winner_that_goes_with_the_link_is_not_told_for_ever(self):
        sh("ip route add 10.1.0.19/32 dev br0")
        c = self.client()
        c.batch(add("10.1.0.19/32"))
        c.state("10.1.0.19/32", pb.STATE_NOT_BEST)
        sh("ip link set br0 down")
        while c.last[pb.OBJECT_ROUTE, "10.1.0.19/32"].state == pb.STATE_NOT_BEST:
            c.receive()  # fails when nothing comes

    def test_inactive_until_the_interface_is_there(self):
        c = self.client()
        c.batch(add("10.1.0.7/32", interface="later"))
        c.state("10.1.0.7/32", pb.STATE_INACTIVE)
        sh("ip link add later type bridge; ip link set later up")
        try:
            c.state("10.1.0.7/32", pb.STATE_INSTALLED)
        finally:
            sh("ip link del later")

    @takes(6)
    def test_link_flap_brings_the_kernel_route_back(self):
        self.flap_a_link()

    @takes(6)
    def test_link_flap_with_nexthop_groups_in_the_kernel(self):
        """FRR's own default."""
        self.zebra.stop()
        pathlib.Path(WORK, "zebra.conf").write_text("hostname z\n")
        self.zebra = Zebra()
        self.flap_a_link()

    def flap_a_link(self):
        c = self.client()
        c.batch(add("10.1.0.8/32"))
        c.state("10.1.0.8/32", pb.STATE_INSTALLED)
        for _ in range(3):
            sh("ip link set br0 down; ip link set br0 up")
            until("the kernel route is back", lambda: kernel("10.1.0.8/32"))
        for _ in range(3):  # said again, before or after zebra has seen the flap
            sh("ip link set br0 down; ip link set br0 up")
            n = c.batch(add("10.1.0.8/32"))
            until("it is back although it was said again", lambda: kernel("10.1.0.8/32"))
            c.state("10.1.0.8/32", pb.STATE_INSTALLED, sequence=n)

    def test_rejected_with_a_reason_and_nothing_changes(self):
        c = self.client()
        bad = {"0.0.0.0/0": "default", "::/0": "default", "127.0.0.1/32": "loopback", "224.0.0.5/32": "multicast",
               "fe80::1/128": "link-local", "126.0.0.0/7": "loopback", "128.0.0.0/1": "multicast", "240.0.0.1/32": "reserved",
               "8000::/1": "link-local", "64:ff9b::/96": "reserved"}
        for p, word in bad.items():
            c.batch(add(p))
            self.assertIn(word, c.state(text_of(prefix(p)), pb.STATE_REJECTED).reason)
        c.batch(pb.Operation(add=pb.Route(prefix=prefix("10.1.0.9/32"), tag=1)))
        self.assertIn("next hop", c.state("10.1.0.9/32", pb.STATE_REJECTED).reason)
        c.batch(pb.Operation(add=pb.Route(prefix=pb.Prefix(address=b"\x0a\x01\x00\x09", length=24))))
        c.state("10.1.0.9/24", pb.STATE_REJECTED)
        self.assertEqual(json.loads(self.zebra.vty("show berth routes json")), {"routes": []})

    def test_sync_sweeps_what_the_new_session_does_not_name(self):
        c = self.client()
        c.batch(add("10.1.0.10/32"), add("10.1.0.11/32"))
        c.state("10.1.0.11/32", pb.STATE_INSTALLED)
        c.close()
        d = self.client()
        self.assertEqual(d.hello.routes_held, 2)
        time_up = time.monotonic() + 2.5  # longer than the grace time: an owner that is here stops that clock
        until("the grace time would have ended", lambda: time.monotonic() > time_up)
        self.assertTrue(kernel("10.1.0.11/32"))
        d.batch(add("10.1.0.10/32"))
        d.state("10.1.0.10/32", pb.STATE_INSTALLED)
        self.assertEqual(d.sync(), 1)
        until("swept from the kernel", lambda: not kernel("10.1.0.11/32"))
        self.assertTrue(kernel("10.1.0.10/32"))

    def stale(self):
        return {r["prefix"] for r in json.loads(self.zebra.vty("show berth routes json"))["routes"] if r["state"] == "stale"}

    def test_sync_keeps_what_berthd_could_not_find_out_about(self):
        c, each = self.client(), ["10.1.0.10/32", "10.1.0.200/32", "10.2.0.1/32", "fd00:1::10/128", "fd00:2::10/128"]
        c.batch(*[add(p) for p in each])
        for p in each:
            c.state(p, pb.STATE_INSTALLED)
        c.close()
        d = self.client()
        self.assertEqual(d.hello.routes_held, 5)
        self.assertEqual(d.sync(keep=["10.1.0.0/24", "10.1.0.0/24", "10.1.0.128/25", "fd00:1::/64"]), 2)
        self.assertEqual(self.stale(), {"10.1.0.10/32", "10.1.0.200/32", "fd00:1::10/128"})
        d.batch(add("fd00:1::10/128"))
        d.state("fd00:1::10/128", pb.STATE_INSTALLED)
        self.assertEqual(d.sync(keep=["10.1.0.128/25", "0.0.0.0/32"]), 1)  # said anew, from what is known by now
        self.assertEqual(self.stale(), {"10.1.0.200/32"})
        self.assertTrue(kernel("10.1.0.200/32"))
        d.close()
        until("what was kept has no more than the grace time", lambda: not kernel("10.1.0.200/32"))
        e = self.client()
        self.assertEqual((e.hello.routes_held, e.sync(keep=["0.0.0.0/0", "::/0"])), (0, 0))

    def test_a_prefix_to_keep_that_is_none_takes_nothing_away(self):
        c = self.client()
        c.batch(add("10.1.0.10/32"))
        c.state("10.1.0.10/32", pb.STATE_INSTALLED)
        c.close()
        for keep in (pb.Prefix(address=b"\x0a\x01\x00\x09", length=24), pb.Prefix(), pb.Prefix(address=b"abc", length=8)):
            d = self.client()
            d.send(pb.Message(end_of_sync=pb.EndOfSync(sequence=1, keep=[prefix("10.0.0.0/8"), keep])))
            self.assertIn("not valid", d.receive().bye.reason)
        self.assertTrue(kernel("10.1.0.10/32"))

    def test_in_sync_means_that_zebra_has_worked_on_the_sweep(self):
        c, each = self.client(), ["10.%d.%d.%d/32" % (2 + i // 65536, i // 256 % 256, i % 256) for i in range(5000)]
        for at in range(0, len(each), 500):
            c.batch(*[add(p) for p in each[at:at + 500]])
        for p in each:
            c.state(p, pb.STATE_INSTALLED, seconds=30)
        c.close()
        d = self.client()
        self.assertEqual(d.sync(), len(each))
        self.assertEqual([p for p in each[::97] if d.query(p).entries], [])
        self.assertNotIn("removing", self.zebra.vty("show berth routes json"))

    def test_grace_time_ends(self):
        c = self.client()
        c.batch(add("10.1.0.12/32"))
        c.state("10.1.0.12/32", pb.STATE_INSTALLED)
        c.close()
        self.assertTrue(kernel("10.1.0.12/32"))
        until("gone after the grace time", lambda: not kernel("10.1.0.12/32"))

    def test_one_owner(self):
        c = self.client()
        second = self.client()
        self.assertIn("an owner already", second.hello.error)
        with self.assertRaises((EOFError, ConnectionError)):
            second.receive()
        c.batch(add("10.1.0.13/32"))
        c.state("10.1.0.13/32", pb.STATE_INSTALLED)

    @takes(5)
    def test_a_silent_owner_is_put_out_and_its_grace_time_begins(self):
        c, p = self.client(hold_seconds=3), "10.1.0.30/32"
        self.assertEqual(c.hello.hold_seconds, 3)
        c.batch(add(p))
        c.state(p, pb.STATE_INSTALLED)
        c.sync()
        begin = time.monotonic()
        self.assertRegex(self.client().hello.error, r"owner already \(pid \d+ uid 0\), which is put out after 3 s of silence")
        until("it is put out", lambda: "not connected" in self.zebra.vty("show berth status"), 6)
        self.assertGreater(time.monotonic() - begin, 2.5, "too early")
        stays("its route, for the grace time", lambda: kernel(p), 1.5)
        until("the grace time ends", lambda: not kernel(p), 2)
        kinds = [c.receive().WhichOneof("body") for _ in range(2)]
        self.assertEqual(kinds, ["keepalive"] * 2, "the module says that it is there")
        while True:
            m = c.receive()
            if m.HasField("bye"):
                break
        self.assertIn("silent for 3 s", m.bye.reason)
        self.assertEqual(self.client().hello.error, "")

    def test_a_new_owner_gets_the_place_of_one_that_hangs(self):
        c, p = self.client(hold_seconds=3), "10.1.0.31/32"
        c.batch(add(p))
        c.state(p, pb.STATE_INSTALLED)
        d = until("the new one gets in", lambda: next((each for each in [self.client(hold_seconds=3)]
                                                       if not each.hello.error), None), 6)
        self.assertEqual(d.hello.routes_held, 1)
        d.batch(add(p))
        d.state(p, pb.STATE_INSTALLED)
        self.assertEqual(d.sync(), 0)
        self.assertTrue(kernel(p))

    @takes(25)
    def test_who_lives_is_not_put_out(self):
        c, p = self.client(hold_seconds=3), "10.1.0.32/32"
        c.batch(add(p))
        c.state(p, pb.STATE_INSTALLED)
        self.assertTrue(c.live(7))
        for stop in (4.5, 4.5):  # zebra hangs for longer than the hold time; both do
            self.zebra.process.send_signal(signal.SIGSTOP)
            try:
                if stop == 4.5:
                    c.send(pb.Message(keepalive=pb.Keepalive()))
                end = time.monotonic() + stop
                until("the time is over", lambda: time.monotonic() > end, stop + 1)
            finally:
                self.zebra.process.send_signal(signal.SIGCONT)
            self.assertTrue(c.live(4))
        self.assertIn("Hold time 3 s", self.zebra.vty("show berth status"))
        self.assertRegex(self.zebra.vty("show berth counters"), r"Connections +1\n")

    @takes(14)
    def test_an_owner_that_is_slow_to_read_lives(self):
        """The module reads nothing while its answers are not taken: it sees the owner's life by what is read."""
        out, refused = b"", [add("127.0.0.1/32")] * 500
        for n in range(80):
            body = pb.Message(batch=pb.Batch(sequence=n + 1, operations=refused)).SerializeToString()
            out += struct.pack("!BBH", 1, 2, len(body) + 4) + body
        c = self.client(hold_seconds=3)
        c.sock.setblocking(False)
        begin, said, taken = time.monotonic(), 0, 0
        while time.monotonic() < begin + 12:
            time.sleep(0.001)
            if not out and time.monotonic() > said + 1:
                said, out = time.monotonic(), b"\x01\x02\x00\x06\x4a\x00"  # Keepalive
            try:
                out = out[c.sock.send(out[:65536]):] if out else out
            except BlockingIOError:
                pass
            if time.monotonic() > begin + min(8, taken / 60000):
                try:
                    more = c.sock.recv(65536)
                    self.assertTrue(more, "put out after %.1f s" % (time.monotonic() - begin))
                    taken += len(more)
                except BlockingIOError:
                    pass
        self.assertGreater(taken, 1500000, "the module had more to say than it can hold")
        self.assertIn("berthd is connected", self.zebra.vty("show berth status"))

    @takes(4)
    def test_an_older_berthd_may_be_silent(self):
        c = self.client()
        self.assertEqual(c.hello.hold_seconds, 0)
        stays("it is the owner", lambda: "berthd is connected" in self.zebra.vty("show berth status"), 4)
        c.query("10.1.0.33/32")
        self.assertFalse(select.select([c.sock], [], [], 0)[0], "it is told nothing that it does not know")

    def test_the_hold_time_is_bounded(self):
        for said, holds in ((1, 3), (3, 3), (3600, 3600), (4000000000, 3600)):
            c = self.client(hold_seconds=said)
            self.assertEqual(c.hello.hold_seconds, holds)
            c.close()
            until("the module has seen it", lambda: "not connected" in self.zebra.vty("show berth status"))

    def test_who_gave_up_waiting_is_in_nobodys_way(self):
        self.zebra.process.send_signal(signal.SIGSTOP)
        try:
            hello = pb.Message(hello=pb.Hello(protocol=1, session=1, grace_seconds=77)).SerializeToString()
            for _ in range(3):
                s = socket.socket(socket.AF_UNIX)
                s.connect(SOCKET)
                s.sendall(struct.pack("!BBH", 1, 2, len(hello) + 4) + hello)
                s.close()
            c = Client(hello=False)
            self.clients.append(c)
            c.send(pb.Message(hello=pb.Hello(protocol=1, session=2)))
        finally:
            self.zebra.process.send_signal(signal.SIGCONT)
        self.assertEqual(c.receive().hello.error, "")
        self.assertIn("grace time 2 s", self.zebra.vty("show berth status"))
        self.assertRegex(self.zebra.vty("show berth counters"), r"Connections +1\n")

    def test_a_message_of_a_newer_berthd_is_left_aside(self):
        c, p = self.client(), "10.1.0.34/32"
        body = b"\xfa\x06\x03\x0a\x01\x07"  # field 111, bytes
        c.sock.sendall(struct.pack("!BBH", 1, 2, len(body) + 4) + body)
        c.batch(add(p))
        c.state(p, pb.STATE_INSTALLED)
        self.assertRegex(self.zebra.vty("show berth counters"), r"Unknown messages +1\n")

    @takes(8)
    def test_the_grace_time_is_given_back_when_a_session_settles_or_it_is_over(self):
        c, p, seen = self.client(), "10.1.0.35/32", lambda: "not connected" in self.zebra.vty("show berth status")
        c.batch(add(p))
        c.state(p, pb.STATE_INSTALLED)
        c.sync()
        c.close()
        stays("its route", lambda: kernel(p), 1.2)
        d = self.client()  # of 2 s, 1.2 are gone; a session without a sync, longer than the grace time
        d.batch(add(p))
        d.state(p, pb.STATE_INSTALLED)
        stays("the session", lambda: not seen(), 2.2)
        d.close()
        stays("its route, after a session that settled", lambda: kernel(p), 1.4)
        e = self.client()
        e.batch(add(p))
        e.state(p, pb.STATE_INSTALLED)
        e.close()  # at once
        until("what is left of this grace time", lambda: not kernel(p), 1.3)
        f = self.client()
        f.batch(add(p))
        f.state(p, pb.STATE_INSTALLED)
        f.close()
        stays("its route, after a grace time that ran out", lambda: kernel(p), 1.4)
        until("gone after the grace time", lambda: not kernel(p), 2)

    @takes(7)
    def test_silence_settles_no_session(self):
        c, p = self.client(), "10.1.0.36/32"
        c.batch(add(p))
        c.state(p, pb.STATE_INSTALLED)
        c.sync()
        c.close()
        stays("its route", lambda: kernel(p), 1.2)
        d = self.client(hold_seconds=3)
        self.assertEqual(d.hello.error, "")
        until("it is put out", lambda: "not connected" in self.zebra.vty("show berth status"), 6)
        until("0.8 s were left", lambda: not kernel(p), 1.3)

    def test_a_hello_that_is_refused_changes_nothing(self):
        self.assertIn("99", self.client(protocol=99, grace_seconds=1000).hello.error)
        self.assertIn("type openfabric", self.client(route_type="babel", grace_seconds=1000).hello.error)
        self.assertIn("grace time 2 s", self.zebra.vty("show berth status"))

    def test_the_group_goes_to_the_socket_and_to_nothing_that_took_its_place(self):
        """A library puts a link there as soon as zebra listens, as whoever owns the folder could."""
        self.zebra.stop()
        victim = pathlib.Path(WORK, "victim")
        victim.write_text("precious")
        shutil.chown(victim, "frr", "frrvty")
        self.addCleanup(lambda: [os.unlink(each) for each in (SOCKET, victim) if os.path.lexists(each)])
        pathlib.Path(WORK, "plant.c").write_text(r"""
            #define _GNU_SOURCE
            #include <dlfcn.h>
            #include <string.h>
            #include <sys/socket.h>
            #include <sys/un.h>
            #include <unistd.h>
            int listen(int fd, int backlog) {
              int (*real)(int, int) = (int (*)(int, int))dlsym(RTLD_NEXT, "listen"), rc = real(fd, backlog);
              struct sockaddr_un at = {0};
              socklen_t size = sizeof at;
              if (!getsockname(fd, (struct sockaddr *)&at, &size) && !strcmp(at.sun_path, SOCKET_PATH) &&
                  (unlink(at.sun_path) || symlink(VICTIM, at.sun_path)))
                _exit(9);
              return rc;
            }""")
        sh("cc -shared -fPIC -DSOCKET_PATH='\"%s\"' -DVICTIM='\"%s\"' -o %s/plant.so %s/plant.c"
           % (SOCKET, victim, WORK, WORK))
        self.zebra = Zebra(LD_PRELOAD=WORK + "/plant.so")
        until("it is told", lambda: "is not the socket" in pathlib.Path(self.zebra.log).read_text())
        self.assertEqual(victim.group(), "frrvty")

    def test_another_ones_socket_stays(self):
        os.rename(SOCKET, SOCKET + ".ours")
        self.addCleanup(lambda: [os.unlink(name) for name in (SOCKET, SOCKET + ".ours") if os.path.exists(name)])
        other = socket.socket(socket.AF_UNIX)
        other.bind(SOCKET)
        self.zebra.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.zebra.process.wait(10), 0)
        self.assertTrue(os.path.exists(SOCKET))
        other.close()
        os.unlink(SOCKET)
        os.unlink(WORK + "/zebra.vty")
        self.zebra = Zebra()

    def test_who_says_nothing_makes_room(self):
        silent = self.client(hello=False)
        until("berthd gets in", lambda: not self.client().hello.error, 10)
        self.assertEqual(silent.receive().bye.reason, "no Hello came")

    def test_sessions_that_never_get_in_sync_share_one_grace_time(self):
        c = self.client()
        c.batch(add("10.1.0.18/32"))
        c.state("10.1.0.18/32", pb.STATE_INSTALLED)
        c.sync()
        c.close()
        end, gone = time.monotonic() + 20, False
        while not gone and time.monotonic() < end:  # away for most of each second
            select.select([], [], [], 0.7)
            gone = not kernel("10.1.0.18/32")
            self.client().close()
        self.assertTrue(gone, "2 s of being away, in pieces, are the grace time")

    def test_another_zebra_does_not_take_the_socket(self):
        c = self.client()
        subprocess.run(["/usr/lib/frr/zebra", "-C", "-M", "%s:%s" % (MODULE, SOCKET), "-f", WORK + "/zebra.conf",
                        "-i", WORK + "/other.pid", "-z", WORK + "/other.api", "--vty_socket", WORK + "/other"],
                       capture_output=True, timeout=20)
        self.assertIn("an owner already", self.client().hello.error)
        c.batch(add("10.1.0.19/32"))
        c.state("10.1.0.19/32", pb.STATE_INSTALLED)

    def test_a_file_in_the_sockets_place_stays(self):
        self.zebra.stop()
        pathlib.Path(SOCKET).write_text("precious")
        self.addCleanup(lambda: os.path.exists(SOCKET) and os.unlink(SOCKET))
        self.zebra = Zebra()
        self.assertEqual(pathlib.Path(SOCKET).read_text(), "precious")
        self.assertIn("can't listen on", pathlib.Path(self.zebra.log).read_text())
        self.assertIn("nobody can connect: can't listen on", self.zebra.vty("show berth status"))

    def test_an_orderly_stop_of_zebra_is_no_loss_of_routes(self):
        c, each = self.client(), ["10.2.%d.%d/32" % (i // 250, i % 250 + 1) for i in range(2000)]
        for at in range(0, 2000, 500):
            c.batch(*[add(p) for p in each[at:at + 500]])
        for p in each:
            c.state(p, pb.STATE_INSTALLED)
        self.zebra.stop()
        with self.assertRaises((EOFError, ConnectionError)):
            while True:
                last = c.receive()
                self.assertFalse(any(r.state == pb.STATE_GONE for r in last.results.results))
        self.assertEqual(last.bye.reason, "zebra stops")
        self.zebra = Zebra()

    def test_a_change_of_winner_and_a_lost_interface_are_told(self):
        c, p = self.client(), "10.1.0.20/32"
        sh("ip route add %s dev br0 metric 0" % p)
        c.batch(add(p))
        self.assertEqual(c.state(p, pb.STATE_NOT_BEST).winner.type, "kernel")
        self.assertEqual(c.batch(add(p, interface="nowhere0")), 2)
        self.assertEqual(c.state(p, pb.STATE_INACTIVE, sequence=2).reason,
                         "there is no interface nowhere0 (in the default VRF)")
        sh("ip route del %s dev br0" % p)
        until("the route over br0 is not there either", lambda: not kernel(p))
        self.assertEqual([e for e in c.query(p).entries if e.type == "openfabric"], [])

    def test_mark_connected_and_put_back(self):
        c, p = self.client(), "10.1.0.0/24"
        mark = pb.Operation(mark=pb.MarkConnected(prefix=prefix(p), interface="br0", tag=300))
        c.batch(mark)
        c.state(p, pb.STATE_INSTALLED, kind=pb.OBJECT_MARK)
        tags = lambda: [e.tag for e in c.query(p).entries if e.type == "connected"]
        self.assertEqual(tags(), [300])
        sh("ip addr del 10.1.0.1/24 dev br0")
        c.state(p, pb.STATE_INACTIVE, kind=pb.OBJECT_MARK)
        sh("ip addr add 10.1.0.1/24 dev br0")
        until("the tag is put back", lambda: tags() == [300])
        n = c.batch(pb.Operation(unmark=prefix(p)))
        c.state(p, pb.STATE_GONE, kind=pb.OBJECT_MARK, sequence=n)
        self.assertEqual(tags(), [0])

    def test_inert_in_a_foreign_frr(self):
        self.zebra.stop()
        self.zebra = Zebra(module=os.environ["BERTH_FOREIGN"])
        self.assertIn("inert", self.client().hello.error)
        self.assertIn("inert", self.zebra.vty("show berth status"))
        self.assertIn("inert", pathlib.Path(self.zebra.log).read_text())

    def test_zebra_lives_with_a_module_of_a_release_with_other_functions(self):
        self.zebra.stop()
        self.zebra = Zebra(module=os.environ["BERTH_FOREIGN_ABI"], opens=False)
        self.assertIn("which has no rib_delete_of_another_frr", pathlib.Path(WORK, "zebra.stderr").read_text())
        self.assertFalse(os.path.exists(SOCKET))
        self.assertIn("br0", self.zebra.vty("show interface brief"))

    def test_zebra_restart_keeps_the_kernel_routes_until_they_are_said_again(self):
        c = self.client()
        c.batch(add("10.1.0.16/32"), add("10.1.0.17/32"))
        c.state("10.1.0.17/32", pb.STATE_INSTALLED)
        self.zebra.stop(signal.SIGKILL)
        self.assertTrue(kernel("10.1.0.16/32"))
        self.zebra = Zebra(keep=["-K3"])
        d = self.client()
        d.batch(add("10.1.0.16/32"))
        d.state("10.1.0.16/32", pb.STATE_INSTALLED)
        until("zebra swept what was not said again", lambda: not kernel("10.1.0.17/32"), 10)
        self.assertTrue(kernel("10.1.0.16/32"))

    def test_protocol_version_is_refused_in_words(self):
        c = self.client(protocol=99)
        self.assertIn("99", c.hello.error)

    def test_shows(self):
        c = self.client()
        c.batch(add("10.1.0.14/32"))
        c.state("10.1.0.14/32", pb.STATE_INSTALLED)
        self.assertIn("berthd is connected", self.zebra.vty("show berth status"))
        self.assertIn("Operations", self.zebra.vty("show fpm counters"))
        self.assertIn("Operations", self.zebra.vty("show zebra fpm stats"))
        self.assertIn("berth: 1 routes", self.zebra.vty("show interface br0"))
        self.assertEqual(json.loads(self.zebra.vty("show berth routes json"))["routes"][0]["state"], "installed")

    def test_debugging_is_off_until_it_is_asked_for(self):
        log, c = pathlib.Path(self.zebra.log), self.client()
        said = lambda p: [line for line in log.read_text().splitlines() if "route %s: put" % p in line]
        c.state("10.1.0.40/32", pb.STATE_INSTALLED, sequence=c.batch(add("10.1.0.40/32")))
        self.assertEqual(said("10.1.0.40/32"), [])
        self.assertNotIn("Debugging", self.zebra.vty("show berth status"))
        self.zebra.vty("debug berth")
        self.assertIn("Debugging is on", self.zebra.vty("show berth status"))
        self.zebra.vty("log file %s debugging" % log)  # the level of a file is below it by default in some releases
        c.state("10.1.0.41/32", pb.STATE_INSTALLED, sequence=c.batch(add("10.1.0.41/32")))
        until("each step is told", lambda: said("10.1.0.41/32"))
        self.assertIn("put, new -> queued", said("10.1.0.41/32")[0])
        self.zebra.vty("no debug berth")
        c.state("10.1.0.42/32", pb.STATE_INSTALLED, sequence=c.batch(add("10.1.0.42/32")))
        self.assertEqual(said("10.1.0.42/32"), [])

    def test_debugging_may_stand_in_the_configuration(self):
        self.zebra.stop()
        pathlib.Path(WORK, "zebra.conf").write_text("log file %s/zebra.log debugging\ndebug berth\n" % WORK)
        self.zebra = Zebra()
        self.assertIn("Debugging is on", self.zebra.vty("show berth status"))
        # FRR writes and shows what a module debugs from 10 on.
        if "berth debugging is on" in self.zebra.vty("show debugging"):
            self.assertRegex(self.zebra.vty("show running-config"), r"(?m)^debug berth$")

    def test_each_warning_has_a_code_with_a_suggestion(self):
        c = self.client()
        c.close()
        text = until("it is told", lambda: re.search(r"EC (\d+)\].*berthd is gone", pathlib.Path(self.zebra.log).read_text()))
        error = json.loads(self.zebra.vty("show error %s json" % text[1]))[text[1]]
        self.assertEqual((error["title"], int(text[1]) >> 24), ("berth: berthd is gone", 0xbe))
        self.assertIn("Start berthd again", error["suggestion"])

    def test_memory_comes_with_the_first_owner(self):
        of_ours = lambda: re.findall(r"(?m)^(berth [^:]+?) *: +[1-9]", self.zebra.vty("show memory"))
        self.assertEqual(of_ours(), [])
        c = self.client()
        c.state("10.1.0.43/32", pb.STATE_INSTALLED, sequence=c.batch(add("10.1.0.43/32")))
        self.assertIn("berth connection buffers", of_ours())

    def test_no_event_came_that_nothing_is_defined_for(self):
        """Each of the others would have logged it; here one goes through all states."""
        c, p = self.client(), "10.1.0.44/32"
        mark = lambda interface: pb.Operation(mark=pb.MarkConnected(prefix=prefix("10.1.0.0/24"), interface=interface, tag=5))
        for operation in (add(p), add(p, interface="nowhere0"), add(p), remove(p), add(p), remove(p), remove(p), add(p, "nowhere0"),
                          remove(p), mark("br0"), mark("p1"), mark("br0"), pb.Operation(unmark=prefix("10.1.0.0/24")), mark("p1"), add(p)):
            c.batch(operation)
        c.state(p, pb.STATE_INSTALLED, sequence=c.sequence)
        c.close()
        d = self.client()
        self.assertEqual(d.sync(), 2)
        self.assertRegex(self.zebra.vty("show berth counters"), r"Undefined transitions +0\n")

    def test_the_stock_vtysh_shows_it(self):
        c = self.client()
        c.batch(add("10.1.0.16/32"))
        c.state("10.1.0.16/32", pb.STATE_INSTALLED)
        vtysh = lambda command: sh("vtysh --vty_socket %s -d zebra -c '%s'" % (WORK, command))
        self.assertIn("berthd is connected", vtysh("show zebra fpm stats"))
        self.assertIn("Operations", vtysh("show fpm counters"))
        self.assertIn("berth: 1 routes", vtysh("show interface br0"))
        self.assertIn("tag 100", vtysh("show ip route 10.1.0.16/32"))

    def test_options(self):
        self.zebra.stop()
        self.zebra = Zebra(args=",no-fpm-commands,max-routes=1,type=babel,distance=30")
        c = self.client()
        self.assertEqual(c.hello.route_type, "babel")
        c.batch(add("10.1.0.17/32"), add("10.1.0.18/32"))
        c.state("10.1.0.17/32", pb.STATE_INSTALLED)
        self.assertIn("max-routes", c.state("10.1.0.18/32", pb.STATE_REJECTED).reason)
        self.assertEqual([(e.type, e.distance) for e in c.query("10.1.0.17/32").entries], [("babel", 30)])
        self.assertIn("Unknown command", self.zebra.vty("show fpm counters"))
        self.assertIn("berthd is connected", self.zebra.vty("show berth status"))

    def test_a_wrong_option_is_told_and_zebra_lives(self):
        self.zebra.stop()
        self.zebra = Zebra(args=",colour=green")
        self.assertIn("unknown option", self.client().hello.error)
        self.assertIn("unknown option", self.zebra.vty("show berth status"))

    def test_strangers_are_refused(self):
        ask = ("import socket; s = socket.socket(socket.AF_UNIX); s.settimeout(5); s.connect('%s'); print(s.recv(4096))"
               % SOCKET)
        stranger = lambda: subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3",
                                           "-c", ask], capture_output=True, text=True)
        self.assertIn("PermissionError", stranger().stderr)
        os.chmod(SOCKET, 0o666)  # whoever gets so far is asked who he is
        self.assertIn("neither root nor of our group", stranger().stdout)
        self.assertRegex(self.zebra.vty("show berth counters"), r"Refused +1\n")
        self.assertEqual(self.client().hello.error, "")

    @takes(16)
    def test_many(self):
        c, n = self.client(), 20000
        each = ["10.%d.%d.%d/32" % (2 + i // 65536, i // 256 % 256, i % 256) for i in range(n)]
        for at in range(0, n, 500):
            c.batch(*[add(p) for p in each[at:at + 500]])
        for p in each:
            c.state(p, pb.STATE_INSTALLED, seconds=30)
        count = lambda: len(sh("ip route show proto openfabric").splitlines())
        self.assertEqual(count(), n)
        sh("ip link set br0 down; ip link set br0 up")
        until("all are back after the link went down and up", lambda: count() == n, 5)
        self.assertIn("berth: %d routes" % n, self.zebra.vty("show interface br0"))
        for at in range(0, n, 500):
            c.batch(*[remove(p) for p in each[at:at + 500]])
        for p in each:
            c.state(p, pb.STATE_GONE, seconds=30)
        until("the kernel has removed the last ones", lambda: not sh("ip route show proto openfabric"))

    @takes(int(os.environ["BERTH_GARBAGE_SECONDS"]))
    def test_garbage(self):
        c = self.client()
        c.batch(add("10.1.0.15/32"))
        c.state("10.1.0.15/32", pb.STATE_INSTALLED)
        c.send(pb.Message(bye=pb.Bye(reason="garbage comes")))
        c.close()
        seed = int(os.environ.get("BERTH_SEED", random.getrandbits(32)))
        print("seed", seed, flush=True)
        rng, end, tries = random.Random(seed), time.monotonic() + int(os.environ["BERTH_GARBAGE_SECONDS"]), 0
        good = pb.Message(batch=pb.Batch(sequence=1, operations=[remove("10.1.0.15/32")])).SerializeToString()
        hello = pb.Message(hello=pb.Hello(protocol=1, grace_seconds=600)).SerializeToString()
        frame = lambda body: struct.pack("!BBH", 1, 2, len(body) + 4) + body
        kinds = [lambda: rng.randbytes(rng.randrange(1, 3000)), lambda: frame(rng.randbytes(rng.randrange(1, 3000))),
                 lambda: frame(good), lambda: frame(good)[:rng.randrange(len(good))], lambda: struct.pack("!BBH", 1, 2, rng.randrange(5)),
                 lambda: frame(hello) + frame(hello) + frame(good), lambda: frame(hello) + frame(rng.randbytes(200)),
                 lambda: frame(hello) + rng.randbytes(2000), lambda: frame(hello) + frame(good[:-1])]
        while time.monotonic() < end or tries < len(kinds) * 5:
            s = socket.socket(socket.AF_UNIX)
            s.connect(SOCKET)
            try:
                s.sendall(rng.choice(kinds)())
                s.shutdown(socket.SHUT_WR)
                while s.recv(65536):
                    pass
            except ConnectionError:
                pass
            s.close()
            tries += 1
        self.assertTrue(self.zebra.alive())
        self.assertTrue(kernel("10.1.0.15/32"), "garbage took a route away")
        self.assertEqual(len(json.loads(self.zebra.vty("show berth routes json"))["routes"]), 1)
        self.assertIn("frame header", pathlib.Path(self.zebra.log).read_text())
        print(tries, "tries", flush=True)


if __name__ == "__main__":
    unittest.main(failfast=False)
