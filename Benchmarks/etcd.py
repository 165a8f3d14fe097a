"""Members of etcd on loopback, and what a client sends them."""
import http.client
import json
import socket
import threading

from measure import eventually

# What KC asks of members (docs/etcd.md).
LIMITS = ["--max-txn-ops", "20000", "--max-request-bytes", "50331648"]


class Etcd:
    """Real members with their data in the scene's folder."""

    def __init__(self, scene, count, first_port=18450):
        self.ports = [first_port + 2 * index for index in range(count)]
        peers = [f"http://127.0.0.1:{port + 1}" for port in self.ports]
        everybody = ",".join(f"m{index}={peer}" for index, peer in enumerate(peers))
        self.processes = [scene.start(
            "etcd", "--name", f"m{index}", "--data-dir", scene.folder / f"m{index}", "--listen-client-urls", self.url(index),
            "--advertise-client-urls", self.url(index), "--listen-peer-urls", peers[index],
            "--initial-advertise-peer-urls", peers[index], "--initial-cluster", everybody, "--logger", "zap",
            "--log-level", "error", *LIMITS, log=f"m{index}.log") for index in range(count)]
        for port in self.ports:
            eventually(lambda: self.is_healthy(port), what=f"etcd at port {port}")

    def url(self, index):
        return f"http://127.0.0.1:{self.ports[index]}"

    def is_healthy(self, port):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            connection.request("GET", "/health")
            return json.loads(connection.getresponse().read())["health"] == "true"
        except (OSError, ValueError):
            return False


class Recorder:
    """Hands connections on to a member and keeps what is sent to it."""

    def __init__(self, port, member):
        self.member, self.sent, self.lock = member, [], threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            member = socket.create_connection(("127.0.0.1", self.member))
            kept = bytearray()
            with self.lock:
                self.sent.append(kept)
            threading.Thread(target=self.pump, args=(client, member, kept), daemon=True).start()
            threading.Thread(target=self.pump, args=(member, client, None), daemon=True).start()

    def pump(self, source, target, kept):
        try:
            while data := source.recv(65536):
                if kept is not None:
                    with self.lock:
                        kept += data
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def requests(self):
        """Each request so far: its path, its fields, its body."""
        with self.lock:
            streams = [bytes(stream) for stream in self.sent]
        found = []
        for stream in streams:
            while b"\r\n\r\n" in stream:
                head, stream = stream.split(b"\r\n\r\n", 1)
                first, *lines = head.decode().split("\r\n")
                fields = dict(line.split(": ", 1) for line in lines)
                length = int({name.lower(): value for name, value in fields.items()}.get("content-length", 0))
                found.append((first.split()[1], fields, stream[:length]))
                stream = stream[length:]
        return found

    def close(self):
        # Wakes who waits for connections, too.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
