"""Runs the catalogue in both phases, judges, and prints the table."""
import argparse
import dataclasses
import os
import shlex
import struct
import time

import offloads
import probes
from catalogue import TOOLS
from floods import TOLERANCE, Floods
from frames import ethernet, evasions, ipv6, next_label, own_ports
from honest import Honest
from scene import WORLD, Scene, say

NOBODY = "02:5e:ed:00:00:77"


@dataclasses.dataclass
class Outcome:
    """What one attack did in one phase: frames that arrived from each attacker, and what changed in the victim."""

    arrived: dict
    changes: list
    effect: bool = True
    note: str = ""


class Runner:
    def __init__(self, scene, long):
        self.scene, self.long = scene, long
        self.off, self.on = {}, {}
        self.failures = []

    # --- tools ---

    def words(self, attack, attacker):
        scene, victim, alice = self.scene, self.scene.guests["victim"], self.scene.guests["alice"]
        values = {"if": "eth0", "ll": attacker.link_local, "victim": victim.global_address, "victim-ll": victim.link_local,
                  "victim-mac": victim.mac, "alice": alice.global_address, "alice-ll": alice.link_local, "alice-mac": alice.mac,
                  "gw": "fe80::1", "gw-mac": scene.gateway_mac, "prefix": scene.prefix, "world": WORLD, "mac": NOBODY}
        command = attack.command
        for name, value in values.items():
            command = command.replace("{" + name + "}", value)
        return shlex.split(command)

    def meanwhile(self, kind):
        """What the victim does while it is attacked."""
        victim, prefix = self.scene.guests["victim"], self.scene.prefix
        if kind == "resolve":
            # Nobody has this address: a neighbour entry for it can only come from the attacker.
            victim.run("ping", "-6", "-n", "-q", "-c", "2", "-i", "0.3", "-W", "1", f"{prefix}::dead", check=False)
        elif kind == "join":
            victim.setting("ipv6/conf/eth0/accept_dad", 1)
            victim.run("ip", "-6", "address", "add", f"{prefix}:77:77:77:{self.next_address():x}/64", "dev", "eth0")
        elif kind == "talk":
            victim.run("ping", "-6", "-n", "-q", "-c", "1", "-W", "1", self.scene.guests["alice"].global_address, check=False)
            victim.run("ping", "-6", "-n", "-q", "-c", "1", "-W", "1", WORLD, check=False)
        elif kind == "dhcp":
            probes.solicit(victim)

    def next_address(self):
        self.joined = getattr(self, "joined", 0) + 1
        return self.joined

    def launch(self, attack, reset, names=Scene.attackers):
        """Runs the tool at the attackers at once for its time; gives the outcome."""
        scene = self.scene
        victim, attackers = scene.guests["victim"], [scene.guests[n] for n in names]
        if reset:
            scene.reset()
        if attack.at == "gateway":
            # A full neighbour table would be the success of the attack before, and no tool would find the router.
            scene.gateway.run("ip", "-6", "neigh", "flush", "dev", scene.inner, "nud", "all", check=False)
        before = scene.victim_state()
        watched = scene.gateway_capture if attack.at == "gateway" else victim.capture
        for capture in (watched, *(guest.capture for guest in attackers)):
            capture.discard()
        scene.heard_resolvers()
        if attack.meanwhile == "talk":
            self.meanwhile("talk")
        processes = [guest.start(*self.words(attack, guest)) for guest in attackers]
        try:
            begin = time.monotonic()
            if attack.meanwhile and attack.meanwhile != "talk":
                time.sleep(0.25)
                self.meanwhile(attack.meanwhile)
            while time.monotonic() - begin < attack.seconds and (
                    attack.meanwhile or any(p.poll() is None for p in processes)):
                time.sleep(0.02)
            time.sleep(0.05)
        finally:
            for process in processes:
                if process.poll() is None:
                    process.kill()
                process.wait()
        after = scene.victim_state()
        arrived, strange = self.judge(watched.take()[0], attackers, lawful_too=attack.effect == "lawful")
        lost = watched.lost()
        outcome = Outcome(arrived, self.changes(before, after), note=f"{lost} not captured" if lost else "")
        if scene.heard_resolvers() - scene.true_options:
            outcome.changes.append("resolver")
        if strange:
            outcome.arrived["unknown"] = strange
        return outcome

    def judge(self, came, attackers, lawful_too=False):
        """Unlawful frames at the victim by attacker: those an attacker sent (its own capture has the same bytes) or that
        nobody may send."""
        sent = {guest.name: set(guest.capture.take()[1]) for guest in attackers}
        owners = {bytes.fromhex(mac.replace(":", "")): owner for mac, owner in self.scene.owners.items()}
        gateway = bytes.fromhex(self.scene.gateway_mac.replace(":", ""))
        arrived, strange = {guest.name: 0 for guest in attackers}, 0
        by_name = {guest.name: guest.owner for guest in attackers}
        credited = {}
        for frame in came:
            senders = [name for name, frames in sent.items() if frame in frames]
            if senders:
                # Both attackers may have sent the same bytes: the copies are shared out.
                turn = credited.get(frame, 0)
                credited[frame] = turn + 1
                name = senders[turn % len(senders)]
                arrived[name] += lawful_too or not by_name[name].lawful(frame)
                continue
            if frame[6:12] == gateway:
                continue
            owner = owners.get(frame[6:12])
            strange += owner is None or not owner.lawful(frame)
        return arrived, strange

    def changes(self, before, after):
        """What an attack changed, in words. What the victim does by itself does not count."""
        found = []
        victim = self.scene.guests["victim"]
        for dst, via, pref in after["routes"] - before["routes"]:
            found.append(f"router: {dst} via {via} {pref}")
        if any(r[0] == "default" for r in before["routes"]) and not any(r[0] == "default" for r in after["routes"]):
            found.append("no-router")
        for address, failed, _ in after["addresses"] - before["addresses"]:
            if failed:
                found.append(f"duplicate: {address}")
            elif not address.startswith((self.scene.prefix, "fe80:")):
                found.append(f"router: address {address}")
        true = {}
        for guest in self.scene.guests.values():
            for address in (guest.link_local, guest.global_address):
                true[address] = guest.mac
        routers = {a["local"] for entry in self.scene.gateway.ip("address", "show", "dev", self.scene.inner) for a in entry["addr_info"]}
        true.update({address: self.scene.gateway_mac for address in routers})
        for address, mac, router in after["neighbours"] - before["neighbours"]:
            if true.get(address) != mac or router and address not in routers:
                found.append(f"neighbour: {address} at {mac}{' router' if router else ''}")
        if after["link"] != before["link"]:
            found.append(f"mtu: {before['link']} to {after['link']}")
        for what in ("world", "alice"):
            if after[what] != before[what]:
                old, new = before[what], after[what]
                if len(new) > 1 and len(old) > 1 and new[1] != old[1]:
                    found.append(f"mtu: to {what} {new[1]}")
                if new[0] != old[0]:
                    found.append(f"redirected: {what} via {new[0]}")
        return found

    def tool_phase(self, attacks, guarded):
        results = self.on if guarded else self.off
        if guarded:
            self.scene.reset()
        for attack in attacks:
            outcome = self.launch(attack, reset=not guarded)
            missed = attack.effect not in ("arrives", "listening", "lawful", *(c.split(":")[0] for c in outcome.changes))
            if not guarded and (missed or not attack.flood and not all(outcome.arrived[n] for n in self.scene.attackers)):
                # The real router may have spoken right after it, or a tool not listened yet when the victim did what it waits for.
                outcome = self.launch(attack, True)
            results[attack.name] = outcome
            kinds = {change.split(":")[0] for change in outcome.changes}
            if guarded:
                leaks = {n: c for n, c in outcome.arrived.items() if attack.effect != "lawful" or n == "unknown"}
                if any(leaks.values()) or outcome.changes:
                    self.fail(f"{attack.name}: with the guard {self.describe(outcome)}")
                    self.scene.reset()
            else:
                for name in [n for n in self.scene.attackers if attack.flood and not outcome.arrived[n]]:
                    # Both floods at once, and one was too much for the victim's queue: this one alone.
                    for _ in range(3):
                        again = self.launch(attack, True, [name])
                        outcome.arrived[name] = again.arrived[name]
                        outcome.changes += again.changes
                        kinds |= {change.split(":")[0] for change in again.changes}
                        if again.arrived[name]:
                            break
                # `listening` and `arrives`: Linux takes no harm, the frames are the success.
                outcome.effect = attack.effect in ("arrives", "listening", "lawful") or attack.effect in kinds
                if not all(outcome.arrived[name] for name in self.scene.attackers):
                    self.fail(f"{attack.name}: without the guard it reached the victim not from everywhere: {self.describe(outcome)}")
                elif not outcome.effect:
                    self.fail(f"{attack.name}: without the guard it had no effect '{attack.effect}': {self.describe(outcome)}")

    # --- crafted frames ---

    def crafted_phase(self, group, builder, guarded):
        """All variants at once from both attackers; arrival is known by the bytes."""
        scene, results = self.scene, self.on if guarded else self.off
        victim, attackers = scene.guests["victim"], [scene.guests[n] for n in scene.attackers]
        if not guarded:
            scene.reset()
        before = scene.victim_state()
        variants = {guest.name: list(builder(guest, scene)) for guest in attackers}
        victim.capture.discard()
        for guest in attackers:
            for _, frames in variants[guest.name]:
                if group == "spoof":
                    # A spoofed source MAC has led the bridges astray: the victim speaks, so that the next one can reach it.
                    victim.sender.send(self.greeting())
                for frame in frames:
                    guest.sender.send(frame)
            time.sleep(0.1)
        time.sleep(0.3)
        came = set(victim.capture.take()[0])
        after = scene.victim_state()
        changes = self.changes(before, after)
        taken = {address for address, *_ in after["addresses"] - before["addresses"]}
        for name in dict.fromkeys(name for some in variants.values() for name, _ in some):
            arrived, effect = {}, False
            for guest in attackers:
                frames = dict(variants[guest.name])[name]
                arrived[guest.name] = sum(frame in came for frame in frames)
                if "router advertisement:" in name:
                    label = struct.unpack("!I", frames[0][14:18])[0] & 0xFFFFF
                    effect |= any(a.startswith(f"2001:db8:{label:x}:") for a in taken)
            outcome = Outcome(arrived, [], note="configured the victim" if effect else "")
            results[f"{group}: {name}"] = outcome
            if guarded and any(arrived.values()):
                self.fail(f"{group}: {name}: with the guard {self.describe(outcome)}")
            if not guarded and not all(arrived.values()):
                self.fail(f"{group}: {name}: without the guard it reached the victim not from everywhere: {self.describe(outcome)}")
        if guarded and changes:
            self.fail(f"{group}: with the guard the victim changed: {', '.join(changes)}")
            scene.reset()
        if not guarded and not changes:
            self.fail(f"{group}: without the guard nothing changed in the victim")

    def greeting(self):
        """A lawful frame of the victim to everybody."""
        victim = self.scene.guests["victim"]
        return ethernet("33:33:00:00:00:01", victim.mac, ipv6(victim.link_local, "ff02::1", 17, bytes(8), 1, next_label()))

    # --- probes ---

    def probe_phase(self, guarded):
        results = self.on if guarded else self.off
        for name, probe in probes.ALL + offloads.ALL:
            try:
                arrived = probe(self.scene, guarded)
            except Exception as error:
                self.fail(f"{name}: {'with' if guarded else 'without'} the guard: {error}")
                continue
            results[name] = Outcome(arrived, [])
            if guarded and any(arrived.values()):
                self.fail(f"{name}: with the guard {self.describe(results[name])}")
            if not guarded and not all(arrived.values()):
                self.fail(f"{name}: without the guard it did not succeed everywhere: {self.describe(results[name])}")

    # --- floods ---

    def flood_phase(self):
        """Losses of an honest pair beside a guarded flooder: no more than beside one that floods nobody."""
        floods = Floods(self.scene)
        try:
            for name, lost, idle, rate, idle_rate in floods.run(5 if self.long else 1):
                say(f"attack: flood of {name}: {lost:.1f} ‰ lost at {rate / 1000:.0f}k/s, {idle:.1f} ‰ beside a bridge that leads nowhere at"
                    f" {idle_rate / 1000:.0f}k/s")
                self.on[f"flood of {name}"] = Outcome({"loss ‰": round(lost, 1), "nowhere ‰": round(idle, 1)}, [])
                if lost > idle + TOLERANCE:
                    self.fail(f"flood of {name}: honest guests lose {lost:.1f} ‰, beside a bridge that leads nowhere {idle:.1f} ‰")
        finally:
            floods.close()

    # --- all of it ---

    def fail(self, text):
        self.failures.append(text)
        say(f"✘ {text}")

    @staticmethod
    def describe(outcome):
        parts = [f"{count} from {name}" for name, count in outcome.arrived.items()]
        return ", ".join(parts + outcome.changes + ([outcome.note] if outcome.note else []))

    def table(self):
        lines = ["| attack | effect unguarded | arrived unguarded | arrived guarded |", "|---|---|---|---|"]
        effects = {attack.name: attack.effect for attack in TOOLS}
        for name in dict.fromkeys([*self.off, *self.on]):
            off, on = self.off.get(name), self.on.get(name)
            show = lambda o: "–" if o is None else " / ".join(str(c) for c in o.arrived.values()) + (" CHANGED " + "; ".join(o.changes) if o is on and o.changes else "")
            effect = effects.get(name, off.note if off else "") or "arrives"
            lines.append(f"| {name} | {effect} | {show(off)} | {show(on)} |")
        return "\n".join(lines)


def main(arguments):
    parser = argparse.ArgumentParser(prog="tools/attack")
    parser.add_argument("--long", action="store_true", default=os.environ.get("KC_LONG") == "1")
    parser.add_argument("--only", default="", help="only attacks with this text in their name")
    parser.add_argument("--off", action="store_true", help="only without the guard")
    parser.add_argument("--on", action="store_true", help="only with the guard")
    parser.add_argument("--table", help="write the table into this file")
    parser.add_argument("--rules", help="load this nft file on both hosts in place of KC's tables (to try rules by hand)")
    options = parser.parse_args(arguments)
    begin = time.monotonic()
    attacks = [a for a in TOOLS if options.only in a.name and (options.long or not a.long)]
    crafted = [(g, b) for g, b in (("evasion", evasions), ("spoof", own_ports)) if not options.only or options.only in g]
    with_probes = not options.only or options.only in "probes"
    runner = Runner(None, options.long)
    # Each phase has a laboratory of its own: nothing that was done to guests and routers without the guard, and nothing
    # that is left of it in the kernel's one neighbour table, is there when the guard is tried.
    if not options.on:
        with Scene() as runner.scene:
            runner.scene.guard_off()
            for group, builder in crafted:
                runner.crafted_phase(group, builder, False)
            if with_probes:
                runner.probe_phase(False)
            runner.tool_phase(attacks, False)
        say(f"attack: without the guard: done after {time.monotonic() - begin:.0f} s")
    if not options.off:
        with Scene() as runner.scene:
            runner.scene.reset()
            honest = Honest(runner.scene) if not options.only or options.only == "honest" else None
            for group, builder in crafted:
                runner.crafted_phase(group, builder, True)
            if with_probes:
                runner.probe_phase(True)
            # What is lawful frame by frame and harms by number comes when nobody counts losses.
            runner.tool_phase([a for a in attacks if a.effect != "lawful"], True)
            if honest:
                for what, sent, lost in honest.finish():
                    say(f"attack: honest {what}: {sent} sent, {lost} lost")
                    if lost or not sent:
                        runner.fail(f"honest traffic: {what}: {lost} of {sent} lost")
            if not options.only or options.only == "floods":
                runner.flood_phase()
            runner.tool_phase([a for a in attacks if a.effect == "lawful"], True)
    table = runner.table()
    print(table)
    if options.table:
        open(options.table, "w").write(table + "\n")
    tests = len(set(runner.off) | set(runner.on))
    verdict = "failed" if runner.failures else "passed"
    for text in runner.failures:
        print(f"✘ {text}")
    print(f"Test run with {tests} tests {verdict} after {time.monotonic() - begin:.0f} seconds, {len(runner.failures)} failures.")
    return 1 if runner.failures else 0
