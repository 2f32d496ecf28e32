# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kernel announces of routes, neighbours and links (rtnetlink(7))."""

import socket
import struct

RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE = 7, 11
RTM_NEWROUTE, RTM_DELROUTE, RTA_DST, RT_TABLE_MAIN = 24, 25, 1, 254


def announcements(data):
    """(type of message, text of its IPv4 host prefix or None, table) of each route message in what a read gave."""
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        message, data = data[16:length], data[(length + 3) & ~3:]
        if kind not in (RTM_NEWROUTE, RTM_DELROUTE):
            continue
        table, host, rest = message[4], None, message[12:]
        while len(rest) >= 4:
            size, what = struct.unpack_from("=HH", rest)
            if what == RTA_DST and message[0] == socket.AF_INET and message[1] == 32:
                host = socket.inet_ntoa(rest[4:8])
            rest = rest[(size + 3) & ~3:]
        yield kind, host, table


RTNLGRP_NEIGH, RTM_NEWNEIGH, RTM_DELNEIGH = 3, 28, 29
NDA_DST, NDA_LLADDR = 1, 2


def neighbours(data):
    """(type of message, MAC, IP address of a neighbour or of a far end, or None, whether it is an entry of a bridge's table) of
    each message in what a read gave."""
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        message, data = data[16:length], data[(length + 3) & ~3:]
        if kind not in (RTM_NEWNEIGH, RTM_DELNEIGH):
            continue
        mac = address = None
        family, rest = message[0], message[12:]
        while len(rest) >= 4:
            size, what = struct.unpack_from("=HH", rest)
            value = rest[4:size]
            if what == NDA_LLADDR:
                mac = ":".join(f"{byte:02x}" for byte in value)
            elif what == NDA_DST:
                address = socket.inet_ntop(socket.AF_INET if len(value) == 4 else socket.AF_INET6, value)
            rest = rest[(size + 3) & ~3:]
        yield kind, mac, address, family == socket.AF_BRIDGE


RTNLGRP_LINK, RTM_NEWLINK, IFF_LOWER_UP = 1, 16, 0x10000


def carriers(data):
    """The ifindex of each link that has carrier."""
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        message, data = data[16:length], data[(length + 3) & ~3:]
        if kind == RTM_NEWLINK:
            index, flags = struct.unpack_from("=iI", message, 4)
            if flags & IFF_LOWER_UP:
                yield index
