"""A compute host in a scene: a libvirtd of its own, and KC's compute service and agent beside it."""
import hashlib
import os
import threading
import time

from measure import RELEASE, ROOT, eventually, run

PROGRAM = ROOT / "tools" / "private-libvirtd"

# A boot sector that stops its processor: a guest that takes no time from those that are measured after it.
IDLE_GUEST = (b"\xfa\xf4\xeb\xfc".ljust(510, b"\0") + b"\x55\xaa").ljust(1 << 20, b"\0")


class Libvirtd:
    """In a network namespace; its guests end with it."""

    def __init__(self, scene, namespace):
        self.folder = scene.folder / f"libvirt-{namespace}"
        os.chmod(scene.folder, 0o711)
        self.uri = f"qemu+unix:///system?socket={self.folder}/run/libvirt-sock"
        self.process = scene.start("ip", "netns", "exec", namespace, PROGRAM, self.folder)
        eventually(lambda: self.answers(), what="libvirtd")

    def answers(self):
        return bool(run("virsh", "-q", "-c", self.uri, "uri", check=False))

    def virsh(self, *words, check=True):
        return run("virsh", "-q", "-c", self.uri, *words, check=check)

    def guests(self):
        """QEMU's process of each domain that runs."""
        found = {}
        for file in (self.folder / "run" / "qemu").glob("*.pid"):
            # libvirtd's own stands there too.
            if file.stem == "driver":
                continue
            try:
                found[file.stem] = int(file.read_text())
            except (FileNotFoundError, ValueError):
                pass  # It ends at this moment.
        return found

    def close(self):
        run(PROGRAM, "--end", self.folder, check=False)


class Events:
    """What libvirt says of its domains: (seconds since the epoch, domain, what)."""

    def __init__(self, scene, libvirtd):
        self.said = []
        self.process = scene.start_reading(
            "stdbuf", "-oL", "virsh", "-c", libvirtd.uri, "event", "--loop", "--all")
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            if "for domain" in line:
                self.said.append((time.time(), line.split("for domain")[1].split(":")[0].strip(" '"), line.strip()))

    def of(self, domain, what):
        return next((at for at, name, text in self.said if name == domain and what in text), None)


class Compute:
    """`kc-compute api` beside a cloud, which was told of its socket."""

    def __init__(self, scene, cloud):
        self.scene, self.cloud = scene, cloud
        self.start()

    def start(self):
        self.process = self.scene.start(
            RELEASE / "kc-compute", "api", "--state-dir", self.scene.folder / "compute", "--socket", compute_socket(self.scene),
            "--api", f"unix:{self.cloud.socket}", "--placement", "spread", "--log-level", "warning", log="compute.log")
        eventually(self.serves, what="kc-compute api")

    def serves(self):
        try:
            return self.call("GET", "compute-hosts") is not None
        except (RuntimeError, OSError):
            return False

    def call(self, method, path, body=None, connection=None):
        return self.cloud.call(method, f"/compute/v1/{path}", body, connection)

    def offer(self, memory):
        """A machine type, and an image of a guest that does nothing."""
        path = "projects/default/images"
        self.call("POST", path, {"name": "idle", "spec": {
            "format": "raw", "architecture": "x86_64", "size": len(IDLE_GUEST),
            "sha256": hashlib.sha256(IDLE_GUEST).hexdigest(), "minimumDiskGiB": 1}})
        self.cloud.send("POST", f"/compute/v1/{path}/idle/upload?offset=0", IDLE_GUEST)
        eventually(lambda: self.call("GET", f"{path}/idle")["status"]["state"] == "ready", what="the image")
        self.call("POST", "machine-types", {"name": "small", "spec": {
            "architecture": "x86_64", "cpus": 1, "memoryMiB": memory, "diskGiB": 1, "firmware": "bios"}})

    def create(self, name, networks, power="on", connection=None):
        return self.call("POST", "projects/default/vms", {"name": name, "spec": {
            "machineType": "small", "image": "idle", "networks": networks, "power": power}}, connection)

    def machine(self, name):
        return self.call("GET", f"projects/default/vms/{name}")

    def machines(self):
        """All VMs, page by page."""
        path, items = "projects/default/vms?limit=1000", []
        while True:
            page = self.call("GET", path)
            items += page["items"]
            if "continue" not in page:
                return items
            path = f"projects/default/vms?limit=1000&continue={page['continue']}"


class ComputeHost:
    """A libvirtd and `kc-compute node` on one of the cloud's hosts."""

    def __init__(self, compute, host, namespace, *, state=None):
        self.compute, self.host, self.namespace = compute, host, namespace
        self.libvirtd = Libvirtd(compute.scene, namespace)
        self.state = state or compute.scene.folder / f"machines-{host}"
        compute.call("POST", "compute-hosts", {"name": host, "spec": {
            "host": host, "reserved": {"cpus": 0, "memoryMiB": 0, "diskGiB": 0}, "overcommit": {"cpuPercent": 10_000}}})
        self.start()
        eventually(lambda: compute.call("GET", f"compute-hosts/{host}")["status"]["state"] == "ready", what=f"compute host {host}")

    def start(self):
        scene = self.compute.scene
        self.process = scene.start(
            "ip", "netns", "exec", self.namespace, RELEASE / "kc-compute", "node", "--api", f"unix:{self.compute.cloud.socket}",
            "--host", self.host, "--libvirt", self.libvirtd.uri, "--kvm", "never", "--state-dir", self.state,
            "--host-state-dir", scene.folder / "nowhere", log=f"machines-{self.host}.log")

    def stop(self, name):
        """What does not hear its button loses its power."""
        self.compute.call("POST", f"projects/default/vms/{name}/stop")
        domain = f"kc-{self.compute.machine(name)['id']}"
        self.libvirtd.virsh("destroy", domain, check=False)
        eventually(lambda: self.compute.machine(name)["status"]["state"] == "stopped", what=f"{name} has ended")

    def close(self):
        for process in (self.process, self.libvirtd.process):
            self.compute.scene.end(process)
        self.libvirtd.close()


def compute_socket(scene):
    return scene.folder / "compute.sock"
