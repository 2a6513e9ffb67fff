"""Compare our parser with the expected answers of stalwart's mail-parser, case by case.

Data: mime/stalwart of the shared data (``CLAWBACK_SHARED`` or ``../shared`` beside the repository).
Compared are the subject, the text bodies, the HTML bodies and the attachments (RFC 8621 section
4.1.4), those of attached messages too; line ends count as equal. Images, sounds and films shown among
the bodies count as attachments for both, because stalwart lists them twice and the RFC once. Each
difference is judged in docs/mime-conformance.md; one that is not makes this end with 1.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clawback.message.bodies import choose_bodies
from clawback.message.charset import decode_text
from clawback.message.decode import undo_encoding
from clawback.message.mime import MESSAGE_TYPES, Entity, walk
from clawback.message.parse import parse

JUDGEMENTS = Path(__file__).resolve().parents[1] / "docs" / "mime-conformance.md"
FIELDS = ("subject", "text", "html", "attachments")


@dataclass(frozen=True, slots=True)
class Answer:
    """What one parser says about one message."""

    subject: str
    text: tuple[str, ...]
    html: tuple[str, ...]
    attachments: tuple[bytes, ...]


def shared_cases() -> list[Path]:
    """The raw messages that have an expected answer beside them."""
    named = os.environ.get("CLAWBACK_SHARED")
    shared = Path(named) if named else Path(__file__).resolve().parents[2] / "shared"
    found = (shared / "data" / "mime" / "stalwart").rglob("*.eml")
    return sorted(path for path in found if path.with_suffix(".json").is_file())


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd").rstrip("\n")


def expected_answer(message: dict[str, Any]) -> Answer:
    """Stalwart's answer; bodies are those of its lists that are text or HTML."""
    parts = message["parts"]
    return Answer(
        subject=_expected_subject(parts[0]["headers"] if parts else []),
        text=_expected_texts(parts, message["text_body"]),
        html=_expected_texts(parts, message["html_body"]),
        attachments=tuple(_expected_content(parts[index]["body"]) for index in _expected_files(message)),
    )


def _expected_files(message: dict[str, Any]) -> list[int]:
    shown = {*message["text_body"], *message["html_body"]}
    media = {index for index in shown if not {"Text", "Html"} & message["parts"][index]["body"].keys()}
    return sorted({*message["attachments"], *media})


def _expected_subject(headers: list[dict[str, Any]]) -> str:
    found = [header["value"] for header in headers if header["name"] == "subject"]
    return str(found[0].get("Text", "")) if found and isinstance(found[0], dict) else ""


def _expected_texts(parts: list[dict[str, Any]], indexes: list[int]) -> tuple[str, ...]:
    bodies = (parts[index]["body"] for index in indexes)
    return tuple(_lines(next(iter(body.values()))) for body in bodies if {"Text", "Html"} & body.keys())


def _expected_content(body: dict[str, Any]) -> bytes:
    kind, value = next(iter(body.items()))
    if kind in {"Text", "Html"}:
        return _lines(value).encode("utf-8", "replace")
    return b"<message>" if kind == "Message" else bytes(value).replace(b"\r\n", b"\n").rstrip(b"\n")


def our_answer(raw: bytes) -> Answer:
    """Our answer in the same terms."""
    root, _ = walk(raw)
    bodies = choose_bodies(root)
    files = {id(part) for part in bodies.attachments}
    media = {id(part) for part in (*bodies.text, *bodies.html) if not part.type.startswith("text/")}
    return Answer(
        subject=parse(raw).subject,
        text=tuple(_text(raw, part) for part in bodies.text if part.type.startswith("text/")),
        html=tuple(_text(raw, part) for part in bodies.html if part.type.startswith("text/")),
        attachments=tuple(_content(raw, part) for part in root.leaves() if id(part) in files | media),
    )


def _bytes(raw: bytes, part: Entity) -> bytes:
    return undo_encoding(raw[part.body_start : part.body_end], part.encoding)[0]


def _text(raw: bytes, part: Entity) -> str:
    return _lines(decode_text(_bytes(raw, part), part.charset, markup=part.type == "text/html")[0])


def _content(raw: bytes, part: Entity) -> bytes:
    if part.type in MESSAGE_TYPES:
        return b"<message>"
    if part.type.startswith("text/"):
        return _text(raw, part).encode("utf-8", "replace")
    return _bytes(raw, part).replace(b"\r\n", b"\n").rstrip(b"\n")


def pairs(raw: bytes, expected: dict[str, Any]) -> Iterator[tuple[Answer, Answer]]:
    """(ours, theirs) of the message and of each message attached to it, while both see the same ones."""
    yield our_answer(raw), expected_answer(expected)
    theirs = [part["body"]["Message"] for part in expected["parts"] if "Message" in part["body"]]
    ours = [_bytes(raw, leaf) for leaf in walk(raw)[0].leaves() if leaf.type in MESSAGE_TYPES]
    if len(ours) == len(theirs):
        for inner, answer in zip(ours, theirs, strict=True):
            yield from pairs(inner, answer)


def differences(raw: bytes, expected: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The fields in which the answers differ, with the first pair of each."""
    found: dict[str, tuple[Any, Any]] = {}
    for ours, theirs in pairs(raw, expected):
        for name in FIELDS:
            pair = getattr(ours, name), getattr(theirs, name)
            if pair[0] != pair[1]:
                found.setdefault(name, pair)
    return found


def main() -> int:
    """Print one line a case and the share that agrees."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--show", metavar="CASE", help="print both answers of one case, such as legacy/012")
    show = options.parse_args().show
    cases = shared_cases()
    judged = JUDGEMENTS.read_text("utf-8")
    unjudged: list[str] = []
    agreeing = dict.fromkeys((*FIELDS, "all"), 0)
    for path in cases:
        name = f"{path.parent.name}/{path.stem}"
        if show and show != name:
            continue
        found = differences(path.read_bytes(), json.loads(path.with_suffix(".json").read_bytes()))
        for field in FIELDS:
            agreeing[field] += field not in found
        agreeing["all"] += not found
        if found and f"`{name}`" not in judged:
            unjudged.append(name)
        print(f"{name:20}", " ".join(f"{f}:{'no' if f in found else 'yes':4}" for f in FIELDS))
        if show:
            for field, (ours, theirs) in found.items():
                print(f"{field}\n  ours:   {ours!r}\n  theirs: {theirs!r}")
    if not cases:
        print("no folder data/mime/stalwart in the shared data: nothing compared")
    elif not show:
        for field, count in agreeing.items():
            print(f"{field:12} {count:4} of {len(cases)} agree, {100 * count / len(cases):.1f}%")
    if unjudged:
        print(f"not judged in docs/mime-conformance.md: {', '.join(unjudged)}")
    return 1 if unjudged else 0


if __name__ == "__main__":
    sys.exit(main())
