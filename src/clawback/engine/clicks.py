"""Clicks: log evidence taken in, and told to the investigations that it belongs to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from clawback.analysis.entities import Entity, EntityKind
from clawback.analysis.indicators import Indicator, VerdictKind
from clawback.analysis.matching import keys_of
from clawback.engine.parts import Parts
from clawback.engine.record import record
from clawback.engine.requests import Request, cause_of, raised
from clawback.errors import BadParameter
from clawback.message.defect import Defect
from clawback.response.alerts import AlertKind
from clawback.response.clicks import Click, click, clickers, keys_of_click, leads_to
from clawback.response.events import AlertJoined
from clawback.response.events_inquiries import ClicksFound, ClicksRecorded
from clawback.store import Unit

BATCH = 1_000
LOOKED_AT = 20_000
"""Clicks under one host or domain that are looked at."""
CARRIERS = 2_000
"""Messages with a URL that are looked through for the copy in which it was clicked."""
TOLD = 100
"""Users whose click an event names."""
LONGEST_LINE = 20_000


def read_clicks(lines: Iterable[str], source: str, now: datetime) -> Iterator[Click | Defect]:
    """Clicks from lines of JSON: ``user`` and ``url``, and if known ``at`` (ISO, UTC), ``message_id``."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield _click(json.loads(line[:LONGEST_LINE]), source, now)
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError, BadParameter) as error:
                yield Defect("not_a_click", f"line {number}: {error}")


def _click(plain: dict[str, Any], source: str, now: datetime) -> Click:
    at = datetime.fromisoformat(str(plain["at"])) if plain.get("at") else now
    moment = at if at.tzinfo else at.replace(tzinfo=now.tzinfo)
    said = str(plain.get("source") or source)
    return click(str(plain["user"]), str(plain["url"]), moment, said, str(plain.get("message_id") or ""))


def record_clicks(parts: Parts, source: str, rows: Iterable[Click | Defect], actor: str) -> ClicksRecorded:
    """Keep clicks; those on what is listed as malicious raise an alert. Bad rows are counted."""
    read = added = defects = 0
    rest = iter(rows)
    while chunk := list(islice(rest, BATCH)):
        good = [row for row in chunk if isinstance(row, Click)]
        read, defects = read + len(chunk), defects + len(chunk) - len(good)
        now = parts.now()
        with parts.store.write() as unit:
            unit.indicators.fence(changing=False)
            new = unit.clicks.add(good)
            added += len(new)
            unit.exposure.clicked(_copies(unit, new))
            requests = _requests(unit, new, now)
            for key in sorted(requests):
                unit.jobs.put("investigate", key, requests[key].encode(), now)
    event = ClicksRecorded(source, read, added, defects)
    with parts.store.write(durable=True) as unit:
        record(unit, event, actor=actor, at=parts.now())
    return event


def _copies(unit: Unit, clicks: Sequence[Click]) -> Iterator[tuple[str, datetime]]:
    """The copies that the links were clicked in: those of the user's own mailbox that carry them."""
    for url, mine in _by_url(clicks).items():
        near = unit.messages.sharing([Entity(EntityKind.URL, url)])
        ids = {message.id for message in islice(near, CARRIERS)}
        for delivery in unit.deliveries.of_messages(ids):
            for one in mine:
                its = not one.message_id or one.message_id == delivery.message_id
                if its and one.user == delivery.handle.mailbox.lower():
                    yield delivery.id, one.at


def _by_url(clicks: Sequence[Click]) -> dict[str, list[Click]]:
    found: dict[str, list[Click]] = {}
    for one in clicks:
        found.setdefault(one.url, []).append(one)
    return found


def _requests(unit: Unit, clicks: Sequence[Click], now: datetime) -> dict[str, Request]:
    """What to investigate because of these clicks, one request for each indicator that one leads to."""
    listed = unit.indicators.matching({key for one in clicks for key in keys_of_click(one)})
    bad = [i for i in listed if i.verdict is VerdictKind.MALICIOUS and i.alive(now)]
    requests: dict[str, Request] = {}
    for one in clicks:
        for indicator in (i for i in bad if leads_to(one.url, i)):
            request = _alert(cause_of(indicator), (indicator.id,), one)
            requests.setdefault(request.key, request)
    return requests


def _alert(cause: Entity, indicators: tuple[str, ...], one: Click, others: int = 0) -> Request:
    more = f" and {others} others" if others else ""
    return raised(
        AlertKind.URL_CLICK,
        cause,
        f"click:{one.id}",
        one.source,
        indicators=indicators,
        messages=(one.message_id,) if one.message_id else (),
        detail=f"{one.user}{more} followed {one.url} at {one.at:%Y-%m-%d %H:%M} UTC",
    )


def was_clicked(unit: Unit, indicator: Indicator) -> bool:
    """Whether a log told that somebody followed what this indicator names."""
    near = unit.clicks.matching(keys_of(indicator), LOOKED_AT)
    return any(leads_to(one.url, indicator) for one in near)


def tell_clicks(parts: Parts, investigation_id: str, questions: Sequence[Indicator]) -> None:
    """Tell an investigation who followed what it is about, and raise the alert there if nobody has yet."""
    for asked in questions:
        with parts.store.read() as unit:
            near = unit.clicks.matching(keys_of(asked), LOOKED_AT)
            first = clickers(one for one in near if leads_to(one.url, asked))
        if first:
            _tell(parts, investigation_id, asked, first)


def _tell(parts: Parts, investigation_id: str, asked: Indicator, first: dict[str, Click]) -> None:
    now, cause = parts.now(), cause_of(asked)
    told = sorted(first.values(), key=lambda one: one.at)
    with parts.store.write(durable=True) as unit:
        state = unit.investigations.get(investigation_id)
        bad = asked.verdict is VerdictKind.MALICIOUS
        verdict = VerdictKind.SUSPICIOUS if bad else VerdictKind.UNKNOWN
        clicked = [item for item in state.evidence if item.role == "click"]
        known = {item.entity.value for item in clicked if not bad or item.verdict is verdict}
        new = [one for one in told if one.user not in known][:TOLD]
        if not new:
            return
        alert = _alert(cause, (asked.id,), new[0], len(new) - 1).alert(now)
        if bad and all(one.id != alert.id for one in state.alerts):
            record(unit, AlertJoined(investigation_id, alert), actor=new[0].source, at=now)
        event = ClicksFound(investigation_id, cause, len(told), tuple(new), verdict)
        record(unit, event, actor=new[0].source, at=now)
