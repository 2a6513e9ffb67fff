"""The policy as a form: its rows, what they hold, and what was sent back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import Any

from clawback.analysis.clusters import BY_ITSELF, ClusterKind
from clawback.errors import BadParameter
from clawback.response.policy import Policy
from clawback.response.policy_bounds import BOUNDS, NAMES, checked
from clawback.web.portal.words import word

_UNITS = {"expiry": "days", "armed": "days", "warning": "days", "canary_wait": "minutes"}
_DAY, _MINUTE = timedelta(days=1), timedelta(minutes=1)
Titles = tuple[tuple[str, str], ...]
GROUPS: tuple[tuple[str, Titles], ...] = (
    (
        "Limits",
        (
            ("limit", "Plans over so many copies always wait"),
            ("collateral", "Plans with more probably legitimate copies wait"),
            ("copies_per_hour", "Copies that automation takes out in an hour at most"),
            ("canary", "Copies that go before all others"),
            ("canary_wait", "The others wait so many minutes when anything legitimate may be among them"),
            ("breaker", "Share of a day's copies that, once undone, stops all automation (0 to 1)"),
        ),
    ),
    (
        "People",
        (
            ("two_step_copies", "Plans of so many copies need a second person (0: never)"),
            ("two_step_mailboxes", "Plans in so many mailboxes need a second person (0: never)"),
            ("expiry", "Pending plans expire after days"),
            ("warning", "They warn so many days before"),
            ("armed", "Late copies are taken out for days after a removal (0: not at all)"),
        ),
    ),
    (
        "Clusters and work",
        (
            ("handful", "More malicious members than this make a similar cluster malicious"),
            ("likeness", "Bodies are similar from this value on (0.3 to 1)"),
            ("investigations_per_hour", "More investigations that start by themselves are queued"),
            ("clusters_limit", "Clusters in one investigation at most"),
            ("members_limit", "Messages in one cluster at most"),
        ),
    ),
)
LISTS: Titles = (
    ("excluded_mailboxes", "Mailboxes that are never touched"),
    ("secops_mailboxes", "Mailboxes of the security team"),
    ("simulation_senders", "Senders of phishing simulations (addresses or domains)"),
    ("simulation_urls", "URLs of phishing simulations (prefixes or hosts)"),
)
BACKTESTED: tuple[str, ...] = (
    "limit",
    "collateral",
    "copies_per_hour",
    "canary",
    "canary_wait",
    "handful",
    "likeness",
    "armed",
)
"""The numbers that make a difference to what would have run by itself."""
_TITLES: Mapping[str, str] = dict(row for _, rows in GROUPS for row in rows) | dict(LISTS)
_SWITCHES = {
    "shadow": "Shadow mode: only say what would run",
    "justify": "Every decision of a person needs a reason",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One field: its name, its title, what it holds, and what is in force where that is something else."""

    name: str
    title: str
    value: str
    in_force: str = ""


@dataclass(frozen=True, slots=True)
class PolicyForm:
    """A policy as a form, beside the one in force."""

    policy: Policy
    now: Policy

    @property
    def kinds(self) -> list[tuple[ClusterKind, bool, bool]]:
        """Every kind of cluster: whether it runs by itself, and whether it does now."""
        return [
            (kind, kind in self.policy.automatic, kind in self.now.automatic)
            for kind in ClusterKind
            if kind in BY_ITSELF
        ]

    @property
    def switches(self) -> list[tuple[str, str, bool, bool]]:
        """What is on or off: its name and title, whether it is on, and whether it is now."""
        return [(n, title, getattr(self.policy, n), getattr(self.now, n)) for n, title in _SWITCHES.items()]

    @property
    def groups(self) -> list[tuple[str, list[Row]]]:
        """Every number, in groups."""
        return [(title, [self.row(name) for name, _ in rows]) for title, rows in GROUPS]

    @property
    def backtested(self) -> list[Row]:
        """The numbers that matter to a backtest."""
        return [self.row(name) for name in BACKTESTED]

    @property
    def lists(self) -> list[Row]:
        """Every list of names, one in a line."""
        return [self.row(name) for name, _ in LISTS]

    @property
    def differs(self) -> bool:
        """Whether the form holds anything else than what is in force."""
        return self.policy != self.now

    def row(self, name: str) -> Row:
        """One field."""
        mine, now = _text(name, self.policy), _text(name, self.now)
        return Row(name, _TITLES[name], mine, "" if mine == now else now or "nothing")


def differences(policy: Policy, now: Policy) -> list[tuple[str, str, str]]:
    """The settings in which a policy is not the one in force: title, what it says, what is in force."""
    found = []
    for one in fields(Policy):
        if getattr(policy, one.name) != getattr(now, one.name):
            title = _TITLES.get(one.name) or _SWITCHES.get(one.name, "Runs by itself")
            found.append((title, _told(one.name, policy), _told(one.name, now)))
    return found


def _told(name: str, policy: Policy) -> str:
    if name == "automatic":
        return ", ".join(word(kind) for kind in ClusterKind if kind in policy.automatic) or "nothing"
    if name in _SWITCHES:
        return "on" if getattr(policy, name) else "off"
    return _text(name, policy).replace("\n", ", ") or "nothing"


def _text(name: str, policy: Policy) -> str:
    value = getattr(policy, name)
    if name in NAMES:
        return "\n".join(sorted(value))
    if isinstance(value, timedelta):
        return f"{value / (_MINUTE if _UNITS[name] == 'minutes' else _DAY):g}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def sent_back(before: Policy, data: Mapping[str, Any], names: Iterable[str] = tuple(BOUNDS)) -> Policy:
    """The policy with what a form says: kinds, numbers of these names, lists. Raises BadParameter."""
    chosen = data.get("automatic", ())
    kinds = {chosen} if isinstance(chosen, str) else set(chosen)
    given: dict[str, Any] = {name: _given(name, str(data.get(name, ""))) for name in names}
    given |= {name: frozenset(str(data.get(name, "")).lower().split()) for name in NAMES}
    given["automatic"] = frozenset(kind for kind in BY_ITSELF if kind.value in kinds)
    return checked(replace(before, **given))


def _given(name: str, text: str) -> Any:
    try:
        value = float(text)
    except ValueError:
        raise BadParameter(f"{name} is a number, not {text!r:.40}") from None
    if name in _UNITS:
        if not 0 <= value <= 100_000:
            raise BadParameter(f"{name} is out of its bounds")
        return value * (_MINUTE if _UNITS[name] == "minutes" else _DAY)
    kind = next(field.type for field in fields(Policy) if field.name == name)
    if kind == "int" and not value.is_integer():
        raise BadParameter(f"{name} is a whole number, not {text!r:.40}")
    return int(value) if kind == "int" else value
