"""What the engine is told about users' reports: where they arrive, and how reporters are told the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from clawback.response.submissions import ReportPlace, SubmissionResult
from clawback.sinks.base import Postman


@dataclass(frozen=True, slots=True)
class Reporting:
    """Where reports arrive, our own domains, and who carries feedback (None: nobody is told).

    That no threats were found is told after `hold` only, so that a person may look first.
    """

    places: tuple[ReportPlace, ...] = ()
    domains: frozenset[str] = frozenset()
    postman: Postman | None = None
    hold: timedelta = timedelta()
    templates: Mapping[SubmissionResult, str] = field(default_factory=dict)
