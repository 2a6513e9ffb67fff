"""The reader of OData conditions: what it makes of them, and that nothing but BadQuery comes of nonsense."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawback.errors import BadQuery
from clawback.store.conditions import Among, Both, Compare, Compared, Either, Find, Found, Not
from clawback.store.listings import Order
from clawback.web import odata
from clawback.web.air import FIELDS, PROPERTIES, SORTED

WORDS = st.sampled_from(
    ["Status", "Investigation", "ThreatCount", "CreationTime", "eq", "ne", "gt", "in", "and", "or", "not",
     "null", "contains", "startswith", "(", ")", ",", "'Pending Action'", "'it''s'", "7", "-1", "2026-11-24",
     "''", "x", "'"]
)  # fmt: skip
SENTENCES = st.lists(WORDS, max_size=12).map(" ".join)


def test_and_binds_closer_than_or_and_not_closest() -> None:
    one, two = Compare("threats", Compared.EQ, 1), Compare("actions", Compared.GT, 2)
    text = "ThreatCount eq 1 or ThreatCount eq 1 and not ActionCount gt 2"
    assert odata.filter_of(text, FIELDS) == Either(one, Both(one, Not(two)))
    text = "(ThreatCount eq 1 or ThreatCount eq 1) and ActionCount gt 2"
    assert odata.filter_of(text, FIELDS) == Both(Either(one, one), two)


def test_words_that_people_see_become_ours() -> None:
    assert odata.filter_of("status eq 'PENDING action'", FIELDS) == Among(
        "status", frozenset({"pending_action"})
    )
    partly = odata.filter_of("contains(Status, 'remediated')", FIELDS)
    assert partly == Among("status", frozenset({"remediated", "partially_remediated"}))


def test_texts_times_and_null_are_read() -> None:
    assert odata.filter_of("contains(Investigation,'it''s')", FIELDS) == Find("title", Found.CONTAINS, "it's")
    assert odata.filter_of("EndTime eq null", FIELDS) == Compare("ended_at", Compared.EQ, None)
    times = ("1970-01-01T01:00:00.5+01:00", "'1970-01-01T00:00:00.500000Z'")
    for time in times:
        found = odata.filter_of(f"CreationTime lt {time}", FIELDS)
        assert found == Compare("created_at", Compared.LT, 500_000)
    assert odata.order_of("Status desc, creationtime", SORTED) == (Order("status", True), Order("created_at"))
    assert odata.select_of("status , USERS", PROPERTIES) == {"Status", "Users"}


@given(st.one_of(st.text(max_size=80), SENTENCES))
def test_nonsense_is_refused_and_breaks_nothing(text: str) -> None:
    for read in (odata.filter_of, odata.order_of):
        with contextlib.suppress(BadQuery):
            read(text, FIELDS)


@pytest.mark.parametrize("text", ["(" * 5_000, "not " * 900 + "x", "Status eq 'x' and " * 200, "1" * 4_001])
def test_what_is_too_large_is_refused(text: str) -> None:
    with pytest.raises(BadQuery):
        odata.filter_of(text, FIELDS)
