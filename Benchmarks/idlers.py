"""10,000 connections that ask once and then say nothing: what the API server takes for them, and whether it goes on answering."""
import http.client
import resource
import socket
import statistics
import time

from cloud import Cloud
from control import resident
from measure import Row, Scene, eventually, say, show

CONNECTIONS = 10_000
PORT = 18460
REQUESTS = 1000
QUESTION = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"


def ask_once():
    """A connection that has had one answer and is idle since."""
    client = socket.create_connection(("::1", PORT), timeout=10)
    client.sendall(QUESTION)
    if not client.recv(4096).startswith(b"HTTP/1.1 200"):
        raise RuntimeError("the server does not answer a new connection")
    return client


def is_open(client):
    client.setblocking(False)
    try:
        return client.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def latencies(token):
    """Milliseconds of reads, every one on a connection of its own."""
    times = []
    for _ in range(REQUESTS):
        begin = time.monotonic()
        connection = http.client.HTTPConnection("::1", PORT, timeout=10)
        connection.request("GET", "/v1/projects/default", headers={"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        response.read()
        connection.close()
        if response.status != 200:
            raise RuntimeError(f"a read was answered with {response.status}")
        times.append((time.monotonic() - begin) * 1000)
    return sorted(times)


def idle(rounds):
    resource.setrlimit(resource.RLIMIT_NOFILE, (CONNECTIONS + 500, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    alone, beside, memory, kept = [], [], [], []
    for number in range(rounds):
        with Scene("idle") as scene:
            cloud = Cloud(scene, "--listen", f"[::1]:{PORT}")
            token = (scene.folder / "api" / "admin.token").read_text().strip()
            eventually(lambda: is_open(ask_once()), what="kcd api over TCP")
            alone.append(latencies(token)[REQUESTS * 99 // 100])
            before = resident(cloud.server)
            clients = [ask_once() for _ in range(CONNECTIONS)]
            memory.append(resident(cloud.server) - before)
            beside.append(latencies(token)[REQUESTS * 99 // 100])
            kept.append(sum(is_open(client) for client in clients))
            for client in clients:
                client.close()
        say(f"  round {number + 1}: {kept[-1]} open, {memory[-1]:.0f} MB more, p99 of a read {alone[-1]:.1f} ms without them,"
            f" {beside[-1]:.1f} ms beside them")
    return [
        Row("connections that stay open and say nothing, of 10,000", "all", "", min(kept) == CONNECTIONS,
            f"{statistics.median(kept):.0f}", "", rounds),
        Row("memory of kcd api for them", "reported", "", None, show(memory, " MB"), "", rounds),
        Row("a read on a new connection beside them, p99", "reported", "", None, show(beside, " ms"), show(alone, " ms without"),
            rounds),
    ]
