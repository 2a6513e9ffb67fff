"""The policy as options of a command and as lines for people: one row for each setting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar

import click

from clawback.response.policy import Policy

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its option, its field of the policy, what may be given, and how it reads, also as zero."""

    option: str
    field: str
    kind: click.ParamType[Any]
    help: str
    title: str
    unit: timedelta | None = None
    none: str = ""

    @property
    def name(self) -> str:
        """The parameter that click makes of the option."""
        return self.option.removeprefix("--").replace("-", "_")

    def read(self, given: Any) -> object:
        """The field's value from what was given."""
        return given * self.unit if self.unit else given

    def show(self, policy: Policy) -> str:
        """The setting in words."""
        value = getattr(policy, self.field)
        if self.none and not value:
            return self.none
        if isinstance(value, timedelta):
            return length(value)
        if isinstance(value, bool):
            return "yes" if value else "no"
        return f"{value:,}" if isinstance(value, int) else f"{value:g}"


@dataclass(frozen=True, slots=True)
class Names:
    """A set of names that grows by one option and shrinks by another."""

    add: str
    remove: str
    field: str
    metavar: str
    help: str
    title: str

    @property
    def names(self) -> tuple[str, str]:
        """The parameters that click makes of the options."""
        return self.add.removeprefix("--").replace("-", "_"), self.remove.removeprefix("--").replace("-", "_")


_DAY, _MINUTE = timedelta(days=1), timedelta(minutes=1)
_COUNT, _MANY = click.IntRange(0, 1_000_000_000), click.IntRange(1, 10_000_000)
_DAYS, _SHARE = click.FloatRange(0, 36_500), click.FloatRange(0, 1)

SETTINGS: tuple[Setting, ...] = (
    Setting("--limit", "limit", _MANY, "Plans over this many copies wait.", "Plans over so many copies wait"),
    Setting("--shadow", "shadow", click.BOOL, "Only say what would run by itself.", "Shadow mode"),
    Setting(
        "--expiry-days",
        "expiry",
        click.IntRange(1, 365),
        "Pending plans expire after.",
        "Pending plans expire after",
        _DAY,
    ),
    Setting(
        "--warning-days", "warning", _DAYS, "So long before that they warn.", "Warned of so long before", _DAY
    ),
    Setting(
        "--armed-days",
        "armed",
        _DAYS,
        "For so long after a removal late copies are taken out on sight; 0: not at all.",
        "Late copies are taken out for",
        _DAY,
        "not at all",
    ),
    Setting(
        "--handful",
        "handful",
        _COUNT,
        "More malicious members than this make a similar cluster malicious.",
        "A handful of malicious members",
    ),
    Setting(
        "--likeness",
        "likeness",
        click.FloatRange(0.3, 1),
        "Bodies are similar from this Jaccard value on.",
        "Bodies are similar from",
    ),
    Setting(
        "--two-step-copies",
        "two_step_copies",
        _COUNT,
        "Plans of so many copies need a second person; 0: never.",
        "Second person from so many copies",
        none="never",
    ),
    Setting(
        "--two-step-mailboxes",
        "two_step_mailboxes",
        _COUNT,
        "Plans in so many mailboxes need a second person; 0: never.",
        "Second person from so many mailboxes",
        none="never",
    ),
    Setting("--justify", "justify", click.BOOL, "Every decision needs a note.", "Decisions need a note"),
    Setting(
        "--collateral",
        "collateral",
        _COUNT,
        "Plans with more probably legitimate copies than this wait.",
        "Probably legitimate copies at most",
    ),
    Setting(
        "--copies-per-hour",
        "copies_per_hour",
        _MANY,
        "Automation takes out at most so many copies in an hour.",
        "Copies an hour at most",
    ),
    Setting("--canary", "canary", _MANY, "Copies that go before all others.", "Copies that go first"),
    Setting(
        "--canary-minutes",
        "canary_wait",
        click.FloatRange(0, 10_080),
        "The others wait for so long when anything legitimate may be among them.",
        "The others wait for",
        _MINUTE,
    ),
    Setting(
        "--breaker",
        "breaker",
        _SHARE,
        "Automation stops when this share of what it took out in a day is undone.",
        "Automation stops at a share undone of",
    ),
    Setting(
        "--investigations-per-hour",
        "investigations_per_hour",
        _MANY,
        "More investigations than this that start by themselves are queued.",
        "Investigations an hour",
    ),
    Setting(
        "--clusters-limit",
        "clusters_limit",
        _MANY,
        "An investigation ends at so many clusters.",
        "Clusters in an investigation at most",
    ),
    Setting(
        "--members-limit",
        "members_limit",
        click.IntRange(1, 1_000_000_000),
        "An investigation ends at so many messages in one cluster.",
        "Messages in a cluster at most",
    ),
)
NAMES: tuple[Names, ...] = (
    Names(
        "--exclude",
        "--include",
        "excluded_mailboxes",
        "MAILBOX",
        "touch this mailbox",
        "Mailboxes that are never touched",
    ),
    Names(
        "--secops",
        "--no-secops",
        "secops_mailboxes",
        "MAILBOX",
        "leave out this mailbox of the security team",
        "SecOps mailboxes",
    ),
    Names(
        "--simulation-sender",
        "--no-simulation-sender",
        "simulation_senders",
        "SENDER",
        "leave out phishing simulations of this address or domain",
        "Simulation senders",
    ),
    Names(
        "--simulation-url",
        "--no-simulation-url",
        "simulation_urls",
        "URL",
        "leave out phishing simulations with this URL prefix or host",
        "Simulation URLs",
    ),
)


def policy_options(command: F) -> F:
    """Every setting as an option of this command."""
    for names in reversed(NAMES):
        add, remove = _spoken(names)
        command = click.option(names.remove, multiple=True, metavar=names.metavar, help=remove)(command)
        command = click.option(names.add, multiple=True, metavar=names.metavar, help=add)(command)
    for setting in reversed(SETTINGS):
        command = click.option(setting.option, type=setting.kind, help=setting.help)(command)
    return command


def _spoken(names: Names) -> tuple[str, str]:
    if names.field == "excluded_mailboxes":
        return "Never touch this mailbox.", "Touch this mailbox again."
    return f"{names.help.capitalize()}.", f"Do not {names.help} any more."


def changed(policy: Policy, given: Mapping[str, Any]) -> Policy:
    """The policy with the settings that were given."""
    fields: dict[str, Any] = {}
    for setting in SETTINGS:
        value = given.get(setting.name)
        if value is not None:
            fields[setting.field] = setting.read(value)
    for names in NAMES:
        add, remove = names.names
        grown = getattr(policy, names.field) | {name.lower() for name in given.get(add, ())}
        fields[names.field] = grown - {name.lower() for name in given.get(remove, ())}
    return replace(policy, **fields)


def described(policy: Policy) -> dict[str, object]:
    """Every setting by its title, in words."""
    facts: dict[str, object] = {setting.title: setting.show(policy) for setting in SETTINGS}
    for names in NAMES:
        facts[names.title] = sorted(getattr(policy, names.field)) or "none"
    return facts


def length(time: timedelta) -> str:
    """Whole days, hours, or minutes."""
    minutes = time.total_seconds() / 60
    for unit, word in ((1_440, "days"), (60, "hours")):
        if minutes and minutes % unit == 0:
            return f"{minutes / unit:g} {word}"
    return f"{minutes:g} minutes"
