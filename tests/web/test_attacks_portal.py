"""What a stranger's mail and a page elsewhere may try with the portal; each page and form, by the table."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pyzipper
from litestar.handlers import HTTPRouteHandler
from playwright.sync_api import expect
from tests.engine.world import World, read
from tests.web import desk as desks
from tests.web.browser import CHROMIUM, chromium, window
from tests.web.desk import PASSWORD, Desk, ok
from tests.web.lures import EVIL, LURE, LURES
from tests.web.test_access import CALLERS, SEER, permissions

from clawback.engine import accounts
from clawback.response.people import Role
from clawback.store import MessageQuery
from clawback.web.access import ROUTES, Open
from clawback.web.portal.messages import member_name, sanitised
from clawback.web.site import Site

PORTAL = sorted(name for name, row in ROUTES.items() if not name.split()[1].startswith(("/api", "/static")))
GUARDED = [name for name in PORTAL if not isinstance(ROUTES[name].needs, Open)]
HELD = "script,img,picture,video,audio,svg,math,form,input,object,embed,iframe,style,base,meta,link,[href]"
FORMS = [name for name in GUARDED if ROUTES[name].form]


@pytest.fixture(scope="module")
def sessions(shared_desk: Desk) -> dict[str, dict[str, str]]:
    """The headers of somebody of each role who signed in."""
    accounts.add_account(shared_desk.app.parts, SEER, Role.READER, "test", content=True, password=PASSWORD)
    return {name: shared_desk.signed_in(name) for name in CALLERS}


@pytest.mark.parametrize("operation", GUARDED)
def test_a_page_and_a_form_are_for_whom_their_row_says(
    shared_desk: Desk, sessions: dict[str, dict[str, str]], operation: str
) -> None:
    method, path = operation.split()
    path = path.replace("{", "").replace("}", "")
    for caller in CALLERS:
        cookie = {"Cookie": sessions[caller]["Cookie"]}
        answer = shared_desk.client.request(method, path, headers=cookie, follow_redirects=False)
        assert answer.status_code < 500
        refused = answer.status_code == 403 and "it needs the permission" in answer.text
        assert refused is (ROUTES[operation].needs not in permissions(caller)), caller
    answer = shared_desk.client.request(method, path, follow_redirects=False)
    assert answer.status_code in ((303, 401) if method == "GET" else (401,))


def form_of(site: Site, operation: str) -> dict[str, Any]:
    """A form that holds all that its handler asks for."""
    method, path = operation.split()
    for route in site.inner.routes:
        if getattr(route, "path_format", "") == path:
            handler = next(h for h in route.route_handlers if method in h.http_methods)  # type: ignore[union-attr]
            assert isinstance(handler, HTTPRouteHandler)
            data = handler.parsed_fn_signature.parameters["data"].annotation
            if not is_dataclass(data):
                return {"anything": "1"}
            several = ("list", "tuple")
            return {f.name: ["1", "1"] if str(f.type).startswith(several) else "1" for f in fields(data)}
    raise AssertionError(operation)


@pytest.mark.parametrize("operation", FORMS)
def test_a_form_without_what_our_page_gave_orders_nothing(
    shared_desk: Desk, sessions: dict[str, dict[str, str]], operation: str
) -> None:
    path = operation.split()[1].replace("{", "").replace("}", "")
    mine = sessions[SEER if ROUTES[operation].needs.value == "content" else "administrator"]
    form = form_of(shared_desk.site, operation)

    def sent(headers: dict[str, str], csrf: str) -> httpx.Response:
        body = {**form, "csrf": csrf}
        return shared_desk.client.post(path, data=body, headers=headers, follow_redirects=False)

    other = sessions["approver"]["X-CSRF-Token"]
    for csrf in ("", "1", other):
        assert sent({"Cookie": mine["Cookie"]}, csrf).status_code == 403
    for foreign in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "same-site"}):
        assert sent({"Cookie": mine["Cookie"], **foreign}, mine["X-CSRF-Token"]).status_code == 403


@pytest.fixture
def lured(tmp_path: Path) -> Iterator[tuple[Desk, str]]:
    """A desk with a lure among its mail, the id of the lure, and somebody who may look into it."""
    with desks.desk(tmp_path) as opened:
        World(tmp_path, "", count=900).deliver("user0", "", raw=LURE)
        read(opened.app)
        accounts.add_account(
            opened.app.parts, "seer", Role.ADMINISTRATOR, "test", content=True, password=PASSWORD
        )
        with opened.app.store.read() as unit:
            (message,) = unit.messages.search(MessageQuery(text="HYPERLINK"))[0]
        yield opened, message.id


@pytest.mark.skipif(not CHROMIUM, reason="Debian's chromium is not installed")
def test_a_lure_does_nothing_and_asks_nothing_wherever_it_is_shown(lured: tuple[Desk, str]) -> None:
    desk, message_id = lured
    address = str(desk.client.base_url).rstrip("/")
    with chromium() as browser, window(browser, address) as opened:
        opened.page.add_init_script("window.hit = () => { window.top.wasHit = true; }")
        page = opened.sign_in("seer")
        opened.go(f"/messages/{message_id}")
        pages = [str(a.get_attribute("href")) for a in page.locator("main a[href^='/entities/']").all()]
        assert len(pages) >= 4
        for path in ("/", "/explorer", *sorted(set(pages))[:12]):
            assert page.goto(address + path).ok  # type: ignore[union-attr]
            expect(page.locator("main h1")).to_be_visible()
        opened.go(f"/messages/{message_id}")
        page.get_by_role("button", name="Look into it").click()
        page.get_by_role("dialog").get_by_label("Why").fill(EVIL)
        page.get_by_role("dialog").get_by_role("button", name="Show it").click()
        frame = page.frame_locator("iframe.preview")
        expect(frame.get_by_text("Dear reader of this lure")).to_be_visible()
        assert frame.locator(HELD).count() == 0
        expect(page.get_by_role("heading", name="Headers")).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert page.evaluate("window.wasHit") is None
        assert opened.strangers == []
        assert opened.troubles == []


@pytest.mark.skipif(not CHROMIUM, reason="Debian's chromium is not installed")
def test_even_what_slipped_into_a_page_would_not_run(shared_desk: Desk) -> None:
    address = str(shared_desk.client.base_url).rstrip("/")
    with chromium() as browser, window(browser, address) as opened:
        page = opened.go("/sign-in")
        stopped: list[str | None] = []
        page.on("requestfailed", lambda request: stopped.append(request.failure))
        page.evaluate(
            """() => {
              window.ran = [];
              const script = document.createElement('script'); script.textContent = "ran.push('script')";
              const image = document.createElement('img'); image.setAttribute('onerror', "ran.push('on')");
              image.src = 'https://spy.example/x.gif';
              const frame = document.createElement('iframe'); frame.src = 'https://spy.example/';
              const link = document.createElement('a'); link.href = "javascript:ran.push('link')";
              document.body.append(script, image, frame, link); link.click();
              const form = document.createElement('form');
              form.action = 'https://spy.example/'; form.method = 'post';
              document.body.append(form); form.submit();
            }"""
        )
        page.wait_for_timeout(300)
        assert page.evaluate("window.ran") == []
        assert page.url.startswith(address)
        assert set(stopped) == {"csp"}


def test_a_file_comes_out_locked_and_under_a_tame_name(lured: tuple[Desk, str]) -> None:
    desk, message_id = lured
    seer, admin = desk.signed_in("seer"), desk.signed_in("administrator")
    asked = {"csrf": seer["X-CSRF-Token"], "reason": "a sample", "path": "2"}
    url, cookie = f"/messages/{message_id}/file", {"Cookie": seer["Cookie"]}
    answer = desk.client.post(url, data=asked, headers=cookie)
    assert answer.status_code == 200, answer.text
    with pyzipper.AESZipFile(io.BytesIO(answer.content)) as archive:
        (name,) = archive.namelist()
        assert name == member_name("run<img src=x onerror=hit()>.exe")
        with pytest.raises(RuntimeError):
            archive.read(name)
        archive.setpassword(b"infected")
        assert archive.read(name).strip() == b"MZ"
    assert desk.client.post(url, data={**asked, "path": "../2"}, headers=cookie).status_code == 404
    assert desk.client.post(url, data={**asked, "reason": " "}, headers=cookie).status_code == 400
    other = {**asked, "csrf": admin["X-CSRF-Token"]}
    assert desk.client.post(url, data=other, headers={"Cookie": admin["Cookie"]}).status_code == 403
    with desk.app.store.read() as unit:
        looks = [row.body["reason"] for row in unit.audit.list(types=["content_viewed"])]
    assert looks.count("a sample") == 2


@pytest.mark.parametrize(
    "written",
    [
        "../../etc/passwd",
        "..\\..\\x.exe",
        "/abs",
        "",
        "...",
        "-rf",
        "a\r\nSet-Cookie: a=b",
        'a"; filename="b',
        "\u202egpj.exe",
        "x" * 5_000,
        "=cmd",
        ".htaccess",
        "con/..",
        "\x00",
    ],
)
def test_a_name_that_a_stranger_wrote_is_tame(written: str) -> None:
    name = member_name(written)
    assert name.isascii()
    assert 1 <= len(name) <= 100
    assert name[0] not in ".-=_"
    assert not set(name) & set('/\\\r\n\0"<>: ;=')


@pytest.mark.parametrize(
    "html", [LURES, LURES * 20, "<" * 100_000, "<p>" * 50_000, "<svg>" * 20_000, "&#x3c;script>hit()"]
)
def test_sanitised_mail_holds_no_address_and_nothing_that_acts(html: str) -> None:
    clean = sanitised(html[:200_000])
    for bad in ("spy.example", "<script", "<img", "onload", "javascript:", "href", "src=", "style"):
        assert bad not in clean


def test_no_export_holds_a_formula(lured: tuple[Desk, str]) -> None:
    desk, _ = lured
    headers = desk.by(Role.ADMINISTRATOR)
    ok(
        desk.client.post(
            "/api/indicators", json={"value": "https://evil.example/", "note": "=1+1"}, headers=headers
        )
    )
    exports = [
        name.split()[1] for name in ROUTES if name.startswith("GET /api/") and name.endswith("/export")
    ]
    seen = 0
    for path in (path for path in exports if "{" not in path):
        for params in ({"form": "csv"}, {"format": "csv"}, {}):
            answer = desk.client.get(path, params=params, headers=headers)
            if answer.status_code == 200 and "csv" in answer.headers["content-type"]:
                seen += 1
                for cell in answer.text.replace("\n", ",").split(","):
                    assert not cell.strip('\ufeff"').startswith(("=", "@", "\t")), (path, cell)
                break
    assert seen >= 1
