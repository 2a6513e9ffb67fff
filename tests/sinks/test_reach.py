"""Where we may be made to connect to, by attack."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

import pytest

from clawback.errors import BadParameter, BadSettings
from clawback.sinks.reach import CheckedResolver, Reach, Unreachable, networks_of

INSIDE = (
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255",
    "192.168.1.1", "169.254.169.254", "169.254.170.2", "100.64.0.1", "100.100.100.200", "192.0.0.192",
    "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1",
    "255.255.255.255", "168.63.129.16", "192.88.99.1",
    "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "2002:7f00:1::",
    "2002:a00:1::1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2001::1", "100::1",
)  # fmt: skip
OUTSIDE = ("8.8.8.8", "1.1.1.1", "172.32.0.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "2a00:1450:4001::5")
URLS = (
    "https://127.0.0.1/", "https://2130706433/", "https://0x7f000001/", "https://0x7f.1/", "https://0177.0.0.1/",
    "https://127.1/", "https://①②⑦.⓪.⓪.①/", "https://127.0.0.1./", "https://[::1]/", "https://[::]/",
    "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[0:0:0:0:0:ffff:a00:1]/",
    "https://0/", "https://0.0.0.0/", "https://169.254.169.254/latest/meta-data/", "https://2852039166/",
    "https://[fd00:ec2::254]/", "https://10.1.2.3:8443/x", "https://user@8.8.8.8/", "https://u:p@hooks.example/",
    "http://hooks.example/", "ftp://hooks.example/", "file:///etc/passwd", "gopher://hooks.example/",
    "javascript:alert(1)", "//hooks.example/", "hooks.example", "", "https://", "https://hooks.example/#part",
    "https://hooks.example/" + "a" * 2_000, "https://exa mple/", "https://\udcff.example/",
)  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_what_lies_behind_us_is_refused(address: str) -> None:
    assert Reach().refuses(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_what_is_public_is_not(address: str) -> None:
    assert Reach().refuses(address) == ""


@pytest.mark.parametrize("url", URLS)
def test_a_url_that_may_not_be_called_is_no_webhook(url: str) -> None:
    with pytest.raises(BadParameter):
        Reach().checked(url)


def test_a_url_is_kept_as_browsers_read_it() -> None:
    assert Reach().checked(" https://HOOKS.example:443/a/../b?c=%20 ") == "https://hooks.example/b?c=%20"
    assert Reach(http=True).checked("http://hooks.example") == "http://hooks.example/"


def test_the_settings_may_allow_a_network_and_nothing_beside_it() -> None:
    reach = Reach(networks_of(["10.1.0.0/16", "fd00:1::/32"]))
    assert [reach.refuses(a) for a in ("10.1.2.3", "::ffff:10.1.2.3", "fd00:1::5")] == ["", "", ""]
    assert reach.checked("https://10.1.2.3/") == "https://10.1.2.3/"
    assert all(map(reach.refuses, ("10.2.0.1", "::ffff:10.2.0.1", "127.0.0.1", "fd00:2::1")))
    for wrong in ("10.1.0.1/16", "intranet", "10.1.0.0/40"):
        with pytest.raises(BadSettings):
            networks_of([wrong])


def resolve(*answers: Sequence[str]) -> list[list[str]]:
    """What a resolver for our client makes of one answer after the other."""
    left = list(answers)

    async def ask(host: str, port: int) -> Sequence[str]:
        return left.pop(0)

    async def all_of_them() -> list[list[str]]:
        resolver = CheckedResolver(Reach(), ask)
        return [[r["host"] for r in await resolver.resolve("hooks.example", 443)] for _ in answers]

    return asyncio.run(all_of_them())


def test_a_name_is_resolved_once_and_connected_to_as_checked() -> None:
    async def ask(host: str, port: int) -> Sequence[str]:
        return "8.8.8.8", "2606:4700::1"

    found = asyncio.run(CheckedResolver(Reach(), ask).resolve("hooks.example", 443))
    assert [(r["hostname"], r["host"], r["port"], r["family"]) for r in found] == [
        ("hooks.example", "8.8.8.8", 443, socket.AF_INET),
        ("hooks.example", "2606:4700::1", 443, socket.AF_INET6),
    ]
    assert all(r["flags"] & socket.AI_NUMERICHOST for r in found)


@pytest.mark.parametrize(
    "inside", ["127.0.0.1", "10.0.0.9", "169.254.169.254", "::ffff:127.0.0.1", "fe80::1%lo"]
)
def test_a_name_that_leads_inside_is_refused_even_if_it_leads_outside_too(inside: str) -> None:
    for answer in ([inside], ["8.8.8.8", inside]):
        with pytest.raises(Unreachable):
            resolve(answer)


def test_a_name_that_changes_its_mind_is_checked_each_time() -> None:
    with pytest.raises(Unreachable):
        resolve(["8.8.8.8"], ["127.0.0.1"])


def test_a_name_without_an_address_is_not_connected_to() -> None:
    with pytest.raises(OSError, match="no address"):
        resolve([])
