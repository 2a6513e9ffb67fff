"""Secrets of the mail systems: from a file that nobody else can read, or from a command; never from argv."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from clawback.errors import BadSettings, LoginFailed, Unavailable
from clawback.mailboxes.commands import output_of

LONGEST = 64 << 10
"""Bytes of one secret."""
LARGEST_FILE = 64 << 20
"""Bytes of a file of credentials."""
SECONDS = 30.0
"""What a command may take."""
_OTHERS = stat.S_IRWXO | stat.S_IWGRP


def read_secret(options: Mapping[str, object], home: Path, *, seconds: float = SECONDS) -> str:
    """The secret that the options ``password_file`` or ``password_command`` lead to, read anew each time.

    Relative paths start at `home`. The command is a list of words, or one string that is split like a shell
    does and run without one. Raises BadSettings when there is not one way, or the file cannot be used;
    LoginFailed when the command fails; Unavailable when it takes longer than `seconds`.
    """
    file, command = options.get("password_file"), options.get("password_command")
    if (file is None) == (command is None):
        raise BadSettings("give one of the options 'password_file' and 'password_command'")
    if file is not None:
        if not isinstance(file, str):
            raise BadSettings("option 'password_file' must name a file")
        return _secret(read_private(Path(home, file), LONGEST), f"the file {file}")
    words = _words(command)
    return _secret(_output(words, home, seconds), f"the command {words[0]}")


def read_credentials(path: Path) -> dict[str, tuple[str, str]]:
    """The user name and secret for each mailbox (lower case), from a file that nobody else can read.

    A line is ``mailbox user secret``; the secret is all that follows, with its blanks. Empty lines and those
    that begin with ``#`` say nothing. Raises BadSettings.
    """
    found: dict[str, tuple[str, str]] = {}
    for number, line in enumerate(_text(read_private(path, LARGEST_FILE), str(path)).splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        words = line.split(None, 2)
        if len(words) != 3:
            raise BadSettings(f"line {number} of {path} is not: mailbox user secret")
        found[words[0].lower()] = (words[1], words[2])
    return found


def read_private(path: Path, longest: int) -> bytes:
    """The content of a file of secrets. Raises BadSettings when others can read it, or it is too long."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            _check(os.fstat(file.fileno()), path)
            content = file.read(longest + 1)
    except OSError as error:
        raise BadSettings(f"the file {path} cannot be read: {error.strerror}") from error
    if len(content) > longest:
        raise BadSettings(f"the file {path} has more than {longest:,} bytes")
    return content


def _without_waiting(path: str, flags: int) -> int:
    """Open as usual; a pipe into which nobody writes would hold us for ever."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def _check(found: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise BadSettings(f"{path} is no file")
    if found.st_uid not in {0, os.geteuid()}:
        raise BadSettings(f"the file {path} belongs to somebody else")
    if found.st_mode & _OTHERS:
        raise BadSettings(f"others can read or change the file {path}: chmod 600 it")


def _words(command: object) -> list[str]:
    if isinstance(command, str):
        try:
            words = shlex.split(command)
        except ValueError as error:
            raise BadSettings(f"option 'password_command' cannot be read: {error}") from error
    elif isinstance(command, Sequence) and all(isinstance(word, str) for word in command):
        words = list(command)
    else:
        raise BadSettings("option 'password_command' must be a string or a list of strings")
    if not words:
        raise BadSettings("option 'password_command' is empty")
    return words


def _secret(content: bytes, where: str) -> str:
    text = _text(content, where).removesuffix("\n").removesuffix("\r")
    if not text or "\n" in text or "\0" in text:
        raise BadSettings(f"{where} holds no secret of one line")
    return text


def _text(content: bytes, where: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise BadSettings(f"{where} is not in UTF-8") from error


def _output(command: Sequence[str], home: Path, seconds: float) -> bytes:
    try:
        printed = output_of(command, home, most=LONGEST, seconds=seconds)
    except TimeoutError as error:
        raise Unavailable(f"the command {command[0]} took longer than {seconds:g} s") from error
    except (OSError, ValueError) as error:
        raise BadSettings(f"the command {command[0]} cannot be run: {error}") from error
    if printed.cut:
        raise BadSettings(f"the command {command[0]} printed more than {LONGEST:,} bytes")
    if printed.code:
        raise LoginFailed(f"the command {command[0]} ended with {printed.code}")
    return printed.content
