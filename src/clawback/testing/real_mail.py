"""Real mail from the shared data folder as letters, for a sample organisation that is not made up."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import Message
from email.utils import parseaddr
from pathlib import Path
from random import Random

from clawback.testing.border import Origin
from clawback.testing.letters import Desk, Letter

_HAM = ("ham/spamassassin", "ham/csdmc2010", "ham/usrp_users", "ham/bounces_sisimai")
_MIME = ("mime/stalwart", "mime/rspamd", "mime/mime4j", "mime/cpython", "mime/mail_parser_py")
_PHISH = ("phish/phishing_pot", "phish/sublime_rules_emls")
_NOT_MAIL = frozenset({".tsv", ".json", ".txt", ".xml", ".out", ".md", ".csv", ".gz", ".mbox"})
_LARGEST = 2 << 20


class RealMail:
    """Gives letters whose bytes are real messages, shuffled; when all are used, from the start."""

    def __init__(self, shared: Path, random: Random) -> None:
        ham = [*_files(shared, _HAM), *_files(shared, _MIME)]
        phish = list(_files(shared, _PHISH))
        if not ham:
            raise FileNotFoundError(f"no messages below {shared}")
        random.shuffle(phish)
        chosen = [(path, False) for path in ham] + [(path, True) for path in phish[: len(ham) // 4]]
        random.shuffle(chosen)
        self._order = chosen
        self._next = 0

    def letter(self, desk: Desk) -> list[Letter]:
        """The next real message, addressed to some of the organisation's people."""
        path, phishing = self._order[self._next % len(self._order)]
        self._next += 1
        content = _without_from_line(path.read_bytes())
        parsed = message_from_bytes(content[:100_000], policy=policy.compat32)
        sender = _sender(parsed)
        domain = sender.rpartition("@")[2]
        result = "fail" if phishing else "pass"
        ip = f"203.0.113.{self._next % 254 + 1}"
        origin = Origin(f"mail.{domain}", ip, domain, spf=result, dkim="none", dmarc=result)
        readers = desk.some(1, 3)
        junked = phishing and desk.random.random() < 0.7
        return [Letter(content, readers, sender, desk.moment, path.name, origin=origin, junk=junked)]


def _files(shared: Path, folders: tuple[str, ...]) -> Iterator[Path]:
    for folder in folders:
        for path in sorted((shared / folder).rglob("*")):
            if path.is_file() and path.suffix not in _NOT_MAIL and 0 < path.stat().st_size <= _LARGEST:
                yield path


def _without_from_line(content: bytes) -> bytes:
    """The message without the separator line that mbox files put before it."""
    return content.partition(b"\n")[2] if content.startswith(b"From ") else content


def _sender(parsed: Message) -> str:
    """An address fit for a trace header: the sender's if it is plain, else one of nobody's."""
    address = parseaddr(str(parsed.get("From", "")))[1]
    user, _, domain = address.rpartition("@")
    plain = address.isascii() and user and domain and not set(address) & set(' <>"\r\n\t')
    return address if plain else "unknown@unknown.example"
