"""Filter scripts and forward files: what they do with mail, and that no script can hurt the reader."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawback.message.forward_file import MAX_FORWARD_FILE, read_forward_file
from clawback.message.mail_rules import MAX_RULES, MailRule, RuleKind
from clawback.message.sieve import MAX_DEPTH, MAX_SCRIPT, read_sieve

K = RuleKind


def told(script: str) -> list[tuple[RuleKind, str, str, bool]]:
    return [(r.kind, r.target, r.condition, r.copy) for r in read_sieve(script.encode(), "s")]


@pytest.mark.parametrize(
    ("script", "rules"),
    [
        ("", []),
        ("keep;", []),
        ('redirect "a@b.example";', [(K.REDIRECT, "a@b.example", "", False)]),
        ('redirect :copy "a@b.example";', [(K.REDIRECT, "a@b.example", "", True)]),
        ('redirect "a@b.example"; keep;', [(K.REDIRECT, "a@b.example", "", True)]),
        ('require "fileinto"; fileinto "Trash"; stop;', [(K.FILEINTO, "Trash", "", False)]),
        (
            'if size :over 1M { discard; } elsif true { reject "no"; }',
            [
                (K.DISCARD, "", "size :over 1M", False),
                (K.REJECT, "", "not (size :over 1M) and true", False),
            ],
        ),
        (
            'if not header :is "x" ["1", "2"] { keep; } else { pipe "prog"; }',
            [(K.COMMAND, "prog", 'not (not header :is "x" ["1", "2"])', False)],
        ),
        (
            "if true { if false { discard; } }",
            [(K.DISCARD, "", "true and false", False)],
        ),
        ('notify :method "mailto:x@y.example";', [(K.REDIRECT, "x@y.example", "", True)]),
        (
            'vacation text:\n redirect "no@where";\n..dot\n.\n; # redirect "no@where";\n/* discard; */ keep;',
            [],
        ),
        (r'fileinto "a \"b\" \\c";', [(K.FILEINTO, r'a "b" \c', "", False)]),
    ],
)
def test_what_a_script_does(script: str, rules: list[tuple[RuleKind, str, str, bool]]) -> None:
    assert told(script) == rules
    assert told(script.replace("\n", "\r\n")) == rules


@pytest.mark.parametrize(
    "script",
    [
        "redirect",
        'redirect "a@b.example"',
        "if true { keep;",
        "}",
        '"no command";',
        "keep; \x00",
        "if (",
        "/*",
    ],
)
def test_what_makes_no_sense_is_told_as_that(script: str) -> None:
    assert [rule.kind for rule in read_sieve(script.encode(), "s")][-1:] == [K.UNREAD]


def test_what_was_understood_before_the_place_that_makes_no_sense_stays() -> None:
    assert [r.kind for r in read_sieve(b'redirect "a@b.example"; if {', "s")] == [K.REDIRECT, K.UNREAD]


@pytest.mark.parametrize(
    ("script", "word"),
    [
        ("if true {" * (MAX_DEPTH + 1) + "discard;" + "}" * (MAX_DEPTH + 1), "nested"),
        ("keep;" * 30_000, "words"),
        (" " * (MAX_SCRIPT + 1), "larger"),
    ],
)
def test_every_bound_leaves_a_mark(script: str, word: str) -> None:
    assert word in read_sieve(script.encode(), "s")[-1].target


def test_the_deepest_block_that_is_read_is_read() -> None:
    script = "if true {" * MAX_DEPTH + "discard;" + "}" * MAX_DEPTH
    assert [r.kind for r in read_sieve(script.encode(), "s")] == [K.DISCARD]


def test_no_more_rules_than_are_told() -> None:
    assert len(read_sieve(b"discard;" * 1_000, "s")) == MAX_RULES


@given(st.binary(max_size=400))
def test_any_bytes_give_rules(raw: bytes) -> None:
    assert all(len(rule.sentence) < 1_500 for rule in (*read_sieve(raw, "s"), *read_forward_file(raw, "f")))


@given(st.text("if{}();:,[]\"' \ntextredirect.*/#\\", max_size=300))
def test_any_script_like_text_gives_rules(script: str) -> None:
    read_sieve(script.encode(), "s")


def test_a_forward_file() -> None:
    raw = b'# mine\n\\ann, evil@else.example\n"|/usr/bin/prog -x", /dev/null, :include:/etc/x\n'
    assert [(r.kind, r.target, r.copy) for r in read_forward_file(raw, ".forward")] == [
        (K.REDIRECT, "evil@else.example", True),
        (K.COMMAND, "/usr/bin/prog -x", True),
        (K.FILEINTO, "/dev/null", True),
        (K.FILEINTO, ":include:/etc/x", True),
    ]
    assert read_forward_file(b"a@b.example", "f")[0].copy is False
    assert len(read_forward_file(b"a@b.example," * MAX_FORWARD_FILE, "f")) == MAX_RULES


@pytest.mark.parametrize(
    ("rule", "leaves", "hides"),
    [
        (MailRule(K.REDIRECT, "x@evil.example", "", "s"), True, True),
        (MailRule(K.REDIRECT, "x@evil.example", "", "s", True), True, False),
        (MailRule(K.REDIRECT, "Bob <bob@Example.org>", "", "s", True), False, False),
        (MailRule(K.FILEINTO, "INBOX.RSS Feeds", "", "s"), False, True),
        (MailRule(K.FILEINTO, "Projects", "", "s"), False, False),
        (MailRule(K.FILEINTO, "Trash", "", "s", True), False, False),
        (MailRule(K.DISCARD, "", "", "s"), False, True),
        (MailRule(K.UNREAD, "?", "", "s"), False, False),
    ],
)
def test_which_rules_let_mail_leave_or_hide_it(rule: MailRule, leaves: bool, hides: bool) -> None:
    assert (rule.leaves("example.org"), rule.hides) == (leaves, hides)
