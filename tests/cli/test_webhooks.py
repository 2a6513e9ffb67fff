"""Webhooks from the command line, with a real receiver behind them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from click.testing import CliRunner
from tests.cli.running import program
from tests.sinks.receiver import Receiver, receiving

from clawback.app import build
from clawback.cli.main import cli
from clawback.settings import load


def test_every_command_does_what_it_says(tmp_path: Path) -> None:
    with receiving() as receiver:
        _all_its_commands(tmp_path, receiver)


def _all_its_commands(tmp_path: Path, receiver: Receiver) -> None:
    settings = tmp_path / "clawback.toml"
    settings.write_text('[webhooks]\nallow = ["127.0.0.1"]\nhttp = true\n')

    def run(*words: str) -> str:
        result = CliRunner().invoke(cli, ["--settings", str(settings), "webhooks", *words])
        assert result.exception is None, result.exception
        return result.output

    made = json.loads(run("add", receiver.address, "--event", "indicator_", "--json"))
    webhook = made["webhook"]["id"]
    assert "answered 204" in run("test", webhook)
    receiver.got[-1].verified(made["secret"])
    assert "paused" in run("pause", webhook)
    assert "on" in run("resume", webhook)
    assert "siem" in run("set", webhook, "--name", "siem", "--all-events")
    assert json.loads(run("list", "--json"))[0]["events"] == []
    assert receiver.address in run("show", webhook)
    assert "whsec_" in run("rotate", webhook)
    with build(load(settings), inline=True) as app:
        receiver.answer = lambda got: 400
        asyncio.run(app.telling().step())
    assert "failing" in run("deliveries", webhook)
    assert "0 dead letters" in run("replay", webhook)
    assert "told nothing any more" in run("remove", webhook)
    assert "No webhooks" in run("list")


def test_clawback_up_tells_what_happens_meanwhile(tmp_path: Path) -> None:
    settings = tmp_path / "clawback.toml"
    settings.write_text('[webhooks]\nallow = ["127.0.0.1"]\nhttp = true\n')

    def run(*words: str) -> str:
        result = CliRunner().invoke(cli, ["--settings", str(settings), *words])
        assert result.exception is None, result.exception
        return result.output

    with receiving() as receiver:
        made = json.loads(run("webhooks", "add", receiver.address, "--event", "indicator_", "--json"))
        with program("--settings", str(settings), "up", "--no-portal") as up:
            up.until("watching")
            run("indicators", "add", "https://bad.example/x", "--no-wait")
            receiver.wait(1)
            receiver.answer = lambda got: 410
            run("indicators", "add", "https://bad.example/y", "--no-wait")
            told = up.until("is told nothing any more")
        assert f"clawback webhooks resume {made['webhook']['id']}" in told
        assert [one.verified(made["secret"])["data"]["indicator"]["value"] for one in receiver.got] == [
            "https://bad.example/x",
            "https://bad.example/y",
        ]
