# SPDX-License-Identifier: GPL-2.0-or-later
"""Rulesets from a grammar, by a seed, and smaller ones of one that fails.

A ruleset is a list of tables; each has sets and chains, each chain has rules. So that it can be made smaller, a rule is one
string and nothing depends on where it stands, but a jump on its chain.
"""
import copy
import random

V4 = ["10.0.0.0/8", "10.0.0.0/16", "10.0.1.0/24", "10.0.2.0/24", "10.0.1.77", "10.10.0.0/16", "10.10.1.0/24", "10.10.1.2",
      "10.10.2.0/24", "10.10.1.7", "192.0.2.0/24", "172.17.0.0/16", "10.0.0.0-10.0.255.255", "10.10.1.1-10.10.1.100",
      "0.0.0.0/1", "128.0.0.0/1", "224.0.0.0/4"]
V6 = ["fd00::/16", "fd00:1::/64", "fd00:2::/64", "fd00:1::77", "fd00:10::/32", "fd00:10:1::/64", "fd00:10:1::2",
      "fd00:10:2::/64", "2001:db8::/32", "fd00:1::-fd00:2::ffff", "::/1", "8000::/1"]
LINKS = ["eth0", "eth1", "eth*", "br-blue", "br-red", "br-*", "docker0", "lo"]
PORTS = ["22", "80", "443", "5001", "53", "5002", "1-1024", "0-65535", "1024-65535", "8080"]
HOOKS = {
    "prerouting": [("filter", "raw"), ("filter", "mangle"), ("nat", "dstnat")],
    "forward": [("filter", "mangle"), ("filter", "filter"), ("filter", "filter + 10"), ("filter", "-10")],
    "postrouting": [("filter", "mangle"), ("nat", "srcnat"), ("nat", "srcnat - 5")],
}


class Table:
    def __init__(self, family, name):
        self.family, self.name = family, name
        self.sets = []      # text
        self.chains = []    # [name, header or "", policy or "", rules]

    def text(self):
        out = [f"table {self.family} {self.name} {{"]
        out += self.sets
        for name, header, policy, rules in self.chains:
            out.append(f"chain {name} {{")
            if header:
                out.append(f"{header}; policy {policy};")
            out += rules
            out.append("}")
        return "\n".join(out + ["}"]) + "\n"


class Iptables:
    """What goes to iptables-nft-restore: a table, its chains, its rules."""

    def __init__(self, family, name):
        self.family, self.name = family, name
        self.chains = []

    def text(self):
        out = [f"*{self.name}"]
        for name, _, policy, _ in self.chains:
            out.append(f":{name} {policy or '-'} [0:0]")
        for name, _, _, rules in self.chains:
            out += [f"-A {name} {rule}" for rule in rules]
        return "\n".join(out + ["COMMIT"]) + "\n"


class Grammar:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def one(self, *choices):
        return self.random.choice(choices)

    def chance(self, part):
        return self.random.random() < part

    def some(self, pool, least=1, most=4):
        return self.random.sample(pool, self.random.randint(least, min(most, len(pool))))

    # --- matches of nft -----------------------------------------------------------------------------------------------
    def addresses(self, family):
        return V4 if family == "ip" else V6

    def apart(self, family):
        """Addresses that don't overlap, for a set of intervals."""
        if family == "ip":
            return self.some(["10.0.0.0/16", "10.10.1.0/24", "10.10.2.2", "192.0.2.0/24", "172.17.0.0/16"])
        return self.some(["fd00:1::/64", "fd00:2::/64", "fd00:10:1::/64", "fd00:10:2::2", "2001:db8::/32"])

    def address_match(self, table):
        family = table.family if table.family in ("ip", "ip6") else self.one("ip", "ip6")
        key = f"{family} {self.one('saddr', 'daddr')}"
        negated = "!= " if self.chance(0.25) else ""
        form = self.random.random()
        if form < 0.6:
            return f"{key} {negated}{self.random.choice(self.addresses(family))}"
        if form < 0.8:
            return f"{key} {negated}{{ {', '.join(self.apart(family))} }}"
        if table.family == "netdev":
            return f"{key} {negated}{self.random.choice(self.addresses(family))}"
        return f"{key} {negated}@{self.named_set(table, family)}"

    def named_set(self, table, family):
        name = f"s{len(table.sets)}"
        kind = "ipv4_addr" if family == "ip" else "ipv6_addr"
        table.sets.append(f"set {name} {{ type {kind}; flags interval; elements = {{ {', '.join(self.apart(family))} }} }}")
        return name

    def link_match(self, hook):
        keys = ["iifname"] if hook == "prerouting" else ["iifname", "oifname"]
        key = self.random.choice(keys)
        negated = "!= " if self.chance(0.3) else ""
        if self.chance(0.25):
            names = self.some([each for each in LINKS if "*" not in each])
            return f'{key} {negated}{{ {", ".join(chr(34) + each + chr(34) for each in names)} }}'
        return f'{key} {negated}"{self.random.choice(LINKS)}"'

    def port_match(self, _=None):
        negated = "!= " if self.chance(0.2) else ""
        value = self.random.choice(PORTS) if self.chance(0.7) else "{ " + ", ".join(self.some(["22", "80", "443", "53", "5001-5002"])) + " }"
        form = self.random.random()
        if form < 0.6:
            return f"{self.one('tcp', 'udp')} {self.one('dport', 'dport', 'sport')} {negated}{value}"
        if form < 0.8:
            return f"meta l4proto {{ tcp, udp }} th dport {negated}{value}"
        return f"tcp dport {self.one('<', '>', '<=', '>=')} {self.one('80', '443', '1024')}"

    def protocol_match(self, table):
        choices = ["meta l4proto tcp", "meta l4proto udp", "meta l4proto != tcp", "meta l4proto { tcp, udp }",
                   "meta l4proto { tcp, udp, icmp, ipv6-icmp }", "tcp flags syn", "tcp flags & (fin | syn | rst | ack) == syn",
                   "tcp flags != syn", "tcp flags ! syn,fin"]
        if table.family in ("ip", "inet"):
            choices += ["icmp type echo-request", "icmp type { echo-reply, redirect }", "ip protocol icmp"]
        if table.family in ("ip6", "inet"):
            choices += ["icmpv6 type echo-request", "icmpv6 type nd-redirect", "rt type 0", "ip6 nexthdr tcp"]
        return self.random.choice(choices)

    def state_match(self, _=None):
        return self.one("ct state new", "ct state established,related", "ct state established", "ct state invalid",
                        "ct state { new, established }", "ct state != established", "ct status dnat", "ct status != dnat",
                        "ct status snat", "ct state related", "ct direction original", "ct direction reply",
                        "ct state ! invalid", "ct state new,untracked", "ct status seen-reply", "ct status & dnat == dnat",
                        "ct original ip saddr 10.0.0.0/16", "ct original ip daddr 10.10.0.0/16", "ct mark 0x10",
                        "ct mark & 0xf0 == 0x10", "ct mark != 0x10", "ct mark 0", "ct zone 0", "ct zone != 0", "ct protocol tcp",
                        "ct expiration > 1s", "ct mark . meta mark != { 0x10 . 0x10 }", "ct mark . meta mark { 0x0 . 0x0 }")

    def mark_match(self, _=None):
        return self.one("meta mark 0x10", "meta mark != 0x10", "meta mark & 0xff == 0x10", "meta mark & 0x10 == 0x10",
                        "meta mark & 0x4000 != 0x4000", "meta mark 0", "meta mark { 0x10, 0x4000 }", "meta mark != 0",
                        "meta mark 0x1-0x20", "meta mark and 0x00ff0000 == 0x00040000")

    def other_match(self, table):
        choices = ["fib daddr type local", "fib daddr type != local", "fib saddr type unicast", "fib daddr type { local, broadcast }",
                   "meta pkttype broadcast", "iifgroup 0", "meta iifgroup 5", "limit rate 1/day", "limit rate over 100000/second"]
        if table.family == "inet":
            choices += ["meta nfproto ipv4", "meta nfproto ipv6", "meta protocol ip"]
        if table.family in ("ip6", "inet"):
            choices += ["exthdr hbh exists", "exthdr frag missing"]
        if table.family in ("ip", "inet"):
            choices += ["ip version 4", "ip ttl > 0"]
        return self.random.choice(choices)

    def concatenation(self, table, hook):
        family = table.family if table.family in ("ip", "ip6") else self.one("ip", "ip6")
        form = self.random.randint(0, 2)
        if form == 0 and hook != "prerouting":
            return 'iifname . oifname { "eth0" . "br-blue", "br-blue" . "eth1", "eth1" . "br-red" }'
        if form == 1:
            pairs = [f"{a} . {p}" for a in self.apart(family) for p in self.some(["80", "443", "1-100"], 1, 1)]
            return f"{family} {self.one('saddr', 'daddr')} . tcp dport {{ {', '.join(pairs)} }}"
        return f"{family} saddr . {family} daddr {{ {self.pair(family)} }}"

    def pair(self, family):
        pools = (["10.0.0.0/16", "10.0.1.0/24"], ["10.10.0.0/16", "10.10.1.2"]) if family == "ip" else \
            (["fd00:1::/64", "fd00::/16"], ["fd00:10:1::/64", "fd00:10::/32"])
        return f"{self.random.choice(pools[0])} . {self.random.choice(pools[1])}"

    def match(self, table, hook, kind):
        kinds = [(6, lambda: self.address_match(table)), (4, lambda: self.link_match(hook)), (3, self.port_match),
                 (3, lambda: self.protocol_match(table)), (2, self.mark_match), (1, lambda: self.other_match(table)),
                 (1, lambda: self.concatenation(table, hook)), (3, self.state_match)]
        return self.random.choices([each[1] for each in kinds], [each[0] for each in kinds])[0]()

    @staticmethod
    def fits(table, matches):
        """nft refuses a rule that speaks of two protocols or of two families, and what its table's family lacks."""
        text = " ".join(each.split("jump {")[0] for each in matches) + " "
        words = set(text.split())
        of_v4 = bool(words & {"ip", "icmp"}) and ("ip " in text or "icmp " in text)
        of_v6 = bool(words & {"ip6", "icmpv6", "rt", "exthdr"})
        if "ct original ip" in text and table.family != "ip":
            return False
        if "nfproto ipv4" in text or "protocol ip " in text:
            of_v4 = True
        if "nfproto ipv6" in text:
            of_v6 = True
        if "meta protocol { ip, ip6 }" in text:
            of_v4 = of_v6 = False
        if (of_v4 and of_v6) or (of_v4 and table.family == "ip6") or (of_v6 and table.family == "ip"):
            return False
        protocols = sum(match.startswith(("tcp", "udp", "meta l4proto", "icmp", "ip protocol", "ip6 nexthdr", "rt ")) or ". tcp" in match
                        for match in matches)
        return protocols <= 1

    # --- rules --------------------------------------------------------------------------------------------------------
    def setter(self, kind, table=None):
        if table and table.family in ("ip", "ip6") and self.chance(0.15):
            elements = ", ".join(f"{each} : {self.one('0x10', '0x4000', '0x20')}" for each in self.apart(table.family))
            return f"meta mark set {table.family} {self.one('saddr', 'daddr')} map {{ {elements} }}"
        choices = ["meta mark set 0x10", "meta mark set meta mark | 0x4000", "meta mark set meta mark & 0xff",
                   "meta mark set meta mark & 0xff00ffff | 0x00040000", "meta mark set meta mark ^ 0x10", "counter",
                   'log prefix "drop accept" flags ip options', "continue"]
        choices += ["ct mark set meta mark", "meta mark set ct mark", "ct mark set 0x10", "meta mark set ct mark & 0xff"]
        if table and table.family == "ip":
            choices += ["ip dscp set 0", "meta priority set ip dscp map { 0 : 1 }", "meta priority set ip dscp map { 63 : 1 }"]
        if kind == "raw":
            choices += ["notrack"] * 4
        return self.random.choice(choices)

    def verdict(self, table, hook, kind, targets):
        if targets and self.chance(0.08):
            rules = [self.rule(table, hook, kind, []) for _ in range(2)]
            return f"jump {{ {'; '.join(rules)}; }}"
        if kind == "nat" and hook == "postrouting" and self.chance(0.6):
            if self.chance(0.5):
                return "masquerade"
            if table.family == "ip" and self.chance(0.3):
                elements = ", ".join(f"{each} : 10.0.1.1" for each in self.apart("ip"))
                return f"snat to ip saddr map {{ {elements} }}"
            if table.family == "ip":
                return "snat to 10.0.1.1"
            return "snat to fd00:1::1" if table.family == "ip6" else "masquerade"
        if kind == "nat" and hook == "prerouting" and self.chance(0.15):
            return "meta l4proto tcp redirect to :9"
        if targets and self.chance(0.3):
            return f"{self.one('jump', 'jump', 'goto')} {self.random.choice(targets)}"
        pool = ["accept", "drop", "return"]
        if table.family == "netdev":
            pool = ["accept", "drop"]
        if kind == "nat":
            pool = ["accept", "return", "return"]
        elif hook == "forward" and table.family != "bridge":
            pool += ["reject", "drop"]
        return self.random.choice(pool)

    def vmap(self, table, hook, targets, kind):
        no_drop = kind == "nat"
        word = lambda: self.one(*(["accept", "return"] + ([] if no_drop else ["drop"]) + [f"jump {t}" for t in targets] + [f"goto {t}" for t in targets]))
        family = table.family if table.family in ("ip", "ip6") else self.one("ip", "ip6")
        form = self.random.randint(0, 3)
        if form == 0:
            elements = ", ".join(f"{a} : {word()}" for a in self.apart(family))
            return f"{family} {self.one('saddr', 'daddr')} vmap {{ {elements} }}"
        if form == 1:
            return f"ct state vmap {{ established : {word()}, related : {word()}, invalid : {word()} }}"
        if form == 2:
            elements = ", ".join(f'"{a}" : {word()}' for a in self.some(["eth0", "eth1", "br-blue", "br-red"]))
            return f"{'iifname' if hook == 'prerouting' else self.one('iifname', 'oifname')} vmap {{ {elements} }}"
        name = f"m{len(table.sets)}"
        kind_of = "ipv4_addr" if family == "ip" else "ipv6_addr"
        elements = ", ".join(f"{a} : {word()}" for a in self.apart(family))
        table.sets.append(f"map {name} {{ type {kind_of} : verdict; flags interval; elements = {{ {elements} }} }}")
        return f"{family} {self.one('saddr', 'daddr')} vmap @{name}"

    def rule(self, table, hook, kind, targets):
        matches = []
        for _ in range(self.random.choices([0, 1, 2, 3], [1, 6, 4, 1])[0]):
            match = self.match(table, hook, kind)
            if self.fits(table, matches + [match]):
                matches.append(match)
        if self.chance(0.12):
            vmap = self.vmap(table, hook, targets, kind)
            if self.fits(table, matches + [vmap]):
                return " ".join(matches + [vmap])
        if self.chance(0.2):
            matches.append(self.setter(kind, table))
        if not matches or not self.chance(0.2) or matches[-1] == "continue":
            if not matches or matches[-1] != "continue":
                matches.append(self.verdict(table, hook, kind, targets))
        return " ".join(matches)

    def table(self, number):
        family = self.random.choices(["ip", "ip6", "inet"], [4, 3, 5])[0]
        table = Table(family, f"t{number}")
        for hook in self.some(list(HOOKS), 1, 3):
            for kind, priority in self.some(HOOKS[hook], 1, 2):
                name = f"c{len(table.chains)}"
                flavour = "raw" if priority == "raw" else kind
                # Chains that are jumped to stand before their callers, or nft would not know them.
                targets = []
                for _ in range(self.random.choice([0, 0, 1, 1, 2])):
                    target = f"{name}j{len(targets)}"
                    rules = [self.rule(table, hook, flavour, list(targets)) for _ in range(self.random.randint(1, 3))]
                    table.chains.append([target, "", "", rules])
                    targets.append(target)
                rules = [self.rule(table, hook, flavour, targets) for _ in range(self.random.randint(1, 5))]
                policy = "drop" if kind == "filter" and self.chance(0.2 if hook == "forward" else 0.05) else "accept"
                table.chains.append([name, f"type {kind} hook {hook} priority {priority}", policy, rules])
        return table

    def bridge(self, number):
        table = Table("bridge", f"t{number}")
        hook = self.one("prerouting", "input", "output", "postrouting")
        rules = []
        for _ in range(self.random.randint(1, 3)):
            matches = []
            if self.chance(0.7):
                matches.append(self.one("ether type ip", "ether type ip6", "meta protocol ip", "meta protocol { ip, ip6 }"))
            more = self.chance(0.7)
            if more and not (matches and matches[0].startswith(("ether", "meta protocol"))):
                matches.append(self.one("ip saddr 10.10.0.0/16", "ip daddr 10.10.1.0/24", "ip6 daddr fd00:10:1::/64", "meta mark 0x10",
                                        "meta l4proto tcp", "tcp dport 80", 'meta ibrname "br-blue"' if hook in ("prerouting", "input") else 'meta obrname "br-blue"',
                                        'iifname "pblue"' if hook in ("prerouting", "input") else 'oifname "pred"'))
            if not matches:
                matches.append("meta protocol ip")
            # ARP and neighbour discovery go on.
            rules.append(" ".join(matches + [self.one("accept", "drop", "drop", "meta mark set 0x10")]))
        rules = [each if "drop" not in each or "ip" in each or "tcp" in each else each.replace("drop", "accept") for each in rules]
        rules.insert(0, "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept")
        table.chains.append(["c0", f"type filter hook {hook} priority {self.one('0', '-200', '10')}", "accept", rules])
        return table

    def netdev(self, number):
        table = Table("netdev", f"t{number}")
        device = self.one("eth0", "eth1", "br-blue")
        rules = ["icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept"]
        for _ in range(self.random.randint(1, 3)):
            rules.append(self.one("ip saddr 10.0.0.0/16", "ip daddr 10.10.1.0/24", "ip6 daddr fd00:10:1::/64", "tcp dport 80",
                                  "meta l4proto icmp", "ip saddr 192.0.2.0/24", "udp sport 53") + " " +
                         self.one("drop", "accept", "meta mark set 0x10", "drop"))
        table.chains.append(["c0", f"type filter hook ingress device {device} priority 0", "accept", rules])
        return table

    # --- iptables -----------------------------------------------------------------------------------------------------
    def iptables_rule(self, v4, hook, table, targets):
        a = (["10.0.0.0/8", "10.0.0.0/16", "10.0.1.0/24", "10.10.1.0/24", "10.10.0.0/16", "10.10.1.2", "192.0.2.0/24"] if v4 else
             ["fd00::/16", "fd00:1::/64", "fd00:10:1::/64", "fd00:10::/32", "2001:db8::/32"])
        parts = []
        no = lambda: "! " if self.chance(0.25) else ""
        for _ in range(self.random.choices([0, 1, 2, 3], [1, 5, 4, 1])[0]):
            form = self.random.randint(0, 7)
            if form <= 1 and not any(p.startswith(("-s", "! -s")) for p in parts):
                parts.append(f"{no()}-s {self.random.choice(a)}")
            elif form == 2 and not any("-d " in p for p in parts):
                parts.append(f"{no()}-d {self.random.choice(a)}")
            elif form == 3 and hook != "POSTROUTING" and not any("-i " in p for p in parts):
                parts.append(f"{no()}-i {self.one('eth0', 'eth1', 'eth+', 'br-blue', 'docker0')}")
            elif form == 4 and hook != "PREROUTING" and not any("-o " in p for p in parts):
                parts.append(f"{no()}-o {self.one('eth0', 'eth1', 'br-blue', 'br-red', 'docker0')}")
            elif form == 5 and not any("-p " in p for p in parts):
                parts.append(self.one("-p tcp", "-p udp --dport 53", "-p tcp --dport 80", "-p tcp -m multiport --dports 22,80",
                                      "-p icmp" if v4 else "-p ipv6-icmp", "-p tcp --syn", "-p tcp ! --dport 443", "-p tcp --dport 1:1024"))
            elif form == 6 and table not in ("raw",) and not any("conntrack" in p for p in parts):
                parts.append(self.one("-m conntrack --ctstate RELATED,ESTABLISHED", "-m conntrack --ctstate NEW",
                                      "-m conntrack --ctstate INVALID", "-m conntrack ! --ctstate NEW",
                                      "-m conntrack --ctstatus SEEN_REPLY"))
            elif form == 7:
                parts.append(self.one("-m mark --mark 0x10", "-m mark ! --mark 0x10/0xff", "-m addrtype --dst-type LOCAL",
                                      "-m addrtype ! --dst-type LOCAL", '-m comment --comment "drop"', "-m mark --mark 0x4000/0x4000"))
        if targets and self.chance(0.3):
            return " ".join(parts + [f"-j {self.random.choice(targets)}"])
        if table == "nat":
            target = self.one("MASQUERADE", "RETURN", "ACCEPT") if hook == "POSTROUTING" else self.one("RETURN", "ACCEPT")
        elif table == "mangle":
            target = self.one("MARK --set-xmark 0x10/0xff", "MARK --or-mark 0x4000", "CONNMARK --save-mark", "CONNMARK --restore-mark",
                              "ACCEPT", "DROP", "RETURN")
        elif table == "raw":
            target = self.one("DROP", "ACCEPT", "RETURN", "CT --notrack")
        else:
            target = self.one("ACCEPT", "DROP", "RETURN", "ACCEPT", "DROP", 'LOG --log-prefix "drop "', "REJECT")
        return " ".join(parts + [f"-j {target}"])

    def iptables(self, number):
        v4 = self.chance(0.6)
        name = self.random.choices(["filter", "nat", "mangle", "raw"], [5, 4, 2, 1])[0]
        hook = {"filter": "FORWARD", "nat": self.one("POSTROUTING", "POSTROUTING", "PREROUTING"),
                "mangle": self.one("PREROUTING", "FORWARD", "POSTROUTING"), "raw": "PREROUTING"}[name]
        table = Iptables("ip" if v4 else "ip6", name)
        targets = []
        for i in range(self.random.choice([0, 1, 2])):
            target = f"USER{number}{i}"
            table.chains.append([target, "", "", [self.iptables_rule(v4, hook, name, list(targets)) for _ in range(self.random.randint(1, 3))]])
            targets.append(target)
        policy = "DROP" if name == "filter" and self.chance(0.25) else "ACCEPT"
        table.chains.append([hook, "x", policy, [self.iptables_rule(v4, hook, name, targets) for _ in range(self.random.randint(1, 5))]])
        return table

    def ruleset(self):
        out, iptables = [], set()
        for number in range(self.random.randint(1, 3)):
            form = self.random.random()
            if form < 0.3:
                table = self.iptables(number)
                if (table.family, table.name) in iptables:
                    continue
                iptables.add((table.family, table.name))
                out.append(table)
            elif form < 0.36:
                out.append(self.bridge(number))
            elif form < 0.42:
                out.append(self.netdev(number))
            else:
                out.append(self.table(number))
        return out


def smaller(ruleset):
    """Rulesets with one thing less."""
    for i in range(len(ruleset)):
        yield ruleset[:i] + ruleset[i + 1:]
    for i, table in enumerate(ruleset):
        for c, chain in enumerate(table.chains):
            for r in range(len(chain[3])):
                less = copy.deepcopy(ruleset)
                del less[i].chains[c][3][r]
                yield less
            if chain[2] in ("drop", "DROP"):
                less = copy.deepcopy(ruleset)
                less[i].chains[c][2] = "accept" if chain[2] == "drop" else "ACCEPT"
                yield less
