"""measure.py GUEST OUTSIDE ROUNDS SECONDS [json]: iperf3 between two namespaces, by each of three ways, round by round."""
import json
import statistics
import subprocess
import sys
import time

guest, outside, rounds, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
is_json = sys.argv[5:] == ["json"]
WAYS = {
    "plain": ("fd00:1::10", "fd00:2::2"),
    "kernel": ("fd00:1::10", "64:ff9b:1::198.51.100.2"),
    "tayga": ("fd00:1::11", "fd64::198.51.100.2"),
}
MEASURES = {"TCP 6 to 4": [], "TCP 4 to 6": ["-R"], "64-byte packets": ["-u", "-b", "0", "-l", "16"]}


def run(way, flags):
    server = subprocess.Popen(["ip", "netns", "exec", outside, "iperf3", "-s", "-1"], stdout=subprocess.DEVNULL)
    source, target = WAYS[way]
    command = ["ip", "netns", "exec", guest, "iperf3", "-J", "-B", source, "-c", target, "-t", seconds, *flags]
    for _ in range(50):
        done = subprocess.run(command, capture_output=True, text=True)
        result = json.loads(done.stdout)
        if "unable to connect" not in result.get("error", ""):
            break
        time.sleep(0.05)
    server.wait()
    end = result["end"]
    if "-u" in flags:
        total = end["sum"]
        return (total["packets"] - total["lost_packets"]) / total["seconds"]
    return end["sum_received"]["bits_per_second"] / 1e9


found = {measure: {way: [] for way in WAYS} for measure in MEASURES}
for _ in range(rounds):
    for measure, flags in MEASURES.items():
        for way in WAYS:
            found[measure][way].append(run(way, flags))
if is_json:
    print(json.dumps(found))
    sys.exit()
print(f"{rounds} rounds of {seconds} s; medians, and medians of the ratios of each round")
for measure, ways in found.items():
    unit = "packets/s" if "packets" in measure else "Gbit/s"
    numbers = ", ".join(f"{way} {statistics.median(values):.5g}" for way, values in ways.items())
    ratio = lambda other: statistics.median(a / b for a, b in zip(ways["kernel"], ways[other]))
    print(f"{measure}: {numbers} {unit}; kernel/plain {ratio('plain'):.2f}, kernel/tayga {ratio('tayga'):.1f}")
