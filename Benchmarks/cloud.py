"""One API server and agents in namespaces, driven over the Unix socket as a customer would."""
import http.client
import json
import socket
import time

from measure import RELEASE, eventually, run


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self.path)


class Cloud:
    """`kcd api` over SQLite in the scene's folder."""

    def __init__(self, scene, *arguments):
        self.scene = scene
        self.socket = scene.folder / "api.sock"
        self.server = scene.start(
            RELEASE / "kcd", "api", "--state-dir", scene.folder / "api", "--socket", self.socket, *arguments, log="api.log")
        eventually(self.is_ready, what="kcd api")
        self.connection, self.used = UnixConnection(self.socket), time.monotonic()

    def is_ready(self):
        try:
            connection = UnixConnection(self.socket)
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False

    def call(self, method, path, body=None, connection=None):
        text = self.send(method, path, json.dumps(body) if body is not None else None, connection)
        return json.loads(text) if text else None

    def send(self, method, path, body, connection=None):
        """The answer's bytes; the body's are sent as they are."""
        if connection is None:
            # The server closes what was idle for long; a benchmark may have measured for minutes meanwhile.
            if time.monotonic() - self.used > 10:
                self.connection = UnixConnection(self.socket)
            connection, self.used = self.connection, time.monotonic()
        connection.request(method, path, body, {"content-type": "application/json"})
        response = connection.getresponse()
        text = response.read()
        if response.status >= 300:
            raise RuntimeError(f"{method} {path}: {response.status} {text.decode()}")
        return text

    def host(self, name, vtep):
        """Makes a host resource and its namespace with an underlay interface `u0`; gives the namespace."""
        namespace = self.scene.namespace(name)
        run("ip", "-n", namespace, "link", "add", "u0", "type", "veth", "peer", "name", "u1")
        for device in ("u0", "u1"):
            run("ip", "-n", namespace, "link", "set", device, "up")
        run("ip", "-n", namespace, "address", "add", f"{vtep}/64", "dev", "u0", "nodad")
        self.call("POST", "/v1/hosts", {"name": name, "spec": {"vtep": vtep, "interface": "u0", "roles": ["gateway"]}})
        return namespace

    def agent(self, name, namespace, *arguments, program=RELEASE / "kcd"):
        folder = self.scene.folder / name
        folder.mkdir(exist_ok=True)
        return self.scene.start(
            "ip", "netns", "exec", namespace, program, "node", "--host", name, "--socket", self.socket,
            "--state-dir", folder, "--run-dir", folder, *arguments, log=f"{name}.log")

    def segment(self, name, **spec):
        return self.call("POST", "/v1/projects/default/segments", {"name": name, "spec": {"ipam": "automatic", **spec}})

    def attachment(self, name, segment, host, connection=None):
        body = {"name": name, "spec": {"segment": segment, "host": host}}
        return self.call("POST", "/v1/projects/default/attachments", body, connection)

    def attachments(self):
        """All attachments, page by page."""
        path, items = "/v1/projects/default/attachments?limit=1000", []
        while True:
            page = self.call("GET", path)
            items += page["items"]
            if "continue" not in page:
                return items
            path = f"/v1/projects/default/attachments?limit=1000&continue={page['continue']}"

    def wired(self):
        return sum(item["status"].get("phase") == "wired" for item in self.attachments())


class Watch:
    """A watch of the attachments, read event by event."""

    def __init__(self, cloud):
        connection = UnixConnection(cloud.socket)
        connection.request("GET", "/v1/projects/default/attachments?watch=true")
        self.response = connection.getresponse()
        self.until(lambda event, data: event == "bookmark")

    def until(self, condition, seconds=30):
        """Reads events until one meets the condition."""
        deadline = time.monotonic() + seconds
        event, data = None, []
        while time.monotonic() < deadline:
            line = self.response.readline().decode().rstrip("\n")
            if line.startswith("event: "):
                event = line[7:]
            elif line.startswith("data: "):
                data.append(line[6:])
            elif not line and event:
                if condition(event, json.loads("\n".join(data)) if data else None):
                    return
                event, data = None, []
        raise RuntimeError("the watch never showed it")
