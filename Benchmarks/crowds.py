"""Many clients of one API server: 1,000 watchers of one list, and 1,000 agents that come back at once."""
import asyncio
import json
import os
import random
import threading
import time

from cloud import Cloud, UnixConnection
from control import resident
from measure import RELEASE, Row, Scene, calm, eventually, say, show, spread

CROWD = 1000
CHANGES = 20


class Stream:
    """One server-sent event stream over the Unix socket, read as bytes; the moment of each mark that was asked for."""

    def __init__(self, path, request):
        self.path, self.request = str(path), request
        self.seen, self.tail = {}, b""

    async def open(self, mark):
        """Returns when the mark has come."""
        self.reader, self.writer = await asyncio.open_unix_connection(self.path)
        self.writer.write(f"GET {self.request} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
        await self.until(mark)

    async def until(self, mark):
        while mark not in self.tail:
            data = await self.reader.read(65536)
            if not data:
                raise ConnectionError(f"{self.request}: the stream ended")
            self.tail = self.tail[-4096:] + data
        self.tail = self.tail[self.tail.index(mark) + len(mark):]
        return time.monotonic()

    def close(self):
        self.writer.close()


def create(cloud, path, bodies):
    """POSTs all of them from 16 connections."""

    def work(offset):
        connection = UnixConnection(cloud.socket)
        for body in bodies[offset::16]:
            cloud.call("POST", path, body, connection)

    threads = [threading.Thread(target=work, args=(offset,)) for offset in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


async def delays(cloud):
    """Milliseconds from the answer to a change until each watcher has read it: all of all changes."""
    streams = [Stream(cloud.socket, "/v1/projects/default/attachments?watch=true") for _ in range(CROWD)]
    for begin in range(0, CROWD, 100):
        await asyncio.gather(*(stream.open(b"event: bookmark") for stream in streams[begin:begin + 100]))
    times = []
    for number in range(CHANGES):
        mark = f'"mark{number}x"'.encode()
        waiting = [asyncio.ensure_future(stream.until(mark)) for stream in streams]
        await asyncio.sleep(0.05)
        body = {"name": f"mark{number}x", "spec": {"segment": "s0"}}

        def change():
            cloud.call("POST", "/v1/projects/default/attachments", body)
            return time.monotonic()

        acknowledged = await asyncio.to_thread(change)
        times += [max(0, (moment - acknowledged) * 1000) for moment in await asyncio.gather(*waiting)]
    for stream in streams:
        stream.close()
    return sorted(times)


def watchers(rounds):
    tails, middles, memory = [], [], []
    for number in range(rounds):
        calm()
        with Scene("watchers") as scene:
            cloud = Cloud(scene)
            cloud.segment("s0")
            create(cloud, "/v1/projects/default/attachments",
                   [{"name": f"a{index}", "spec": {"segment": "s0"}} for index in range(100)])
            times = asyncio.run(delays(cloud))
            middles.append(times[len(times) // 2])
            tails.append(times[len(times) * 99 // 100])
            memory.append(resident(cloud.server))
        say(f"  round {number + 1}: median {middles[-1]:.0f} ms, p99 {tails[-1]:.0f} ms, {memory[-1]:.0f} MB")
    return [
        Row("change acknowledged to seen by 1,000 watchers, p99", "≤ 250 ms", "", spread(tails)[0] <= 250, show(tails, " ms"), "", rounds),
        Row("the same, median", "reported", "", None, show(middles, " ms"), "", rounds),
    ]


async def reconnect(path, hosts):
    """Each host follows what is desired of it and renews its lease, as an agent does when it comes back; retries as agents
    do, with a growing random pause."""

    async def agent(host):
        pause = 0.1
        while True:
            try:
                stream = Stream(path, f"/v1/hosts/{host}/desired")
                await stream.open(b"event: state")
                lease = Stream(path, "")
                lease.reader, lease.writer = await asyncio.open_unix_connection(str(path))
                body = b"{}"
                lease.writer.write(
                    f"POST /v1/hosts/{host}/lease HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
                    f"content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body)
                answer = await lease.reader.read(65536)
                lease.close()
                if not answer.startswith(b"HTTP/1.1 2"):
                    raise ConnectionError(answer[:200].decode())
                return stream
            except (ConnectionError, OSError) as error:
                last[0] = f"{host}: {error}"
                await asyncio.sleep(random.uniform(0, pause))
                pause = min(pause * 2, 5)

    last = [""]
    try:
        streams = await asyncio.wait_for(asyncio.gather(*(agent(host) for host in hosts)), 120)
    except TimeoutError:
        raise RuntimeError(f"not all agents came back in two minutes; the last trouble: {last[0]}") from None
    return time.monotonic(), streams


def storm(rounds):
    times, memory = [], []
    with Scene("storm") as scene:
        cloud = Cloud(scene)
        for index in range(4):
            cloud.segment(f"s{index}")
        hosts = [f"h{index}" for index in range(CROWD)]
        create(cloud, "/v1/hosts", [
            {"name": host, "spec": {"vtep": f"fd00:a::{index + 1:x}", "interface": "u0"}} for index, host in enumerate(hosts)])
        create(cloud, "/v1/projects/default/attachments", [
            {"name": f"a{index}", "spec": {"segment": f"s{index % 4}", "host": host}} for index, host in enumerate(hosts)])
        for number in range(rounds):
            calm()
            cloud.server.kill()
            cloud.server.wait()
            begin = time.monotonic()
            cloud.server = scene.start(
                RELEASE / "kcd", "api", "--state-dir", scene.folder / "api", "--socket", cloud.socket, log="api.log")

            async def round():
                end, streams = await reconnect(cloud.socket, hosts)
                used = resident(cloud.server)
                for stream in streams:
                    stream.close()
                return end, used

            end, used = asyncio.run(round())
            times.append(end - begin)
            memory.append(used)
            say(f"  round {number + 1}: {times[-1]:.1f} s, {memory[-1]:.0f} MB")
    return [
        Row("1,000 agents come back at once after kill -9 of the server, until all follow it", "≤ 30 s", "",
            spread(times)[0] <= 30, show(times, " s"), "", rounds),
        Row("resident memory of kcd api then", "≤ 500 MB", "", max(memory) <= 500, show(memory, " MB"), "", rounds),
    ]
