"""Similar clusters: messages that carry nothing listed, and belong to a campaign all the same.

All are cut around originals: malicious messages, and the message that an investigation is about. Who
may be a member is looked up by equal keys (see `fingerprints`) and decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from clawback import ids
from clawback.analysis.clusters import Cluster, ClusterKind, Member
from clawback.analysis.domains import host_of
from clawback.analysis.entities import Entity, EntityKind, Reason
from clawback.analysis.fingerprints import Fingerprint, bands_of, body_of, pairs_of
from clawback.analysis.folding import personal_words, subject_key
from clawback.analysis.free_mail import is_free_mail
from clawback.analysis.indicators import Indicator, IndicatorKind, Threat, VerdictKind
from clawback.analysis.places import LinkForm, link_forms, sending_ip, shown
from clawback.analysis.queries import query_of_bodies, query_of_pair, query_of_sender
from clawback.analysis.senders import canonical_sender
from clawback.analysis.shapes import shape_of
from clawback.analysis.shingles import comparable, hashes_of, nearest
from clawback.message.link import LinkLocation
from clawback.message.message import Direction, Message

ORIGINALS = 5
"""Originals of different content that similar messages are looked for around, at most."""
FLOOR = 0.5
"""Bodies less alike than this are not even kept as candidates."""
SHAPED = 0.5
"""The score of a message with a link to the same host with the same shape of path."""
SAME_SENDER, SENDER_AND_MATTER, DOMAIN_AND_MATTER = 0.6, 1.0, 0.8
"""Scores in a sender campaign: the address alone; with the matter; the domain with the matter."""
CAMPAIGN_LINE = 0.8
WINDOW = timedelta(days=3)
"""How long before the first and after the last original a sender's messages belong to the campaign."""
MIN_SUBJECT = 3
"""Words that a subject must have to be a matter of its own: "Invoice" is not, and "Your invoice" neither."""
MIN_SHINGLES = 5
SAME_BODY = 0.95
"""Bodies that are so alike count as one original."""
MAX_LINKS = 200
CONTENT_TYPES = (
    "text/plain",
    "text/html",
    "multipart/alternative",
    "multipart/mixed",
    "multipart/related",
    "multipart/report",
    "multipart/signed",
    "multipart/encrypted",
    "application/pkcs7-mime",
)
"""Types that mail has; which one a kept message had is found by looking its pairs up."""
_LOADED = frozenset({"css.url", "link.href", "script", "comment"})
_OURS = frozenset({Direction.OUTBOUND, Direction.INTRA_ORG})


@dataclass(frozen=True, slots=True)
class Original:
    """A message that others may be like: slim, with its body's signature and when its first copy arrived."""

    message: Message
    signature: bytes
    arrived: datetime


@dataclass(frozen=True, slots=True)
class Pair:
    """One of Defender's pairs as an original has it; `sender` is a domain, an IP, or an address."""

    original: Original
    fingerprint: Fingerprint
    content: str
    sender: str


@dataclass(frozen=True, slots=True)
class Campaign:
    """A sender (an address, or ``@domain``), the window, and what its messages are about."""

    originals: tuple[Original, ...]
    sender: str
    addresses: frozenset[str]
    subjects: frozenset[str]
    shapes: frozenset[str]

    @property
    def since(self) -> datetime:
        """The beginning of the window."""
        return min(o.arrived for o in self.originals) - WINDOW

    @property
    def until(self) -> datetime:
        """The end of the window."""
        return max(o.arrived for o in self.originals) + WINDOW


def originals_among(seeds: Sequence[Original], named: frozenset[str] = frozenset()) -> tuple[Original, ...]:
    """At most five of them with different content, in their order; those `named` first.

    What our own people sent, forwards of a malicious message above all, is none unless it is named.
    """
    chosen: list[Original] = []
    ordered = [s for s in seeds if s.message.id in named]
    ordered += [s for s in seeds if s.message.id not in named and s.message.direction not in _OURS]
    for seed in ordered:
        if len(chosen) < ORIGINALS and not any(_same_content(seed, other) for other in chosen):
            chosen.append(seed)
    return tuple(chosen)


def _same_content(a: Original, b: Original) -> bool:
    senders = (canonical_sender(a.message.sender.address), canonical_sender(b.message.sender.address))
    if senders[0] != senders[1] or _subject(a.message) != _subject(b.message):
        return False
    return a.signature == b.signature or nearest(a.signature, [b.signature])[1] >= SAME_BODY


def bands_of_all(originals: Iterable[Original]) -> tuple[Fingerprint, ...]:
    """The keys under which every body that is like one of these is found."""
    return tuple({band: None for o in originals for band in bands_of(o.signature)})


def near_duplicates(
    investigation_id: str,
    originals: Sequence[Original],
    candidates: Iterable[tuple[str, bytes]],
    likeness: float,
    asked_at: datetime,
) -> Cluster | None:
    """The cluster of the candidates (message id, signature) whose bodies are alike; None without a body.

    Those from 0.5 up to `likeness` are its candidates.
    """
    compared = [o for o in originals if comparable(o.signature)]
    if not compared:
        return None
    signatures = [o.signature for o in compared]
    scored: dict[str, Member] = {}
    for message_id, signature in candidates:
        number, value = nearest(signature, signatures)
        if value >= FLOOR:
            scored[message_id] = _alike(message_id, compared[number].message.id, value)
    key = body_of(compared[0].signature)
    query = query_of_bodies([o.message.id for o in compared], likeness)
    kind = ClusterKind.NEAR_DUPLICATE
    return _cluster(investigation_id, kind, _entity(key), query, asked_at, scored, likeness)


def _alike(message_id: str, original_id: str, value: float) -> Member:
    entity = Entity(EntityKind.MESSAGE, original_id)
    text = f"The body is {value:.2f} alike with {original_id}."
    if message_id == original_id:
        text = "This is an original that the others were compared with."
    return Member(message_id, (Reason("similar_body", entity, "body", text),), round(value, 4))


def pairs_around(originals: Iterable[Original]) -> Iterator[tuple[Original, tuple[Fingerprint, ...]]]:
    """Each original with all keys that its pairs may have, one set for each type that mail has."""
    for original in originals:
        message, signature = original.message, original.signature
        yield original, tuple(f for t in CONTENT_TYPES for f in pairs_of(message, signature, t))


def pair_of(original: Original, fingerprint: Fingerprint) -> Pair | None:
    """The pair behind a key of an original; None when it is too little to tie messages together.

    A subject needs three words, a body five shingles. At a free-mail domain the whole address counts.
    """
    content, sender = fingerprint.kind.split(";")[:2]
    if content == "Subject":
        value = _subject(original.message)
        telling = bool(_matter(value))
    else:
        value = fingerprint.value
        telling = len(hashes_of(original.signature)) >= MIN_SHINGLES
    if not telling:
        return None
    if sender == "SenderIp":
        return Pair(original, fingerprint, value, sending_ip(original.message))
    address = canonical_sender(original.message.sender.address)
    domain = address.rpartition("@")[2]
    return Pair(original, fingerprint, value, address if is_free_mail(domain) else domain)


def same_pair(investigation_id: str, pair: Pair, message_ids: Iterable[str], asked_at: datetime) -> Cluster:
    """The cluster of the messages with the same pair."""
    original_id = pair.original.message.id
    content = "subject" if pair.fingerprint.kind.startswith("Subject") else "kind of body"
    entity = _entity(pair.fingerprint)
    text = f"It has the same {content} as {original_id} and came from {shown(pair.sender)} too."
    reasons = (Reason("same_pair", entity, "", text),)
    members = {message_id: Member(message_id, reasons) for message_id in message_ids}
    query = query_of_pair(pair.fingerprint.kind, pair.content, pair.sender)
    kind = ClusterKind.SIMILAR_ATTRIBUTES
    return _cluster(investigation_id, kind, entity, query, asked_at, members, 1.0)


def campaigns(originals: Sequence[Original], listed: Sequence[Indicator] = ()) -> tuple[Campaign, ...]:
    """One for each sender of the originals; a free-mail sender is an address, any other a whole domain.

    The shapes that count are those of the `listed` URLs, when there are any: a sender's own links (its
    home page, the way to unsubscribe) are in everything that it sends.
    """
    by_sender: dict[str, list[Original]] = {}
    for original in originals:
        address = canonical_sender(original.message.sender.address)
        domain = address.rpartition("@")[2]
        if address:
            by_sender.setdefault(address if is_free_mail(domain) else f"@{domain}", []).append(original)
    bad = {shape_of(i.value) for i in listed if i.kind is IndicatorKind.URL} - {""}
    return tuple(_campaign(sender, mine, bad) for sender, mine in by_sender.items())


def _campaign(sender: str, originals: Sequence[Original], bad: set[str]) -> Campaign:
    messages = [o.message for o in originals]
    return Campaign(
        tuple(originals),
        sender,
        frozenset(canonical_sender(m.sender.address) for m in messages),
        frozenset(s for m in messages if (s := _matter(_subject(m)))),
        frozenset(bad or {shape for m in messages for shape in _shapes(m)}),
    )


def sender_campaign(
    investigation_id: str, campaign: Campaign, candidates: Iterable[Message], asked_at: datetime
) -> Cluster:
    """The cluster of what the sender sent on the same matter; the same address alone is below the line.

    `candidates` are the sender's messages within the window, slim.
    """
    key = Entity(EntityKind.SENDER, campaign.sender)
    members = {m.id: member for m in candidates if (member := _of_campaign(campaign, key, m))}
    query = query_of_sender(campaign.sender, campaign.since, campaign.until)
    kind = ClusterKind.SENDER_CAMPAIGN
    return _cluster(investigation_id, kind, key, query, asked_at, members, CAMPAIGN_LINE)


def _of_campaign(campaign: Campaign, key: Entity, message: Message) -> Member | None:
    address = canonical_sender(message.sender.address)
    same = address in campaign.addresses
    if not same and f"@{address.rpartition('@')[2]}" != campaign.sender:
        return None
    matter = _same_matter(campaign, message)
    if not (same or matter):
        return None
    score = (SENDER_AND_MATTER if same else DOMAIN_AND_MATTER) if matter else SAME_SENDER
    sender = f"{shown(address)} is the same sender" if same else f"{shown(address)} is of the same domain"
    text = f"{sender}, within {WINDOW.days} days of the originals{', and ' + matter if matter else ''}."
    return Member(message.id, (Reason("same_campaign", key, "header From", text),), score)


def _same_matter(campaign: Campaign, message: Message) -> str:
    if _subject(message) in campaign.subjects:
        return "the subject is the same"
    found = campaign.shapes.intersection(_shapes(message))
    return f"a link has the same shape ({shown(min(found))})" if found else ""


def host_of_shape(listed: Indicator | None) -> Entity | None:
    """The host to look under for links of the same shape as a listed URL; None when it has no shape."""
    if listed is None or listed.kind is not IndicatorKind.URL or not shape_of(listed.value):
        return None
    return Entity(EntityKind.HOST, host_of(listed.value))


def same_shape(listed: Indicator, messages: Iterable[Message]) -> tuple[Member, ...]:
    """Those with a link to the host of the listed URL whose path has the same shape."""
    shape = shape_of(listed.value)
    found = ((message, _with_shape(message, shape)) for message in messages)
    return tuple(Member(message.id, (reason,), SHAPED) for message, reason in found if shape and reason)


def _with_shape(message: Message, shape: str) -> Reason | None:
    for form in islice(link_forms(message), MAX_LINKS):
        if shape_of(form.url) == shape:
            text = f"{form.sentence[:-1]}, which has the same host and shape of path ({shown(shape)})."
            return Reason("same_path_shape", Entity(EntityKind.URL, form.url), form.where, text)
    return None


def _shapes(message: Message) -> frozenset[str]:
    """The shapes of what a reader can follow; pictures and list headers are the sender's in everything."""
    forms = islice(link_forms(message), MAX_LINKS)
    followed = (form for form in forms if _is_followed(form))
    return frozenset(shape for form in followed if (shape := shape_of(form.url)))


def _is_followed(form: LinkForm) -> bool:
    source = form.link.source
    shown_only = source.endswith((".src", ".srcset", ".background")) or source in _LOADED
    return form.link.location is not LinkLocation.HEADER and not shown_only


def _subject(message: Message) -> str:
    return subject_key(message.subject, personal_words(message))


def _matter(subject: str) -> str:
    return subject if len(subject.split()) >= MIN_SUBJECT else ""


def _entity(fingerprint: Fingerprint) -> Entity:
    return Entity(EntityKind.FINGERPRINT, f"{fingerprint.kind}={fingerprint.value}")


def _cluster(
    investigation_id: str,
    kind: ClusterKind,
    key: Entity,
    query: str,
    asked_at: datetime,
    scored: Mapping[str, Member],
    line: float,
) -> Cluster:
    ordered = [scored[message_id] for message_id in sorted(scored)]
    return Cluster(
        id=ids.make("clu", investigation_id, kind, str(key)),
        kind=kind,
        key=key,
        query=query,
        asked_at=asked_at,
        verdict=VerdictKind.NO_THREATS_FOUND,
        threat=Threat.SPAM,
        members=tuple(m for m in ordered if m.score >= line),
        line=line,
        candidates=tuple(m for m in ordered if m.score < line),
    )
