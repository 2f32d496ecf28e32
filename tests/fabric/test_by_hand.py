# SPDX-License-Identifier: GPL-2.0-or-later
"""`show attachments` against what one finds by hand: in each container's network namespace by nsenter, on its host by ip. One
container of each runtime and driver, and one on two networks."""

import ipaddress
import json
import unittest

import lab
import test_containerd

HOST = "host1"


def docker_pid(name):
    return f"docker inspect -f '{{{{.State.Pid}}}}' {name}"


def pid_of(container):
    ask = container.say("pid") if isinstance(container, test_containerd.Container) else docker_pid(container.name)
    return lab.sh(HOST, ask).strip()


def by_hand(pid, netns):
    """What the kernels say: the links and addresses in the container, the links and routes of the host, and whether `netns` is the
    container's namespace."""
    inside = f"nsenter -t {pid} -n ip"
    out = lab.sh(HOST, f"""set -e
      {inside} -d -j link; echo; {inside} -j addr; echo; ip -d -j link; echo
      ip -j -4 route show table main; echo; ip -j -6 route show table main; echo
      stat -L -c %i /proc/{pid}/ns/net; stat -L -c %i '{netns}' || echo none""")
    links, addresses, host, v4, v6, is_in, told = [line for line in out.splitlines() if line.strip()]
    return {"links": json.loads(links), "addresses": json.loads(addresses), "host": json.loads(host),
            "routes": json.loads(v4) + json.loads(v6), "netns": is_in == told}


def own_addresses(addresses, link):
    return {each["local"] for one in addresses if one["ifindex"] == link["ifindex"] for each in one["addr_info"]
            if each["scope"] == "global"}


def expected(found, addresses):
    """The row of the attachment that has these addresses, as the kernels have it."""
    link = next(each for each in found["links"] if own_addresses(found["addresses"], each) & set(addresses))
    under = next(each for each in found["host"] if each["ifindex"] == link["link_index"])
    veth = link["linkinfo"]["info_kind"] == "veth"
    return {"interface": link["ifname"], "interfaceIndex": link["ifindex"], "mac": link["address"], "mtu": link["mtu"],
            "addresses": sorted(own_addresses(found["addresses"], link)),
            "hostInterface": under["ifname"] if veth else "", "hostIndex": under["ifindex"] if veth else 0,
            "parent": under.get("master", "") if veth else under["ifname"]}


def wrong(row, found, addresses, prefixes):
    """What a row of the show says otherwise than the kernels do, or than it must be."""
    by_kernel = expected(found, addresses)
    said = {key: sorted(row[key]) if key == "addresses" else row[key] for key in by_kernel}
    out = {key: {"said": said[key], "by hand": by_kernel[key]} for key in by_kernel if said[key] != by_kernel[key]}
    if not found["netns"]:
        out["netns"] = row["netns"]
    states = {each["prefix"]: each["state"] for each in row["routes"]}
    if states != {each: "installed" for each in prefixes} or row["routeState"] != "installed":
        out["routes"] = states, row["routeState"]
    have = {str(ipaddress.ip_network(each["dst"])): each.get("dev") for each in found["routes"] if each["dst"] != "default"}
    # A routed link and a bridge have the route; of a macvlan it is this host's own macvlan beside it that has it.
    ways = {by_kernel["parent"] or by_kernel["hostInterface"]} if by_kernel["hostInterface"] else set(have.values())
    gone = {prefix: have.get(prefix) for prefix in prefixes if have.get(prefix) not in ways}
    if gone:
        out["ip route"] = gone
    return out


class ByHand(test_containerd.Ground):
    hosts = [HOST]

    def wrong(self, containers):
        rows = {(each["container"], each["network"]): each for each in lab.show(HOST, "show attachments")["attachments"]}
        out = {}
        for each in containers:
            row = rows.get((each.name, each.network))
            if not row:
                out[each.name] = "not shown"
                continue
            runtime = "docker" if each.kind in (each.network, "docker") else "containerd"
            if row["runtime"] != runtime:
                out[each.name] = row["runtime"]
            elif found := wrong(row, by_hand(pid_of(each), row["netns"]), each.addresses, each.prefixes()):
                out[f"{each.name} {each.network}"] = found
        return out

    def test_each_attachment(self):
        docker = lab.start([lab.Container(HOST, network, "t-hand-" + network) for network in list(lab.NETWORKS)[:4]])
        plugged = test_containerd.start([test_containerd.Container(HOST, kind, "t-hand-" + kind) for kind in test_containerd.kinds()])
        lab.sh(HOST, "docker network connect blue t-hand-red")
        second = lab.learn([lab.Container(HOST, "blue", "t-hand-red")])
        every = docker + plugged + second
        lab.until("all is advertised", lambda: lab.wrong_routes(every))
        lab.until("each attachment is shown as it is", lambda: self.wrong(every))
        text = lab.sh(HOST, "berthctl -c 'show attachments'")
        for row in lab.show(HOST, "show attachments")["attachments"]:
            if row["container"].startswith("t-hand-"):
                end = f"@if{row['hostIndex']}" if row["hostIndex"] else ""
                inside = f"{row['interfaceIndex']}: {row['interface']}{end}, netns {row['netns']}"
                self.assertIn(f"  {row['runtime']}, inside {inside}\n", text)
        # Other links in other namespaces, of the same names and MAC addresses.
        lab.sh(HOST, "docker restart -t 0 t-hand-red t-hand-violet t-hand-docker >/dev/null")
        lab.learn([each for each in docker + second if each.name in ("t-hand-red", "t-hand-violet")])
        test_containerd.learn([each for each in plugged if each.name == "t-hand-docker"])
        lab.until("all is advertised again", lambda: lab.wrong_routes(every))
        lab.until("and shown as it is now", lambda: self.wrong(every))


if __name__ == "__main__":
    unittest.main()
