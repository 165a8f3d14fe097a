"""GET one attachment against a bare Hummingbird route and a bare NIO handler with the same bytes; memory with 10,000."""
import http.client
import re
import threading

from cloud import Cloud, UnixConnection
from control import SEGMENTS, resident
from measure import RELEASE, Row, Scene, eventually, ratio_row, run, say, show, spread

SECONDS = 4
# One core serves, the other asks.
SERVER_CPU, CLIENT_CPU = "0", "1"


def requests_per_second(port, path, token=None):
    command = ["taskset", "-c", CLIENT_CPU, "wrk", "-t1", "-c64", f"-d{SECONDS}s", f"http://[::1]:{port}{path}"]
    if token:
        command += ["-H", f"Authorization: Bearer {token}"]
    output = run(*command)
    if "Non-2xx" in output:
        raise RuntimeError(output)
    return float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1))


def answers(port, path, token=None):
    try:
        connection = http.client.HTTPConnection("::1", port, timeout=2)
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
        response = connection.getresponse()
        body = response.read()
        return body if response.status == 200 else None
    except OSError:
        return None


def reads(rounds):
    ours, scoped, hummingbird, nio, memory = [], [], [], [], []
    with Scene("reads") as scene:
        # A token that asks all the time would be held up: its rate is counted, and the limit is out of reach.
        cloud = Cloud(scene, "--listen", "[::1]:18440", "--requests-per-second", "1000000")
        token = (scene.folder / "api" / "admin.token").read_text().strip()
        cloud.host("h1", "fd00:a::1")
        for index in range(SEGMENTS):
            cloud.segment(f"s{index}")

        def create(offset):
            connection = UnixConnection(cloud.socket)
            for index in range(offset, 10_000, 32):
                body = {"name": f"a{index}", "spec": {"segment": f"s{index % SEGMENTS}"}}
                cloud.call("POST", "/v1/projects/default/attachments", body, connection)

        threads = [threading.Thread(target=create, args=(offset,)) for offset in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if len(cloud.attachments()) != 10_000:
            raise RuntimeError("not all 10,000 attachments are there")
        memory.append(resident(cloud.server))
        path = "/v1/projects/default/attachments/a5000"
        body = eventually(lambda: answers(18440, path, token), what="kcd api over TCP")
        narrow = cloud.call("POST", "/v1/projects/default/tokens", {
            "name": "reader", "spec": {"role": "viewer", "verbs": ["read"], "kinds": ["attachment"]}})["secret"]
        # A tenant is shown less: fewer bytes, made anew for it.
        (scene.folder / "narrow.json").write_bytes(answers(18440, path, narrow))
        (scene.folder / "body.json").write_bytes(body)
        run("taskset", "-a", "-p", "-c", SERVER_CPU, cloud.server.pid)
        floors = {}
        bare_scoped = []
        for name, kind, port, file in (("hummingbird", "hummingbird", 18441, "body"), ("nio", "nio", 18442, "body"),
                                       ("narrow", "hummingbird", 18443, "narrow")):
            floors[name] = scene.start("taskset", "-c", SERVER_CPU, RELEASE / "HTTPFloor", kind, port, scene.folder / f"{file}.json")
            eventually(lambda: answers(port, path), what=f"bare {name}")
        for number in range(rounds + 1):
            sample = (requests_per_second(18440, path, token), requests_per_second(18441, path), requests_per_second(18442, path),
                      requests_per_second(18440, path, narrow), requests_per_second(18443, path))
            # The first round warms caches and is dropped.
            if number:
                for values, value in zip((ours, hummingbird, nio, scoped, bare_scoped), sample):
                    values.append(value)
            say(f"  round {number}: {sample[0]:.0f}/s, bare Hummingbird {sample[1]:.0f}/s, bare NIO {sample[2]:.0f}/s,"
                f" with a scoped token {sample[3]:.0f}/s")
    return [
        ratio_row("GET one attachment ÷ bare Hummingbird route", "≥ 0.7", ours, hummingbird, lambda ratio: ratio >= 0.7, "/s", rate=True),
        ratio_row("GET one attachment ÷ bare NIO handler", "reported", ours, nio, lambda ratio: None, "/s", rate=True),
        ratio_row("GET by name with a scoped token ÷ bare Hummingbird route with its bytes", "≥ 0.6", scoped, bare_scoped,
                  lambda ratio: ratio >= 0.6, "/s", rate=True),
        Row("resident memory of kcd api, 10,000 attachments", "≤ 200 MB", "", memory[0] <= 200, show(memory, " MB"), "", 1),
    ]
