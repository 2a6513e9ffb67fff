"""Mail that tries everything that a mail can try on whoever looks at it."""

from __future__ import annotations

SPY = "https://spy.example"

LURES = f"""
<html><head><title>t</title><link rel=preload as=image href={SPY}/1><link rel=dns-prefetch
href=//spy.example>
<link rel=preconnect href={SPY}><link rel=prefetch href={SPY}/2><link rel=stylesheet href={SPY}/3>
<meta http-equiv=refresh content="0;url={SPY}/4"><meta http-equiv=x-dns-prefetch-control content=on>
<style>@import url({SPY}/5); @font-face{{font-family:x;src:url({SPY}/6)}}
body{{background:url({SPY}/7)}}</style>
<base href={SPY}/></head><body background={SPY}/8 onload=hit()>
<img src={SPY}/9 srcset="{SPY}/10 2x" onerror=hit()><picture><source srcset={SPY}/11></picture>
<img src=cid:part1@x><video src={SPY}/12 poster={SPY}/13 autoplay></video><audio src={SPY}/14
autoplay></audio>
<svg onload=hit()><image href={SPY}/15 /><use href={SPY}/16#a /><script>hit()</script>
<foreignObject><img src={SPY}/17></foreignObject><animate onbegin=hit() attributeName=x dur=1s />
</svg>
<math><maction actiontype=statusline xlink:href={SPY}/18>m</maction><mtext><style><img src={SPY}/19
onerror=hit()>
</style></mtext></math><form action={SPY}/20><input autofocus onfocus=hit() type=image
src={SPY}/21></form>
<object data={SPY}/22></object><embed src={SPY}/23><iframe src={SPY}/24 srcdoc="<img
src={SPY}/25>"></iframe>
<table background={SPY}/26><tr><td background={SPY}/27
style="background-image:url({SPY}/28)">cell</td></tr></table>
<a href="javascript:hit()" ping={SPY}/29>open</a><details open ontoggle=hit()>d</details>
<noscript><img src={SPY}/30></noscript><template><img src={SPY}/31></template><portal src={SPY}/32>
</portal>
<script src={SPY}/33></script><script>hit()</script><!--[if IE]><img src={SPY}/34><![endif]-->
<marquee onstart=hit()>m</marquee><body onpageshow=hit()><p>Dear reader of this lure</p></body>
</html>
"""
EVIL = "<img src=x onerror=hit()>"
_TIGHT = EVIL.replace(" ", "%20")
LURE = "\r\n".join(
    (
        f'From: "{EVIL}" <a\'@sender.example>',
        "To: user0@example.org",
        'Reply-To: "=cmd|1" <b@sender.example>',
        f"Subject: =HYPERLINK(1) {EVIL}",
        f"Message-ID: <lure{EVIL}@sender.example>",
        f"X-Header-Of-A-Stranger: {EVIL}",
        f"Received: from {EVIL} ([203.0.113.7]) by {EVIL} with {EVIL}; Mon, 23 Nov 2026 09:00:00 +0000",
        "Date: Mon, 23 Nov 2026 09:00:00 +0000",
        "MIME-Version: 1.0",
        "Content-Type: multipart/mixed; boundary=b",
        "",
        "--b",
        "Content-Type: text/html",
        "",
        LURES,
        "--b",
        f"Content-Type: {EVIL.replace(' ', '')}/x",
        f'Content-Disposition: attachment; filename="../../../etc/cron.d/=run{EVIL}.exe"',
        "",
        "MZ",
        "--b",
        "Content-Type: text/plain",
        "",
        f"https://evil.example/{_TIGHT}?a=\"'>",
        "--b--",
        "",
    )
).encode()
