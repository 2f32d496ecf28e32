# SPDX-License-Identifier: GPL-2.0-or-later
"""A stand-in for a Docker engine: as much of its API as berthd uses, for any number of containers on one bridge network, with
answers of the size and shape of Docker 26.1's. Each container's part of an answer is made once.

engine.py SOCKET NETWORK BRIDGE SUBNET, then on standard input one command a line, on standard output one line of JSON when it
is done:
  fill N [lean]           N containers are there, with or without the labels and mounts that images and compose bring; silent
  churn RATE SECONDS      that many stops of the oldest and as many starts of new ones each second, each with Docker's events;
                          answers {"starts": [[address, nanoseconds of the connect event], …], "late": seconds behind}
  listed                  answers {"listed": nanoseconds since the epoch at which all containers were last asked for}
  clear                   all containers leave at once, with one event"""

import asyncio
import collections
import hashlib
import ipaddress
import json
import os
import sys
import time
import urllib.parse

SOCKET, NETWORK, BRIDGE, SUBNET = sys.argv[1:5]
NETWORK_ID = hashlib.sha256(NETWORK.encode()).hexdigest()
POOL = ipaddress.ip_network(SUBNET)
FIRST = POOL.network_address + 2
CREATED = 1764000000
LABELS = {"com.docker.compose.config-hash": "a" * 64, "com.docker.compose.container-number": "1",
          "com.docker.compose.depends_on": "", "com.docker.compose.image": "sha256:" + "b" * 64,
          "com.docker.compose.oneoff": "False", "com.docker.compose.project": "shop",
          "com.docker.compose.project.config_files": "/srv/shop/compose.yaml",
          "com.docker.compose.project.working_dir": "/srv/shop", "com.docker.compose.service": "web",
          "com.docker.compose.version": "2.24.5", "maintainer": "NGINX Docker Maintainers <docker-maint@nginx.com>",
          "org.opencontainers.image.revision": "c" * 40, "org.opencontainers.image.source": "https://git.example/shop/web"}


def dump(value):
    return json.dumps(value, separators=(",", ":")).encode()


class Container:
    def __init__(self, number, lean):
        self.id = hashlib.sha256(b"container %d" % number).hexdigest()
        self.endpoint = hashlib.sha256(b"endpoint %d" % number).hexdigest()
        self.name, self.address = f"web-{number}", str(FIRST + number)
        mac = "02:42:" + ":".join("%02x" % byte for byte in (FIRST + number).packed)
        self.labels = {} if lean else LABELS
        network = {"IPAMConfig": None, "Links": None, "Aliases": None, "NetworkID": NETWORK_ID, "EndpointID": self.endpoint,
                   "Gateway": str(POOL.network_address + 1), "IPAddress": self.address, "IPPrefixLen": POOL.prefixlen,
                   "IPv6Gateway": "", "GlobalIPv6Address": "", "GlobalIPv6PrefixLen": 0, "MacAddress": mac, "DriverOpts": None}
        mounts = [] if lean else [{"Type": "volume", "Name": "shop_data", "Source": "/var/lib/docker/volumes/shop_data/_data",
                                   "Destination": "/var/lib/data", "Driver": "local", "Mode": "z", "RW": True,
                                   "Propagation": ""}]
        listed = {"Id": self.id, "Names": ["/" + self.name], "Image": "shop/web:3.2", "ImageID": "sha256:" + "b" * 64,
                  "Command": "/docker-entrypoint.sh nginx -g 'daemon off;'", "Created": CREATED + number,
                  "Ports": [{"PrivatePort": 80, "Type": "tcp"}], "Labels": self.labels, "State": "running",
                  "Status": "Up 3 hours", "HostConfig": {"NetworkMode": NETWORK},
                  "NetworkSettings": {"Networks": {NETWORK: network}}, "Mounts": mounts}
        if lean:
            for key in ("Image", "ImageID", "Command", "Ports", "HostConfig", "NetworkSettings", "Mounts", "Status"):
                del listed[key]
        self.listed = dump(listed)
        self.connected = dump(self.id) + b":" + dump({
            "Name": self.name, "EndpointID": self.endpoint, "MacAddress": mac,
            "IPv4Address": f"{self.address}/{POOL.prefixlen}", "IPv6Address": ""})


class Engine:
    def __init__(self):
        self.containers = {}  # id -> what GET /containers/json lists
        self.on_network = {}  # id -> what has an endpoint
        self.order = collections.deque()
        self.watchers = set()
        self.next = self.listed = 0
        head = {"Name": NETWORK, "Id": NETWORK_ID, "Created": "2026-11-24T11:03:40.123456789Z", "Scope": "local",
                "Driver": "bridge", "EnableIPv6": False,
                "IPAM": {"Driver": "default", "Options": None,
                         "Config": [{"Subnet": SUBNET, "Gateway": str(POOL.network_address + 1)}]},
                "Internal": False, "Attachable": False, "Ingress": False, "ConfigFrom": {"Network": ""}, "ConfigOnly": False,
                "Options": {"com.docker.network.bridge.enable_ip_masquerade": "false",
                            "com.docker.network.bridge.name": BRIDGE},
                "Labels": {"berth.network": NETWORK}}
        self.head = dump(head)[:-1] + b',"Containers":{'
        self.empty = self.head + b"}}"

    # --- the API ---
    def answer(self, path, query):
        parts = [part for part in path.split("/") if part]
        if parts and parts[0].startswith("v1."):
            parts = parts[1:]
        if parts == ["version"]:
            return dump({"Version": "26.1.5", "ApiVersion": "1.45", "MinAPIVersion": "1.24", "Os": "linux"})
        if parts == ["_ping"]:
            return b"OK"
        if parts == ["networks"]:
            wanted = json.loads(query.get("filters", ["{}"])[0]).get("name", [NETWORK])
            return b"[" + (self.empty if any(each in NETWORK for each in wanted) else b"") + b"]"
        if len(parts) == 2 and parts[0] == "networks" and parts[1] in (NETWORK, NETWORK_ID):
            return self.head + b",".join(each.connected for each in self.on_network.values()) + b"}}"
        if parts == ["containers", "json"]:
            ids = json.loads(query.get("filters", ["{}"])[0]).get("id")
            if ids is None:
                self.listed = time.time_ns()
            found = self.containers.values() if ids is None else [
                self.containers[each] for each in ids if each in self.containers]
            return b"[" + b",".join(each.listed for each in found) + b"]"
        return None

    async def serve(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                target = head.split(" ", 2)[1]
                for line in head.split("\r\n"):
                    if line.lower().startswith("content-length:"):
                        await reader.readexactly(int(line.split(":")[1]))
                path, _, query = target.partition("?")
                if path.endswith("/events"):
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
                    self.watchers.add(writer)
                    continue
                body = self.answer(path, urllib.parse.parse_qs(query))
                status = b"200 OK" if body is not None else b"404 Not Found"
                body = b'{"message":"no such thing"}' if body is None else body
                writer.write(b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                             % (status, len(body), body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.watchers.discard(writer)
            writer.close()

    def event(self, kind, action, actor, attributes):
        now = time.time_ns()
        text = dump({"Type": kind, "Action": action, "Actor": {"ID": actor, "Attributes": attributes}, "scope": "local",
                     "time": now // 10**9, "timeNano": now}) + b"\n"
        for writer in self.watchers:
            writer.write(b"%x\r\n%s\r\n" % (len(text), text))
        return now

    def container_event(self, container, *actions):
        for action in actions:
            self.event("container", action, container.id, dict(container.labels, image="shop/web:3.2", name=container.name))

    def network_event(self, container, action):
        return self.event("network", action, NETWORK_ID, {"container": container.id, "name": NETWORK, "type": "bridge"})

    # --- what happens ---
    def add(self, lean):
        container = Container(self.next, lean)
        self.next += 1
        self.containers[container.id] = self.on_network[container.id] = container
        self.order.append(container)
        return container

    def fill(self, n, lean):
        while len(self.containers) < n:
            self.add(lean)

    def clear(self):
        self.containers.clear()
        self.on_network.clear()
        self.order.clear()
        self.event("network", "disconnect", NETWORK_ID, {"container": "0" * 64, "name": NETWORK, "type": "bridge"})

    def start(self, starts):
        container = self.add(False)
        self.container_event(container, "create")
        starts.append([container.address, self.network_event(container, "connect")])
        asyncio.get_running_loop().call_later(0.2, self.container_event, container, "start")

    def stop(self):
        container = self.order.popleft()
        self.container_event(container, "kill")
        del self.on_network[container.id]
        self.network_event(container, "disconnect")
        del self.containers[container.id]
        self.container_event(container, "stop", "die", "destroy")

    async def churn(self, rate, seconds):
        loop, starts, late = asyncio.get_running_loop(), [], 0.0
        begin = loop.time()
        for i in range(int(rate * seconds)):
            due = begin + i / rate
            late = max(late, loop.time() - due)
            await asyncio.sleep(max(0.0, due - loop.time()))
            self.start(starts)
            self.stop()
        return {"starts": starts, "late": round(late, 3)}


async def main():
    engine = Engine()
    server = await asyncio.start_unix_server(engine.serve, SOCKET, limit=1 << 20)
    loop = asyncio.get_running_loop()
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    print("{}", flush=True)
    while line := (await commands.readline()).decode().split():
        done = {}
        if line[0] == "fill":
            engine.fill(int(line[1]), "lean" in line)
        elif line[0] == "churn":
            done = await engine.churn(float(line[1]), float(line[2]))
        elif line[0] == "listed":
            done = {"listed": engine.listed}
        elif line[0] == "clear":
            engine.clear()
        print(json.dumps(done), flush=True)
    server.close()
    os.unlink(SOCKET)


asyncio.run(main())
