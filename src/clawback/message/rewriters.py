"""The table of known rewriters: who they are, how to recognise them, how to get the inner URL out.

Written from the vendors' public descriptions and from links as they are seen in mail. What keeps the
inner URL on the vendor's server cannot be undone offline and is not here: Mimecast (``/s/...?domain=``
names the domain only), Hornetsecurity, INKY, Egress, Intermedia's opaque tokens, Trend Micro v2,
SendGrid, Mailgun and HubSpot tracking.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

Undo = Callable[[str, str], str]  # (path, query without "?") -> inner URL as written, "" if there is none

_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]")


@dataclass(frozen=True, slots=True)
class Rewriter:
    """One way of wrapping a URL. `host` is the host itself or, with a leading dot, its ending, and a
    trailing ``.*`` stands for any public suffix; `path` is how the path begins, in lower case."""

    name: str
    host: str
    path: str
    undo: Undo


def decode_base64(text: str) -> str:
    """Either alphabet, with or without padding, as text; what cannot be read is ""."""
    plain = _NOT_BASE64.sub("", text.replace("-", "+").replace("_", "/"))
    plain = plain[: len(plain) - 1] if len(plain) % 4 == 1 else plain
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4)).decode("utf-8", "replace")
    except binascii.Error:
        return ""


def parameters(query: str, wanted: tuple[str, ...]) -> str:
    """The undecoded value of the first of `wanted` that the query has, names without regard to case."""
    found: dict[str, str] = {}
    for pair in query.replace("&amp;", "&").split("&", 64):
        name, _, value = pair.partition("=")
        if value:
            found.setdefault(name.lower(), value)
    return next((found[name] for name in wanted if name in found), "")


def _query(*names: str) -> Undo:
    return lambda path, query: unquote(parameters(query, names).replace("+", "%20"))


def _query_base64(name: str, prefix: str = "") -> Undo:
    def undo(path: str, query: str) -> str:
        value = unquote(parameters(query, (name,)))
        return decode_base64(value.removeprefix(prefix)) if value.startswith(prefix) else ""

    return undo


def _proofpoint_v2(path: str, query: str) -> str:
    return unquote(parameters(query, ("u",)).replace("-", "%").replace("_", "/"))


_V3 = re.compile(r"^/v3/__(?P<url>.+?)__;(?P<bytes>[^!]*+)!", re.DOTALL)
_V3_TOKEN = re.compile(r"\*(\*[A-Za-z0-9_\-])?")
_V3_RUN = {
    char: length
    for length, char in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", start=2)
}


def _proofpoint_v3(path: str, query: str) -> str:
    """``*`` stands for the next of the characters kept in base64, ``**X`` for a run of 2 (A) to 65 (_)."""
    match = _V3.match(path + ("?" + query if query else ""))
    if match is None:
        return ""
    kept = decode_base64(match["bytes"])
    position = 0

    def replacement(token: re.Match[str]) -> str:
        nonlocal position
        length = _V3_RUN[token[1][1]] if token[1] else 1
        position += length
        return kept[position - length : position]

    url = _V3_TOKEN.sub(replacement, unquote(match["url"], errors="surrogateescape"))
    return re.sub(r"^([a-z]+:)/(?!/)", r"\1//", url)


def _embedded(path: str, query: str) -> str:
    """The first URL that stands in the path, percent-encoded or not."""
    whole = unquote(path) + ("?" + query if query else "")
    at = whole.find("http")
    return re.sub(r"^(https?:)/(?!/)", r"\1//", whole[at:]) if at >= 0 else ""


def _checkpoint(path: str, query: str) -> str:
    """``/v2/___https://inner___.token``; later versions (``/v2/r01/``) keep the same fence."""
    parts = (path + ("?" + query if query else "")).split("___", 2)
    return parts[1] if len(parts) == 3 else ""


def _amp(path: str, query: str) -> str:
    """``/amp/s/host/path`` and ``/c/s/host/path``; the ``s`` says https."""
    rest = re.sub(r"^/(?:amp|[civ])/", "", path)
    scheme = "https://" if rest.startswith("s/") else "http://"
    rest = rest.removeprefix("s/") + ("?" + query if query else "")
    return scheme + rest if "." in rest.split("/", 1)[0] else ""


def _yahoo(path: str, query: str) -> str:
    match = re.search(r"/RU=([^/]+)", path)
    return unquote(match[1]) if match else ""


def _postmark(path: str, query: str) -> str:
    """``/3s/host%2Fpath/...`` for https, ``/3/...`` for http."""
    parts = path.split("/", 3)
    return f"http{'s' if parts[1].endswith('s') else ''}://{unquote(parts[2])}" if len(parts) > 2 else ""


def _amazon(path: str, query: str) -> str:
    """``/L0/https:%2F%2Finner%2F/1/...``."""
    parts = path.split("/", 3)
    return unquote(parts[2]) if len(parts) > 2 else ""


def _last_base64(path: str, query: str) -> str:
    inner = decode_base64(path.rsplit("/", 1)[-1])
    return inner if inner.startswith("http") else ""


def _whole_query(path: str, query: str) -> str:
    return unquote(query)


REWRITERS: tuple[Rewriter, ...] = (
    Rewriter("safe_links", ".safelinks.protection.outlook.com", "/", _query("url")),
    Rewriter("safe_links", ".safelinks.protection.office365.us", "/", _query("url")),
    Rewriter("safe_links", ".safelinks.protection.partner.outlook.cn", "/", _query("url")),
    Rewriter("safe_links", "statics.teams.cdn.office.net", "/evergreen-assets/safelinks/", _query("url")),
    Rewriter("proofpoint", "urldefense.proofpoint.com", "/v1/url", _query("u")),
    Rewriter("proofpoint", "urldefense.proofpoint.com", "/v2/url", _proofpoint_v2),
    Rewriter("proofpoint", "urldefense.proofpoint.com", "/v3/", _proofpoint_v3),
    Rewriter("proofpoint", "urldefense.com", "/v1/url", _query("u")),
    Rewriter("proofpoint", "urldefense.com", "/v2/url", _proofpoint_v2),
    Rewriter("proofpoint", "urldefense.com", "/v3/", _proofpoint_v3),
    Rewriter("proofpoint", "urldefense.us", "/v2/url", _proofpoint_v2),
    Rewriter("proofpoint", "urldefense.us", "/v3/", _proofpoint_v3),
    Rewriter("barracuda", "linkprotect.cudasvc.com", "/url", _query("a")),
    Rewriter("cisco", "secure-web.cisco.com", "/", _embedded),
    Rewriter("symantec", "clicktime.symantec.com", "/", _query("u")),
    Rewriter("symantec", "clicktime.cloud.postoffice.net", "/clicktime.php", _query("u")),
    Rewriter("trend_micro", ".trendmicro.com", "/wis/clicktime/v1/query", _query("url")),
    Rewriter("sophos", ".protection.sophos.com", "/", _query_base64("u")),
    Rewriter("trellix", "protect2.fireeye.com", "/", _query("u")),
    Rewriter("trellix", ".fireeye.com", "/v1/url", _query("u")),
    Rewriter("trellix", ".trellix.com", "/v1/url", _query("u")),
    Rewriter("zix", "link.zixcentral.com", "/u/", _query("u")),
    Rewriter("edgepilot", "link.edgepilot.com", "/s/", _query("u")),
    Rewriter("intermedia", "linkscan.io", "/scan/ux/", _last_base64),
    Rewriter("libraesva", "urlsand.esvalabs.com", "/", _query("u")),
    Rewriter("libraesva", "urlsand.com", "/", _query("u")),
    Rewriter("check_point", "avanan.url-protection.com", "/v1/url", _query("o")),
    Rewriter("check_point", "url.avanan.click", "/v2/", _checkpoint),
    Rewriter("check_point", "protect.checkpoint.com", "/v2/", _checkpoint),
    Rewriter("titanhq", "linklock.titanhq.com", "/analyse", _query("url")),
    Rewriter("google", "www.google.*", "/url", _query("q", "url")),
    Rewriter("google", "google.*", "/url", _query("q", "url")),
    Rewriter("google", "maps.google.*", "/url", _query("q", "url")),
    Rewriter("google", "images.google.*", "/url", _query("q", "url")),
    Rewriter("google", "plus.url.google.com", "/url", _query("q", "url")),
    Rewriter("google", "translate.google.com", "/translate", _query("u")),
    Rewriter("google_ads", "www.google.*", "/aclk", _query("adurl")),
    Rewriter("google_ads", "www.googleadservices.com", "/pagead/aclk", _query("adurl")),
    Rewriter("google_ads", ".g.doubleclick.net", "/", _query("adurl")),
    Rewriter("google_amp", "www.google.*", "/amp/", _amp),
    Rewriter("google_amp", "google.*", "/amp/", _amp),
    Rewriter("google_amp", ".cdn.ampproject.org", "/", _amp),
    Rewriter("youtube", "www.youtube.com", "/redirect", _query("q")),
    Rewriter("youtube", "youtube.com", "/redirect", _query("q")),
    Rewriter("facebook", "l.facebook.com", "/l.php", _query("u")),
    Rewriter("facebook", "lm.facebook.com", "/l.php", _query("u")),
    Rewriter("facebook", "www.facebook.com", "/flx/warn", _query("u")),
    Rewriter("facebook", "l.instagram.com", "/", _query("u")),
    Rewriter("facebook", "l.messenger.com", "/l.php", _query("u")),
    Rewriter("linkedin", "www.linkedin.com", "/redir/", _query("url")),
    Rewriter("linkedin", "www.linkedin.com", "/safety/go", _query("url")),
    Rewriter("slack", "slack-redir.net", "/link", _query("url")),
    Rewriter("bing", "www.bing.com", "/ck/a", _query_base64("u", "a1")),
    Rewriter("yahoo", "r.search.yahoo.com", "/", _yahoo),
    Rewriter("yahoo", "ecp.yusercontent.com", "/mail", _query("url")),
    Rewriter("duckduckgo", "duckduckgo.com", "/l/", _query("uddg")),
    Rewriter("gmx", "deref-gmx.net", "/mail/client/", _query("redirecturl")),
    Rewriter("gmx", "deref-web.de", "/mail/client/", _query("redirecturl")),
    Rewriter("gmx", "deref-mail.com", "/mail/client/", _query("redirecturl")),
    Rewriter("vk", "vk.com", "/away.php", _query("to")),
    Rewriter("tumblr", "t.umblr.com", "/redirect", _query("z")),
    Rewriter("href_li", "href.li", "/", _whole_query),
    Rewriter("medium", "medium.com", "/r/", _query("url")),
    Rewriter("disqus", "disq.us", "/url", _query("url")),
    Rewriter("postmark", "click.pstmrk.it", "/3", _postmark),
    Rewriter("amazon_ses", ".awstrack.me", "/l0/", _amazon),
    Rewriter("mailjet", ".mjt.lu", "/lnk/", _last_base64),
)
