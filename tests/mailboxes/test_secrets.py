"""Secrets come from files that are private and from commands that end."""

from __future__ import annotations

import os
import select
import sys
from pathlib import Path

import pytest

from clawback.errors import BadSettings, LoginFailed, Unavailable
from clawback.mailboxes.secrets import LONGEST, read_credentials, read_secret


def private(path: Path, content: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content)
    path.chmod(mode)
    return path


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def gone(pid: int) -> bool:
    """Whether a process has ended, or does within the next 20 seconds."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    ended = select.poll()
    ended.register(process, select.POLLIN)
    found = bool(ended.poll(20_000))
    os.close(process)
    return found


def test_a_file_gives_its_line_with_its_blanks(tmp_path: Path) -> None:
    private(tmp_path / "secret", " pässword with blanks \n".encode())
    assert read_secret({"password_file": "secret"}, tmp_path) == " pässword with blanks "
    assert read_secret({"password_file": str(tmp_path / "secret")}, Path("/")) == " pässword with blanks "


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602, 0o601, 0o620])
def test_a_file_that_others_can_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    private(tmp_path / "secret", b"secret\n", mode)
    with pytest.raises(BadSettings, match="chmod 600"):
        read_secret({"password_file": "secret"}, tmp_path)


def test_a_file_of_our_group_is_fine(tmp_path: Path) -> None:
    private(tmp_path / "secret", b"secret\r\n", 0o640)
    assert read_secret({"password_file": "secret"}, tmp_path) == "secret"


@pytest.mark.parametrize("content", [b"", b"\n", b"one\ntwo\n", b"\xff\n", b"a\0b", b"x" * (LONGEST + 1)])
def test_a_file_without_one_line_of_text_is_refused(tmp_path: Path, content: bytes) -> None:
    private(tmp_path / "secret", content)
    with pytest.raises(BadSettings):
        read_secret({"password_file": "secret"}, tmp_path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name in ("missing", ".", "pipe"):
        with pytest.raises(BadSettings):
            read_secret({"password_file": name}, tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    os.chown(private(tmp_path / "secret", b"secret"), 65534, 65534)
    with pytest.raises(BadSettings, match="somebody else"):
        read_secret({"password_file": "secret"}, tmp_path)


def test_a_command_gives_what_it_prints(tmp_path: Path) -> None:
    private(tmp_path / "kept", b"from a command\n")
    code = "import sys; sys.stderr.write('noise'); print(open('kept').read(), end='')"
    assert read_secret({"password_command": python(code)}, tmp_path) == "from a command"
    assert read_secret({"password_command": "sh -c 'echo \"two words\"'"}, tmp_path) == "two words"


def test_no_shell_reads_a_command(tmp_path: Path) -> None:
    assert read_secret({"password_command": "echo a; echo b | wc"}, tmp_path) == "a; echo b | wc"


def test_a_command_that_fails_is_a_failed_login(tmp_path: Path) -> None:
    with pytest.raises(LoginFailed, match="ended with 3"):
        read_secret({"password_command": python("print('x'); raise SystemExit(3)")}, tmp_path)


@pytest.mark.parametrize("who", ["True", "not child"], ids=["both stay", "the child stays"])
def test_a_command_that_does_not_end_is_killed_with_its_children(tmp_path: Path, who: str) -> None:
    code = (
        "import os, time; child = os.fork(); os.write(1, b''); "
        f"child and open('pid', 'w').write(str(child)); {who} and time.sleep(600)"
    )
    with pytest.raises(Unavailable, match="took longer"):
        read_secret({"password_command": python(code)}, tmp_path, seconds=1.0)
    assert gone(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize(
    "command",
    [[], "", "  ", "'open", ["no-such-program-here"], [1], 7, {"a": 1}, ["a\0b"]],
)
def test_what_is_no_command_is_refused(tmp_path: Path, command: object) -> None:
    with pytest.raises(BadSettings):
        read_secret({"password_command": command}, tmp_path)


def test_a_command_that_prints_without_end_is_cut(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="printed more"):
        read_secret({"password_command": ["yes"]}, tmp_path)


@pytest.mark.parametrize("options", [{}, {"password_file": "a", "password_command": "b"}])
def test_there_must_be_one_way(tmp_path: Path, options: dict[str, object]) -> None:
    with pytest.raises(BadSettings, match="give one of"):
        read_secret(options, tmp_path)


def test_credentials_are_told_by_mailbox(tmp_path: Path) -> None:
    text = "# all of us\n\nAnn@Example.org ann  two words \nbob@example.org\tbob\tpw\n"
    path = private(tmp_path / "credentials", text.encode())
    assert read_credentials(path) == {
        "ann@example.org": ("ann", "two words "),
        "bob@example.org": ("bob", "pw"),
    }


def test_a_line_of_credentials_that_makes_no_sense_is_named(tmp_path: Path) -> None:
    path = private(tmp_path / "credentials", b"# one\nann ann\n")
    with pytest.raises(BadSettings, match="line 2"):
        read_credentials(path)
    path.chmod(0o644)
    with pytest.raises(BadSettings, match="chmod 600"):
        read_credentials(path)
