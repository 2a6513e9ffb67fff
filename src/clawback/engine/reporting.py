"""What the engine is told about users' reports: where they arrive, and how reporters are told the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from clawback.response.submissions import ReportPlace, SubmissionResult
from clawback.sinks.base import Postman


@dataclass(frozen=True, slots=True)
class Reporting:
    """Where reports arrive, our own domains, and who carries feedback (None: nobody is told)."""

    places: tuple[ReportPlace, ...] = ()
    domains: frozenset[str] = frozenset()
    postman: Postman | None = None
    templates: Mapping[SubmissionResult, str] = field(default_factory=dict)
