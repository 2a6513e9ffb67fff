"""Clicks: who followed which link and when, as a log says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from clawback import ids
from clawback.analysis.domains import domains_of, host_of, is_under
from clawback.analysis.entities import Entity, EntityKind
from clawback.analysis.indicators import Indicator, IndicatorKind, Match
from clawback.errors import BadParameter
from clawback.message.url import normalise

MAX_USER = 320
MAX_SOURCE = 200


@dataclass(frozen=True, slots=True)
class Click:
    """One click. `url` is canonical, `at` is UTC, `source` the log that says so.

    `message_id` is our id of the message that the link stood in, "" when the log does not say.
    """

    id: str
    user: str
    url: str
    at: datetime
    source: str
    message_id: str = ""


def click(user: str, url: str, at: datetime, source: str, message_id: str = "") -> Click:
    """A click with its URL made canonical and its id made of all it says; BadParameter for what cannot be."""
    user, source = user.strip().lower(), source.strip()
    found = normalise(url.strip())
    if found is None:
        raise BadParameter(f"{url!r:.80} is no URL that can be clicked")
    if not user or len(user) > MAX_USER or not source or len(source) > MAX_SOURCE:
        raise BadParameter("a click needs the user who made it and the log that says so")
    if at.tzinfo is None:
        raise BadParameter("a click's time needs a time zone")
    made = ids.make("clk", user, found.url, at.isoformat(), source)
    return Click(made, user, found.url, at, source, message_id)


def keys_of_click(one: Click) -> tuple[Entity, ...]:
    """What a click is found by: its URL, its host, and every domain above."""
    host = host_of(one.url)
    domains = (Entity(EntityKind.DOMAIN, domain) for domain in domains_of(host))
    return (Entity(EntityKind.URL, one.url), Entity(EntityKind.HOST, host), *domains)


def leads_to(url: str, indicator: Indicator) -> bool:
    """Whether a canonical URL is what an indicator names, or lies under it."""
    if indicator.kind is IndicatorKind.URL:
        if indicator.match is Match.PREFIX:
            return url.startswith(indicator.value)
        return url == indicator.value
    host = host_of(url)
    if indicator.kind is IndicatorKind.DOMAIN:
        return is_under(host, indicator.value)
    return indicator.kind in (IndicatorKind.HOST, IndicatorKind.IP) and host.strip("[]") == indicator.value


def clickers(clicks: Iterable[Click]) -> dict[str, Click]:
    """The first click of each user."""
    first: dict[str, Click] = {}
    for one in sorted(clicks, key=lambda one: one.at):
        first.setdefault(one.user, one)
    return first
