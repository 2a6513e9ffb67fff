"""Campaigns: what they say they delivered is there, and an independent search finds exactly that."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from clawback.testing.campaign_variants import LOOK_ALIKES, VARIANTS
from clawback.testing.campaigns import Campaign, Shape, deliver_campaign, deliver_late_copy
from clawback.testing.carriers import carriers, carries, message_files, needle_pattern
from clawback.testing.checksums import checksums
from clawback.testing.many import deliver_many
from clawback.testing.organisation import Organisation, build_organisation

NOW = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)

World = tuple[Organisation, Campaign]


@pytest.fixture(params=list(Shape))
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    organisation = build_organisation(tmp_path, mailboxes=12, messages=200, now=NOW)
    return organisation, deliver_campaign(organisation, shape=request.param)


def _carriers(world: World) -> set[Path]:
    organisation, campaign = world
    return carriers(organisation.root, campaign.indicator, prefix=campaign.shape is Shape.PREFIX)


def test_the_second_opinion_finds_exactly_what_was_delivered(world: World) -> None:
    assert _carriers(world) == world[1].paths
    assert len(world[1].paths) == len(world[1].delivered) == 60


def test_every_variant_is_there_and_every_look_alike(world: World) -> None:
    _, campaign = world
    assert {copy.variant for copy in campaign.delivered} == set(VARIANTS)
    assert [copy.variant for copy in campaign.look_alikes] == list(LOOK_ALIKES)
    assert not campaign.paths & {copy.path for copy in campaign.look_alikes}


def test_every_record_is_of_a_file_with_those_bytes(world: World) -> None:
    organisation, campaign = world
    for copy in (*campaign.delivered, *campaign.look_alikes):
        assert sha256(copy.path.read_bytes()).hexdigest() == copy.sha256
        assert copy.mailbox.partition("@")[0] == copy.path.relative_to(organisation.root).parts[0]


def test_look_alikes_show_the_host_or_they_would_prove_nothing(world: World) -> None:
    for copy in world[1].look_alikes:
        assert b"northwlnd-portal" in copy.path.read_bytes()


def test_copies_lie_in_several_folders_read_flagged_and_unread(world: World) -> None:
    copies = world[1].delivered
    assert {"INBOX", "Junk", "Trash", "Sent"} <= {copy.folder for copy in copies}
    assert {"new", "cur"} == {copy.path.parent.name for copy in copies}
    assert len({copy.path.name.partition(":2,")[2] for copy in copies}) > 3


def test_copies_are_personal_and_one_message_has_several_recipients(world: World) -> None:
    copies = world[1].delivered
    assert len({copy.sha256 for copy in copies}) == len(copies)
    ids = Counter(
        line
        for copy in copies
        for line in copy.path.read_bytes().split(b"\n")
        if line.startswith(b"Message-ID:")
    )
    assert max(ids.values()) >= 3
    assert len(ids) > 40


def test_somebody_has_deleted_a_copy(world: World) -> None:
    organisation, campaign = world
    assert set(campaign.deleted) <= set(organisation.users)
    assert campaign.deleted


def test_the_same_campaign_is_delivered_twice_the_same(tmp_path: Path) -> None:
    trees = []
    for name in "ab":
        organisation = build_organisation(tmp_path / name, mailboxes=6, messages=50, now=NOW)
        deliver_campaign(organisation, copies=30)
        trees.append(
            {p: found for p, found in checksums(tmp_path / name).items() if "/cur/" in p or "/new/" in p}
        )
    assert trees[0] == trees[1]


def test_a_late_copy_arrives_in_new_and_carries_the_link(world: World) -> None:
    organisation, campaign = world
    late = [
        deliver_late_copy(organisation, campaign, organisation.users[2], now=NOW + timedelta(minutes=minutes))
        for minutes in (1, 2)
    ]
    assert {path.parent for path in late} == {organisation.maildir(organisation.users[2]) / "new"}
    assert list((organisation.maildir(organisation.users[2]) / "tmp").iterdir()) == []
    assert _carriers(world) == campaign.paths | set(late)


def test_the_second_opinion_does_not_look_into_the_vault(world: World) -> None:
    organisation, campaign = world
    taken = campaign.delivered[0].path
    vault = organisation.root / ".clawback" / "soft_deleted" / "cur"
    vault.mkdir(parents=True)
    taken.rename(vault / taken.name)
    assert _carriers(world) == campaign.paths - {taken}
    assert not any(".clawback" in path for path in checksums(organisation.root))


def test_checksums_notice_a_changed_byte_time_mode_and_name(tmp_path: Path) -> None:
    file = tmp_path / "box" / "new" / "one"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"abc")
    seen = [checksums(tmp_path)]
    file.chmod(0o640 if file.stat().st_mode & 0o777 != 0o640 else 0o600)
    seen.append(checksums(tmp_path))
    shutil.copystat(__file__, file)
    seen.append(checksums(tmp_path))
    file.write_bytes(b"abd")
    shutil.copystat(__file__, file)
    seen.append(checksums(tmp_path))
    file.rename(file.with_name("two"))
    seen.append(checksums(tmp_path))
    assert len({tuple(sorted(one.items())) for one in seen}) == 5


def _mail(body: str) -> bytes:
    return f"From: a@b.example\nSubject: x\nContent-Type: text/html; charset=utf-8\n\n{body}\n".encode()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("https://evil.example/a/b", True),
        ("(see https://EVIL.example/a/b).", True),
        ('<a href="https://evil.example/a/b#t=1">', True),
        ('<a href="https://evil.example/a/b#/route">', False),
        ("https://evil.example/a/b?c=1", False),
        ("https://evil.example/a/bc", False),
        ("https://evil.example/a/B", False),
        ("https://evil.example.net/a/b", False),
        ("https://x.example/?url=https%3A%2F%2Fevil.example%2Fa%2Fb&data=1", True),
        ("https://x.example/?url=https%3A%2F%2Fevil.example%2Fa%2Fbc&data=1", False),
        ("https://x.example/v2/url?u=https-3A__evil.example_a_b&d=1", True),
        ("evil.example", False),
    ],
)
def test_what_the_second_opinion_takes_for_the_url(body: str, expected: bool) -> None:
    assert carries(_mail(body), needle_pattern("https://evil.example/a/b")) is expected


def test_many_copies_are_dealt_out_evenly_and_found(tmp_path: Path) -> None:
    organisation, campaign = deliver_many(tmp_path, 10, 200, clean=50, now=NOW)
    assert carriers(tmp_path, campaign.indicator) == campaign.paths
    assert Counter(Counter(copy.mailbox for copy in campaign.delivered).values()) == {20: 10}
    assert len(list(message_files(tmp_path))) == 250
    assert replace(organisation, delivered=50) == organisation
