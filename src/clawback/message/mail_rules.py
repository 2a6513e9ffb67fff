"""Mail rules: what an account's own filters do with its mail, read from its scripts and never run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

MAX_RULES = 200
"""Rules of one account; more are not told."""


class RuleKind(StrEnum):
    """What a rule does. ``command`` hands mail to a program, ``unread`` is a script that makes no sense."""

    REDIRECT = "redirect"
    FILEINTO = "fileinto"
    DISCARD = "discard"
    REJECT = "reject"
    COMMAND = "command"
    UNREAD = "unread"


@dataclass(frozen=True, slots=True)
class MailRule:
    """One rule: what it does and to whom or where, under which condition, and in which script it stands.

    `copy` is set when the mail stays in the mailbox too.
    """

    kind: RuleKind
    target: str
    condition: str
    script: str
    copy: bool = False

    def leaves(self, domain: str) -> bool:
        """Whether it sends mail to somebody outside of this domain."""
        if self.kind is not RuleKind.REDIRECT:
            return False
        host = self.target.rpartition("@")[2].strip(" >").lower()
        return "@" in self.target and host != domain.lower()

    @property
    def hides(self) -> bool:
        """Whether the owner is not likely to see the mail that it acts on."""
        if self.copy or self.kind is RuleKind.UNREAD:
            return False
        words = self.target.replace("/", ".").lower().split(".")
        return self.kind is not RuleKind.FILEINTO or not _UNSEEN.isdisjoint(words)

    @property
    def sentence(self) -> str:
        """The rule in words."""
        what = {
            RuleKind.REDIRECT: f"sends mail on to {self.target}",
            RuleKind.FILEINTO: f"files mail into {self.target}",
            RuleKind.DISCARD: "throws mail away",
            RuleKind.REJECT: "sends mail back",
            RuleKind.COMMAND: f"hands mail to {self.target}",
            RuleKind.UNREAD: f"cannot be read: {self.target}",
        }[self.kind]
        kept = " and keeps it" if self.copy else ""
        when = f" when {self.condition}" if self.condition else ""
        return f"{self.script} {what}{kept}{when}"


# Folders in which intruders hide answers: nobody looks there.
_UNSEEN = frozenset(
    {
        "trash", "junk", "spam", "deleted items", "deleted messages", "deleted", "archive", "archiv",
        "rss feeds", "rss subscriptions", "rss", "conversation history", "papierkorb", "gelöscht",
    }
)  # fmt: skip
