"""A cluster holds exactly the messages that carry the indicator, each with its reasons."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.analysis.making import NOW, file_of, listed, message_of

from clawback.analysis.clusters import ClusterKind, link
from clawback.analysis.entities import Entity, EntityKind
from clawback.analysis.indicators import Match, Threat, VerdictKind
from clawback.analysis.queries import literal, query_of

EVIL = "https://evil.test/a"
SHA = "ab" * 32


def test_members_are_those_that_carry_it_sorted_and_unique() -> None:
    messages = [message_of(EVIL, id=f"msg-{n}") for n in (3, 1, 2, 1)]
    others = [message_of("https://good.test/", id="msg-0"), message_of(id="msg-4", sender="x@evil.test")]
    cluster = link("inv-1", listed("url", EVIL), iter([*messages, *others]), NOW)
    assert [member.message_id for member in cluster.members] == ["msg-1", "msg-2", "msg-3"]
    assert all(member.reasons for member in cluster.members)
    assert (cluster.kind, cluster.key) == (ClusterKind.MALICIOUS_URL, Entity(EntityKind.URL, EVIL))
    assert (cluster.verdict, cluster.threat) == (VerdictKind.MALICIOUS, Threat.MALICIOUS_URL)
    assert cluster.asked_at == NOW


def test_nobody_carries_it() -> None:
    assert link("inv-1", listed("url", EVIL), [message_of("https://good.test/")], NOW).members == ()


def test_asking_again_is_the_same_cluster_and_another_question_is_another() -> None:
    asked = listed("url", EVIL)
    one = link("inv-1", asked, [], NOW)
    assert link("inv-1", asked, [message_of(EVIL)], NOW + timedelta(days=1)).id == one.id
    others = [
        link("inv-2", asked, [], NOW),
        link("inv-1", listed("url", EVIL, match=Match.PREFIX), [], NOW),
        link("inv-1", listed("host", "evil.test"), [], NOW),
        link("inv-1", listed("domain", "evil.test"), [], NOW),
    ]
    assert len({one.id, *(other.id for other in others)}) == 5
    assert one.id.startswith("clu-")


@pytest.mark.parametrize(
    ("kind", "value", "cluster_kind"),
    [
        ("sha256", SHA, ClusterKind.MALICIOUS_FILE),
        ("host", "evil.test", ClusterKind.MALICIOUS_URL),
        ("domain", "evil.test", ClusterKind.MALICIOUS_URL),
        ("sender", "bob@evil.test", ClusterKind.SIMILAR_ATTRIBUTES),
        ("ip", "192.0.2.1", ClusterKind.SIMILAR_ATTRIBUTES),
    ],
)
def test_what_holds_a_cluster_together(kind: str, value: str, cluster_kind: ClusterKind) -> None:
    assert link("inv-1", listed(kind, value), [], NOW).kind is cluster_kind


def test_an_allow_entry_takes_a_member_away() -> None:
    messages = [message_of(EVIL, id="msg-1"), message_of(EVIL, "https://evil.test/b", id="msg-2")]
    feed = listed("host", "evil.test", source="feed")
    allow = listed("url", EVIL, verdict=VerdictKind.NO_THREATS_FOUND)
    cluster = link("inv-1", feed, messages, NOW, [allow])
    assert [member.message_id for member in cluster.members] == ["msg-2"]
    manual = link("inv-1", listed("host", "evil.test"), messages, NOW, [allow])
    assert len(manual.members) == 2


@pytest.mark.parametrize(
    ("kind", "value", "match", "query"),
    [
        ("url", EVIL, "exact", f'EmailUrlInfo | where Url == "{EVIL}"'),
        ("url", EVIL, "prefix", f'EmailUrlInfo | where Url startswith_cs "{EVIL}"'),
        ("host", "evil.test", "exact", 'EmailUrlInfo | where UrlDomain == "evil.test"'),
        ("sha256", SHA, "exact", f'EmailAttachmentInfo | where SHA256 == "{SHA}"'),
        (
            "sender",
            "bob@evil.test",
            "exact",
            'EmailEvents | where SenderFromAddress =~ "bob@evil.test"'
            ' or SenderMailFromAddress =~ "bob@evil.test"',
        ),
        (
            "sender",
            "@evil.test",
            "exact",
            'EmailEvents | where SenderFromDomain =~ "evil.test" or SenderMailFromDomain =~ "evil.test"',
        ),
    ],
)
def test_the_query_says_what_was_asked(kind: str, value: str, match: str, query: str) -> None:
    asked = listed(kind, value, match=Match(match))
    assert query_of(asked) == query
    assert link("inv-1", asked, [], NOW).query == query


def test_a_domain_and_an_ip_are_asked_for_in_links_and_senders() -> None:
    domain = query_of(listed("domain", "evil.test"))
    assert 'UrlDomain endswith ".evil.test"' in domain
    assert 'SenderMailFromDomain endswith ".evil.test"' in domain
    assert 'SenderIPv6 == "2001:db8::1"' in query_of(listed("ip", "2001:db8::1"))
    assert 'SenderIPv4 == "192.0.2.1"' in query_of(listed("ip", "192.0.2.1"))


def test_nothing_breaks_out_of_a_literal() -> None:
    assert literal('a"b\\c') == '"a\\"b\\\\c"'
    assert literal("a\nb\0\u202e") == '"a\\u000ab\\u0000\\u202e"'
    asked = listed("sender", '"x"@evil.test')
    assert '=~ "\\"x\\"@evil.test" or' in query_of(asked)


def test_a_file_cluster_names_the_way_to_the_file() -> None:
    message = message_of(attachments=(file_of(SHA, "2!/a.zip!/b.exe"),))
    (member,) = link("inv-1", listed("sha256", SHA), [message.slim()], NOW).members
    assert member.reasons[0].where == "attachment 2!/a.zip!/b.exe"
