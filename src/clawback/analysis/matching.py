"""Matching: the one exact test whether a message carries an indicator, and where to look for candidates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from clawback.analysis.domains import canonical_ip, host_of, index_domain, is_under
from clawback.analysis.entities import Entity, EntityKind, Reason
from clawback.analysis.indicators import Indicator, IndicatorKind, Match
from clawback.analysis.places import LinkForm, files, link_forms, sending_ip
from clawback.analysis.senders import senders_of
from clawback.message.message import Message

# A newsletter with a thousand links to one host needs no thousand reasons.
MAX_REASONS = 100

_ENTITY_KINDS = {
    IndicatorKind.URL: EntityKind.URL,
    IndicatorKind.HOST: EntityKind.HOST,
    IndicatorKind.DOMAIN: EntityKind.DOMAIN,
    IndicatorKind.SENDER: EntityKind.SENDER,
    IndicatorKind.IP: EntityKind.IP,
    IndicatorKind.SHA256: EntityKind.FILE,
}


def entity_of(indicator: Indicator) -> Entity:
    """The entity an indicator names; for a prefix, the prefix itself."""
    return Entity(_ENTITY_KINDS[indicator.kind], indicator.value)


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
    found = _TESTS[indicator.kind](message, indicator)
    return tuple(islice(dict.fromkeys(found), MAX_REASONS))


def _url(message: Message, indicator: Indicator) -> Iterator[Reason]:
    for form in link_forms(message):
        if indicator.match is Match.PREFIX:
            if form.url.startswith(indicator.value):
                yield _link_reason("url_prefix", Entity(EntityKind.URL, form.url), form)
        elif form.url == indicator.value:
            yield _link_reason("same_url", Entity(EntityKind.URL, form.url), form)


def _host(message: Message, indicator: Indicator) -> Iterator[Reason]:
    for form in link_forms(message):
        if form.host == indicator.value:
            yield _link_reason("same_host", Entity(EntityKind.HOST, form.host), form)


def _domain(message: Message, indicator: Indicator) -> Iterator[Reason]:
    for form in link_forms(message):
        if is_under(form.host, indicator.value):
            yield _link_reason("under_domain", Entity(EntityKind.HOST, form.host), form)
    for sender in senders_of(message):
        if is_under(sender.domain, indicator.value):
            text = f"The sender {sender.address} ({sender.where}) belongs to {indicator.value}."
            yield Reason("sender_under_domain", Entity(EntityKind.SENDER, sender.address), sender.where, text)


def _sender(message: Message, indicator: Indicator) -> Iterator[Reason]:
    for sender in senders_of(message):
        entity = Entity(EntityKind.SENDER, sender.address)
        if sender.address == indicator.value:
            text = f"The sender is {sender.address} ({sender.where})."
            yield Reason("same_sender", entity, sender.where, text)
        elif f"@{sender.domain}" == indicator.value:
            text = f"The sender {sender.address} ({sender.where}) writes from {sender.domain}."
            yield Reason("same_sender_domain", entity, sender.where, text)


def _ip(message: Message, indicator: Indicator) -> Iterator[Reason]:
    entity = Entity(EntityKind.IP, indicator.value)
    if sending_ip(message) == indicator.value:
        yield Reason("same_ip", entity, "sending ip", f"The message was sent from {indicator.value}.")
    for form in link_forms(message):
        if canonical_ip(form.host) == indicator.value:
            yield _link_reason("link_to_ip", entity, form)


def _file(message: Message, indicator: Indicator) -> Iterator[Reason]:
    for file in files(message):
        if file.sha256 == indicator.value:
            name = file.name or "without a name"
            text = f"The file {name} (at {file.path}) has the SHA-256 {file.sha256}."
            yield Reason("same_file", Entity(EntityKind.FILE, file.sha256), f"attachment {file.path}", text)


def _link_reason(code: str, entity: Entity, form: LinkForm) -> Reason:
    return Reason(code, entity, form.where, form.sentence)


_TESTS: dict[IndicatorKind, Callable[[Message, Indicator], Iterable[Reason]]] = {
    IndicatorKind.URL: _url,
    IndicatorKind.HOST: _host,
    IndicatorKind.DOMAIN: _domain,
    IndicatorKind.SENDER: _sender,
    IndicatorKind.IP: _ip,
    IndicatorKind.SHA256: _file,
}
