"""Rewritten links undone: one example of every rewriter, written by hand from its public format."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawback.message.rewriters import REWRITERS
from clawback.message.rewriting import unwrap
from clawback.message.url import normalise

INNER = "https://evil.example/path?a=b"
QUOTED = quote(INNER, safe="")
B64 = base64.urlsafe_b64encode(INNER.encode()).decode().rstrip("=")

EXAMPLES = [
    ("safe_links", f"https://eur01.safelinks.protection.outlook.com/?url={QUOTED}&data=05%7C01&reserved=0"),
    ("safe_links", f"https://gcc02.safelinks.protection.office365.us/?url={QUOTED}&data=x"),
    ("safe_links", f"https://x.safelinks.protection.partner.outlook.cn/?url={QUOTED}&data=x"),
    (
        "safe_links",
        f"https://statics.teams.cdn.office.net/evergreen-assets/safelinks/1/atp.html?url={QUOTED}",
    ),
    ("proofpoint", f"https://urldefense.proofpoint.com/v1/url?u={QUOTED}&k=abc%3D"),
    (
        "proofpoint",
        "https://urldefense.proofpoint.com/v2/url?u=https-3A__evil.example_path-3Fa-3Db&d=DwMFAg&c=x&r=y&e=",
    ),
    ("proofpoint", "https://urldefense.com/v3/__https://evil.example/path?a=b__;!!Fou38LsQ!abc$"),
    ("proofpoint", "https://urldefense.com/v3/__https:/evil.example/path?a=b__;!!Fou38LsQ!abc$"),
    ("proofpoint", "https://urldefense.com/v3/__https://evil.example/path*a=b__;Pw!!Fou38LsQ!abc$"),
    ("proofpoint", f"https://urldefense.com/v1/url?u={QUOTED}"),
    ("proofpoint", "https://urldefense.com/v2/url?u=https-3A__evil.example_path-3Fa-3Db&d=x"),
    ("proofpoint", "https://urldefense.us/v2/url?u=https-3A__evil.example_path-3Fa-3Db&d=x"),
    ("proofpoint", "https://urldefense.us/v3/__https://evil.example/path?a=b__;!!x!y$"),
    ("proofpoint", "https://urldefense.proofpoint.com/v3/__https://evil.example/path?a=b__;!!x!y$"),
    ("barracuda", f"https://linkprotect.cudasvc.com/url?a={QUOTED}&c=E,1,abc&typo=1"),
    ("cisco", f"https://secure-web.cisco.com/1Vx9-abc/{QUOTED}"),
    ("symantec", f"https://clicktime.symantec.com/3AbCdE?u={QUOTED}"),
    ("symantec", f"https://clicktime.cloud.postoffice.net/clicktime.php?U={QUOTED}&E=x"),
    ("trend_micro", f"https://imsva91-ctp.trendmicro.com:443/wis/clicktime/v1/query?url={QUOTED}&umid=1"),
    ("sophos", f"https://eu-west-1.protection.sophos.com/?d=evil.example&u={B64}&i=abc&t=x"),
    ("trellix", f"https://protect2.fireeye.com/url?k=abc&q=1&u={QUOTED}"),
    ("trellix", f"https://us-protect2.fireeye.com/v1/url?k=abc&q=1&e=x&u={QUOTED}"),
    ("trellix", f"https://protect.trellix.com/v1/url?k=abc&u={QUOTED}"),
    ("zix", f"https://link.zixcentral.com/u/1a2b3c/abcDEF?u={QUOTED}"),
    ("edgepilot", f"https://link.edgepilot.com/s/1a2b3c4d/abc?u={QUOTED}"),
    ("intermedia", f"https://linkscan.io/scan/ux/{B64}"),
    ("libraesva", f"https://urlsand.esvalabs.com/?u={QUOTED}&e=1&h=2"),
    ("libraesva", f"https://urlsand.com/?u={QUOTED}"),
    ("check_point", f"https://avanan.url-protection.com/v1/url?o={QUOTED}&g=x"),
    ("check_point", f"https://url.avanan.click/v2/___{INNER}___.YXA6"),
    ("check_point", f"https://protect.checkpoint.com/v2/___{INNER}___.YXA6"),
    ("titanhq", f"https://linklock.titanhq.com/analyse?url={QUOTED}&data=x"),
    ("google", f"https://www.google.com/url?sa=t&q={QUOTED}&ust=1"),
    ("google", f"https://www.google.co.uk/url?url={QUOTED}"),
    ("google", f"https://google.de/url?q={QUOTED}"),
    ("google", f"https://maps.google.com/url?q={QUOTED}"),
    ("google", f"https://images.google.com/url?q={QUOTED}"),
    ("google", f"https://plus.url.google.com/url?q={QUOTED}"),
    ("google", f"https://translate.google.com/translate?sl=auto&u={QUOTED}"),
    ("google_ads", f"https://www.google.com/aclk?sa=l&adurl={QUOTED}"),
    ("google_ads", f"https://www.googleadservices.com/pagead/aclk?sa=L&adurl={QUOTED}"),
    ("google_ads", f"https://adclick.g.doubleclick.net/pcs/click?xai=1&adurl={QUOTED}"),
    ("google_amp", "https://www.google.com/amp/s/evil.example/path?a=b"),
    ("google_amp", "https://google.com/amp/s/evil.example/path?a=b"),
    ("google_amp", "https://evil-example.cdn.ampproject.org/c/s/evil.example/path?a=b"),
    ("youtube", f"https://www.youtube.com/redirect?event=video_description&q={QUOTED}"),
    ("youtube", f"https://youtube.com/redirect?q={QUOTED}"),
    ("facebook", f"https://l.facebook.com/l.php?u={QUOTED}&h=AT0"),
    ("facebook", f"https://lm.facebook.com/l.php?u={QUOTED}"),
    ("facebook", f"https://www.facebook.com/flx/warn/?u={QUOTED}"),
    ("facebook", f"https://l.instagram.com/?u={QUOTED}&e=x"),
    ("facebook", f"https://l.messenger.com/l.php?u={QUOTED}"),
    ("linkedin", f"https://www.linkedin.com/redir/redirect?url={QUOTED}&urlhash=x"),
    ("linkedin", f"https://www.linkedin.com/safety/go?url={QUOTED}"),
    ("slack", f"https://slack-redir.net/link?url={QUOTED}"),
    ("bing", f"https://www.bing.com/ck/a?!&&p=abc&ptn=3&u=a1{B64}&ntb=1"),
    ("yahoo", f"https://r.search.yahoo.com/_ylt=Awr/RV=2/RE=1/RO=10/RU={QUOTED}/RK=2/RS=x-"),
    ("yahoo", f"https://ecp.yusercontent.com/mail?url={QUOTED}&t=1&sig=x"),
    ("duckduckgo", f"https://duckduckgo.com/l/?uddg={QUOTED}&rut=x"),
    ("gmx", f"https://deref-gmx.net/mail/client/abc/dereferrer/?redirectUrl={QUOTED}"),
    ("gmx", f"https://deref-web.de/mail/client/abc/dereferrer/?redirectUrl={QUOTED}"),
    ("gmx", f"https://deref-mail.com/mail/client/abc/dereferrer/?redirectUrl={QUOTED}"),
    ("vk", f"https://vk.com/away.php?to={QUOTED}"),
    ("tumblr", f"https://t.umblr.com/redirect?z={QUOTED}&t=x"),
    ("href_li", f"https://href.li/?{INNER}"),
    ("medium", f"https://medium.com/r/?url={QUOTED}"),
    ("disqus", f"https://disq.us/url?url={QUOTED}"),
    ("postmark", "https://click.pstmrk.it/3s/evil.example%2Fpath%3Fa%3Db/abc/def"),
    ("amazon_ses", f"https://abc123.r.eu-west-1.awstrack.me/L0/{QUOTED}/1/010201/abc=1"),
    ("mailjet", f"https://x1.mjt.lu/lnk/AAA/1/BBB/{B64}"),
]


@pytest.mark.parametrize(("name", "wrapped"), EXAMPLES, ids=[f"{n}-{i}" for i, (n, _) in enumerate(EXAMPLES)])
def test_each_rewriter_is_undone(name: str, wrapped: str) -> None:
    canonical = normalise(wrapped)
    assert canonical is not None
    inner, rewriter = unwrap(canonical.url)
    assert rewriter == name
    unwrapped = normalise(inner)
    assert unwrapped is not None
    assert unwrapped.url == INNER


def test_every_line_of_the_table_has_an_example() -> None:
    def is_shown(host: str, path: str) -> bool:
        stem = host.removesuffix("*")
        urls = [normalise(wrapped) for _, wrapped in EXAMPLES]
        return any(
            url is not None
            and (url.host.startswith(stem) if host.endswith("*") else url.host.endswith(host))
            and path in url.url.lower()
            for url in urls
        )

    assert [r for r in REWRITERS if not is_shown(r.host, r.path)] == []


@pytest.mark.parametrize(
    ("wrapped", "expected"),
    [
        (
            "https://urldefense.com/v3/__https://evil.example/**B__;4oCc4oCd4oCe!!x$",
            "https://evil.example/“”„",
        ),
        ("https://urldefense.com/v3/__https://evil.example/*x*y__;KyM!!x$", "https://evil.example/+x#y"),
        ("https://urldefense.com/v3/__https://evil.example/a**__;Kg!!x$", "https://evil.example/a*"),
    ],
)
def test_proofpoint_v3_puts_back_the_characters_it_kept(wrapped: str, expected: str) -> None:
    assert unwrap(wrapped) == (expected, "proofpoint")


def test_wrappers_in_wrappers_are_undone_and_named_from_the_outside() -> None:
    google = f"https://www.google.com/url?q={QUOTED}"
    proofpoint = f"https://urldefense.com/v3/__{google}__;!!x!y$"
    safe = f"https://x.safelinks.protection.outlook.com/?url={quote(proofpoint, safe='')}"
    assert unwrap(safe) == (INNER, "safe_links+proofpoint+google")


def test_wrapping_without_end_stops_at_five() -> None:
    url = INNER
    for _ in range(7):
        url = f"https://slack-redir.net/link?url={quote(url, safe='')}"
    inner, names = unwrap(url)
    assert names.count("slack") == 5
    assert inner.startswith("https://slack-redir.net/")


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/?url=https%3A%2F%2Fevil.example",
        "https://safelinks.protection.outlook.com.evil.example/?url=https%3A%2F%2Fother.example",
        "https://x.safelinks.protection.outlook.com/?data=1",
        "https://x.safelinks.protection.outlook.com/?url=javascript%3Aalert(1)",
        "https://www.google.com.evil.example/url?q=https%3A%2F%2Fother.example",
        "https://protect-us.mimecast.com/s/AbCdEf?domain=evil.example",
        "https://us-west-2.protection.sophos.com/?d=x&u=%%%",
        "https://urldefense.com/v3/__",
        "https://urldefense.com/v3/__x__;",
        "https://www.bing.com/ck/a?u=a1",
    ],
)
def test_what_is_not_wrapped_or_cannot_be_undone_stays(url: str) -> None:
    assert unwrap(url) == (url, "")


@given(st.sampled_from(EXAMPLES), st.text(max_size=40), st.integers(0, 120))
def test_a_damaged_wrapper_is_never_an_error(example: tuple[str, str], noise: str, at: int) -> None:
    wrapped = example[1]
    unwrap(wrapped[:at] + noise + wrapped[at:])
    unwrap(wrapped[: len(wrapped) - at] + noise)
