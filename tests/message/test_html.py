"""HTML bodies: every place a link can stand, the text a person sees, and the bounds."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawback.message.html import MAX_LINKS, HtmlReading, read_html
from clawback.message.link import LinkLocation


def read(markup: str) -> HtmlReading:
    return read_html(markup, location=LinkLocation.BODY, part="1.2", container="")


def links(markup: str) -> list[tuple[str, str]]:
    return [(link.source, link.url) for link in read(markup).links]


X = "http://x.example/"
DATA = "data:text/html;base64," + base64.b64encode(f'<a href="{X}">go</a>'.encode()).decode()


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        (f'<a href="{X}">go</a>', [("a.href", X)]),
        (f"<A HREF={X}>go", [("a.href", X)]),
        (f"<a href='\n{X}\n'>go</a>", [("a.href", X)]),
        ('<a href="ht&#116;p://x.ex&#x61;mple/?a&amp;b">go</a>', [("a.href", X + "?a&b")]),
        ("<a href=www.x.example>go</a>", [("a.href", "http://www.x.example/")]),
        (f"<a href=//e.co originalsrc={X}>", [("a.href", "http://e.co/"), ("a.originalsrc", X)]),
        (f"<map><area href={X}></map>", [("area.href", X)]),
        (f"<img src={X}>", [("img.src", X)]),
        (f"<img srcset='{X}a 1x, {X}b 2x'>", [("img.srcset", X + "a"), ("img.srcset", X + "b")]),
        (f"<form action={X}><button formaction={X}b>", [("form.action", X), ("button.formaction", X + "b")]),
        (f"<input type=image src={X}>", [("input.src", X)]),
        (f"<meta http-equiv=Refresh content=\"0; URL='{X}'\">", [("meta.refresh", X)]),
        (f"<meta http-equiv=refresh content='0;{X}'>", [("meta.refresh", X)]),
        ("<meta http-equiv=refresh content=5><meta name=a content=http://n.example/>", []),
        (f"<body background={X}>", [("body.background", X)]),
        (f"<table><td background={X}>", [("td.background", X)]),
        (f"<link rel=stylesheet href={X}>", [("link.href", X)]),
        (f"<script src={X}></script>", [("script.src", X)]),
        (f"<object data={X}></object><embed src={X}>", [("object.data", X), ("embed.src", X)]),
        (f"<iframe src={X}></iframe><video poster={X}></video>", [("iframe.src", X), ("video.poster", X)]),
        (f"<iframe srcdoc=\"<a href='{X}'>go</a>\"></iframe>", [("a.href", X)]),
        (f"<div style=\"background:url('{X}')\">", [("css.url", X)]),
        (f"<div style='background:\\75 rl({X})'>", [("css.url", X)]),
        (f"<style>@import '{X}'; p{{src:url( {X}b )}}</style>", [("css.url", X), ("css.url", X + "b")]),
        (f"<svg><a xlink:href='{X}'><text>go</text></a></svg>", [("a.xlink:href", X)]),
        (f"<!--[if mso]><v:rect href='{X}'></v:rect><![endif]-->", [("comment", X)]),
        (f"<!-- <a href='{X}'>hidden</a> -->", [("comment", X)]),
        (f"<!--[if !mso]><!--><a href='{X}'>go</a><!--<![endif]-->", [("a.href", X)]),
        (f"<!-- {X} is only a remark -->", []),
        (f'<script>location="{X}"; var u="https:\\/\\/y.example\\/"</script>', [("script", X), ("script", "https://y.example/")]),
        (f"<a href='#' onclick=\"location='{X}'\">go</a>", [("a.onclick", X)]),
        (f"<template><a href={X}>go</a></template>", [("a.href", X)]),
        (f"<a href='{DATA}'>go</a>", [("a.href", X)]),
        ("<base href=http://x.example/d/><a href=e>", [("base.href", X + "d/"), ("a.href", X + "d/e")]),
        ("<a href=e.html>relative</a><img src=cid:1@x><a href=mailto:a@b.example>m</a><a href=#t>t</a>", []),
        (f"<p>look at {X} now", [("text", X)]),
        ("<p>http://x.exam<b>ple/</b>y", [("text", X + "y")]),
        (f"<a href='https://e.example/'>{X}</a>", [("a.href", "https://e.example/")]),
        (f"<a href='{X}'>go</a> or {X}", [("a.href", X)]),
        (f"<a href='{X}'>go</a><a href='{X}'>go</a>", [("a.href", X)]),
        (f"<a href={X}", []),
    ],
)  # fmt: skip
def test_where_links_stand(markup: str, expected: list[tuple[str, str]]) -> None:
    assert links(markup) == expected


def test_a_link_says_where_it_stood_and_what_a_person_saw() -> None:
    (link,) = read(f'<p><a href="{X}"> Open\n <b>the</b> <img alt="in&#118;oice" src=cid:1></a>').links
    assert (link.text, link.part, link.location) == ("Open the invoice", "1.2", LinkLocation.BODY)
    assert link.written == X


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<p>one<p>two <b>b</b>old\n line<br>next", "one\ntwo bold line\nnext"),
        ("<div>a<div>b</div>c</div>", "a\nb\nc"),
        ("<table><tr><td>a<td>b<tr><td>c</table>", "a\nb\nc"),
        ("<title>t</title><style>s{}</style><script>x()</script>seen<!-- unseen -->", "seen"),
        ("a&nbsp;&amp;&lt;b&gt;", "a &<b>"),
        ("plain text", "plain text"),
        ("<iframe srcdoc='in<b>side'></iframe>", "inside"),
        ("", ""),
        ("<template>t</template><noscript>n</noscript>", "n"),
    ],
)
def test_the_visible_text(markup: str, expected: str) -> None:
    assert read(markup).text == expected


def test_pictures_in_data_urls_are_handed_out() -> None:
    png = base64.b64encode(b"\x89PNG picture").decode()
    reading = read(
        f"<img src='data:image/png;base64,{png[:8]}\n{png[8:]}'><img src='data:image/gif,GIF8%00'>"
    )
    assert reading.images == (b"\x89PNG picture", b"GIF8\0")
    assert reading.links == ()


HOSTILE = {
    "nested": "<div>" * 40_000 + f"<a href={X}>go</a>",
    "ignored end tags": "<div><table><td></div></table>" * 40_000 + f"<a href={X}>go</a>",
    "ends in comments": "<div><!--</div>-->" * 40_000 + f"<a href={X}>go</a>",
    "ends in bogus comments": "<div><!</div>" * 40_000 + f"<a href={X}>go</a>",
    "formatting": "<p>"
    + "".join(f"<font a={i}>" for i in range(200))
    + "<p>x" * 50_000
    + f"<a href={X}>go</a>",
    "bodies": "".join(f"<body a{i}>" for i in range(100_000)) + f"<a href={X}>go</a>",
    "attributes": "<a " + " ".join(f"a{i}" for i in range(100_000)) + f" href={X}>go</a>",
    "attribute names": "".join(f"<p a{i}>" for i in range(100_000)) + f"<a href={X}>go</a>",
    "tag names": "".join(f"<x{i}>" for i in range(100_000)) + f"<a href={X}>go</a>",
    "foreign": "<svg><title>" + "<div>" * 40_000 + f"<a href={X}>go</a>",
    "forms": "<form><div></form>" * 40_000 + f"<a href={X}>go</a>",
    "headings": "<h1><div><h2></h1>" * 40_000 + f"<a href={X}>go</a>",
    "lists": "<li><ul></li>" * 40_000 + f"<a href={X}>go</a>",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_markup_ends_with_a_defect_and_keeps_its_link(name: str) -> None:
    reading = read(HOSTILE[name])
    assert ("a.href", X) in [(link.source, link.url) for link in reading.links]
    assert {defect.code for defect in reading.defects} <= {"html_too_deep", "html_too_many_attributes"}
    assert reading.defects


@pytest.mark.parametrize(
    "markup",
    [
        *("<" * 10_000_000, "<select>" + "<option>x" * 100_000, "<a x='" * 100_000, "<!--" * 100_000),
        *("<table>" + "<b>x" * 50_000, "<a href=x>" * 50_000, "</p>" * 100_000, "<!DOCTYPE " * 100_000),
        *("&" * 500_000, "\0" * 100_000, "<style>" + "url(" * 200_000, "<p style='" + "\\" * 300_000),
        "<a><b><div>" * 20_000,
    ],
    ids=lambda markup: markup[:8],
)  # fmt: skip
def test_hostile_markup_ends(markup: str) -> None:
    read(markup)


def test_too_much_markup_is_cut_with_a_defect() -> None:
    reading = read(f"<a href={X}>go</a>" + " " * 5_000_000 + "<a href=http://late.example>late</a>")
    assert [link.url for link in reading.links] == [X]
    assert [defect.code for defect in reading.defects] == ["html_cut"]


def test_too_many_links_are_cut_with_a_defect() -> None:
    reading = read("".join(f"<a href=http://x.example/{i}>go</a>" for i in range(MAX_LINKS + 10)))
    assert len(reading.links) == MAX_LINKS
    assert [defect.code for defect in reading.defects] == ["too_many_links"]


PIECES = [
    *(
        "<a href=http://x.example/>",
        "<a href='",
        "<div>",
        "</div>",
        "<table>",
        "<td>",
        "<!--",
        "-->",
        "<svg>",
    ),
    *(
        "<style>",
        "</style>",
        "<b",
        ">",
        "<",
        "&#",
        ";",
        "http://",
        "x.example",
        '"',
        "=",
        "\ud800",
        "\0",
        " ",
    ),
    *("<![CDATA[", "]]>", "<template>", "<select>", "<base href=//b.example>", "data:text/html,", "<script>"),
]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=60))
def test_any_markup_is_read_without_an_error(pieces: list[str]) -> None:
    reading = read("".join(pieces))
    assert all(link.url.startswith(("http://", "https://", "ftp://")) for link in reading.links)


def test_real_phishing_bodies_are_read(shared_data: Path) -> None:
    folder = shared_data / "phish" / "phishing_pot"
    for path in sorted(folder.glob("*.eml"))[:200]:
        read(path.read_bytes().decode("latin-1"))
