"""A link's shape is what is left when all that was made up for one recipient is gone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawback.analysis.shapes import personal, shape_of

SHAPES = {
    "https://login.evil.test/session": "login.evil.test/session",
    "https://evil.test/x/8f3a9b2c1d/verify?u=1#top": "evil.test/x/*/verify",
    "https://evil.test/track/dGhpc0lzQmFzZTY0/index.php": "evil.test/track/*/index.php",
    "https://evil.test/2024/11/report2024.html": "evil.test/*/*/report2024.html",
    "https://evil.test/user/ann@x.test/verify": "evil.test/user/*/verify",
    "https://evil.test/user/ann%40x.test/verify/": "evil.test/user/*/verify",
    "https://evil.test/u/550e8400-e29b-41d4-a716-446655440000/login": "evil.test/u/*/login",
    "https://evil.test/login-4711_a8f3b29c1d.html": "evil.test/login-*_*.html",
    "https://evil.test/DownloadFile/MyAccountPage": "evil.test/DownloadFile/MyAccountPage",
    "https://evil.test/QmFzZWxpbmU/verify": "evil.test/*/verify",
    "https://evil.test:8443/pay/now": "evil.test/pay/now",
    "https://evil.test/": "",
    "https://evil.test": "",
    "https://evil.test/3xYzAbC": "",
    "https://evil.test/a/12/b": "",
    "no url": "",
}


@pytest.mark.parametrize("url", SHAPES)
def test_the_shape_of_a_url(url: str) -> None:
    assert shape_of(url) == SHAPES[url]


@pytest.mark.parametrize("token", ["7", "8f3a9b2c1d", "a1b2c3", "QmFzZWxpbmU", "x" * 25, "1FAIpQLSf9x"])
def test_what_is_made_up_for_one_recipient(token: str) -> None:
    assert personal(token)


@pytest.mark.parametrize(
    "token", ["verify", "index", "MyAccountPage", "v2", "report2024", "DHL", "deadbeef", "PayPal"]
)
def test_what_is_a_word(token: str) -> None:
    assert not personal(token)


@given(st.text(alphabet="0123456789abcdef", min_size=12, max_size=24).filter(lambda t: not t.isalpha()))
def test_two_tokens_make_no_difference(token: str) -> None:
    assert shape_of(f"https://evil.test/claim/{token}/now") == "evil.test/claim/*/now"


@given(st.text(max_size=300))
def test_any_text_has_a_bounded_shape(path: str) -> None:
    assert len(shape_of(f"https://evil.test/{path}")) <= 400
