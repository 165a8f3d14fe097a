"""Honest traffic between other ports while the attacks run: it must lose nothing, and pass in full."""
import re
import select
import socket
import struct
import subprocess
import tempfile
import threading
import time

from frames import ethernet, ipv6, next_label, sum_icmp
from scene import WORLD, eventually
from wire import Capture, Sender, address_bytes, mac_bytes

# One of everything in this many seconds.
PAUSE = 0.05


class Honest:
    """Threads that talk from the constructor to `finish`, and count."""

    def __init__(self, scene):
        self.scene, self.stop = scene, threading.Event()
        self.results, self.errors = {}, []
        alice, bob, carol = (scene.guests[n] for n in ("alice", "bob", "carol"))
        self.pings = {
            "ping on one host": self.ping(alice, bob.global_address),
            "ping between hosts": self.ping(alice, carol.global_address),
            "ping of link-locals": self.ping(bob, f"{alice.link_local}%eth0"),
            "ping through the router": self.ping(bob, WORLD),
            "ping of 4,000 bytes in fragments": self.ping(carol, bob.global_address, "-s", "4000"),
        }
        talks = [
            ("UDP of 200 bytes", lambda: self.udp(alice, bob, 200)),
            ("UDP of 200 bytes between hosts", lambda: self.udp(carol, bob, 200)),
            ("UDP of 5,000 bytes in fragments", lambda: self.udp(alice, bob, 5000)),
            ("UDP of 5,000 bytes in fragments, between hosts", lambda: self.udp(alice, carol, 5000)),
            ("TCP of 64 KiB, new connections", lambda: self.tcp(bob, alice)),
            ("TCP of 64 KiB between hosts", lambda: self.tcp(carol, alice)),
            ("path MTU messages of the router", self.path_mtu),
            ("port unreachable", lambda: self.unreachable(alice, bob)),
            ("multicast listener reports", lambda: self.reports(bob, alice)),
            ("DHCPv6 by the router's port", lambda: self.dhcp(alice)),
            ("SLAAC, DAD and neighbour discovery anew", self.join),
            ("neighbour discovery after forgetting", lambda: self.forget(carol, alice)),
        ]
        self.threads = [threading.Thread(target=self.guarded, args=talk, daemon=True) for talk in talks]
        for thread in self.threads:
            thread.start()

    def finish(self):
        """(what, sent, lost) of each talk, when all have ended."""
        self.stop.set()
        for thread in self.threads:
            thread.join(30)
        for name, (process, log) in self.pings.items():
            process.send_signal(2)
            process.wait(20)
            text = log.read()
            match = re.search(rb"(\d+) packets transmitted, (\d+) received", text)
            sent, received = (int(match.group(1)), int(match.group(2))) if match else (0, 0)
            # The one under way when the signal came counts as lost for ping, not for us.
            self.results[name] = (sent, max(0, sent - received - 1))
        lines = [(name, *counts) for name, counts in self.results.items()]
        return lines + [(f"{name} broke: {error}", 0, 1) for name, error in self.errors]

    def guarded(self, name, talk):
        try:
            self.results[name] = talk()
        except Exception as error:
            self.errors.append((name, repr(error)))

    # --- talks: each runs until `stop` and gives (sent, lost) ---

    def ping(self, guest, target, *words):
        log = tempfile.TemporaryFile()
        process = subprocess.Popen(["nsenter", f"--net={guest.path}", "ping", "-6", "-n", "-q", "-i", str(PAUSE), *words, target],
                                   stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.scene.processes.append(process)

        class Log:
            @staticmethod
            def read():
                log.seek(0)
                return log.read()

        return process, Log

    def turns(self):
        while not self.stop.wait(PAUSE):
            yield

    @staticmethod
    def udp_socket(guest, port):
        def make():
            one = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            one.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)
            one.bind((guest.global_address, port))
            one.settimeout(1)
            return one
        return guest.inside(make)

    ports = iter(range(20000, 30000))

    def udp(self, a, b, size):
        """Numbered datagrams and their echoes; a missing echo is a loss of either way."""
        port, sent, lost = next(self.ports), 0, 0
        with self.udp_socket(a, port) as client, self.udp_socket(b, port) as server:
            for _ in self.turns():
                payload = struct.pack("!I", sent) + bytes(size - 4)
                sent += 1
                try:
                    client.sendto(payload, (b.global_address, port))
                    data, peer = server.recvfrom(65535)
                    server.sendto(data, peer)
                    while client.recvfrom(65535)[0] != payload:
                        pass
                except TimeoutError:
                    lost += 1
        return sent, lost

    def tcp(self, a, b):
        port, sent, lost = next(self.ports), 0, 0

        def listening():
            one = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind((b.global_address, port))
            one.listen(8)
            one.settimeout(2)
            return one

        with b.inside(listening) as listener:
            for _ in self.turns():
                sent += 1
                try:
                    with a.inside(lambda: socket.socket(socket.AF_INET6, socket.SOCK_STREAM)) as client:
                        client.settimeout(2)
                        client.connect((b.global_address, port))
                        server, _ = listener.accept()
                        with server:
                            server.settimeout(2)
                            pusher = threading.Thread(target=client.sendall, args=(bytes(65536),))
                            pusher.start()
                            got = 0
                            while got < 65536:
                                piece = server.recv(65536)
                                if not piece:
                                    break
                                got += len(piece)
                            pusher.join(5)
                            server.sendall(b"thanks")
                            lost += got != 65536 or client.recv(6) != b"thanks"
                except OSError:
                    lost += 1
        return sent, lost

    def unreachable(self, a, b):
        """A closed port answers with ICMPv6 1/4, and the sender's socket hears of it."""
        port, sent, lost = next(self.ports), 0, 0
        for _ in self.turns():
            # The kernel limits such answers to one a second for each destination (net.ipv6.icmp.ratelimit).
            if self.stop.wait(1.1):
                break
            with a.inside(lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)) as one:
                one.settimeout(1)
                one.connect((b.global_address, port))
                sent += 1
                one.send(b"anybody?")
                try:
                    one.recv(10)
                except ConnectionRefusedError:
                    continue
                except TimeoutError:
                    lost += 1
        return sent, lost

    def path_mtu(self):
        """The router says "packet too big" about addresses that nobody uses: it is heard at the port."""
        scene, carol = self.scene, self.scene.guests["carol"]
        listener, sender = Capture(carol.path), Sender(scene.gateway.path, scene.inner)
        sent = lost = 0
        inside = scene.gateway.ip("address", "show", "dev", scene.inner)
        source = [a["local"] for entry in inside for a in entry["addr_info"] if a["scope"] == "global"]
        for turn in self.turns():
            quoted = ipv6(carol.global_address, f"2001:db8:99::{sent:x}", 17, struct.pack("!HHHH", 7, 7, 8, 0))
            origin = source[0] if source else "2001:db8:76::2"
            message = sum_icmp(origin, carol.global_address, b"\x02\0\0\0" + struct.pack("!I", 1280) + quoted)
            frame = ethernet(carol.mac, scene.gateway_mac, ipv6(origin, carol.global_address, 58, message, 64, next_label()))
            sender.send(frame)
            sent += 1
            lost += not self.seen(listener, lambda f: f == frame)
        listener.close()
        sender.close()
        return sent, lost

    def seen(self, listener, wanted, seconds=1.0):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if any(wanted(f) for f in listener.take()[0]):
                return True
            select.select([listener.socket], [], [], 0.05)
        return False

    def reports(self, a, b):
        """A guest joins groups: its MLDv2 reports (hop-by-hop header with router alert) are heard by another."""
        listener, sent, lost = Capture(b.path), 0, 0
        index = a.inside(lambda: socket.if_nametoindex("eth0"))
        for turn in self.turns():
            group = address_bytes(f"ff05::77:{sent:x}")
            listener.discard()
            with a.inside(lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)) as member:
                member.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group + struct.pack("@I", index))
                sent += 1
                lost += not self.seen(listener, lambda f: f[12:14] == b"\x86\xdd" and f[20] == 0 and group in f, 2)
            if self.stop.wait(0.5):
                break
        listener.close()
        return sent, lost

    def dhcp(self, guest):
        """Solicit from a guest, Advertise from a server on the router's port, Request, Reply (RFC 8415): by plain sockets."""
        scene = self.scene

        def server_socket():
            one = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(("::", 547))
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, address_bytes("ff02::1:2") + struct.pack("@I", socket.if_nametoindex(scene.inner)))
            one.settimeout(1)
            return one

        def client_socket():
            one = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            one.bind((guest.link_local, 546, 0, socket.if_nametoindex("eth0")))
            one.settimeout(1)
            return one

        index = guest.inside(lambda: socket.if_nametoindex("eth0"))
        sent = lost = 0
        with scene.gateway.inside(server_socket) as server, guest.inside(client_socket) as client:
            for turn in self.turns():
                for ask, answer in ((1, 2), (3, 7)):
                    number = struct.pack("!I", sent)[1:]
                    sent += 1
                    try:
                        client.sendto(bytes([ask]) + number + b"\0\1\0\x0a\0\3\0\1" + mac_bytes(guest.mac), ("ff02::1:2", 547, 0, index))
                        while True:
                            data, peer = server.recvfrom(2000)
                            if data[1:4] == number and data[0] == ask:
                                break
                        server.sendto(bytes([answer]) + data[1:], peer)
                        while client.recvfrom(2000)[0][:4] != bytes([answer]) + number:
                            pass
                    except TimeoutError:
                        lost += 1
        return sent, lost

    def join(self):
        """A guest comes anew, again and again: link-local and SLAAC address with DAD, and its first ping."""
        scene, dora, alice = self.scene, self.scene.guests["dora"], self.scene.guests["alice"]
        sender = Sender(scene.gateway.path, scene.inner)
        sent = lost = 0
        while not self.stop.is_set():
            sent += 1
            dora.run("sh", "-c", "cd /proc/sys/net/ipv6/conf/eth0; echo 1 >accept_dad; echo 0 >router_solicitations; echo 1 >disable_ipv6; echo 0 >disable_ipv6")
            try:
                # The router's own answers to solicitations are limited to one in 3 s: its advertisement is repeated for it.
                def configured():
                    entries = dora.ip("address", "show", "dev", "eth0")
                    sender.send(scene.advertisement_to(dora))
                    found = [a for entry in entries for a in entry["addr_info"] if a["scope"] == "global"]
                    if any(a.get("dadfailed") for a in found):
                        raise RuntimeError("duplicate")
                    return any(not a.get("tentative") for a in found)

                eventually(configured, 8, "SLAAC and DAD", 0.2)
                lost += "1 received" not in dora.run("ping", "-6", "-n", "-q", "-c", "1", "-W", "2", alice.global_address, check=False)
            except RuntimeError:
                lost += 1
            self.stop.wait(0.5)
        sender.close()
        return sent, lost

    def forget(self, a, b):
        """A neighbour entry is flushed and found again, each time with a ping. By its link-local, which no other talk of `a` asks for:
        with an entry goes what waits for its answer."""
        sent = lost = 0
        for turn in self.turns():
            if self.stop.wait(0.3):
                break
            a.run("ip", "-6", "neigh", "flush", "to", b.link_local, "dev", "eth0", check=False)
            sent += 1
            lost += "1 received" not in a.run("ping", "-6", "-n", "-q", "-c", "1", "-W", "2", f"{b.link_local}%eth0", check=False)
        return sent, lost
