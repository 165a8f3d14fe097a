"""The data path: building networks, restarting over them, and TCP through a segment."""
import json
import re
import threading
import time

from cloud import Cloud, UnixConnection
from measure import Row, Scene, calm, compile_floor, eventually, ratio_row, run, say, show, spread

NETWORKS = 1000
FORKED = 100


def status(scene, name):
    """What the agent says about itself; nothing while it has not written it."""
    try:
        return json.loads((scene.folder / name / "node.json").read_text())
    except (OSError, ValueError):
        return {}


def in_sync(scene, name, attachments):
    state = status(scene, name)
    return state if state.get("inSync") and state.get("attachments") == attachments else None


def create_networks(cloud, host, count):
    def work(offset):
        connection = UnixConnection(cloud.socket)
        for index in range(offset, count, 32):
            cloud.call("POST", "/v1/projects/default/segments", {"name": f"s{index}", "spec": {"ipam": "none"}}, connection)
            cloud.attachment(f"a{index}", f"s{index}", host, connection)

    threads = [threading.Thread(target=work, args=(offset,)) for offset in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def gates(namespace, device, block, marks, is_first):
    """A queue bound to this block and the next; the first device's also gets the programs, which let through one mark."""
    blocks = f"ingress_block {block} egress_block {block + 1}"
    run("tc", "-n", namespace, *f"qdisc add dev {device} {blocks} clsact".split())
    for place, mark in marks.items() if is_first else ():
        program = f"4,32 0 0 4294963220,21 0 1 {mark},6 0 0 4294967295,6 0 0 2"
        run("tc", "-n", namespace, *f"filter add block {place} pref 100 protocol all bpf bytecode".split(), program, "da")


def forked(namespace, count):
    """The same devices with their gates by one `ip` or `tc` a command: seconds."""
    begin = time.monotonic()
    for index in range(count):
        vni, tail = 4096 + index, f"{4096 + index:06x}"
        for words in (
            f"link add kcb{tail} mtu 1430 type bridge mcast_snooping 0 nf_call_iptables 0 nf_call_ip6tables 0 nf_call_arptables 0",
            f"link set kcb{tail} up alias kc:segment/{index}",
            f"link add kcx{tail} mtu 1430 type vxlan id {vni} group ff15::8b00:{vni % 256:x} local fd00:a::1 dev u0 dstport 4789 ttl 64",
            "tunnel-gates",
            f"link set kcx{tail} master kcb{tail} up alias kc:segment/{index}",
            f"tuntap add kct{tail} mode tap vnet_hdr",
            "gate",
            f"link set kct{tail} mtu 1430 master kcb{tail} up alias kc:attachment/{index}",
        ):
            if words == "gate":
                gates(namespace, f"kct{tail}", 1801650176, {1801650177: 1801650431}, index == 0)
            elif words == "tunnel-gates":
                gates(namespace, f"kcx{tail}", 1801650178, {1801650178: 1801650430, 1801650179: 1801650431}, index == 0)
            else:
                run("ip", "-n", namespace, *words.split())
    return time.monotonic() - begin


def by_agent(scene, cloud):
    """Networks a second of an agent's first synchronisation."""
    namespace = cloud.host("h1", "fd00:a::1")
    create_networks(cloud, "h1", NETWORKS)
    calm()
    agent = cloud.agent("h1", namespace)
    state = eventually(lambda: in_sync(scene, "h1", NETWORKS), 120, "1,000 networks in sync")
    scene.end(agent)
    return NETWORKS / state["firstSyncSeconds"]


def by_loop(scene, cloud, program, name, address, *words):
    """Networks a second of the loop in C."""
    namespace = cloud.host(name, address)
    calm()
    index = json.loads(run("ip", "-n", namespace, "-j", "link", "show", "u0"))[0]["ifindex"]
    result = json.loads(run("ip", "netns", "exec", namespace, program, NETWORKS, index, address, *words))
    return result["networks"] / result["seconds"]


def networks(rounds):
    ours, floor, ordered_floor, bare_floor, fork = [], [], [], [], []
    for number in range(rounds):
        calm()
        with Scene("networks") as scene:
            program = compile_floor(scene, "networks")
            cloud = Cloud(scene)
            # In turn: the first finds fewer devices on the machine, and memory that nobody has touched yet.
            sides = [
                lambda: ours.append(by_agent(scene, cloud)),
                lambda: floor.append(by_loop(scene, cloud, program, "gated", "fd00:a::2", "gates")),
                lambda: ordered_floor.append(by_loop(scene, cloud, program, "together", "fd00:a::5", "together")),
                lambda: bare_floor.append(by_loop(scene, cloud, program, "bare", "fd00:a::4")),
            ]
            for side in sides if number % 2 == 0 else reversed(sides):
                side()
            third = cloud.host("forked", "fd00:a::3")
            fork.append(FORKED / forked(third, FORKED))
        say(f"  round {number + 1}: {ours[-1]:.0f} networks/s, bare C {floor[-1]:.0f}/s, in our order {ordered_floor[-1]:.0f}/s, forked ip {fork[-1]:.0f}/s")
    return [
        ratio_row("1,000 networks by the agent ÷ bare C netlink loop", "≥ 0.85", ours, floor, lambda ratio: ratio >= 0.85, "/s", rate=True),
        ratio_row("the same ÷ that loop in our order of requests", "reported", ours, ordered_floor, lambda ratio: None, "/s", rate=True),
        ratio_row("the same ÷ that loop without the gates of ports", "reported", ours, bare_floor, lambda ratio: None, "/s", rate=True),
        ratio_row("the same ÷ one forked ip or tc a command", "≥ 10", ours, fork, lambda ratio: ratio >= 10, "/s", rate=True),
    ]


def guest(scene, namespace, name, address):
    """A namespace for an attachment of kind `namespace`, with its address once the port is there."""
    full = scene.namespace(name)
    return full, lambda: run("ip", "-n", full, "address", "add", f"{address}/64", "dev", "eth0", "nodad")


def restart(rounds):
    ours, floor, operations, lost = [], [], [], []
    calm()
    with Scene("restart") as scene:
        program = compile_floor(scene, "dump")
        cloud = Cloud(scene)
        namespace = cloud.host("h1", "fd00:a::1")
        create_networks(cloud, "h1", NETWORKS - 1)
        cloud.segment("pinged", ipam="manual", prefix="fd00:b::/64")
        guests = []
        for name, address in (("g1", "fd00:b::1"), ("g2", "fd00:b::2")):
            full, configure = guest(scene, namespace, name, address)
            port = {"type": "namespace", "namespace": full}
            cloud.call("POST", "/v1/projects/default/attachments", {"name": name, "spec": {"segment": "pinged", "host": "h1", "addresses": [address], "port": port}})
            guests.append((full, configure))
        agent = cloud.agent("h1", namespace)
        eventually(lambda: in_sync(scene, "h1", NETWORKS + 1), 120, "1,000 networks in sync")
        for _, configure in guests:
            configure()
        run("ip", "netns", "exec", guests[0][0], "ping", "-6", "-c", "1", "-W", "5", "fd00:b::2")
        for number in range(rounds):
            ping = scene.start("ip", "netns", "exec", guests[0][0], "ping", "-6", "-q", "-i", "0.001", "-w", "20", "fd00:b::2", log="ping.log")
            scene.end(agent)
            (scene.folder / "h1" / "node.json").unlink(missing_ok=True)
            agent = cloud.agent("h1", namespace)
            state = eventually(lambda: in_sync(scene, "h1", NETWORKS + 1), 60, "in sync again")
            ours.append(state["firstSyncSeconds"] * 1000)
            operations.append(state["operations"])
            scene.end(ping, 2)
            counts = re.search(r"(\d+) packets transmitted, (\d+) received", (scene.folder / "ping.log").read_text())
            lost.append(int(counts.group(1)) - int(counts.group(2)))
            samples = [json.loads(run("ip", "netns", "exec", namespace, program))["seconds"] * 1000 for _ in range(3)]
            floor.append(sorted(samples)[1])
            say(f"  round {number + 1}: in sync in {ours[-1]:.0f} ms, bare dump {floor[-1]:.0f} ms, {operations[-1]} operations, {lost[-1]} lost")
    return [
        ratio_row("restart with 1,000 networks, in sync ÷ bare netlink and nft dump", "≤ 3", ours, floor, lambda ratio: ratio <= 3, " ms", rate=True),
        Row("operations applied by a restart", "0", "", max(operations) == 0, str(max(operations)), "", rounds),
        Row("packets lost of a 1 ms ping meanwhile", "0", "", max(lost) <= 1, str(max(lost)), "", rounds),
    ]


def throughput(client, server, address):
    """Gbit/s of one TCP stream of 3 s."""
    listener = run("ip", "netns", "exec", server, "iperf3", "-6", "-s", "-1", "-D", "-I", f"/run/netns-{server}.pid")
    time.sleep(0.2)
    output = run("ip", "netns", "exec", client, "iperf3", "-6", "-c", address, "-t", "3", "-O", "1", "-J")
    del listener
    return json.loads(output)["end"]["sum_received"]["bits_per_second"] / 1e9


def tcp(rounds):
    segment, by_hand, underlay = [], [], []
    with Scene("tcp") as scene:
        cloud = Cloud(scene)
        hosts = {}
        for name, vtep in (("h1", "fd00:a::1"), ("h2", "fd00:a::2")):
            hosts[name] = scene.namespace(name)
            cloud.call("POST", "/v1/hosts", {"name": name, "spec": {"vtep": vtep, "interface": "u0"}})
        run("ip", "-n", hosts["h1"], "link", "add", "u0", "type", "veth", "peer", "name", "u0", "netns", hosts["h2"])
        for name, vtep in (("h1", "fd00:a::1"), ("h2", "fd00:a::2")):
            run("ip", "-n", hosts[name], "address", "add", f"{vtep}/64", "dev", "u0", "nodad")
            run("ip", "-n", hosts[name], "link", "set", "u0", "up")
        cloud.segment("blue", ipam="manual", prefix="fd00:b::/64")
        guests = {}
        for name, address in (("h1", "fd00:b::1"), ("h2", "fd00:b::2")):
            full, configure = guest(scene, hosts[name], f"g{name}", address)
            port = {"type": "namespace", "namespace": full}
            cloud.call("POST", "/v1/projects/default/attachments", {"name": f"g{name}", "spec": {"segment": "blue", "host": name, "addresses": [address], "port": port}})
            guests[name] = full
            cloud.agent(name, hosts[name])
            eventually(lambda: in_sync(scene, name, 1), what=f"{name} in sync")
            configure()
        # The same by hand: another VNI, the same settings.
        for name, vtep, address in (("h1", "fd00:a::1", "fd00:c::1"), ("h2", "fd00:a::2", "fd00:c::2")):
            for words in (
                "link add hb mtu 1430 type bridge mcast_snooping 0 nf_call_iptables 0 nf_call_ip6tables 0 nf_call_arptables 0",
                "link set hb up",
                f"link add hx mtu 1430 type vxlan id 77 group ff15::77 local {vtep} dev u0 dstport 4789 ttl 64",
                "link set hx master hb up",
                f"link add hp mtu 1430 type veth peer name hand netns {guests[name]}",
                "link set hp master hb up",
            ):
                run("ip", "-n", hosts[name], *words.split())
            run("ip", "-n", guests[name], "link", "set", "hand", "mtu", "1430", "up")
            run("ip", "-n", guests[name], "address", "add", f"{address}/64", "dev", "hand", "nodad")
        for number in range(rounds):
            segment.append(throughput(guests["h1"], guests["h2"], "fd00:b::2"))
            by_hand.append(throughput(guests["h1"], guests["h2"], "fd00:c::2"))
            underlay.append(throughput(hosts["h1"], hosts["h2"], "fd00:a::2"))
            say(f"  round {number + 1}: segment {segment[-1]:.2f}, by hand {by_hand[-1]:.2f}, underlay {underlay[-1]:.2f} Gbit/s")
    return [
        ratio_row("TCP through a segment ÷ hand-made VXLAN", "≥ 0.95", segment, by_hand, lambda ratio: ratio >= 0.95, " Gbit/s", rate=True),
        ratio_row("TCP through a segment ÷ the underlay veth", "reported", segment, underlay, lambda ratio: None, " Gbit/s", rate=True),
    ]
