"""A plan's seal is over one text, whichever characters the names of its folders and flags hold."""

from __future__ import annotations

import json
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.store.make import plan

from clawback import ids
from clawback.response.plan import Plan
from clawback.response.planning import seal_of

NAMES = (
    "investigation_id",
    "cluster_id",
    "kind",
    "key",
    "made_at",
    "expires_at",
    "deeds",
    "skips",
    "undoes",
)


def _written_out(made: Plan) -> str:
    """The seal as it was first made, and must stay: plans in every store were approved by it."""
    plain = msgspec.to_builtins({name: getattr(made, name) for name in NAMES}, order="deterministic")
    return ids.digest(json.dumps(plain, separators=(",", ":")))


def _named(name: str, flags: frozenset[str] = frozenset()) -> Plan:
    made = plan(deeds=2, skips=1)
    deeds = tuple(replace(d, folder=name, flags=flags | d.flags) for d in made.deeds)
    return replace(made, deeds=deeds)


@given(st.text(), st.frozensets(st.text(max_size=20), max_size=4))
def test_any_name_is_sealed_as_ever(name: str, flags: frozenset[str]) -> None:
    made = _named(name, flags)
    assert seal_of(made) == _written_out(made)


@pytest.mark.parametrize(
    "name", ["", "INBOX", 'a"b\\c/d', "\x00\x1f\x7f", "\n\r\t\b\f", "Entwürfe", "\udce9t\udce9", "😀"]
)
def test_a_name_is_sealed_as_ever(name: str) -> None:
    assert seal_of(_named(name)) == _written_out(_named(name))
    assert seal_of(_named(name)) != seal_of(_named(name + "x"))
