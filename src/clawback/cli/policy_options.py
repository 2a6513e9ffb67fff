"""The policy as options of a command and as lines for people: one row for each setting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar

import click

from clawback.analysis.clusters import ClusterKind
from clawback.response.policy import Policy
from clawback.response.policy_bounds import BOUNDS

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its option, its field of the policy, its unit, and how it reads, also as zero.

    What may be given are the bounds of the policy; with `whole`, times in whole units alone.
    """

    option: str
    field: str
    help: str
    title: str
    unit: timedelta | None = None
    none: str = ""
    whole: bool = False

    @property
    def kind(self) -> click.ParamType[Any]:
        """What may be given."""
        bounds = BOUNDS.get(self.field)
        if bounds is None:
            return click.BOOL
        least, most = (_number(bound, self.unit) for bound in bounds)
        whole = self.whole or isinstance(bounds[0], int)
        return click.IntRange(int(least), int(most)) if whole else click.FloatRange(least, most)

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


def _number(bound: float | timedelta, unit: timedelta | None) -> float:
    """A bound as it is given: in its unit, and as a whole number where it is one."""
    value = bound / (unit or _DAY) if isinstance(bound, timedelta) else bound
    return int(value) if value == int(value) else value


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
KINDS = {
    "files": ClusterKind.MALICIOUS_FILE,
    "urls": ClusterKind.MALICIOUS_URL,
    "attributes": ClusterKind.SIMILAR_ATTRIBUTES,
    "bodies": ClusterKind.NEAR_DUPLICATE,
    "campaigns": ClusterKind.SENDER_CAMPAIGN,
    "sent": ClusterKind.SENT_MAIL,
}
"""The words of the command line for the kinds of clusters that may run by themselves."""
SETTINGS: tuple[Setting, ...] = (
    Setting("--limit", "limit", "Plans over this many copies wait.", "Plans over so many copies wait"),
    Setting("--shadow", "shadow", "Only say what would run by itself.", "Shadow mode"),
    Setting(
        "--expiry-days",
        "expiry",
        "Pending plans expire after.",
        "Pending plans expire after",
        _DAY,
        whole=True,
    ),
    Setting("--warning-days", "warning", "So long before that they warn.", "Warned of so long before", _DAY),
    Setting(
        "--armed-days",
        "armed",
        "For so long after a removal late copies are taken out on sight; 0: not at all.",
        "Late copies are taken out for",
        _DAY,
        "not at all",
    ),
    Setting(
        "--handful",
        "handful",
        "More malicious members than this make a similar cluster malicious.",
        "A handful of malicious members",
    ),
    Setting(
        "--likeness",
        "likeness",
        "Bodies are similar from this Jaccard value on.",
        "Bodies are similar from",
    ),
    Setting(
        "--two-step-copies",
        "two_step_copies",
        "Plans of so many copies need a second person; 0: never.",
        "Second person from so many copies",
        none="never",
    ),
    Setting(
        "--two-step-mailboxes",
        "two_step_mailboxes",
        "Plans in so many mailboxes need a second person; 0: never.",
        "Second person from so many mailboxes",
        none="never",
    ),
    Setting("--justify", "justify", "Every decision needs a note.", "Decisions need a note"),
    Setting(
        "--collateral",
        "collateral",
        "Plans with more probably legitimate copies than this wait.",
        "Probably legitimate copies at most",
    ),
    Setting(
        "--copies-per-hour",
        "copies_per_hour",
        "Automation takes out at most so many copies in an hour.",
        "Copies an hour at most",
    ),
    Setting("--canary", "canary", "Copies that go before all others.", "Copies that go first"),
    Setting(
        "--canary-minutes",
        "canary_wait",
        "The others wait for so long when anything legitimate may be among them.",
        "The others wait for",
        _MINUTE,
    ),
    Setting(
        "--breaker",
        "breaker",
        "Automation stops when this share of what it took out in a day is undone.",
        "Automation stops at a share undone of",
    ),
    Setting(
        "--investigations-per-hour",
        "investigations_per_hour",
        "More investigations than this that start by themselves are queued.",
        "Investigations an hour",
    ),
    Setting(
        "--clusters-limit",
        "clusters_limit",
        "An investigation ends at so many clusters.",
        "Clusters in an investigation at most",
    ),
    Setting(
        "--members-limit",
        "members_limit",
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
    kinds = click.Choice([*KINDS, "all"])
    command = click.option("--off", "turned_off", multiple=True, type=kinds, help="Ask first.")(command)
    return click.option("--on", "turned_on", multiple=True, type=kinds, help="Run these.")(command)


def _spoken(names: Names) -> tuple[str, str]:
    if names.field == "excluded_mailboxes":
        return "Never touch this mailbox.", "Touch this mailbox again."
    return f"{names.help.capitalize()}.", f"Do not {names.help} any more."


def changed(policy: Policy, given: Mapping[str, Any]) -> Policy:
    """The policy with the settings that were given."""
    kinds = policy.automatic | _kinds(given.get("turned_on", ()))
    fields: dict[str, Any] = {"automatic": kinds - _kinds(given.get("turned_off", ()))}
    for setting in SETTINGS:
        value = given.get(setting.name)
        if value is not None:
            fields[setting.field] = setting.read(value)
    for names in NAMES:
        add, remove = names.names
        grown = getattr(policy, names.field) | {name.lower() for name in given.get(add, ())}
        fields[names.field] = grown - {name.lower() for name in given.get(remove, ())}
    return replace(policy, **fields)


def _kinds(words: Sequence[str]) -> frozenset[ClusterKind]:
    return frozenset(KINDS.values()) if "all" in words else frozenset(KINDS[word] for word in words)


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
