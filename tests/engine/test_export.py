"""The export of a cluster: the same rows in each form, safe to open, whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.engine.full_disk import full_disk
from tests.engine.memory_world import URL, USERS, MemoryWorld

from clawback.engine import commands
from clawback.engine.export import COLUMNS, ExportRow, export_cluster, export_rows
from clawback.errors import BadParameter, NotFound, StoreUnavailable

Rows = list[dict[str, str]]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[MemoryWorld]:
    made = MemoryWorld(tmp_path)
    yield made
    made.close()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder to export to."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def subject(text: bytes) -> bytes:
    """A message with this subject field that carries the URL."""
    return b"From: a@sender.example\r\nSubject: " + text + f"\r\n\r\nsee {URL}\r\n".encode("ascii")


def planned(world: MemoryWorld) -> str:
    """The id of the cluster of a campaign whose plan waits."""
    world.campaign(6)
    world.read()
    world.turn()
    return world.actions()[0].cluster_id


def by_csv(path: Path) -> Rows:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))


def by_json(path: Path) -> Rows:
    rows: Rows = json.loads(path.read_bytes())
    return rows


def by_parquet(path: Path) -> Rows:
    rows: Rows = pq.read_table(path).to_pylist()
    return rows


READERS = {".csv": by_csv, ".json": by_json, ".parquet": by_parquet}


def exported(world: MemoryWorld, cluster_id: str, out: Path, ending: str = ".json") -> Rows:
    path = out / f"report{ending}"
    written = export_cluster(world.parts, cluster_id, path, "ann")
    rows = READERS[ending](path)
    assert len(rows) == written
    assert os.listdir(out) == [path.name]
    path.unlink()
    return rows


def rows_of(world: MemoryWorld, cluster_id: str) -> list[ExportRow]:
    with world.store.read() as unit:
        return export_rows(unit, cluster_id)


def test_every_form_has_the_same_named_columns_and_rows(world: MemoryWorld, out: Path) -> None:
    cluster_id = planned(world)
    forms = [exported(world, cluster_id, out, ending) for ending in READERS]
    assert forms[0] == forms[1] == forms[2]
    assert len(forms[0]) == 6
    assert [tuple(row) for row in forms[0]] == [COLUMNS] * 6
    assert len(COLUMNS) == 29
    assert all(URL in row["reason"] for row in forms[0])
    assert {row["recipient"] for row in forms[0]} == set(USERS)
    with world.store.read() as unit:
        assert [row.type for row in unit.audit.list(limit=1_000)].count("cluster_exported") == 3


def test_the_ending_may_be_written_large(world: MemoryWorld, out: Path) -> None:
    path = out / "REPORT.CSV"
    export_cluster(world.parts, planned(world), path, "ann")
    assert len(by_csv(path)) == 6


def test_actions_and_results_as_they_stand(world: MemoryWorld, out: Path) -> None:
    cluster_id = planned(world)
    pending = exported(world, cluster_id, out)
    assert {(r["action"], r["action_status"], r["result"]) for r in pending} == {
        ("Soft delete emails", "Pending", "")
    }
    assert {r["latest_location"] for r in pending} == {"Inbox/folder"}

    world.mail.make_read_only(USERS[0])
    world.mail.user_deletes(next(h for h in world.visible(URL) if h.mailbox == USERS[1]).handle)
    commands.approve(world.parts, world.actions()[0].id, "ann")
    world.drain()
    done = exported(world, cluster_id, out)
    assert {r["action_status"] for r in done} == {"Completed"}
    assert Counter((r["result"], r["latest_folder"]) for r in done) == {
        ("Failure", "INBOX"): 2,
        ("Already in destination", "INBOX"): 1,
        ("Success", "soft_deleted/INBOX"): 3,
    }
    assert all(r["result_reason"].startswith("ReadOnly: ") for r in done if r["result"] == "Failure")
    assert {r["original_folder"] for r in done} == {"INBOX"}


def test_a_member_without_remediation_has_empty_action_fields(world: MemoryWorld, out: Path) -> None:
    world.deliver(USERS[0], "see https://asked.example/")
    world.read()
    commands.start(world.parts, "https://asked.example/", "ann")
    world.drain()
    (row,) = exported(world, world.investigations()[0].clusters[0].cluster_id, out)
    empty = ("action_id", "action", "action_status", "result", "result_reason")
    assert [row[name] for name in empty] == [""] * 5
    assert row["verdict"] == "Unknown"


def test_a_copy_in_two_plans_tells_of_the_last(world: MemoryWorld, out: Path) -> None:
    cluster_id = planned(world)
    commands.approve(world.parts, world.actions()[0].id, "ann")
    world.drain()
    undo = commands.undo(world.parts, world.actions()[0].id, "ann")
    world.drain()
    rows = exported(world, cluster_id, out)
    assert {(r["action_id"], r["action"], r["latest_folder"]) for r in rows} == {(undo.id, "Undo", "INBOX")}


FORMULAS = [
    b"=cmd|' /C calc'!A0",
    b"+1+1",
    b"-2+3",
    b"@SUM(1)",
    b"=?utf-8?q?=3D1+1?=",
    b"=?utf-8?q?=09=3D1?=",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_cells_that_a_spreadsheet_would_run_are_tamed(world: MemoryWorld, out: Path, text: bytes) -> None:
    world.again(USERS[0], subject(text))
    world.read()
    world.turn()
    cluster_id = world.actions()[0].cluster_id
    (row,) = exported(world, cluster_id, out, ".csv")
    assert row["subject"][:1] not in ("=", "+", "-", "@", "\t", "\r")
    (plain,) = exported(world, cluster_id, out, ".json")
    assert row["subject"].removeprefix("'") == plain["subject"]


@pytest.mark.parametrize(
    "text",
    [
        b"=?utf-8?q?two=0D=0Alines=0Ahere?=",
        b"nul \x00 and bell \x07",
        b"=?utf-8?q?nul_=00_word?=",
        b"raw \xff\xfe bytes",
        b"=?utf-8?q?half_=ED=A0=80_pair?=",
        b"=?utf-7?q?+2AA-?=",
        b"quotes \" and, commas; and 'more'",
        "schön 📎 \u202efdp.exe".encode(),
        b"",
    ],
)
def test_hostile_subjects_survive_in_every_form(world: MemoryWorld, out: Path, text: bytes) -> None:
    world.again(USERS[0], subject(text))
    world.deliver(USERS[1], f"see {URL}")
    world.read()
    world.turn()
    cluster_id = world.actions()[0].cluster_id
    forms = [exported(world, cluster_id, out, ending) for ending in READERS]
    assert [len(form) for form in forms] == [2, 2, 2]
    assert forms[1] == forms[2]
    assert [{**row, "subject": ""} for row in forms[0]] == [{**row, "subject": ""} for row in forms[1]]


@pytest.mark.parametrize("ending", list(READERS))
def test_a_lone_surrogate_survives_wherever_it_comes_from(world: MemoryWorld, out: Path, ending: str) -> None:
    """File names that are no UTF-8 reach us so (PEP 383): a folder, a native id."""
    world.deliver(USERS[0], f"see {URL}", folder="Entw\udcfcrfe")
    world.read()
    world.turn()
    (row,) = exported(world, world.actions()[0].cluster_id, out, ending)
    assert row["latest_folder"] == "Entw?rfe"


@pytest.mark.parametrize("name", ["report.txt", "report", "missing/report.csv", "folder.csv", ".csv"])
def test_a_path_that_cannot_be_written_changes_nothing(world: MemoryWorld, out: Path, name: str) -> None:
    cluster_id = planned(world)
    (out / "folder.csv").mkdir()
    with world.store.read() as unit:
        before = unit.audit.count()
    with pytest.raises(BadParameter):
        export_cluster(world.parts, cluster_id, out / name, "ann")
    assert os.listdir(out) == ["folder.csv"]
    with world.store.read() as unit:
        assert unit.audit.count() == before


def test_a_full_disk_leaves_the_old_report_and_no_rest(world: MemoryWorld, out: Path) -> None:
    cluster_id = planned(world)
    path = out / "report.json"
    path.write_text("old")
    with full_disk(1_000), pytest.raises(StoreUnavailable):
        export_cluster(world.parts, cluster_id, path, "ann")
    assert path.read_text() == "old"
    assert os.listdir(out) == ["report.json"]


def test_an_unknown_cluster_writes_nothing(world: MemoryWorld, out: Path) -> None:
    with pytest.raises(NotFound):
        export_cluster(world.parts, "clu-none", out / "report.csv", "ann")
    assert os.listdir(out) == []
