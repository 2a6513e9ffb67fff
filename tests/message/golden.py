"""The golden samples: raw messages written for this test, and beside each what we say about it.

``python -m tests.message.golden`` writes the answers that are missing; read them before you commit.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from clawback.message.message import Message, Organisation
from clawback.message.parse import parse

SAMPLES = Path(__file__).parent / "samples"
CORP = Organisation(domains=frozenset({"corp.example"}))


def summary(message: Message) -> dict[str, Any]:
    """What a golden file keeps: everything but sizes, offsets and hashes of the raw bytes."""
    return {
        "id": message.id,
        "internet_message_id": message.internet_message_id,
        "subject": message.subject,
        "sender": str(message.sender),
        "envelope_sender": message.envelope_sender,
        "reply_to": [str(address) for address in message.reply_to],
        "to": [str(address) for address in message.to],
        "cc": [str(address) for address in message.cc],
        "recipients": list(message.recipients),
        "date": message.date.isoformat() if message.date else None,
        "direction": message.direction.value,
        "in_reply_to": message.in_reply_to,
        "references": list(message.references),
        "text": message.text,
        "html": message.html,
        "headers": [[header.name, header.value] for header in message.headers],
        "parts": [
            [part.path, part.content_type, part.charset, part.disposition, part.name, part.encoding]
            for part in message.parts
        ],
        "attachments": [
            [file.path, file.name, file.declared_type, "inline" if file.inline else "attached"]
            for file in message.attachments
        ],
        "links": [
            [link.url, link.location.value, link.source, link.part, link.container] for link in message.links
        ],
        "wrappers": list(message.wrappers),
        "defects": [defect.code for defect in message.defects],
    }


def answer_of(sample: Path) -> dict[str, Any]:
    """The answer kept beside a sample."""
    kept: dict[str, Any] = json.loads(sample.with_suffix(".json").read_text("utf-8"))
    return kept


def write_missing_answers() -> None:
    """Write what we say today about each sample that has no answer yet."""
    for sample in sorted(SAMPLES.glob("*.eml")):
        kept = sample.with_suffix(".json")
        if not kept.exists():
            text = json.dumps(summary(parse(sample.read_bytes(), CORP)), indent=1, ensure_ascii=False)
            kept.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    write_missing_answers()
