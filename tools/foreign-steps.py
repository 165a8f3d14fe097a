"""The demonstration's steps by a generated client: python foreign-steps.py SOCKET

Everything goes through the models that the generator made; none of the steps reads or writes JSON itself.
"""
import sys
import time

import httpx
from kc_client import Client
from kc_client.api.default import (
    create_attachment,
    create_gateway,
    create_policy,
    create_project,
    create_segment,
    delete_attachment,
    delete_project,
    list_attachments,
    list_segment_history,
    read_attachment,
    read_segment,
    replace_segment,
    restore_segment,
    who_am_i,
    write_batch,
)
from kc_client.models import (
    Attachment,
    AttachmentDraft,
    AttachmentSpec,
    Batch,
    BatchCreateAttachment,
    BatchCreateSegment,
    BatchDeleteAttachment,
    BatchDeleteSegment,
    Gateway,
    GatewayDraft,
    IngressRule,
    IngressRuleProtocol,
    Labels,
    ManagedGateway,
    NamespacePort,
    Policy,
    PolicyDraft,
    PolicySpec,
    PrefixPeer,
    Problem,
    Project,
    ProjectDraft,
    ProjectQuotas,
    ProjectSpec,
    Restore,
    Segment,
    SegmentDraft,
    SegmentSpec,
    SegmentSpecIpam,
)

PROJECT = "default"


def expect(type_, answer):
    """The answer, which must be of the type; a problem says what was wrong."""
    if not isinstance(answer, type_):
        sys.exit(f"wanted {type_.__name__}, got {answer}")
    return answer


def segment(client, name, ipam):
    spec = SegmentSpec(ipam=SegmentSpecIpam(ipam))
    draft = SegmentDraft(name=name, spec=spec, labels=Labels.from_dict({"env": "lab"}))
    return expect(Segment, create_segment.sync(PROJECT, client=client, body=draft))


def attachment(client, name, segment_, host):
    spec = AttachmentSpec(segment=segment_, host=host, port=NamespacePort(type_="namespace", namespace=name))
    return expect(Attachment, create_attachment.sync(PROJECT, client=client, body=AttachmentDraft(name=name, spec=spec)))


def wait_wired(client, name, seconds=30):
    limit = time.monotonic() + seconds
    while True:
        found = expect(Attachment, read_attachment.sync(PROJECT, name, client=client))
        if found.status.phase == "wired":
            return found
        if time.monotonic() > limit:
            sys.exit(f"{name} is not wired after {seconds} s: {found.status}")
        time.sleep(0.05)


def main(socket):
    transport = httpx.HTTPTransport(uds=socket)
    with Client(base_url="http://localhost", httpx_args={"transport": transport}) as client:
        print("who", who_am_i.sync(client=client).role)

        # A project with a quota, which holds.
        quotas = ProjectQuotas(segments=1)
        project = ProjectDraft(name="small", spec=ProjectSpec(quotas=quotas))
        made = expect(Project, create_project.sync(client=client, body=project))
        assert made.spec.quotas.segments == 1
        draft = SegmentDraft(name="one", spec=SegmentSpec(ipam=SegmentSpecIpam.NONE))
        expect(Segment, create_segment.sync("small", client=client, body=draft))
        draft.name = "two"
        refused = expect(Problem, create_segment.sync("small", client=client, body=draft))
        assert (refused.status, refused.type_) == (409, "urn:kc:problem:quota-exceeded"), refused
        in_use = expect(Problem, delete_project.sync("small", client=client))
        assert in_use.status == 409, in_use

        # Two segments, a gateway, four guests on two hosts.
        blue = segment(client, "blue", "automatic")
        assert blue.status.mtu == 1430 and blue.labels["env"] == "lab", blue
        segment(client, "green", "manual")
        gateway = GatewayDraft(name="edge", spec=ManagedGateway(host="h1", segments=["blue"]))
        edge = expect(Gateway, create_gateway.sync(PROJECT, client=client, body=gateway))
        assert edge.spec.segments == ["blue"] or edge.spec.segments == [str(blue.id)], edge.spec
        for name, segment_, host in [
            ("web", "blue", "h1"), ("db", "blue", "h2"), ("other", "green", "h1"), ("quiet", "green", "h2"),
        ]:
            attachment(client, name, segment_, host)
        for name in ("web", "db", "other", "quiet"):
            found = wait_wired(client, name)
            print("wired", found.name, found.status.mac, found.status.interface)

        # A list with a selector, and pages of one.
        seen, next_ = [], None
        while True:
            more = {} if next_ is None else {"continue_": next_}
            page = list_attachments.sync(PROJECT, client=client, limit=1, **more)
            seen += [item.name for item in page.items]
            next_ = page.continue_
            if not next_:
                break
        assert {"web", "db", "other", "quiet"} <= set(seen), seen

        # A policy, and what is wrong with one.
        rule = IngressRule(protocol=IngressRuleProtocol.TCP, ports=["22"], from_=[PrefixPeer(prefix="2001:db8::/32")])
        policy = PolicyDraft(name="ssh", spec=PolicySpec(ingress=[rule]))
        ssh = expect(Policy, create_policy.sync(PROJECT, client=client, body=policy))
        assert ssh.spec.ingress[0].from_[0].prefix == "2001:db8::/32", ssh
        rule.ports = ["99999"]
        policy.name = "wrong"
        wrong = expect(Problem, create_policy.sync(PROJECT, client=client, body=policy))
        assert wrong.status == 422 and "ports" in wrong.field and wrong.rule, wrong

        # A change, an older revision refused, the history, and the way back.
        draft = SegmentDraft(name="blue", spec=blue.spec, labels=Labels.from_dict({"env": "prod"}))
        changed = expect(
            Segment, replace_segment.sync(PROJECT, "blue", client=client, body=draft, if_match=f'"{blue.revision}"'))
        stale = replace_segment.sync(PROJECT, "blue", client=client, body=draft, if_match=f'"{blue.revision}"')
        assert expect(Problem, stale).status == 412, stale
        history = list_segment_history.sync(PROJECT, "blue", client=client)
        assert [entry.action for entry in history.items] == ["update", "create"], history
        assert history.items[1].resource.labels["env"] == "lab", history
        restore_segment.sync(PROJECT, "blue", client=client, body=Restore(generation=1))
        back = read_segment.sync(PROJECT, "blue", client=client)
        assert back.labels["env"] == "lab" and back.generation > changed.generation, back

        # Several at once, or none of them.
        batch = Batch(operations=[
            BatchCreateSegment(
                verb="create", kind="segment", project=PROJECT,
                document=SegmentDraft(name="red", spec=SegmentSpec(ipam=SegmentSpecIpam.NONE))),
            BatchCreateAttachment(
                verb="create", kind="attachment", project=PROJECT,
                document=AttachmentDraft(name="later", spec=AttachmentSpec(segment="red"))),
        ])
        written = write_batch.sync(client=client, body=batch)
        assert [result.resource.name for result in written.items] == ["red", "later"], written
        expect(Problem, write_batch.sync(client=client, body=batch))
        batch = Batch(operations=[
            BatchDeleteAttachment(verb="delete", kind="attachment", project=PROJECT, item="later"),
            BatchDeleteSegment(verb="delete", kind="segment", project=PROJECT, item="red"),
        ])
        assert all(result.deleted for result in write_batch.sync(client=client, body=batch).items)
        gone = expect(Problem, read_attachment.sync(PROJECT, "later", client=client))
        assert gone.status == 404, gone
        assert delete_attachment.sync_detailed(PROJECT, "later", client=client).status_code == 404
    print("every step was answered as its model says")


if __name__ == "__main__":
    main(sys.argv[1])
