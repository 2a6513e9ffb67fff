"""Confirmed reports: a person's word makes a reported message malicious, and a cluster of its copies."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from clawback import ids
from clawback.analysis.clusters import Cluster, ClusterKind, Member
from clawback.analysis.entities import Entity, EntityKind, Reason
from clawback.analysis.fingerprints import body_of
from clawback.analysis.indicators import Threat, VerdictKind
from clawback.analysis.senders import canonical_sender
from clawback.analysis.verdict import Said
from clawback.engine.parts import Parts
from clawback.message.message import Message
from clawback.response.submissions import Submission
from clawback.store import Unit

SAME_BODY = 10_000
"""Messages with the body of a confirmed one that are looked at."""


def said_by(one: Submission, threat: Threat) -> Said:
    """What a person's confirmation says: spam is suspicious, all else malicious."""
    spam = threat is Threat.SPAM
    return Said(one.id, VerdictKind.SUSPICIOUS if spam else VerdictKind.MALICIOUS, threat, 100)


def confirmed_clusters(parts: Parts, investigation_id: str) -> tuple[Cluster, ...]:
    """The clusters of what people have confirmed in an investigation, made anew and kept in the store.

    A cluster made for a confirmed message has the verdict of that confirmation, as one made for a
    malicious file has that of the file. Its members are the message, and those with the very same body
    from the same sender: copies that differ in their recipient alone.
    """
    with parts.store.read() as unit:
        mine = [s for s in unit.submissions.of_investigation(investigation_id) if stands(unit, s)]
        messages = unit.messages.get_many([s.message_id for s in mine])
        made = {
            s.message_id: _cluster(parts, unit, s, messages[s.message_id])
            for s in mine
            if s.message_id in messages
        }
    if made:
        with parts.store.write() as unit:
            for cluster in made.values():
                unit.clusters.save(cluster, investigation_id)
    return tuple(made.values())


def stands(unit: Unit, one: Submission) -> bool:
    """Whether a person has confirmed a submission, and nobody has taken that back."""
    return one.confirmed_as is not None and one.message_id in unit.detections.of_source(one.id)


def _cluster(parts: Parts, unit: Unit, one: Submission, message: Message) -> Cluster:
    assert one.confirmed_as is not None
    word = said_by(one, one.confirmed_as)
    key = Entity(EntityKind.MESSAGE, message.id)
    first = Reason("confirmed", key, "", f"{one.decided_by} confirmed the report {one.id} of it.")
    others = (
        Member(m.id, (Reason("same_body", key, "body", "It has the same body, and the same sender."),))
        for m in _same_body(unit, message)
    )
    return Cluster(
        id=ids.make("clu", one.investigation_id, "confirmed", one.message_id),
        kind=ClusterKind.NEAR_DUPLICATE,
        key=key,
        query=f'NetworkMessageId == "{message.id}"',
        asked_at=parts.now(),
        verdict=word.verdict,
        threat=one.confirmed_as,
        members=(Member(message.id, (first,)), *others),
    )


def _same_body(unit: Unit, message: Message) -> Iterator[Message]:
    signature, sender = unit.messages.signature(message.id), canonical_sender(message.sender.address)
    if not signature or not sender:
        return
    near = islice(unit.messages.sharing_fingerprint(body_of(signature)), SAME_BODY)
    known = unit.messages.get_many([one for one in near if one != message.id])
    signatures = unit.messages.signatures(list(known))
    for other in known.values():
        same = canonical_sender(other.sender.address) == sender
        if same and signatures.get(other.id) == signature:
            yield other
