"""The loop by the cmdlets on real mail, against an independent search of the raw files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clawback.testing.campaigns import deliver_campaign
from clawback.testing.carriers import carriers, message_files
from clawback.testing.checksums import checksums
from clawback.testing.organisation import build_organisation

PROGRAMS = Path(sys.executable).parent
REAL_URLS = 6
Run = Callable[..., list[dict[str, object]]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    """Call an installed program; the records of a cmdlet."""
    environment = {**os.environ, "CLAWBACK_SETTINGS": str(folder / "clawback.toml")}

    def call(program: str, *arguments: str) -> list[dict[str, object]]:
        cmdlet = program != "clawback"
        command = [str(PROGRAMS / program), *arguments, *(["-OutputFormat", "json"] if cmdlet else [])]
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        records: list[dict[str, object]] = json.loads(done.stdout) if cmdlet else []
        return records

    return call


def listed(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    """What a listing of the `clawback` command says."""
    done = subprocess.run(
        [PROGRAMS / "clawback", *arguments, "--json"],
        env={**os.environ, "CLAWBACK_SETTINGS": str(folder / "clawback.toml")},
        capture_output=True,
        check=True,
    )
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def shared_urls(folder: Path) -> list[str]:
    """Some URLs of real messages, written there as they are, those in the most messages first."""
    counts: dict[str, int] = {}
    for message in listed(folder, "messages", "list", "--limit", "2000"):
        for url in {link["url"] for link in message["links"] if link["written"].startswith(link["url"])}:
            counts[url] = counts.get(url, 0) + 1
    return sorted(counts, key=lambda url: (-counts[url], url))[:REAL_URLS]


def test_exactly_the_carriers_go_and_come_back(folder: Path, run: Run, shared_data: Path) -> None:
    organisation = build_organisation(folder / "mail", mailboxes=25, messages=1_200, shared=shared_data)
    campaign = deliver_campaign(organisation)
    mail, domain = organisation.root, organisation.domain
    run("clawback", "init", "--root", "mail", "--domain", domain)
    run("clawback", "ingest")
    before = checksums(mail)
    urls = [campaign.indicator, *shared_urls(folder)]

    for number, url in enumerate(urls):
        by_itself = number % 2 == 0
        run(
            "Set-AutomatedInvestigationRemediation",
            "-EnableAutoRemediation",
            "$true" if by_itself else "$false",
            "-ClusterType",
            "Similar URLs",
        )
        expected = {str(path.relative_to(mail)) for path in carriers(mail, url)}
        assert expected, url
        run("clawback", "indicators", "add", url)
        # What is only similar is found too, and waits: it is another action.
        action = next(one for one in run("Get-ActionCenterReport") if "://" in str(one["Entity"]))
        # The first goes by itself. Undone, it opens the breaker: from then on everything waits for a person.
        assert (action["Status"] == "Completed") is (number == 0)
        if action["Status"] == "Pending":
            assert checksums(mail) == before
            run("clawback", "actions", "approve", str(action["ActionId"]))
        after = checksums(mail)
        gone = {name for name in before if name not in after}
        assert gone == expected, url
        assert {name: sums for name, sums in before.items() if name not in gone} == after
        run("Undo-AutomatedInvestigationAction", "-ActionId", str(action["ActionId"]))
        assert checksums(mail) == before
        (indicator,) = listed(folder, "indicators", "list")
        run("clawback", "indicators", "remove", indicator["id"])
    assert len(list(message_files(mail))) == 1_200 + len(campaign.delivered) + len(campaign.look_alikes)
