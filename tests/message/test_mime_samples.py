"""The golden samples: each read as its answer says, with every kind of line end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.message.golden import CORP, SAMPLES, answer_of, summary

from clawback.message.parse import parse

EVERY_SAMPLE = sorted(SAMPLES.glob("*.eml"))


def test_there_are_samples() -> None:
    assert len(EVERY_SAMPLE) > 30


@pytest.mark.parametrize("sample", EVERY_SAMPLE, ids=lambda path: path.stem)
def test_a_sample_reads_as_its_answer_says(sample: Path) -> None:
    assert summary(parse(sample.read_bytes(), CORP)) == answer_of(sample)


def _twin(sample: Path, line_end: bytes) -> dict[str, Any]:
    raw = sample.read_bytes()
    assert b"\r" not in raw, "samples are kept with LF; their twins are made here"
    return summary(parse(raw.replace(b"\n", line_end), CORP))


@pytest.mark.parametrize("sample", EVERY_SAMPLE, ids=lambda path: path.stem)
def test_the_twin_with_crlf_reads_the_same(sample: Path) -> None:
    twin, answer = _twin(sample, b"\r\n"), answer_of(sample)
    twin["html"] = twin["html"].replace("\r\n", "\n")
    assert twin == answer


@pytest.mark.parametrize("sample", EVERY_SAMPLE, ids=lambda path: path.stem)
def test_the_twin_with_bare_cr_differs_by_one_defect(sample: Path) -> None:
    twin, answer = _twin(sample, b"\r"), answer_of(sample)
    assert twin["defects"] == ["bare_cr", *answer["defects"]]
    assert twin | {"defects": []} == answer | {"defects": []}


@pytest.mark.parametrize("sample", EVERY_SAMPLE, ids=lambda path: path.stem)
def test_offsets_lead_to_the_bytes(sample: Path) -> None:
    raw = sample.read_bytes()
    message = parse(raw, CORP)
    for header in message.headers:
        assert raw.startswith(header.name.encode(), header.offset)
    for part in message.parts:
        assert 0 <= part.header_start <= part.body_start <= part.body_end <= len(raw)
        head = raw[part.header_start : part.body_start].lower()
        if part.content_type.encode() in raw.lower() and part.path:
            assert part.content_type.encode() in head or b"content-type" not in head
    files = {part.path: part for part in message.parts}
    for file in message.attachments:
        if file.path in files and files[file.path].encoding == "":
            part = files[file.path]
            assert file.content == raw[part.body_start : part.body_end]
