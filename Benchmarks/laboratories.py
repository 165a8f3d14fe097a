"""How long a large laboratory takes to come up."""
import os
import pathlib
import time

from measure import RELEASE, Row, Scene, calm, eventually, run, say, show

HOSTS, SEGMENTS = 50, "abcd"


def write(folder):
    """A topology of so many hosts on one link, each with a guest on each of the segments."""
    guests = "\n".join(
        f'  - {{name: h{n}, link: lan, address: "fd0a::1:{n:x}", guests: [{", ".join(f"g{n}{s}" for s in SEGMENTS)}]}}'
        for n in range(1, HOSTS + 1))
    (folder / "desired").mkdir(parents=True)
    (folder / "topology.yaml").write_text(
        f'name: fifty\ndescription: {HOSTS} hosts on one link.\nlinks:\n  - {{name: lan, prefix: "fd0a::/64"}}\n'
        f'hosts:\n{guests}\napi: {{link: lan, address: "fd0a::a"}}\n')
    documents = [f"kind: segment\nname: s{s}\nspec: {{ipam: manual}}\n" for s in SEGMENTS]
    documents += [
        f"kind: attachment\nname: g{n}{s}\nspec: {{segment: s{s}, host: h{n}, port: {{type: namespace, namespace: g{n}{s}}}}}\n"
        for n in range(1, HOSTS + 1) for s in SEGMENTS]
    (folder / "desired" / "all.yaml").write_text("---\n".join(documents))


def laboratories(rounds):
    took = []
    with Scene("laboratories") as scene:
        write(scene.folder / "fifty")
        name = f"fifty-{os.getpid()}"
        for number in range(rounds):
            calm()
            begin = time.monotonic()
            try:
                run(RELEASE / "kcnet", "lab", "up", scene.folder / "fifty", "--name", name)
                api = ("--api", f"unix:/run/kclab/{name}/api/run/api.sock")
                run(RELEASE / "kcnet", "apply", "-f", scene.folder / "fifty" / "desired", *api)
                wired = lambda: run(RELEASE / "kcnet", "attachment", "list", *api).count(" wired")
                eventually(lambda: wired() == HOSTS * len(SEGMENTS), 60, "all attachments wired")
                took.append(time.monotonic() - begin)
            finally:
                run(RELEASE / "kcnet", "lab", "down", name, check=False)
            say(f"  round {number + 1}: {took[-1]:.1f} s")
    return [Row(f"a laboratory of {HOSTS} hosts and {len(SEGMENTS)} segments, until all {HOSTS * len(SEGMENTS)} attachments are wired",
                "≤ 30 s", "", sorted(took)[len(took) // 2] <= 30, show(took, " s"), "", rounds)]
