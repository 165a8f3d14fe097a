"""Routed throughput: through a managed gateway with its guards and firewall, and through the kernel alone."""
from cloud import Cloud
from fabric import in_sync, throughput
from measure import Scene, eventually, forget, ratio_row, run, say

MTU = 1430


def by_hand(bare, router, guest, number, bridged):
    """A leg from the router to the guest with the same kinds of devices, and no rule of any filter."""
    name, subnet = f"{'b' if bridged else 'p'}{number}", f"fd00:{'c' if bridged else 'd'}:{number}"
    if bridged:
        run("ip", "-n", bare, "link", "add", f"hb{number}", "mtu", MTU, "type", "bridge", "mcast_snooping", "0")
        run("ip", "-n", bare, "link", "set", f"hb{number}", "up")
        for end, namespace in (("g", guest), ("r", router)):
            port = f"h{end}{number}"
            run("ip", "-n", bare, "link", "add", port, "mtu", MTU, "type", "veth", "peer", "name", name, "netns", namespace)
            run("ip", "-n", bare, "link", "set", port, "master", f"hb{number}", "up")
            run("ip", "-n", namespace, "link", "set", name, "mtu", MTU)
    else:
        run("ip", "-n", router, "link", "add", name, "mtu", MTU, "type", "veth", "peer", "name", name, "mtu", MTU, "netns", guest)
    for namespace, tail in ((router, 1), (guest, 2)):
        run("ip", "-n", namespace, "address", "add", f"{subnet}::{tail}/64", "dev", name, "nodad")
        run("ip", "-n", namespace, "link", "set", name, "up")
    return name, subnet


def gateway_of(scene, cloud, host):
    """Two guests on two segments of one gateway: their namespaces and addresses."""
    guests = []
    for number in (1, 2):
        cloud.segment(f"s{number}", ipam="manual", prefix=f"fd00:b:{number}::/64")
        guest, address = scene.namespace(f"g{number}"), f"fd00:b:{number}::10"
        port = {"type": "namespace", "namespace": guest}
        cloud.call("POST", "/v1/projects/default/attachments", {"name": f"g{number}", "spec": {
            "segment": f"s{number}", "host": "h1", "addresses": [address], "policies": ["allow-all"], "port": port}})
        guests.append((guest, address))
    cloud.call("POST", "/v1/projects/default/gateways", {"name": "edge", "spec": {"host": "h1", "segments": ["s1", "s2"]}})
    cloud.agent("h1", host)
    eventually(lambda: in_sync(scene, "h1", 4), what="h1 in sync")
    for number, (guest, address) in enumerate(guests, 1):
        forget(guest)
        run("ip", "-n", guest, "address", "add", f"{address}/64", "dev", "eth0", "nodad")
        run("ip", "-n", guest, "route", "add", f"fd00:b:{3 - number}::/64", "via", "fe80::1", "dev", "eth0")
    return guests


def routed(rounds):
    ours, bridged, plain = [], [], []
    with Scene("routed") as scene:
        cloud = Cloud(scene)
        host = cloud.host("h1", "fd00:a::1")
        (first, _), (second, address) = guests = gateway_of(scene, cloud, host)
        # In a namespace of their own: no hook of the host's filters is on their way.
        bare, router = scene.namespace("bare"), scene.namespace("router")
        run("ip", "netns", "exec", router, "sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
        for kind in (True, False):
            legs = [by_hand(bare, router, guest, number, kind) for number, (guest, _) in enumerate(guests, 1)]
            for (guest, _), (name, subnet), (_, other) in zip(guests, legs, reversed(legs)):
                run("ip", "-n", guest, "route", "add", f"{other}::/64", "via", f"{subnet}::1", "dev", name)
        eventually(lambda: " 0% packet loss" in run("ip", "netns", "exec", first, "ping", "-6", "-c1", "-W1", address, check=False),
                   what="the way through the gateway")
        for number in range(rounds):
            ways = [(ours, address), (bridged, "fd00:c:2::2"), (plain, "fd00:d:2::2")]
            for found, target in ways if number % 2 else reversed(ways):
                found.append(throughput(first, second, target))
            say(f"  round {number + 1}: gateway {ours[-1]:.2f}, kernel {bridged[-1]:.2f}, without bridges {plain[-1]:.2f} Gbit/s")
    return [
        ratio_row("TCP routed by a managed gateway ÷ plain kernel forwarding over the same devices", "≥ 0.95", ours, bridged,
                  lambda ratio: ratio >= 0.95, " Gbit/s", rate=True),
        ratio_row("the same ÷ kernel forwarding over veths without bridges", "reported", ours, plain, lambda ratio: None,
                  " Gbit/s", rate=True),
    ]
