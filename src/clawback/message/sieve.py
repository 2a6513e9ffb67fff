"""Sieve: what a filter script (RFC 5228) does with mail, as far as an analyst wants to know.

Not an interpreter: a script is read as a tree of commands, whatever extensions it uses, and those that send
mail on, file it or lose it are told with the tests around them. A script that makes no sense is told as that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from clawback.message.mail_rules import MAX_RULES, MailRule, RuleKind

MAX_SCRIPT = 1 << 20
"""Bytes of a script; of a larger one the rest is not read."""
MAX_DEPTH = 15
"""Blocks in blocks (the least that RFC 5228 asks of an implementation, section 2.10.5)."""
MAX_TOKENS = 50_000
"""Words, strings and signs of a script that are read."""
_LONGEST = 300

_TOKEN = re.compile(
    r"(?P<blank>[ \t\r\n]+|\#[^\n]*|/\*.*?\*/)"
    r"|(?P<multi>text:[ \t]*(?:\#[^\n]*)?\r?\n(?P<lines>.*?)(?:^|(?<=\n))\.\r?(?:\n|\Z))"
    r'|(?P<string>"(?:[^"\\]|\\.)*")'
    r"|(?P<tag>:[A-Za-z_]\w*)"
    r"|(?P<word>[A-Za-z_][\w.]*)"
    r"|(?P<number>\d+[KMGkmg]?)"
    r"|(?P<sign>[\[\](),;{}])",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_KINDS = {
    "redirect": RuleKind.REDIRECT,
    "notify": RuleKind.REDIRECT,
    "fileinto": RuleKind.FILEINTO,
    "discard": RuleKind.DISCARD,
    "reject": RuleKind.REJECT,
    "ereject": RuleKind.REJECT,
    "pipe": RuleKind.COMMAND,
    "execute": RuleKind.COMMAND,
    "filter": RuleKind.COMMAND,
}


class _NoSense(ValueError):
    """The script is no Sieve, or goes beyond what is read."""


@dataclass(slots=True)
class _Reader:
    """The tokens of a script, the conditions around the place that is read, and what was found."""

    tokens: list[tuple[str, str]]
    script: str
    at: int = 0
    found: list[MailRule] = field(default_factory=list)

    def block(self, conditions: tuple[str, ...], depth: int) -> None:
        """Commands up to the end of the block; each may have arguments and a block of its own."""
        if depth > MAX_DEPTH:
            raise _NoSense(f"blocks are nested deeper than {MAX_DEPTH}")
        keeps, first, before = False, len(self.found), list[str]()
        while self.at < len(self.tokens) and self.tokens[self.at] != ("sign", "}"):
            kind, word = self._next()
            if kind != "word":
                raise _NoSense(f"a command was expected, not {word!r:.40}")
            arguments = self._arguments()
            command = word.lower()
            if command in ("if", "elsif", "else"):
                tests = _text(arguments)
                before = [] if command == "if" else before
                mine = " and ".join([*(f"not ({test})" for test in before), *filter(None, [tests])])
                before = [*before, tests]
            else:
                mine = ""
                keeps = keeps or command == "keep"
                self._tell(command, arguments, conditions)
            if self.at < len(self.tokens) and self.tokens[self.at] == ("sign", "{"):
                self.at += 1
                self.block((*conditions, mine) if mine else conditions, depth + 1)
                self._expect("}")
            else:
                self._expect(";")
        if keeps:
            self.found[first:] = [_kept(rule, conditions) for rule in self.found[first:]]

    def _tell(self, command: str, arguments: Sequence[tuple[str, str]], conditions: tuple[str, ...]) -> None:
        kind = _KINDS.get(command)
        if kind is None or len(self.found) >= MAX_RULES:
            return
        tags = {value.lower() for one, value in arguments if one == "tag"}
        strings = [value for one, value in arguments if one == "string"]
        target = strings[-1][:_LONGEST] if strings and kind not in (RuleKind.DISCARD, RuleKind.REJECT) else ""
        copy = ":copy" in tags or command == "notify"
        condition = _together(conditions)
        self.found.append(MailRule(kind, target.removeprefix("mailto:"), condition, self.script, copy))

    def _arguments(self) -> list[tuple[str, str]]:
        """Everything up to the semicolon or the block of a command, tests and lists with their signs."""
        start = self.at
        while self.at < len(self.tokens) and self.tokens[self.at] not in (("sign", ";"), ("sign", "{")):
            if self.tokens[self.at] == ("sign", "}"):
                raise _NoSense("a command has no end")
            self.at += 1
        return self.tokens[start : self.at]

    def _next(self) -> tuple[str, str]:
        self.at += 1
        return self.tokens[self.at - 1]

    def _expect(self, sign: str) -> None:
        if self.at >= len(self.tokens) or self._next() != ("sign", sign):
            raise _NoSense(f"a {sign!r} is missing")


def read_sieve(raw: bytes, script: str) -> tuple[MailRule, ...]:
    """What a script does with mail, in its order; `script` is its name for people.

    At most 200 rules. A script that makes no sense to us is one rule of the kind ``unread``, after what was
    understood before that place.
    """
    reader = _Reader([], script)
    try:
        reader.tokens = list(_tokens(raw[:MAX_SCRIPT].decode("utf-8", "replace")))
        reader.block((), 0)
        if reader.at < len(reader.tokens):
            raise _NoSense("a block ends that never began")
        if len(raw) > MAX_SCRIPT:
            raise _NoSense(f"it is larger than {MAX_SCRIPT:,} bytes")
    except _NoSense as error:
        reader.found.append(MailRule(RuleKind.UNREAD, str(error), "", script))
    return tuple(reader.found)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at, count = 0, 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise _NoSense(f"{text[at : at + 20]!r} is no Sieve")
        at, kind = found.end(), found.lastgroup or ""
        if found["blank"] is not None:
            continue
        count += 1
        if count > MAX_TOKENS:
            raise _NoSense(f"it has more than {MAX_TOKENS:,} words")
        if found["multi"] is not None:
            yield "string", found["lines"].replace("\n..", "\n.")
        elif kind == "string":
            yield "string", _ESCAPE.sub(r"\1", found[0][1:-1])
        else:
            yield kind, found[0]


def _text(tokens: Sequence[tuple[str, str]]) -> str:
    """A test as it stands in the script, on one line."""
    out = ""
    for kind, value in tokens:
        piece = f'"{" ".join(value.split())}"' if kind == "string" else value
        glue = "" if not out or out[-1] in "([" or (kind == "sign" and value in "]),") else " "
        out += glue + piece
        if len(out) > _LONGEST:
            return out[: _LONGEST - 3] + "..."
    return out


def _kept(rule: MailRule, conditions: tuple[str, ...]) -> MailRule:
    """The rule of a block that also says ``keep``; of deeper blocks only what stands under the same tests."""
    return replace(rule, copy=True) if rule.condition == _together(conditions) else rule


def _together(conditions: Sequence[str]) -> str:
    return " and ".join(conditions)[:_LONGEST]
