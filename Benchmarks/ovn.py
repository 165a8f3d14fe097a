"""The peer: OVN's northbound and southbound databases, northd and the nbctl daemon, as Debian ships them."""
import os
import statistics
import time

from measure import eventually, run

SCHEMAS = "/usr/share/ovn"


class OVN:
    """Two ovsdb-servers, ovn-northd and an ovn-nbctl daemon in the scene's folder; no kernel module needed."""

    def __init__(self, scene):
        self.scene = scene
        folder = scene.folder / "ovn"
        folder.mkdir()
        self.environment = dict(os.environ, OVN_RUNDIR=str(folder), OVS_RUNDIR=str(folder), OVN_LOGDIR=str(folder))
        for side in ("nb", "sb"):
            run("ovsdb-tool", "create", folder / f"{side}.db", f"{SCHEMAS}/ovn-{side}.ovsschema")
            scene.start(
                "ovsdb-server", folder / f"{side}.db", f"--remote=punix:{folder}/{side}.sock",
                f"--unixctl={folder}/{side}.ctl", f"--log-file={folder}/{side}.log", env=self.environment)
            eventually(lambda: (folder / f"{side}.sock").exists(), what=f"ovsdb-server {side}")
        self.nb = f"unix:{folder}/nb.sock"
        scene.start(
            "ovn-northd", f"--ovnnb-db={self.nb}", f"--ovnsb-db=unix:{folder}/sb.sock", f"--unixctl={folder}/northd.ctl",
            f"--log-file={folder}/northd.log", env=self.environment)
        run("ovn-nbctl", f"--db={self.nb}", "init", env=self.environment)
        socket = run("ovn-nbctl", f"--db={self.nb}", f"--pidfile={folder}/nbctl.pid", "--detach", f"--log-file={folder}/nbctl.log",
                     env=self.environment).strip()
        self.environment["OVN_NB_DAEMON"] = socket

    def close(self):
        """Ends the daemon that detached itself, by asking it."""
        run("ovs-appctl", "-t", self.environment["OVN_NB_DAEMON"], "exit", check=False, env=self.environment)

    def nbctl(self, *words):
        return run("ovn-nbctl", *words, env=self.environment)

    @staticmethod
    def port(index):
        return f"p{index}", f"02:00:00:{index >> 16:02x}:{index >> 8 & 255:02x}:{index & 255:02x} fd00::{index >> 16:x}:{index & 0xffff:x}"

    def words(self, index, switches):
        name, addresses = self.port(index)
        return ["lsp-add", f"s{index % switches}", name, "--", "lsp-set-addresses", name, addresses]

    def fill(self, first, count, switches, batch=100):
        """Adds ports in transactions of `batch`, waiting for the southbound database each time; gives the seconds."""
        begin = time.monotonic()
        for start in range(first, first + count, batch):
            words = ["--wait=sb"]
            for index in range(start, min(start + batch, first + count)):
                words += ["--"] * (len(words) > 1) + self.words(index, switches)
            self.nbctl(*words)
        return time.monotonic() - begin

    def add_switches(self, count):
        for index in range(count):
            self.nbctl("ls-add", f"s{index}")

    def median_add(self, first, count, switches):
        """The median milliseconds of one port, client to southbound database."""
        return statistics.median(self.one(first + offset, switches) for offset in range(count))

    def one(self, index, switches):
        begin = time.monotonic()
        self.nbctl("--wait=sb", *self.words(index, switches))
        return (time.monotonic() - begin) * 1000
