"""Every declared list: sorted both ways, filtered, paged and exported, it is the same list."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.store.make import NOW
from tests.web.browser import chromium, window
from tests.web.desk import Desk, desk, ok

from clawback.analysis.clusters import Cluster, ClusterKind, Member
from clawback.analysis.entities import Entity, EntityKind, Reason
from clawback.analysis.indicators import IndicatorKind, Threat, VerdictKind, indicator
from clawback.engine import accounts
from clawback.message.reports import ReportedAs
from clawback.response.investigation import InvestigationStatus
from clawback.response.people import Role
from clawback.response.plan import RemediationStatus
from clawback.response.submissions import Submission, SubmissionState
from clawback.store import Unit
from clawback.store.listings import Listing, Order, each
from clawback.store.whole_lists import cut
from clawback.web.access import ROUTES
from clawback.web.listed import Asked, Declared
from clawback.web.lists import STORED
from clawback.web.lists_inside import INSIDE

LISTS: dict[str, Declared[Any]] = {**STORED, **INSIDE}
ODD = ("=cmd()", "ʇɹǝsuᴉ", "אבג", "🐟 fish", 'a,b\n"c"', "")
MANY = 23
"""Of each kind: several pages, the last of them not full, with ties in every order."""


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(Path(tmp_path_factory.mktemp("lists"))) as opened:
        for number in range(MANY):
            accounts.new_token(
                opened.app.parts, "reader", f"{ODD[number % 4]} {number % 7}", ("read",), 1 + number % 3, "t"
            )
        with opened.app.store.write() as unit:
            fill(unit)
        yield opened


def fill(unit: Unit) -> None:
    """Many of all that is listed, different in few things."""
    (state, *_), _ = unit.investigations.list()
    (action, *_), _ = unit.remediations.list()
    plan = unit.remediations.plan(action.id)
    reason = Reason("same_url", Entity(EntityKind.URL, "http://a.example/"), "it has the URL", "body")
    for n in range(MANY):
        odd, at = ODD[n % len(ODD)], NOW + timedelta(minutes=n % 5)
        log = tuple(replace(state.log[0], at=at, text=f"{odd} {i % 4}", actor="ann") for i in range(MANY))
        alerts = tuple(replace(state.alerts[0], id=f"alr-{n}-{i}", title=odd) for i in range(MANY))
        unit.investigations.save(
            replace(
                state, id=f"inv-{n}", version=1, title=odd, created_at=at, changed_at=at, log=log,
                status=list(InvestigationStatus)[n % 3], alerts=alerts if n == 0 else state.alerts,
            )
        )  # fmt: skip
        made = replace(
            action, id=f"rem-{n}", made_at=at, key=Entity(EntityKind.URL, odd or "x"), decided_by=f"p{n % 3}",
            status=(RemediationStatus.PENDING, RemediationStatus.REJECTED)[n % 2],
            decided_at=at if n % 2 else None,
        )  # fmt: skip
        unit.remediations.add(made, replace(plan, id=f"plan-{n}", deeds=(), skips=()))
        members = tuple(
            Member(f"msg-{i}", (reason,), 0.9 - i % 3 / 10) for i in range(MANY if n == 0 else n % 4)
        )
        verdict = (VerdictKind.MALICIOUS, VerdictKind.SUSPICIOUS)[n % 2]
        key = Entity(EntityKind.URL, f"http://{odd}.example/{n % 3}")
        unit.clusters.save(
            Cluster(
                f"clu-{n}", list(ClusterKind)[n % 2], key, "q", at, verdict, Threat.PHISH, members, line=0.3
            ),
            "inv-0",
        )
        unit.indicators.add(
            [
                indicator(
                    IndicatorKind.URL, f"http://i{n}.example/{n % 3}", verdict=verdict, threat=Threat.PHISH,
                    source=f"feed{n % 3}", confidence=n % 4 * 10, added_at=at,
                    expires_at=at + timedelta(days=n % 3) if n % 3 else None, note=odd,
                )
            ]
        )  # fmt: skip
        unit.audit.append(f"kind{n % 3}", f"who{n % 4}", at, {"text": odd})
    unit.submissions.add([report(n) for n in range(MANY)])


def report(number: int) -> Submission:
    return Submission(
        id=f"sub-{number}",
        reporter=f"r{number % 4}@example.org",
        reported_as=ReportedAs.PHISH,
        reported_at=NOW + timedelta(minutes=number % 5),
        state=list(SubmissionState)[number % 4],
        subject=ODD[number % len(ODD)],
    )


def place(declared: Declared[Any]) -> str:
    """What a list is the list of: that which has many of it."""
    return "clu-0" if "{cluster_id}" in declared.api else "inv-0" if "{" in declared.api else ""


def address(declared: Declared[Any]) -> str:
    return declared.api.replace("{cluster_id}", "clu-0").replace("{investigation_id}", "inv-0")


def walked(full: Desk, declared: Declared[Any], asked: dict[str, str], limit: int = 5) -> list[Any]:
    """All items of the API's pages, one page after the other."""
    items, cursor, by = [], "", full.by(Role.ADMINISTRATOR)
    while True:
        query = {**asked, "limit": str(limit), **({"cursor": cursor} if cursor else {})}
        page = ok(full.client.get(address(declared), params=query, headers=by))
        items += page["items"]
        cursor = page["next"]
        if not cursor:
            return items
        assert len(page["items"]) == limit


def identity(item: dict[str, Any]) -> str:
    return json.dumps(item, sort_keys=True)


def value_of(full: Desk, name: str, sort: str) -> Callable[[dict[str, Any]], Any]:
    """How Python reads from an item of the API what a list is sorted by."""
    with full.app.store.read() as unit:
        members = unit.clusters.get("clu-0").members
        seqs = {member.message_id: place for place, member in enumerate(members)}
    special: dict[tuple[str, str], Callable[[dict[str, Any]], Any]] = {
        ("investigations", "threats"): lambda one: 0,
        ("investigations", "actions"): lambda one: len(one["remediations"]),
        ("actions", "entity"): lambda one: one["key"]["value"],
        ("actions", "decided_at"): lambda one: one["decided_at"] or "",
        ("clusters", "entity"): lambda one: one["key"]["value"],
        ("submissions", "status"): lambda one: one["state"],
        ("indicators", "expires_at"): lambda one: one["expires_at"] or "9999",
        ("members", "subject"): lambda one: "",
        ("members", "sender"): lambda one: "",
        ("members", "seq"): lambda one: seqs[one["message_id"]],
        ("tokens", "used_at"): lambda one: one["used_at"] or "",
        ("alerts", "severity"): lambda one: 0,
        ("evidence", "first_seen"): lambda one: one["first_seen"] or "",
    }
    return special.get((name, sort), lambda one: one[sort])


SORTS = [(name, sort) for name, declared in LISTS.items() for sort in declared.sorts]


@pytest.mark.parametrize(("name", "sort"), SORTS)
def test_each_order_both_ways_has_every_row_once_and_is_pythons(full: Desk, name: str, sort: str) -> None:
    declared = LISTS[name]
    everything = sorted(identity(one) for one in walked(full, declared, {}, 1_000))
    read = value_of(full, name, sort)
    for sign in ("", "-"):
        found = walked(full, declared, {"sort": f"{sign}{sort}"})
        assert sorted(identity(one) for one in found) == everything
        values = [read(one) for one in found]
        assert values == sorted(values, reverse=bool(sign))


FILTERS = [(name, one.name) for name, declared in LISTS.items() for one in declared.filters]
WORDS = {
    "history": "true", "since": "2026-03-04T05:08:00Z", "until": "2026-03-04T05:08:00Z", "after": "9",
    "source": "feed1", "investigation_id": "inv-0", "cluster_id": "clu-0", "reporter": "R1@example.org",
    "decided_by": "p1", "text": "Fish", "actor": "ann", "entity": "fish", "value": "i1", "title": "FISH",
    "mailbox": "USER1", "label": "fish", "account": "reader", "event": "investigation_started",
    "subject": "nothing is like this", "sender": "nobody",
}  # fmt: skip


@pytest.mark.parametrize(("name", "word"), FILTERS)
def test_each_filter_takes_what_it_says_and_the_rest_is_what_it_leaves(
    full: Desk, name: str, word: str
) -> None:
    declared = LISTS[name]
    one = next(one for one in declared.filters if one.name == word)
    everything = walked(full, declared, {}, 1_000)
    if one.choices:
        parts = [walked(full, declared, {word: value.value}, 1_000) for value in one.choices]
        assert sorted(identity(i) for part in parts for i in part) == sorted(map(identity, everything))
        return
    found = walked(full, declared, {word: WORDS.get(word, "kind1")})
    assert {identity(i) for i in found} < {identity(i) for i in everything} or name in (
        "log",
        "alerts",
        "entities",
    )
    if word in ("since", "until"):
        other = walked(full, declared, {("until" if word == "since" else "since"): WORDS[word]}, 1_000)
        assert len(found) + len(other) == len(everything)


@pytest.mark.parametrize("name", LISTS)
def test_the_export_is_the_list(full: Desk, name: str) -> None:
    declared, by = LISTS[name], full.by(Role.ADMINISTRATOR)
    sort = f"-{next(iter(declared.sorts))}"
    listed = walked(full, declared, {"sort": sort})
    answers = {
        form: full.client.get(f"{address(declared)}/export", params={"form": form, "sort": sort}, headers=by)
        for form in ("csv", "json")
    }
    assert answers["json"].headers["content-type"] == "application/json"
    assert answers["csv"].headers["content-type"].startswith("text/csv")
    for form, answer in answers.items():
        assert answer.headers["content-disposition"] == f'attachment; filename="{name}.{form}"'
    assert answers["json"].json() == listed
    rows = list(csv.reader(io.StringIO(answers["csv"].content.decode("utf-8-sig"))))
    assert len(rows) == len(listed) + 1
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "@", "\t"))]


@pytest.mark.parametrize("name", LISTS)
def test_an_export_needs_what_the_table_says(full: Desk, name: str) -> None:
    declared = LISTS[name]
    needs = ROUTES[f"GET {declared.api}/export"].needs
    for role in Role:
        answer = full.client.get(f"{address(declared)}/export", headers=full.by(role))
        with full.app.store.read() as unit:
            held = unit.accounts.get(role.value).permissions
        assert (answer.status_code == 200) is (needs in held)


HOSTILE = ("made_at; DROP TABLE audit", "--x", "'", "\x00", "id desc", "no", "record", "a" * 5_000, "אב")


@pytest.mark.parametrize("name", LISTS)
def test_hostile_words_are_a_clear_problem(full: Desk, name: str) -> None:
    declared, by = LISTS[name], full.by(Role.ADMINISTRATOR)
    asked = [{"sort": word} for word in HOSTILE]
    asked += [{one.name: word} for one in declared.filters if one.choices or one.date for word in HOSTILE]
    asked += [{one.name: "x" * 1_001} for one in declared.filters]
    asked += [{"no_such_filter": "1"}, {"cursor": "nonsense"}, {"cursor": "W10"}]
    for query in asked:
        answer = full.client.get(address(declared), params=query, headers=by)
        assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json"), (
            query
        )
        assert answer.json()["detail"]
        if "cursor" not in query:
            assert full.client.get(f"{address(declared)}/export", params=query, headers=by).status_code == 400


def test_a_list_goes_on_where_it_was_though_rows_before_it_come_and_go(full: Desk) -> None:
    declared = LISTS["indicators"]
    listing = declared.listing(Asked({}, "value"), 5)

    def search(some: Listing) -> tuple[tuple[Any, ...], str]:
        with full.app.store.read() as unit:
            found: tuple[tuple[Any, ...], str] = declared.search(unit, "", some)
            return found

    whole = list(each(search, listing))
    first, cursor = search(listing)
    new = indicator(
        IndicatorKind.URL, "http://aaa.example/", verdict=VerdictKind.MALICIOUS, threat=Threat.PHISH,
        source="new", added_at=NOW,
    )  # fmt: skip
    with full.app.store.write() as unit:
        unit.indicators.remove(first[0].id)
        unit.indicators.add([new])
    assert list(each(search, replace(listing, cursor=cursor))) == whole[5:]
    assert search(listing)[0][0].id == new.id


def test_what_is_read_as_a_whole_goes_on_where_it_was_though_it_grows() -> None:
    readers = {"size": len}
    before, after = ["a", "bb", "cc", "d", "eee"], ["a", "bb", "cc", "d", "eee", "f", "gg"]
    listing = Listing(order=(Order("size", descending=True),), limit=2)
    first, cursor = cut(before, readers, listing)
    assert first == ("eee", "bb")
    second, cursor = cut(after, readers, replace(listing, cursor=cursor))
    assert second == ("cc", "gg")
    assert cut(after, readers, replace(listing, cursor=cursor, limit=9)) == (("a", "d", "f"), "")


def test_pages_sort_filter_and_export_what_they_show(full: Desk) -> None:
    with chromium() as browser, window(browser, str(full.client.base_url).rstrip("/")) as opened:
        page = opened.sign_in("administrator")
        for path, column in (("/actions", "Made"), ("/indicators", "Confidence"), ("/audit", "Who")):
            opened.go(path)
            head = page.get_by_role("columnheader", name=column)
            head = head.first
            head.get_by_role("link").focus()
            page.keyboard.press("Enter")
            expect(head).to_have_attribute("aria-sort", "ascending")
            head.get_by_role("link").click()
            expect(head).to_have_attribute("aria-sort", "descending")
        opened.go("/actions")
        page.get_by_label("Status").select_option("rejected")
        page.get_by_role("button", name="Filter").click()
        told = page.locator(".pager span").first.inner_text()
        with page.expect_download() as awaited:
            page.get_by_role("link", name="CSV").click()
        table = list(csv.reader(io.StringIO(awaited.value.path().read_text("utf-8-sig"))))
        assert told.startswith(f"{len(table) - 1} of {len(table) - 1} ")
        opened.go("/actions?entity=nothing-is-like-this")
        expect(page.get_by_role("heading", name="Nothing matches")).to_be_visible()
        page.get_by_role("link", name="Clear the filters").click()
        expect(page.locator("tbody tr").first).to_be_visible()
        opened.go("/indicators")
        page.keyboard.press("j")
        assert page.evaluate("document.activeElement.matches('tbody a[data-open]')")
        page.locator("tbody tr").first.get_by_role("button", name="Remove").click()
        expect(page.get_by_role("dialog")).to_contain_text("What was done because of it stays")
        assert opened.troubles == []
