"""Matching: the one exact test whether a message carries an indicator, and where to look for candidates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from clawback.analysis.domains import canonical_ip, host_of, index_domain, is_under
from clawback.analysis.entities import Entity, EntityKind, Reason
from clawback.analysis.indicators import Indicator, IndicatorKind, Match
from clawback.analysis.places import LinkForm, files, link_forms, sending_ip, shown
from clawback.analysis.senders import Sender, senders_of
from clawback.message.message import Message

# A newsletter with a thousand links to one host needs no thousand reasons.
MAX_REASONS = 100

Place = tuple[str, ...]
"""One place in a message: where it is, and what stands there."""

ENTITY_OF = {
    IndicatorKind.URL: EntityKind.URL,
    IndicatorKind.HOST: EntityKind.HOST,
    IndicatorKind.DOMAIN: EntityKind.DOMAIN,
    IndicatorKind.SENDER: EntityKind.SENDER,
    IndicatorKind.IP: EntityKind.IP,
    IndicatorKind.SHA256: EntityKind.FILE,
}


def entity_of(indicator: Indicator) -> Entity:
    """The entity an indicator names; for a prefix, the prefix itself."""
    return Entity(ENTITY_OF[indicator.kind], indicator.value)


def keys_of(indicator: Indicator) -> tuple[Entity, ...]:
    """The index entities under which every message that carries the indicator is found.

    More may be found there (a prefix is indexed by its host, a very deep domain by its first levels):
    `carries` decides.
    """
    if indicator.kind is IndicatorKind.URL and indicator.match is Match.PREFIX:
        return (Entity(EntityKind.HOST, host_of(indicator.value)),)
    if indicator.kind is IndicatorKind.DOMAIN:
        return (Entity(EntityKind.DOMAIN, index_domain(indicator.value)),)
    return (entity_of(indicator),)


def carries(message: Message, indicator: Indicator) -> tuple[Reason, ...]:
    """Why the message carries the indicator, one reason for each place; empty when it does not.

    At most 100 reasons. Works on a slim message too. The entity of a reason is the thing that stood
    there (the very URL for a prefix, the very host for a domain). Codes: ``same_url``, ``url_prefix``,
    ``same_host``, ``under_domain``, ``same_sender``, ``same_sender_domain``, ``sender_under_domain``,
    ``same_ip``, ``link_to_ip``, ``same_file``.

    A prefix is a plain ``startswith`` on canonical URLs, so ``https://h/a`` reaches ``https://h/abc``.
    """
    return distinct(reason for _, reason in matches(message, indicator))


def matches(message: Message, indicator: Indicator) -> Iterable[tuple[Place, Reason]]:
    """Every place that carries the indicator, with the reason; a place is equal for all indicators."""
    return _TESTS[indicator.kind](message, indicator)


def distinct(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """The reasons in their order, each once, at most 100."""
    return tuple(islice(dict.fromkeys(reasons), MAX_REASONS))


def _url(message: Message, indicator: Indicator) -> Iterator[tuple[Place, Reason]]:
    for form in link_forms(message):
        if indicator.match is Match.PREFIX:
            if form.url.startswith(indicator.value):
                yield _in_link("url_prefix", Entity(EntityKind.URL, form.url), form)
        elif form.url == indicator.value:
            yield _in_link("same_url", Entity(EntityKind.URL, form.url), form)


def _host(message: Message, indicator: Indicator) -> Iterator[tuple[Place, Reason]]:
    for form in link_forms(message):
        if form.host == indicator.value:
            yield _in_link("same_host", Entity(EntityKind.HOST, form.host), form)


def _domain(message: Message, indicator: Indicator) -> Iterator[tuple[Place, Reason]]:
    for form in link_forms(message):
        if is_under(form.host, indicator.value):
            yield _in_link("under_domain", Entity(EntityKind.HOST, form.host), form)
    for sender in senders_of(message):
        if is_under(sender.domain, indicator.value):
            text = f"The sender {sender.address} ({sender.where}) belongs to {indicator.value}."
            yield _in_header("sender_under_domain", sender, text)


def _sender(message: Message, indicator: Indicator) -> Iterator[tuple[Place, Reason]]:
    for sender in senders_of(message):
        if sender.address == indicator.value:
            yield _in_header("same_sender", sender, f"The sender is {sender.address} ({sender.where}).")
        elif f"@{sender.domain}" == indicator.value:
            text = f"The sender {sender.address} ({sender.where}) writes from {sender.domain}."
            yield _in_header("same_sender_domain", sender, text)


def _ip(message: Message, indicator: Indicator) -> Iterator[tuple[Place, Reason]]:
    entity = Entity(EntityKind.IP, indicator.value)
    if sending_ip(message) == indicator.value:
        text = f"The message was sent from {indicator.value}."
        yield ("sending ip",), Reason("same_ip", entity, "sending ip", text)
    for form in link_forms(message):
        if canonical_ip(form.host) == indicator.value:
            yield _in_link("link_to_ip", entity, form)


def _file(message: Message, indicator: Indicator) -> Iterator[tuple[Place, Reason]]:
    for file in files(message):
        if file.sha256 == indicator.value:
            where, name = f"attachment {file.path}", shown(file.name) or "without a name"
            text = f"The file {name} (at {shown(file.path)}) has the SHA-256 {file.sha256}."
            reason = Reason("same_file", Entity(EntityKind.FILE, file.sha256), where, text)
            yield (where, file.sha256), reason


def _in_link(code: str, entity: Entity, form: LinkForm) -> tuple[Place, Reason]:
    return (form.where, form.url), Reason(code, entity, form.where, form.sentence)


def _in_header(code: str, sender: Sender, text: str) -> tuple[Place, Reason]:
    reason = Reason(code, Entity(EntityKind.SENDER, sender.address), sender.where, text)
    return (sender.where, sender.address), reason


_TESTS: dict[IndicatorKind, Callable[[Message, Indicator], Iterable[tuple[Place, Reason]]]] = {
    IndicatorKind.URL: _url,
    IndicatorKind.HOST: _host,
    IndicatorKind.DOMAIN: _domain,
    IndicatorKind.SENDER: _sender,
    IndicatorKind.IP: _ip,
    IndicatorKind.SHA256: _file,
}
