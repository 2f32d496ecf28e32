# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kernel announces of routes, neighbours and links (rtnetlink(7))."""

import socket
import struct

RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE = 1, 3, 7, 11
RTM_NEWLINK, RTM_NEWROUTE, RTM_DELROUTE, RTM_NEWNEIGH, RTM_DELNEIGH = 16, 24, 25, 28, 29
RTA_DST, RT_TABLE_MAIN = 1, 254
NDA_DST, NDA_LLADDR = 1, 2
IFF_LOWER_UP = 0x10000


def messages(data, *kinds):
    """(type, body) of each message of these types in what a read gave."""
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        if kind in kinds:
            yield kind, data[16:length]
        data = data[(length + 3) & ~3:]


def attributes(rest):
    """(type, value) of each attribute."""
    while len(rest) >= 4:
        size, what = struct.unpack_from("=HH", rest)
        yield what, rest[4:size]
        rest = rest[(size + 3) & ~3:]


def announcements(data):
    """(type of message, text of its IPv4 host prefix or None, table) of each route message."""
    for kind, message in messages(data, RTM_NEWROUTE, RTM_DELROUTE):
        host = None
        for what, value in attributes(message[12:]):
            if what == RTA_DST and message[0] == socket.AF_INET and message[1] == 32:
                host = socket.inet_ntoa(value)
        yield kind, host, message[4]


def neighbours(data):
    """(type of message, MAC, IP address of a neighbour or of a far end, or None, whether it is an entry of a bridge's table) of
    each message of neighbours."""
    for kind, message in messages(data, RTM_NEWNEIGH, RTM_DELNEIGH):
        mac = address = None
        for what, value in attributes(message[12:]):
            if what == NDA_LLADDR:
                mac = ":".join(f"{byte:02x}" for byte in value)
            elif what == NDA_DST:
                address = socket.inet_ntop(socket.AF_INET if len(value) == 4 else socket.AF_INET6, value)
        yield kind, mac, address, message[0] == socket.AF_BRIDGE


def carriers(data):
    """The ifindex of each link that has carrier."""
    for _, message in messages(data, RTM_NEWLINK):
        index, flags = struct.unpack_from("=iI", message, 4)
        if flags & IFF_LOWER_UP:
            yield index
