"""The explorer: mail that was seen, by any field, over time; and what is chosen of it, to be acted on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from litestar import MediaType, post
from litestar.params import URLEncodedBody
from litestar.response import Redirect, Template

from clawback.analysis.canonical import guess_kind
from clawback.analysis.indicators import IndicatorKind, Threat, VerdictKind
from clawback.engine.parts import Parts
from clawback.engine.selection import Selection, preview
from clawback.errors import BadIndicator, BadParameter, TooWide
from clawback.message.delivery import DeliveryAction, DeliveryLocation
from clawback.message.message import Direction
from clawback.response.plan import ActionKind
from clawback.response.selection import ACTIONS
from clawback.store import FoundBy, MessageFilter
from clawback.store.message_query import FIELDS, filter_of, query_of, said_of
from clawback.web.given import GivenParts
from clawback.web.portal.forms import Cursor, Word, moment_of, one_of
from clawback.web.portal.frame import GivenPage, form_at, page_at
from clawback.web.portal.listing import ROWS, ListPage
from clawback.web.remediation import ordered

HERE = "/explorer"
OVER_TIME = HERE + "/over-time"
FIRST_DAYS = 30
"""Days that the page looks back when nothing is asked."""
COUNTING = 1.5
"""Seconds that a sum or a plot may take; the page does without where it takes longer."""
_HOURS_UP_TO = timedelta(days=3)
_MOST_STEPS = 800
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_FIRST = ("text", "sender", "mailbox", "since", "until")
_CHOICES = {
    "action": DeliveryAction,
    "location": DeliveryLocation,
    "verdict": VerdictKind,
    "threat": Threat,
    "direction": Direction,
}
_TITLES = {
    "url": "URL (ends in * for all below)",
    "host": "Host",
    "domain": "Domain, of links and senders",
    "sha256": "SHA-256 of a file",
    "attachment": "File name",
    "file_type": "File type",
    "ip": "Sending IP address",
    "internet_message_id": "Internet message ID",
    "spf": "SPF",
    "dkim": "DKIM",
    "dmarc": "DMARC",
    "action": "Delivery action",
    "location": "Latest location",
    "verdict": "Verdict",
    "threat": "Threat",
    "direction": "Direction",
    "source": "Said by (ind-..., sub-...)",
}
_COLORS: Mapping[str, str] = {
    "malicious": "--bad",
    "suspicious": "--doubt",
    "no_threats_found": "--good",
    "inbox": "--accent",
    "junk": "--doubt",
    "soft_deleted": "--good",
}
_FIELD_OF = {
    IndicatorKind.URL: "url",
    IndicatorKind.HOST: "host",
    IndicatorKind.DOMAIN: "domain",
    IndicatorKind.IP: "ip",
    IndicatorKind.SHA256: "sha256",
    IndicatorKind.SENDER: "sender",
}


@dataclass(frozen=True, slots=True)
class Plot:
    """What was found over time: the plot's data, and the sums it shows."""

    data: Mapping[str, Any]
    sums: tuple[tuple[VerdictKind | DeliveryLocation, int], ...]
    step: str


@page_at(HERE)
def explorer(
    page: GivenPage, parts: GivenParts, by: Word = "", sort: Word = "", cursor: Cursor = ""
) -> Template:
    """Every field of the filter stands in the address; `q` is whatever was typed into the search above.

    The list is sent first, for how many there are in all takes longer to tell.
    """
    given = {name: value.strip() for name, value in page.request.query_params.items()}
    asked = _asked(given, parts.now())
    wanted, oldest = _filter(asked), sort == "seen"
    with parts.store.read() as unit:
        query = query_of(wanted, oldest_first=oldest, limit=ROWS, cursor=cursor)
        rows, after = unit.messages.search(query)
        ids = [message.id for message in rows]
        verdicts, copies = unit.detections.verdicts(ids), unit.deliveries.counts(ids)
    kept = {**asked, "by": by} if by else asked
    formats = _exports(wanted) if page.may("analyse") else ()
    listing = ListPage(HERE, kept, len(rows), cursor, after, sort=sort, formats=formats)
    return page.show(
        "explorer.html",
        "Explorer",
        HERE,
        rows=rows,
        verdicts=verdicts,
        copies=copies,
        listing=listing,
        asked=given.get("q", ""),
        filters=asked,
        more=_more(asked),
        more_asked=any(asked.get(name) for name in _TITLES),
        filtered=_filtered(asked),
        named=_named(asked),
        over_time=_address(kept, OVER_TIME),
        actions=ACTIONS,
    )


@page_at(OVER_TIME)
def over_time(page: GivenPage, parts: GivenParts, by: Word = "") -> Template:
    """How many match, and when they were first seen; of what would take too long, nothing."""
    asked = {name: page.request.query_params.get(name, "")[:8_000] for name in FIELDS}
    wanted, counted_by = _filter(asked), one_of(FoundBy, by) or FoundBy.VERDICT
    plot = _plot(parts, wanted, counted_by)
    if plot and counted_by is FoundBy.VERDICT:
        total: int | None = sum(count for _, count in plot.sums)
    else:
        total = _total(parts, wanted)
    ways = [(one, _address({**asked, "by": one.value}), one is counted_by) for one in FoundBy]
    sum_shown = total is not None and _filtered(asked) and page.may("analyse")
    return page.part("explorer_over_time.html", plot=plot, ways=ways, total=total if sum_shown else None)


def _asked(given: Mapping[str, str], now: datetime) -> dict[str, str]:
    """The fields as they stand in the address; what was typed into the search above goes where it fits."""
    asked = {name: given.get(name, "")[:8_000] for name in FIELDS}
    if text := given.get("q", "")[:8_000]:
        asked[_field_of(text)] = text
    if "since" not in given and not any(asked.values()):
        asked["since"] = f"{now - timedelta(days=FIRST_DAYS):%Y-%m-%d}"
    return asked


def _field_of(text: str) -> str:
    """The field that somebody means who types this."""
    if text.startswith("<") and text.endswith(">") and "@" in text:
        return "internet_message_id"
    marks = any(mark in text for mark in (".", ":", "/", "@"))
    if " " in text or (not marks and len(text) != 64):
        return "text"
    try:
        return _FIELD_OF[guess_kind(text)]
    except BadIndicator:
        return "text"


def _filter(asked: Mapping[str, str]) -> MessageFilter:
    """The filter that fields of a form mean; raises BadQuery or BadParameter."""
    plain: dict[str, Any] = {name: asked.get(name, "") for name in FIELDS}
    plain["sender"] = plain["sender"].removeprefix("@")
    return filter_of(plain | {name: moment_of(plain[name]) for name in ("since", "until")})


def _named(asked: Mapping[str, str]) -> str:
    """The one thing that is asked for, and that can be investigated; "" for none."""
    names = [asked[name] for name in (*_FIELD_OF.values(),) if asked[name]]
    return names[0] if len(names) == 1 and not names[0].endswith("*") else ""


def _filtered(asked: Mapping[str, str]) -> bool:
    """Whether more is asked than since when."""
    return any(asked.get(name) for name in FIELDS if name != "since")


def _more(asked: Mapping[str, str]) -> list[tuple[str, str, str, tuple[Any, ...]]]:
    """The fields beside the first ones: name, title, value, and what there is to choose from."""
    return [(n, title, asked.get(n, ""), tuple(_CHOICES.get(n, ()))) for n, title in _TITLES.items()]


def _exports(wanted: MessageFilter) -> tuple[tuple[str, str], ...]:
    fields = urlencode(said_of(wanted))
    files = [("CSV", "form=csv"), ("JSON", "form=json")]
    return tuple(
        (name, f"/api/messages/export?{form}{'&' + fields if fields else ''}") for name, form in files
    )


def _address(asked: Mapping[str, str], path: str = HERE) -> str:
    chosen = {name: value for name, value in asked.items() if value or name == "since"}
    return f"{path}?{urlencode(chosen)}"


def _total(parts: Parts, wanted: MessageFilter) -> int | None:
    """How many match; None when it would take too long to tell."""
    try:
        with parts.store.read() as unit:
            unit.messages.seconds = COUNTING
            return unit.messages.count_matching(wanted)
    except TooWide:
        return None


def _plot(parts: Parts, wanted: MessageFilter, by: FoundBy) -> Plot | None:
    """What was found over time; None for nothing, or when it would take too long to tell."""
    try:
        with parts.store.read() as unit:
            unit.messages.seconds = COUNTING
            found = unit.messages.over_time(wanted, by, _HOUR)
    except TooWide:
        return None
    if not found:
        return None
    starts = [start for start, _ in found]
    step = _HOUR if max(starts) - min(starts) <= _HOURS_UP_TO else _DAY
    counts: Counter[tuple[datetime, VerdictKind | DeliveryLocation]] = Counter()
    for (start, kind), count in found.items():
        counts[start if step is _HOUR else start.replace(hour=0), kind] += count
    sums: Counter[VerdictKind | DeliveryLocation] = Counter()
    for (_, kind), count in counts.items():
        sums[kind] += count
    first, last = min(start for start, _ in counts), max(start for start, _ in counts)
    # With an empty step on either side: a single point would have no scale.
    x = _steps(first - step, last + step, step)
    series = [
        {
            "label": kind.value.replace("_", " "),
            "values": [counts[moment, kind] for moment in x],
            "color": _COLORS.get(kind.value, "--muted"),
        }
        for kind, _ in sums.most_common()
    ]
    data = {"x": [int(moment.timestamp()) for moment in x], "series": series}
    return Plot(data, tuple(sums.most_common()), "hour" if step is _HOUR else "day")


def _steps(first: datetime, last: datetime, step: timedelta) -> list[datetime]:
    count = min((last - first) // step, _MOST_STEPS)
    return [last - step * n for n in range(count, -1, -1)]


def _chosen(data: Mapping[str, Any], now: datetime) -> Selection:
    """The messages that a form names, or all that its fields mean, as far as they had been seen by now."""
    if data.get("scope") != "all":
        named = data.get("chosen", ())
        ids = (named,) if isinstance(named, str) else tuple(str(one) for one in named)
        if not ids:
            raise BadParameter("no message is chosen")
        return Selection(ids)
    wanted = _filter({name: str(data.get(name, "")) for name in FIELDS})
    return Selection(wanted=wanted if wanted.until else replace(wanted, until=now))


def _action(data: Mapping[str, Any]) -> ActionKind:
    action = one_of(ActionKind, str(data.get("action_kind", "")))
    if action is None:
        raise BadParameter("say what to do with them")
    return action


@post(
    HERE + "/preview",
    sync_to_thread=True,
    status_code=200,
    media_type=MediaType.HTML,
    include_in_schema=False,
)
def previewed(page: GivenPage, parts: GivenParts, data: URLEncodedBody[dict[str, Any]]) -> Template:
    """What would happen, before anything does, and the form that orders it."""
    page.ordered(str(data.get("csrf", "")))
    chosen, action = _chosen(data, parts.now()), _action(data)
    one = preview(parts, chosen, action)
    asked = said_of(chosen.wanted)
    return page.show(
        "explorer_preview.html",
        "Preview",
        HERE,
        one=one,
        chosen=chosen.message_ids,
        fields=asked,
        times={"since": chosen.wanted.since, "until": chosen.wanted.until},
        back=_address({name: str(data.get(name, "")) for name in FIELDS}),
    )


@form_at(HERE + "/act")
def acted(page: GivenPage, parts: GivenParts, data: URLEncodedBody[dict[str, Any]]) -> Redirect:
    """Order what was previewed, and go to its investigation."""
    page.ordered(str(data.get("csrf", "")))
    made = ordered(
        parts,
        page.caller,
        _chosen(data, parts.now()),
        _action(data),
        str(data.get("preview_hash", "")),
        str(data.get("note", "")),
        bool(data.get("approved")),
    )
    return page.done(f"/investigations/{made.investigation_id}", "ordered")


HANDLERS: tuple[Any, ...] = (explorer, over_time, previewed, acted)
