"""Of how many frames a second the whole way is predicted, from plans of two hosts with 200 ports each and a gateway."""
import json
import subprocess

from measure import RELEASE, Row, Scene, say, spread


def trace(rounds):
    bare, told = [], []
    with Scene("trace") as scene:
        process = subprocess.Popen([RELEASE / "TraceBench"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        scene.processes.append(process)
        for number in range(rounds):
            process.stdin.write("go\n")
            process.stdin.flush()
            result = json.loads(process.stdout.readline())
            bare.append(result["bare"])
            told.append(result["told"])
            say(f"  round {number + 1}: {bare[-1]:,} a second, {told[-1]:,} in words")

    def said(values):
        median, width = spread(values)
        return f"{median:,.0f} ± {median * width / 2:,.0f}"

    return [
        Row("frames a second whose whole way is predicted, over two hosts and through a gateway", "≥ 20,000", "", min(bare) >= 20_000,
            said(bare), "", rounds),
        Row("the same with every rule recorded and in words", "–", "", None, said(told), "", rounds),
    ]
