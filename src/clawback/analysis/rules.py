"""Rules: stated conditions of detection, as data."""

from __future__ import annotations

from dataclasses import dataclass

from clawback.analysis.kinds import IndicatorKind


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its stable `id`, a `title` for lists, and a `text` that says when it matches."""

    id: str
    title: str
    text: str


RULES: tuple[Rule, ...] = (
    Rule(
        "indicator.url",
        "Listed URL",
        "A link in the message, anywhere, leads to a listed URL or stands under a listed URL prefix.",
    ),
    Rule(
        "indicator.host",
        "Listed host",
        "A link in the message leads to a listed host, whatever its path.",
    ),
    Rule(
        "indicator.domain",
        "Listed domain",
        "A link leads to, or the sender writes from, a listed domain or a host below it.",
    ),
    Rule(
        "indicator.sender",
        "Listed sender",
        "The From or Return-Path address is listed, or its domain is listed as a sender domain.",
    ),
    Rule(
        "indicator.ip",
        "Listed IP address",
        "The message was handed in by a listed address, or a link leads to it by number.",
    ),
    Rule(
        "indicator.sha256",
        "Listed file",
        "A file in the message, at any depth, has a listed SHA-256.",
    ),
)


def rule_of(kind: IndicatorKind) -> str:
    """The id of the rule by which an indicator of this kind is detected."""
    return f"indicator.{kind.value}"
