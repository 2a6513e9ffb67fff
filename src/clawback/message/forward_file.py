"""Forward files: where a ``.forward`` file sends an account's mail (aliases(5) of Postfix and Sendmail)."""

from __future__ import annotations

import re

from clawback.message.mail_rules import MAX_RULES, MailRule, RuleKind

MAX_FORWARD_FILE = 64 << 10
"""Bytes of a file that are read."""
_LONGEST = 300
_ITEM = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^,"\r\n]+))\s*(?:,|$)?', re.MULTILINE)


def read_forward_file(raw: bytes, script: str) -> tuple[MailRule, ...]:
    r"""Every place that the file names: addresses, programs (``|``), files and ``:include:``, in its order.

    The owner's own name behind a backslash keeps the mail in the mailbox.
    """
    lines = raw[:MAX_FORWARD_FILE].decode("utf-8", "replace").splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    items = [(quoted or bare).strip() for quoted, bare in _ITEM.findall(text)]
    kept = any(item.startswith("\\") for item in items)
    found = [_rule(item, script, kept) for item in items if item and not item.startswith("\\")]
    return tuple(found[:MAX_RULES])


def _rule(item: str, script: str, kept: bool) -> MailRule:
    target = item[:_LONGEST]
    if item.startswith("|"):
        return MailRule(RuleKind.COMMAND, target[1:].strip(), "", script, kept)
    if item.startswith(("/", ":include:")):
        return MailRule(RuleKind.FILEINTO, target, "", script, kept)
    return MailRule(RuleKind.REDIRECT, target, "", script, kept)
