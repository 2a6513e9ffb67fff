"""The filter for messages as options, the same for every command that searches."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

import click

from clawback.analysis.indicators import Threat, VerdictKind
from clawback.cli.options import Moment
from clawback.message.delivery import DeliveryAction, DeliveryLocation
from clawback.message.message import Direction

if TYPE_CHECKING:
    from clawback.store import MessageFilter

F = TypeVar("F", bound=Callable[..., Any])


def _of(kind: type[StrEnum]) -> click.Choice[str]:
    return click.Choice([one.value for one in kind])


_OPTIONS: tuple[tuple[str, Any, str], ...] = (
    ("text", str, "Words in the subject."),
    ("sender", str, "Address, or a domain."),
    ("mailbox", str, "Who got a copy."),
    ("since", Moment(), "First seen at or after."),
    ("until", Moment(), "First seen before."),
    ("internet-message-id", str, "The Message-ID header."),
    ("ip", str, "Sending host, or a link to an address."),
    ("url", str, "A link; with * at its end all that begin so."),
    ("host", str, "The host of a link."),
    ("domain", str, "The domain of a link or a sender, with all below it."),
    ("sha256", str, "A file, at any depth."),
    ("attachment", str, "Part of a file's name."),
    ("file-type", str, "Part of a file's type."),
    ("action", _of(DeliveryAction), "What the mail system did with a copy."),
    ("location", _of(DeliveryLocation), "Where a copy is now."),
    ("verdict", _of(VerdictKind), "The gravest that is said; no_threats_found: nothing is."),
    ("threat", _of(Threat), "What it is."),
    ("source", str, "What says something against it: ind-..., sub-..."),
    ("direction", _of(Direction), "Where it went."),
    ("spf", str, "Result of the border, such as fail or none."),
    ("dkim", str, "Result of the border."),
    ("dmarc", str, "Result of the border."),
)


def filter_options(command: F) -> F:
    """Every field of the filter."""
    for name, kind, words in reversed(_OPTIONS):
        command = click.option(f"--{name}", type=kind, default=None, help=words)(command)
    return command


def filter_from(given: dict[str, Any]) -> MessageFilter:
    """The filter that the options mean; takes them out of `given`. Raises BadQuery."""
    from clawback.store.message_query import FIELDS, filter_of

    return filter_of({name: given.pop(name, None) for name in FIELDS})
