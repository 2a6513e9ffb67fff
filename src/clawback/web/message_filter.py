"""The filter for messages as query parameters, the same for every route that searches."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from litestar.di import NamedDependency, Provide
from litestar.params import FromQuery, QueryParameter

from clawback.analysis.indicators import Threat, VerdictKind
from clawback.message.delivery import DeliveryAction, DeliveryLocation
from clawback.message.message import Direction
from clawback.store import MessageFilter

Word = Annotated[str, QueryParameter(max_length=1_000)]
GivenFilter = NamedDependency[MessageFilter]


def filter_given(
    text: Word = "",
    sender: Word = "",
    mailbox: Word = "",
    since: FromQuery[datetime | None] = None,
    until: FromQuery[datetime | None] = None,
    internet_message_id: Word = "",
    ip: Word = "",
    url: Word = "",
    host: Word = "",
    domain: Word = "",
    sha256: Word = "",
    attachment: Word = "",
    file_type: Word = "",
    action: FromQuery[DeliveryAction | None] = None,
    location: FromQuery[DeliveryLocation | None] = None,
    verdict: FromQuery[VerdictKind | None] = None,
    threat: FromQuery[Threat | None] = None,
    source: Word = "",
    direction: FromQuery[Direction | None] = None,
    spf: Word = "",
    dkim: Word = "",
    dmarc: Word = "",
) -> MessageFilter:
    """What a request searches for."""
    return MessageFilter(
        text=text,
        sender=sender,
        mailbox=mailbox,
        since=since,
        until=until,
        internet_message_id=internet_message_id,
        ip=ip,
        url=url,
        host=host,
        domain=domain,
        sha256=sha256,
        attachment=attachment,
        file_type=file_type,
        action=action,
        location=location,
        verdict=verdict,
        threat=threat,
        source=source,
        direction=direction,
        spf=spf,
        dkim=dkim,
        dmarc=dmarc,
    )


FILTERED: Mapping[str, Provide] = {"wanted": Provide(filter_given, sync_to_thread=False)}
"""The dependencies of a handler that takes the filter as `wanted`."""
