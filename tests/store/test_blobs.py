from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import pytest

from clawback.errors import BadParameter, Corrupt, NotFound, StoreUnavailable
from clawback.store import Blobs

MAIL = b"Subject: hello\r\n\r\n" + b"body " * 1_000


def _files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


@pytest.mark.parametrize("content", [MAIL, b"", os.urandom(100_000), b"\0" * 5_000_000])
def test_what_is_put_comes_back(tmp_path: Path, content: bytes) -> None:
    blobs = Blobs(tmp_path / "deep" / "blobs")
    name = blobs.put(content)
    assert name == sha256(content).hexdigest()
    assert blobs.has(name)
    assert blobs.get(name) == content


def test_the_same_bytes_are_kept_once_and_small(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    assert blobs.put(MAIL) == blobs.put(MAIL)
    (file,) = _files(tmp_path)
    assert file.stat().st_size < len(MAIL) / 10
    assert file.stat().st_mode & 0o077 == 0


def test_what_was_deleted_is_not_found(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    name = blobs.put(MAIL)
    blobs.delete(name)
    blobs.delete(name)
    assert not blobs.has(name)
    with pytest.raises(NotFound):
        blobs.get(name)


def test_rotten_bytes_are_corrupt(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    name, other = blobs.put(MAIL), blobs.put(b"other")
    first, second = (tmp_path / n[:2] / f"{n}.zst" for n in (name, other))
    first.write_bytes(second.read_bytes())
    with pytest.raises(Corrupt):
        blobs.get(name)
    for rotten in (b"", b"not zstandard", second.read_bytes()[:-3]):
        second.write_bytes(rotten)
        with pytest.raises(Corrupt):
            blobs.get(other)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n", "\u0661" * 64])
def test_only_hashes_are_names(tmp_path: Path, name: str) -> None:
    blobs = Blobs(tmp_path)
    for ask in (blobs.get, blobs.has, blobs.delete):
        with pytest.raises(BadParameter):
            ask(name)


def test_a_folder_that_cannot_be_made_stops_intake(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"in the way")
    with pytest.raises(StoreUnavailable):
        Blobs(tmp_path / "file").put(MAIL)


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreUnavailable):
        Blobs(tmp_path).put(MAIL)
    assert _files(tmp_path) == []
