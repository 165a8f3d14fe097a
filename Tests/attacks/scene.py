"""The laboratory the attacks happen in: two real hosts of KC out of namespaces, driven by `kcnet lab`."""
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import time

from wire import Capture, Owner, Sender, address_bytes, checksum, in_namespace, mac_bytes

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAMS = pathlib.Path(os.environ.get("KC_PROGRAMS", ROOT / ".build" / "debug"))
TOPOLOGY = ROOT / "topology" / "guarded"
WORLD = "2001:db8:77::1"


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(*words, check=True, timeout=60):
    """Runs a command to its end and gives its output; what it printed is part of the error."""
    result = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=timeout)
    if check and result.returncode:
        raise RuntimeError(f"{' '.join(map(str, words))}: exit {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


def eventually(condition, seconds=20, what="condition", every=0.05):
    """Looks until the condition holds, and gives its value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: not within {seconds} s")
        time.sleep(every)


class Namespace:
    """A network namespace known by a path."""

    def __init__(self, name, path):
        self.name, self.path = name, path

    def run(self, *words, check=True, timeout=60):
        return run("nsenter", f"--net={self.path}", *words, check=check, timeout=timeout)

    def start(self, *words):
        return subprocess.Popen(["nsenter", f"--net={self.path}", *map(str, words)], stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ip(self, *words):
        return json.loads(self.run("ip", "-j", "-6", *words) or "[]")

    def setting(self, name, value=None):
        """A file below /proc/sys/net."""
        if value is None:
            return self.run("cat", f"/proc/sys/net/{name}").strip()
        return self.run("sh", "-c", f"echo {value} > /proc/sys/net/{name}")

    def inside(self, work):
        return in_namespace(self.path, work)


class Guest(Namespace):
    """An attachment's namespace, with its `eth0`."""

    def learn(self):
        """Reads its own MAC and addresses; call it when it is configured."""
        link = json.loads(self.run("ip", "-j", "link", "show", "eth0"))[0]
        self.mac = link["address"]
        self.link_local = self.global_address = None
        entries = self.ip("address", "show", "dev", "eth0")
        for entry in (entries[0]["addr_info"] if entries else []):
            if entry["scope"] == "link":
                self.link_local = entry["local"]
            elif entry["scope"] == "global" and not entry.get("temporary") and self.global_address is None:
                self.global_address = entry["local"]
        packed = {address_bytes(a) for a in (self.link_local, self.global_address) if a}
        self.owner = Owner(mac_bytes(self.mac), packed)
        return self.global_address

    def equip(self):
        """Opens its capture and sender."""
        self.capture, self.sender = Capture(self.path), Sender(self.path)


class Host(Namespace):
    """A machine of the laboratory."""

    def __init__(self, name, state):
        self.folder = state / name
        self.keeper = json.loads((self.folder / "keeper.json").read_text())["pid"]
        super().__init__(name, f"/proc/{self.keeper}/ns/net")

    def guest(self, name, kind=Guest):
        return kind(name, f"/proc/{self.keeper}/root" + f"/run/netns/{name}")

    def run(self, *words, check=True, timeout=60):
        return run("nsenter", "-t", self.keeper, "-n", "-m", *words, check=check, timeout=timeout)

    def agent(self):
        for file in (self.folder / "processes").iterdir():
            record = json.loads(file.read_text())
            if "node" in file.name:
                return record.get("process", record)["pid"]
        raise RuntimeError(f"{self.name} has no agent")

    def guests(self):
        return re.findall(r"^(\S+)", self.run("ip", "netns", "list"), re.M)


class Scene:
    """The laboratory, up from `with` to its end."""

    attackers = ("mallory", "trudy")

    def __init__(self):
        # Of this run alone: what another run left when it was killed is not in its way.
        self.name = f"guarded-{os.getpid()}"
        self.state = pathlib.Path("/run/kclab") / self.name
        self.processes, self.is_guarded = [], True

    def kcnet(self, *words, timeout=120):
        return run(PROGRAMS / "kcnet", *words, "--api", f"unix:{self.state}/api/run/api.sock", timeout=timeout)

    def __enter__(self):
        run(PROGRAMS / "kcnet", "lab", "up", TOPOLOGY, "--name", self.name, timeout=120)
        try:
            self.prepare()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        for pid in getattr(self, "stopped", []):
            os.kill(pid, signal.SIGCONT)
        run(PROGRAMS / "kcnet", "lab", "down", self.name, timeout=120)

    def prepare(self):
        self.kcnet("apply", "-f", TOPOLOGY / "desired")
        run(PROGRAMS / "kcnet", "lab", "check", self.name, timeout=120)
        # A VM's port beside the victim, of which nobody is behind until an attack is.
        tap = json.loads(self.kcnet("attachment", "create", "eve", "--segment", "blue", "--host", "h1", "--wait", "--output", "json"))
        self.tap = tap["status"]["interface"], tap["status"]["mac"]
        self.hosts = {name: Host(name, self.state) for name in ("h1", "h2")}
        self.api = Host("api", self.state)
        homes = {"h1": ("victim", "mallory", "alice", "bob"), "h2": ("trudy", "carol", "dora")}
        self.guests = {name: self.hosts[host].guest(name) for host, names in homes.items() for name in names}
        h1 = self.hosts["h1"]
        self.bridge = next(d for d in self.devices(h1) if d.startswith("kcb"))
        gateway = next(name for name in h1.guests() if name.startswith("kcg-"))
        self.gateway = h1.guest(gateway, Namespace)
        self.inner = next(d["ifname"] for d in json.loads(self.gateway.run("ip", "-j", "link")) if d["ifname"].startswith("seg"))
        self.gateway_mac = next(d["address"] for d in json.loads(self.gateway.run("ip", "-j", "link")) if d["ifname"] == self.inner)
        self.give_a_way_out(h1)
        for guest in self.guests.values():
            eventually(guest.learn, what=f"{guest.name}'s address")
            eventually(lambda: guest.ip("route", "show", "default"), what=f"{guest.name}'s router")
            guest.equip()
        self.owners = {guest.mac: guest.owner for guest in self.guests.values()}
        self.prefix = ":".join(self.guests["victim"].global_address.split(":")[:4])
        victim = self.guests["victim"]
        self.settle_owners()
        self.options = in_namespace(victim.path, self._user_options)
        # Resets must not wait: the router's own advertisement is repeated to the victim.
        self.advertisement = self._hear_advertisement()
        self.gateway_capture = Capture(self.gateway.path, self.inner)
        self.gateway_sender = Sender(self.gateway.path, self.inner)
        victim.setting("ipv6/conf/eth0/router_solicitations", 0)
        victim.setting("ipv6/conf/eth0/max_addresses", 0)
        # What the router's own advertisement says to user space.
        self.heard_resolvers()
        self.gateway_sender.send(self.advertisement)
        time.sleep(0.1)
        self.true_options = self.heard_resolvers()

    def settle_owners(self):
        """Who has what, for the judge: all that is another's, the router's included, is foreign."""
        routers = {address_bytes(a["local"]) for entry in self.gateway.ip("address", "show", "dev", self.inner) for a in entry["addr_info"]}
        everybody = routers.union(*(guest.owner.addresses for guest in self.guests.values()))
        # Without the guard any source that is not its own counts as the attack; with it an address nobody has may be taken.
        free = {address_bytes("fe80::")[:8], address_bytes(self.prefix + "::")[:8]}
        networks = frozenset(free if self.is_guarded else ())
        for guest in self.guests.values():
            guest.owner.networks, guest.owner.foreign = networks, everybody - guest.owner.addresses

    @staticmethod
    def devices(host):
        return [d["ifname"] for d in json.loads(host.run("ip", "-j", "link"))]

    def give_a_way_out(self, host):
        """The gateway gets an uplink to a namespace `world`, so that it offers itself as the default router."""
        host.run("ip", "netns", "add", "world")
        self.world = host.guest("world", Namespace)
        self.gateway.run("ip", "link", "add", "up0", "type", "veth", "peer", "name", "up0", "netns", f"{self.world.path}")
        for namespace, address in ((self.gateway, "2001:db8:76::2/64"), (self.world, "2001:db8:76::1/64")):
            namespace.run("ip", "-6", "address", "add", address, "dev", "up0", "nodad")
            namespace.run("ip", "link", "set", "up0", "up")
        self.world.run("ip", "link", "set", "lo", "up")
        self.world.run("ip", "-6", "address", "add", f"{WORLD}/128", "dev", "lo", "nodad")
        self.world.run("ip", "-6", "route", "add", "default", "via", "2001:db8:76::2")
        self.gateway.run("ip", "-6", "route", "add", "default", "via", "2001:db8:76::1")

    def _user_options(self):
        listener = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
        listener.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)
        listener.bind((0, 1 << 19))  # RTNLGRP_ND_USEROPT, linux/rtnetlink.h
        return listener

    def _hear_advertisement(self):
        """The router's advertisement with a lifetime, as it is on the wire."""
        victim = self.guests["victim"]

        def heard():
            rs = bytes.fromhex("333300000002") + mac_bytes(victim.mac) + b"\x86\xdd"
            body = bytes.fromhex("8500") + b"\0\0" + bytes(4)
            source, target = address_bytes(victim.link_local), address_bytes("ff02::2")
            body = body[:2] + struct.pack("!H", checksum(source, target, 58, body)) + body[4:]
            victim.sender.send(rs + struct.pack("!IHBB", 6 << 28, len(body), 58, 255) + source + target + body)
            for _ in range(10):
                for frame in victim.capture.take()[0]:
                    if frame[12:14] == b"\x86\xdd" and frame[20] == 58 and frame[54] == 134 and frame[60:62] != b"\0\0":
                        return frame
                time.sleep(0.1)
            return None

        return eventually(heard, 30, "an advertisement of the router")

    # --- the victim ---

    def heard_resolvers(self):
        """RDNSS and DNSSL options the victim's kernel has handed on since the last call."""
        count = set()
        while True:
            try:
                data = self.options.recv(65535)
            except BlockingIOError:
                return count
            count.add(data[16 + 16:])

    def renew(self, guest):
        """A guest forgets everything and configures itself anew from the real router."""
        guest.run("sh", "-c", "cd /proc/sys/net/ipv6/conf/eth0; solicitations=$(cat router_solicitations); echo 0 >accept_dad;"
                  " echo 1 >disable_ipv6; echo 0 >disable_ipv6; echo $solicitations >router_solicitations")

        def configured():
            # The kernel has its link-local a moment after the switch: what comes earlier is lost.
            if not guest.ip("address", "show", "dev", "eth0"):
                return False
            self.gateway_sender.send(self.advertisement_to(guest))
            return guest.ip("route", "show", "default") and guest.learn() and guest.link_local

        eventually(configured, 5, f"{guest.name} renewed", 0.01)
        self.owners[guest.mac] = guest.owner

    def advertisement_to(self, guest):
        """The router's advertisement as it would answer this guest's solicitation."""
        frame, target = self.advertisement, address_bytes(guest.link_local)
        body = frame[54:56] + b"\0\0" + frame[58:]
        return (mac_bytes(guest.mac) + frame[6:38] + target + body[:2] + struct.pack("!H", checksum(frame[22:38], target, 58, body)) + body[4:])

    def reset(self):
        """The victim forgets everything and configures itself anew from the real router."""
        victim, alice = self.guests["victim"], self.guests["alice"]
        self.renew(victim)
        for target in (alice.global_address, "fe80::1%eth0"):
            victim.run("ping", "-6", "-n", "-q", "-c", "1", "-W", "1", target, check=False)
        self.settle_owners()
        self.heard_resolvers()

    def victim_state(self):
        """What an attack could change in the victim, without what moves by itself (ages, counters, NUD states)."""
        victim = self.guests["victim"]
        out = victim.run("sh", "-c", "ip -j -6 route show; echo ======; ip -j -6 address show dev eth0; echo ======; ip -j -6 neigh show dev eth0;"
                         " echo ======; cd /proc/sys/net/ipv6/conf/eth0; cat mtu hop_limit; echo ======;"
                         f" ip -j -6 route get {WORLD}; echo ======; ip -j -6 route get {self.guests['alice'].global_address}").split("======")
        routes = {(r["dst"], r.get("gateway", "-"), r.get("pref", "-")) for r in json.loads(out[0] or "[]") if r.get("dev") == "eth0"}
        listed = json.loads(out[1] or "[]")
        addresses = {(a["local"], bool(a.get("dadfailed")), bool(a.get("tentative")) and bool(a.get("dadfailed")))
                     for entry in listed for a in entry.get("addr_info", [])}
        neighbours = {(n["dst"], n.get("lladdr", "-"), bool("router" in n)) for n in json.loads(out[2] or "[]") if n.get("lladdr")}

        def path(text):
            try:
                one = json.loads(text)[0]
            except (ValueError, IndexError):
                return ("none",)
            metrics = one.get("metrics") or [{}]
            return (one.get("gateway", "-"), one.get("mtu") or (metrics[0].get("mtu") if metrics else None))

        return {"routes": routes, "addresses": addresses, "neighbours": neighbours, "link": tuple(out[3].split()),
                "world": path(out[4]), "alice": path(out[5])}

    # --- the guard ---

    def guard_off(self):
        """Both agents are stopped, and their tables taken away: nothing is dropped any more, nothing builds them again."""
        self.stopped = [host.agent() for host in self.hosts.values()]
        for pid in self.stopped:
            os.kill(pid, signal.SIGSTOP)
        for host in self.hosts.values():
            # br_netfilter drops what is malformed: unguarded means that nothing is checked.
            host.run("sh", "-c", "echo 0 | tee /proc/sys/net/bridge/bridge-nf-call-*tables")
            for table in ("bridge kc", "inet kc"):
                host.run("nft", "delete", "table", *table.split(), check=False)
            if "kc" in host.run("nft", "list", "tables"):
                raise RuntimeError(f"{host.name} still has its tables")
            self.open_gates(host)
        self.is_guarded = False
        self.settle_owners()

    @staticmethod
    def open_gates(host):
        """Holds the gates of all ports and tunnels open: without the tables nothing would leave by any of them, and nothing come out of a tunnel."""
        # The blocks that ports and tunnels share (docs/decisions/0017, 0023, 0048); TC_ACT_OK, at once.
        for block in sorted(set(re.findall(r"_block (\d+)", host.run("tc", "qdisc", "show")))):
            host.run("tc", "filter", "add", "block", block, "pref", "1", "protocol", "all", "bpf", "da", "bytecode", "1,6 0 0 0")
