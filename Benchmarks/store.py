"""Durable puts per second with 32 writers: the Store against a bare C SQLite loop with the same grouping and durability."""
import json

from measure import RELEASE, Scene, compile_floor, ratio_row, run, say

SECONDS = 3
WRITERS = 32


def puts(rounds):
    ours, floor = [], []
    with Scene("puts") as scene:
        program = compile_floor(scene, "sqlite", "-lsqlite3")
        for number in range(rounds + 1):
            sample = []
            for command in ([RELEASE / "StoreBench", scene.folder / f"ours-{number}", WRITERS, SECONDS],
                            [program, scene.folder / f"floor-{number}.db", WRITERS, SECONDS]):
                result = json.loads(run(*command))
                sample.append(result["puts"] / result["seconds"])
            # The first round warms the disk and is dropped.
            if number:
                ours.append(sample[0])
                floor.append(sample[1])
            say(f"  round {number}: {sample[0]:.0f}/s, bare C {sample[1]:.0f}/s")
    return [ratio_row("durable puts, 32 writers ÷ bare C SQLite loop", "≥ 0.5", ours, floor, lambda ratio: ratio >= 0.5, "/s", rate=True)]
