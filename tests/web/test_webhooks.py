"""Webhooks from the API and the pages, with a real receiver behind them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Browser, expect
from tests.engine.world import World
from tests.sinks.receiver import Receiver, receiving
from tests.web.browser import chromium, window
from tests.web.desk import Desk, desk, ok

from clawback.response.sinks import Outcome
from clawback.settings import Settings, WebhookSettings

PATH = "/api/webhooks"
ALLOWED = WebhookSettings(allow=("127.0.0.0/8",), http=True)


class Open(World):
    """A world whose settings let webhooks reach this machine."""

    @property
    def settings(self) -> Settings:
        plain: Settings = World.settings.__get__(self)
        return msgspec.structs.replace(plain, webhooks=ALLOWED)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(Path(tmp_path_factory.mktemp("webhooks")), kind=Open) as made:
        yield made


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


def tell(desk: Desk) -> None:
    # In a thread, for the browser has a loop of its own in this one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(desk.app.telling().step())).result()


def refuse_one(desk: Desk, webhook_id: str) -> str:
    """Make a dead letter of what was delivered last; answers its id."""
    now = desk.app.parts.now()
    with desk.app.store.write() as unit:
        sink = unit.sinks.claim(webhook_id, "test", now, now)
        assert sink
        (last, *_), _ = unit.sinks.deliveries(webhook_id)
        refused = replace(last, outcome=Outcome.DEAD, status=422, error="answered 422")
        unit.sinks.told(sink, "test", [refused], None)
    return last.event_id


def added(desk: Desk, url: str, *events: str) -> tuple[dict[str, Any], str]:
    made = ok(desk.client.post(PATH, json={"url": url, "events": events}, headers=desk.by("administrator")))
    return made["webhook"], made["secret"]


def test_a_webhook_from_the_api_from_its_beginning_to_its_end(opened: Desk, receiver: Receiver) -> None:
    client, admin = opened.client, opened.by("administrator")
    made, secret = added(opened, receiver.address, "indicator_")
    path = f"{PATH}/{made['id']}"
    assert secret.startswith("whsec_")
    assert secret not in client.get(path, headers=admin).text + client.get(PATH, headers=admin).text
    assert ok(client.post(f"{path}/test", headers=admin))["status"] == 204
    assert receiver.got[-1].verified(secret)["type"] == "test"
    listed = {"value": "https://bad.example/webhook", "threat": "phish"}
    ok(client.post("/api/indicators", json=listed, headers=admin))
    tell(opened)
    body = receiver.got[-1].verified(secret)
    assert (body["type"], body["actor"]) == ("indicator_added", "administrator")
    assert body["data"]["indicator"]["value"] == "https://bad.example/webhook"
    (delivery,) = ok(client.get(f"{path}/deliveries", headers=admin))["items"]
    assert (delivery["event_id"], delivery["outcome"]) == (body["id"], "delivered")
    rotated = ok(client.post(f"{path}/rotate", json={"hours": 1}, headers=admin))
    ok(client.post(f"{path}/test", headers=admin))
    assert receiver.got[-1].verified(secret) == receiver.got[-1].verified(rotated["secret"])
    assert ok(client.delete(path, headers=admin))["id"] == made["id"]
    assert client.get(path, headers=admin).status_code == 404


def test_two_who_change_it_do_not_overwrite_each_other_and_deliveries_are_no_change(
    opened: Desk, receiver: Receiver
) -> None:
    client, admin = opened.client, opened.by("administrator")
    path = f"{PATH}/{added(opened, receiver.address)[0]['id']}"
    tag = client.get(path, headers=admin).headers["ETag"]
    tell(opened)
    changed = client.patch(path, json={"name": "siem", "on": False}, headers={**admin, "If-Match": tag})
    assert (ok(changed)["name"], ok(changed)["state"]) == ("siem", "paused")
    assert client.patch(path, json={"name": "x"}, headers={**admin, "If-Match": tag}).status_code == 412
    assert client.patch(path, json={"name": "x"}, headers=admin).status_code == 400
    ok(client.delete(path, headers=admin))


def test_an_order_with_a_key_is_given_once(opened: Desk, receiver: Receiver) -> None:
    client, admin = opened.client, {**opened.by("administrator"), "Idempotency-Key": "once"}
    path = f"{PATH}/{added(opened, receiver.address)[0]['id']}"
    for replayed in (None, "true"):
        answer = client.post(f"{path}/test", headers=admin)
        assert answer.headers.get("Idempotency-Replayed") == replayed
    assert len(receiver.got) == 1
    ok(client.delete(path, headers=opened.by("administrator")))


@pytest.mark.parametrize(
    "url",
    [
        "https://10.0.0.1/", "https://169.254.169.254/latest/meta-data/", "https://[::ffff:10.0.0.1]/",
        "https://167772161/", "https://user:pw@hooks.example/", "file:///etc/passwd", "https://[fd00:ec2::254]/",
    ],
)  # fmt: skip
def test_an_address_of_the_network_behind_us_is_refused(opened: Desk, url: str) -> None:
    answer = opened.client.post(PATH, json={"url": url}, headers=opened.by("administrator"))
    assert answer.status_code == 400


def test_a_dead_letter_is_seen_and_sent_once_more_on_the_page(
    opened: Desk, receiver: Receiver, browser: Browser
) -> None:
    receiver.answer = lambda got: 410
    with window(browser, str(opened.client.base_url).rstrip("/")) as seen:
        page = seen.sign_in("administrator")
        page.get_by_role("link", name="Webhooks").click()
        expect(page.get_by_text("No webhooks")).to_be_visible()
        page.get_by_role("button", name="New webhook").click()
        page.get_by_label("URL").fill(receiver.address)
        page.get_by_label("Name").fill("<b>siem</b>")
        page.get_by_role("button", name="Make it").click()
        secret = page.locator("main .notice code").inner_text()
        page.get_by_role("link", name="<b>siem</b>").click()
        page.get_by_role("button", name="Send a test").click()
        expect(page.get_by_text("The test did not arrive: it answered 410")).to_be_visible()
        tell(opened)
        seen.go("/webhooks")
        expect(page.get_by_role("link", name="Webhooks 1 waiting")).to_be_visible()  # it needs eyes
        page.get_by_role("link", name="<b>siem</b>").click()
        expect(page.get_by_text("Switched off, because the receiver says")).to_be_visible()
        receiver.answer = lambda got: 204
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_text("It goes on from where it stood")).to_be_visible()
        tell(opened)
        page.reload()
        expect(page.get_by_role("cell", name="Delivered").first).to_be_visible()
        assert "sink_switched_off" in receiver.types
        assert receiver.got[-1].verified(secret)["type"] == "sink_changed"
        assert seen.violations() == []
        event_id = refuse_one(opened, page.url.rpartition("/")[2].partition("?")[0])
        page.reload()
        if pictures := os.environ.get("PICTURES"):
            page.screenshot(path=f"{pictures}/webhook.png", full_page=True)
        page.get_by_label("Outcome").select_option("dead")
        page.get_by_role("button", name="Show").click()
        page.get_by_role("button", name=f"Send once more {event_id}").click()
        expect(page.get_by_text("They are sent once more as soon as")).to_be_visible()
        tell(opened)
        assert receiver.got[-1].id == event_id
        page.get_by_role("button", name="Remove", exact=True).click()
        page.get_by_role("button", name="Remove it").click()
        expect(page.get_by_text("It is told nothing any more")).to_be_visible()
        assert (seen.troubles, seen.strangers) == ([], [])
