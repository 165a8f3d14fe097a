"""Creations at three API servers over three members of etcd, beside a bare loop of the same transactions; SQLite beside etcd."""
import base64
import http.client
import json
import re
import uuid

from cloud import Cloud
from etcd import Etcd, Recorder
from measure import RELEASE, Scene, eventually, ratio_row, run, say
from store import SECONDS as PUT_SECONDS, WRITERS

SECONDS = 8
# Clients of each server, and connections to each member in the bare loop: 64 in all.
CLIENTS = [22, 21, 21]
SERVER_PORT, RECORDER_PORT = 18460, 18470
# So many transactions each of the loop's three parts can send before it repeats itself, which is refused.
PREPARED = 16_000
ATTACHMENTS = b"/kc/data/kc/net/w/r/attachments/"


def count(etcd):
    """Attachments in etcd."""
    connection = http.client.HTTPConnection("127.0.0.1", etcd.ports[0], timeout=20)
    key, end = (base64.b64encode(text).decode() for text in (ATTACHMENTS, ATTACHMENTS[:-1] + b"0"))
    connection.request("POST", "/v3/kv/range", json.dumps({"key": key, "range_end": end, "count_only": True}))
    return int(json.loads(connection.getresponse().read()).get("count", 0))


def attack(scene, etcd, what, targets):
    """Runs one wrk for each of (address, script) at once; gives requests answered a second, and demands what they are to make."""
    before = count(etcd)
    processes = [
        (scene.start("wrk", "-t1", f"-c{clients}", f"-d{SECONDS}s", "--timeout", "10s", "-s", script, address, log=f"{what}{index}.out"),
         scene.folder / f"{what}{index}.out") for index, (clients, (address, script)) in enumerate(zip(CLIENTS, targets))]
    rate, answered = 0.0, 0
    for process, output in processes:
        process.wait()
        text = output.read_text()
        if "Non-2xx" in text or "Socket errors" in text or process.returncode:
            raise RuntimeError(f"{what}: {text}")
        rate += float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1))
        answered += int(re.search(r"(\d+) requests in", text).group(1))
    made = count(etcd) - before
    # Those under way at the end are made too.
    if not answered <= made <= answered + sum(CLIENTS):
        raise RuntimeError(f"{what}: {answered} were answered as made, and {made} are there")
    return rate


def creation_script(scene, index, round_name, token):
    """A client's creations at the API, each of a name of its own."""
    script = scene.folder / f"create{index}.lua"
    script.write_text(f'''
local headers, number = {{["Content-Type"] = "application/json", ["Authorization"] = "Bearer {token}"}}, 0
function request()
    number = number + 1
    local body = string.format('{{"name":"{round_name}{index}%06d","spec":{{"segment":"s0"}}}}', number)
    return wrk.format("POST", "/v1/projects/default/attachments", headers, body)
end
''')
    return script


def encode(data):
    return base64.b64encode(data).decode()


def bare_script(scene, index, recorded, name, attachment, macs):
    """The recorded transaction again and again, each time for another attachment, with the fields it was sent with."""
    fields, body = recorded
    identity, mac = attachment["id"], attachment["status"]["mac"]
    writer = re.search(rb"/kc/writer/(\w+)/\d+", b"\n".join(data for _, data in split_at_base64(body) if data))
    pieces = split_at_base64(body)
    lines = scene.folder / f"bare{index}.txt"
    with open(lines, "w") as file:
        for number in range(PREPARED):
            other = next(macs).to_bytes(6, "big").hex()
            changes = [
                (name.encode(), f"{name[:2]}{index}{number:0{len(name) - 3}d}".encode()), (identity.encode(), str(uuid.uuid4()).encode()),
                (mac.encode(), ":".join(other[at:at + 2] for at in range(0, 12, 2)).encode()),
                (mac.replace(":", "").encode(), other.encode()),
                # As many writers' keys as a server has, and none in common with another.
                (writer[0], b"/kc/writer/%d%s/%d" % (index, writer[1][1:], number % CLIENTS[index] + 1)),
            ]
            for text, data in pieces:
                file.write(text)
                if data is not None:
                    for old, new in changes:
                        data = data.replace(old, new)
                    file.write(encode(data))
            file.write("\n")
    script = scene.folder / f"bare{index}.lua"
    given = ", ".join(f'["{field}"] = "{value}"' for field, value in fields.items() if field.lower() not in ("host", "content-length"))
    script.write_text(f'''
local next_line, headers = io.lines("{lines}"), {{{given}}}
function request() return wrk.format("POST", "/v3/kv/txn", headers, next_line()) end
''')
    return script


def split_at_base64(body):
    """The text between keys and values, and what these are, in turn."""
    pieces, end = [], 0
    for match in re.finditer(r'"(?:key|value)":"([^"]*)"', body):
        pieces.append((body[end:match.start(1)], base64.b64decode(match.group(1))))
        end = match.end(1)
    return pieces + [(body[end:], None)]


def start_server(scene, etcd, index, urls=None):
    # Each begins at another member.
    urls = urls or [etcd.url((index + other) % 3) for other in range(3)]
    socket = scene.folder / f"server{index}.sock"
    server = scene.start(
        RELEASE / "kcd", "api", "--state-dir", scene.folder / f"server{index}", "--socket", socket, "--store", "etcd",
        *(word for url in urls for word in ("--etcd", url)), "--listen", f"[::1]:{SERVER_PORT + index}", log=f"server{index}.log")
    return server


def ready(index):
    try:
        connection = http.client.HTTPConnection("::1", SERVER_PORT + index, timeout=2)
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False


class Recording:
    """What one server sends for one creation."""

    def __init__(self, scene, etcd):
        recorder = Recorder(RECORDER_PORT, etcd.ports[0])
        cloud = Cloud(scene, "--store", "etcd", "--etcd", f"http://127.0.0.1:{RECORDER_PORT}")
        self.token = (scene.folder / "api" / "admin.token").read_text().strip()
        cloud.segment("s0")
        # The next one is like all that follow: the writer's own key is there.
        for number in range(3):
            self.name = f"zz{number:07d}"
            before = [request for request in recorder.requests() if request[0] != "/v3/watch"]
            self.attachment = cloud.call(
                "POST", "/v1/projects/default/attachments", {"name": self.name, "spec": {"segment": "s0"}})
        # Streams of events begin when they do; everything else is the creation's.
        sent = [request for request in recorder.requests() if request[0] != "/v3/watch" and request not in before]
        scene.end(cloud.server)
        recorder.close()
        if [path for path, _, _ in sent] != ["/v3/kv/txn"]:
            raise RuntimeError(f"a creation is more than one transaction: {[path for path, _, _ in sent]}")
        _, self.fields, body = sent[0]
        # What a loop cannot know without reading answers: the revision of the writer's own key. It asks for any other,
        # which etcd looks up in the same way.
        self.body, found = re.subn(r'"target":"MOD","result":"EQUAL","mod_revision":"\d+"',
                                   '"target":"MOD","result":"NOT_EQUAL","mod_revision":"1"', body.decode())
        if found != 1:
            raise RuntimeError(f"{found} comparisons of a revision in a creation")


def creations(rounds):
    ours, bare = [], []
    macs = iter(range(0x026b63800000, 0x026b63ffffff))
    for number in range(rounds + 1):
        with Scene("creations") as scene:
            etcd = Etcd(scene, 3)
            recording = Recording(scene, etcd)
            loops = [bare_script(scene, index, (recording.fields, recording.body), recording.name, recording.attachment, macs)
                     for index in range(3)]

            def loop():
                bare.append(attack(scene, etcd, "bare", [(etcd.url(index), loops[index]) for index in range(3)]))

            def servers():
                running = [start_server(scene, etcd, index) for index in range(3)]
                for index in range(3):
                    eventually(lambda: ready(index), what=f"server {index}")
                targets = [(f"http://[::1]:{SERVER_PORT + index}", creation_script(scene, index, "aa", recording.token)) for index in range(3)]
                ours.append(attack(scene, etcd, "ours", targets))
                for server in running:
                    scene.end(server)

            # The side that is first has the smaller store.
            for side in ([loop, servers] if number % 2 else [servers, loop]):
                side()
        say(f"  round {number}: {ours[-1]:.0f}/s, bare loop {bare[-1]:.0f}/s")
    # The first round warms the disk and is dropped.
    return [ratio_row("creations of attachments, 3 API servers over 3 members of etcd, 64 clients ÷ bare loop of the same transactions",
                      "≥ 0.5", ours[1:], bare[1:], lambda ratio: ratio >= 0.5, "/s", rate=True)]


def stores(rounds):
    """The Store's two adapters on one disk."""
    sqlite, etcd = [], []
    for number in range(rounds + 1):
        with Scene("stores") as scene:
            member = Etcd(scene, 1)
            for values, place in ((sqlite, scene.folder / "store.db"), (etcd, member.url(0))):
                result = json.loads(run(RELEASE / "StoreBench", place, WRITERS, PUT_SECONDS))
                values.append(result["puts"] / result["seconds"])
        say(f"  round {number}: SQLite {sqlite[-1]:.0f}/s, etcd {etcd[-1]:.0f}/s")
    return [ratio_row("durable puts through the Store, 32 writers, SQLite ÷ etcd of one member on the same disk", "≥ 2",
                      sqlite[1:], etcd[1:], lambda ratio: ratio >= 2, "/s", rate=True)]
