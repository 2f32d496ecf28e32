# SPDX-License-Identifier: GPL-2.0-or-later
"""Somebody at mgmtd's front end who edits the candidate configuration and does not commit: frames in the host's byte order, as
docs/northbound.md and fpm_bridge/northbound/mgmtd_frame.h describe them."""

import socket
import struct
import subprocess

STATIC = ("/frr-routing:routing/control-plane-protocols/control-plane-protocol[type='frr-staticd:staticd'][name='staticd']"
          "[vrf='default']/frr-staticd:staticd")
MARK = b"\x01###"
FAILED, GET, EDIT, EDITED, SESSION = 0, 3, 5, 6, 10
JSON, LOCK, CONFIG, REMOVE = 2, 1, 2, 3


class Candidate:
    def __init__(self, host):
        pid = subprocess.run(["docker", "inspect", "-f", "{{.State.Pid}}", "clab-berth-" + host], check=True, capture_output=True,
                             text=True).stdout.strip()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(30)
        self.socket.connect(f"/proc/{pid}/root/run/frr/mgmtd_fe.sock")
        self.session = self.request = 0
        self.session = self.ask(SESSION, 0, bytes([JSON, 0, 0, 0, 0, 0, 0, 0]), b"somebody\0")[1]

    def close(self):
        self.socket.close()

    def remove_route(self, prefix):
        """Takes a static route out of the candidate. Which of the two datastores that is, is the release's."""
        path = f"{STATIC}/route-list[prefix='{prefix}'][src-prefix='::/0'][afi-safi='frr-routing:ipv4-unicast']".encode() + b"\0"
        for datastore in (2, 1):
            if self.ask(EDIT, len(path), bytes([JSON, LOCK, datastore, REMOVE, 0, 0, 0, 0]), path + b"\0")[0] == EDITED:
                return
        raise AssertionError("no datastore takes an edit that is not committed")

    def dirty(self):
        return self.datastore(1) != self.datastore(2)

    def datastore(self, which):
        return self.ask(GET, 0, bytes([JSON, CONFIG, 0, which, 0, 0, 0, 0]), b"/*\0")[2]

    def ask(self, code, split, fixed, rest):
        """(code, session, what comes after) of the answer."""
        self.request += 1
        message = struct.pack("=HHIQQ", code, 0, split, self.session, self.request) + fixed + rest
        self.socket.sendall(MARK + struct.pack("=I", 8 + len(message)) + message)
        while True:
            mark, length = struct.unpack("=4sI", self.read(8))
            assert mark == MARK, mark
            answer = self.read(length - 8)
            code, _, _, session, request = struct.unpack_from("=HHIQQ", answer)
            if request == self.request:
                return code, session, answer[24:]

    def read(self, n):
        data = b""
        while len(data) < n:
            data += (more := self.socket.recv(n - len(data)))
            if not more:
                raise AssertionError("mgmtd has closed")
        return data
