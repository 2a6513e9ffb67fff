"""Archives: members, nesting, passwords, damage and bombs."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from hashlib import sha256

import pytest
from tests.message.made_files import codes, encrypted_zip, found_links, look_into, make_zip

from clawback.message.attachment import Attachment

TEXT = b"see http://x.example/ now"
X = "http://x.example/"
ZEROS = bytes(8_000_000)


def make_tar(files: dict[str, bytes], form: int = tarfile.GNU_FORMAT) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=form) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


def named(members: tuple[Attachment, ...]) -> list[tuple[str, str]]:
    return [(member.name, member.path) for member in members]


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_a_zip_gives_its_members_and_their_links(method: int) -> None:
    found = look_into(
        make_zip({"docs/": b"", "docs/ä.txt": TEXT, "run.exe": b"MZ" + bytes(99)}, method), "a.zip"
    )
    assert not found.defects
    assert named(found.members) == [("docs/ä.txt", "2!/docs/ä.txt"), ("run.exe", "2!/run.exe")]
    assert found.members[0].sha256 == sha256(TEXT).hexdigest()
    assert found.members[1].true_type == "application/vnd.microsoft.portable-executable"
    assert found_links(found) == [("file.text", X)]
    assert found.links[0].container == "a.zip!/docs/ä.txt"


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_tar_gives_its_members(form: int) -> None:
    long = "a" * 90 + "/" + "b" * 60 + ".txt"
    found = look_into(make_tar({"a.txt": TEXT, long: b"two"}, form), "a.tar")
    assert [member.name for member in found.members] == ["a.txt", long]
    assert [member.content for member in found.members] == [TEXT, b"two"]
    assert found_links(found) == [("file.text", X)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt.gz", gzip.compress(TEXT, mtime=0)),
        ("a.txt.gz", gzip.compress(TEXT[:9], mtime=0) + gzip.compress(TEXT[9:], mtime=0)),
        ("a.txt.bz2", bz2.compress(TEXT)),
        ("a.txt.xz", lzma.compress(TEXT)),
        ("a.txt.lzma", lzma.compress(TEXT, lzma.FORMAT_ALONE)),
    ],
)
def test_a_compressed_file_gives_the_one_in_it(name: str, content: bytes) -> None:
    found = look_into(content, name)
    assert [(member.name, member.content) for member in found.members] == [("a.txt", TEXT)]
    assert not found.defects


def test_archives_in_archives_are_opened() -> None:
    inner = gzip.compress(make_tar({"b.zip": make_zip({"c.txt": TEXT})}))
    found = look_into(make_zip({"a.tgz": inner}), "x.zip")
    assert not found.defects
    assert [member.path for member in found.members][-1] == "2!/a.tgz!/a.tar!/b.zip!/c.txt"
    assert found_links(found) == [("file.text", X)]


def test_archives_beyond_the_depth_stay_closed() -> None:
    content = make_zip({"a.txt": TEXT})
    for _ in range(6):
        content = make_zip({"a.zip": content})
    found = look_into(content, "x.zip")
    assert codes(found) == {"too_deep"}
    assert len(found.members) == 4


def test_an_encrypted_member_is_named_and_not_opened() -> None:
    found = look_into(encrypted_zip(), "a.zip")
    assert found.attachment.encrypted
    (member,) = found.members
    assert (member.name, member.encrypted, member.sha256, member.size) == ("invoice.exe", True, "", 16)


def test_an_archive_without_directory_is_read_by_its_headers() -> None:
    whole = make_zip({"a.txt": TEXT, "b.txt": b"two"})
    found = look_into(whole[: whole.find(b"PK\1\2")], "a.zip")
    assert [member.content for member in found.members] == [TEXT, b"two"]


def test_both_of_two_joined_archives_are_read() -> None:
    found = look_into(make_zip({"hidden.txt": TEXT}) + make_zip({"shown.txt": b"harmless"}), "a.zip")
    assert {member.name for member in found.members} == {"hidden.txt", "shown.txt"}
    assert found_links(found) == [("file.text", X)]


def test_the_kind_of_package_is_told_by_its_members() -> None:
    assert (
        look_into(make_zip({"META-INF/MANIFEST.MF": b"x"})).attachment.true_type == "application/java-archive"
    )
    apk = {"AndroidManifest.xml": b"x", "META-INF/MANIFEST.MF": b"x"}
    assert look_into(make_zip(apk)).attachment.true_type == "application/vnd.android.package-archive"
    book = {"mimetype": b"application/epub+zip", "a.html": b"<a href=http://x.example/>"}
    assert look_into(make_zip(book)).attachment.true_type == "application/epub+zip"
    assert found_links(look_into(make_zip(book))) == [("html:a.href", X)]


@pytest.mark.parametrize(
    ("content", "encrypted"),
    [
        (b"7z\xbc\xaf\x27\x1c" + bytes(40), False),
        (b"7z\xbc\xaf\x27\x1c" + bytes(40) + b"\x06\xf1\x07\x01" + bytes(9), True),
        (b"Rar!\x1a\x07\x00" + b"\0\0\x73\x00\x00\x0d\x00" + bytes(6) + b"\0\0\x74\x04\x80\x30\x00", True),
        (b"Rar!\x1a\x07\x00" + b"\0\0\x73\x80\x00\x0d\x00" + bytes(6), True),
        (b"Rar!\x1a\x07\x00" + b"\0\0\x73\x00\x00\x0d\x00" + bytes(6) + b"\0\0\x74\x00\x80\x30\x00", False),
        (b"Rar!\x1a\x07\x01\x00" + bytes(4) + b"\x21\x04" + bytes(40), True),
        (b"Rar!\x1a\x07\x01\x00" + bytes(4) + b"\x0a\x01" + bytes(40), False),
        (b"MSCF" + bytes(40), False),
    ],
)
def test_other_archives_are_noted(content: bytes, encrypted: bool) -> None:
    found = look_into(content, "a.7z")
    assert codes(found) == {"archive_not_opened"}
    assert found.attachment.encrypted is encrypted


def overlapping(count: int) -> bytes:
    """A ZIP file whose entries all share the same packed bytes."""
    packed = zlib.compress(ZEROS, 9)[2:-4]
    local = (
        struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 0, 0, len(packed), len(ZEROS), 1, 0) + b"a" + packed
    )
    central = struct.pack(
        "<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 8, 0, 0, 0, len(packed), len(ZEROS), 1, *[0] * 6
    )
    directory = (central + b"a") * count
    return local + directory + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0, 0, len(directory), len(local), 0)


def nested_bomb() -> bytes:
    content = make_zip({f"{number}.txt": ZEROS for number in range(16)})
    for _ in range(4):
        content = make_zip({f"{number}.zip": content for number in range(16)})
    return content


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (make_zip({"a": ZEROS}), "archive_too_large"),
        (gzip.compress(ZEROS, mtime=0), "archive_too_large"),
        (bz2.compress(ZEROS), "archive_too_large"),
        (lzma.compress(ZEROS), "archive_too_large"),
        (overlapping(2_000), "too_many_members"),
        (nested_bomb(), "too_many_members"),
        (tarfile.TarInfo("f").tobuf() * 2_000, "too_many_members"),
        (gzip.compress(tarfile.TarInfo("f").tobuf() * 20_000, mtime=0), "archive_too_large"),
        (gzip.compress(TEXT, mtime=0)[:-12], "archive_cut"),
        (b"\x1f\x8b\x08\0" + b"x" * 50, "bad_archive"),
        (b"PK\3\4", "bad_archive"),
        (make_zip({"a.txt": TEXT * 50})[:60], "archive_cut"),
        (make_zip({"a.txt": TEXT}).replace(b"\x14\0\0\0\x08\0", b"\x14\0\0\0\x09\0"), "archive_not_opened"),
    ],
    ids=[
        "zip_of_zeros",
        "gzip_of_zeros",
        "bzip2_of_zeros",
        "xz_of_zeros",
        "overlapping_members",
        "zips_in_zips",
        "many_tar_headers",
        "very_many_tar_headers",
        "cut_gzip",
        "bad_gzip",
        "bad_zip",
        "cut_zip",
        "unknown_method",
    ],
)
def test_bombs_and_damage_end_in_a_defect(content: bytes, code: str) -> None:
    found = look_into(content, "a")
    assert code in codes(found)
    assert len(found.members) <= 500
    assert sum(member.size for member in found.members if member.sha256) <= 64 * 1024 * 1024


def test_a_zip_that_holds_itself_ends() -> None:
    content = make_zip({"a.zip": b"x" * 100}, zipfile.ZIP_STORED)
    for _ in range(30):
        content = make_zip({"a.zip": content}, zipfile.ZIP_STORED)
    assert "too_deep" in codes(look_into(content, "a.zip"))
