"""Lists and tables as PowerShell prints them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from clawback.cli.formatting import cut, fitted, format_list, format_table, text_of, wrapped


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (True, "True"),
        (12, "12"),
        (0.25, "0.25"),
        (Colour.RED, "red"),
        (b"\x00\xff", "00ff"),
        (datetime(2026, 11, 24, 9, 30, 5, 999_999, tzinfo=UTC), "2026-11-24T09:30:05Z"),
        (datetime(2026, 11, 24, 9, 30, tzinfo=timezone(timedelta(hours=2))), "2026-11-24T07:30:00Z"),
        (datetime(2026, 11, 24, 9, 30), "2026-11-24T09:30:00Z"),
        (timedelta(seconds=65), "00:01:05"),
        (timedelta(days=1, hours=2, minutes=3, seconds=4), "1.02:03:04"),
        (-timedelta(seconds=5), "-00:00:05"),
        (timedelta(milliseconds=-3), "00:00:00"),
        (("b", "a"), "{b, a}"),
        (frozenset({"b", "a"}), "{a, b}"),
        ((), "{}"),
        ({"spf": "fail", "hops": (1, 2)}, "{spf=fail, hops={1, 2}}"),
        (("x\x1b[1m",), r"{x\x1b[1m}"),
    ],
)
def test_values(value: object, shown: str) -> None:
    assert text_of(value) == shown


def test_a_list_is_aligned_and_records_are_apart() -> None:
    records: list[dict[str, object]] = [
        {"Id": "inv-1", "Status": "Running", "Ended": None},
        {"Id": "inv-2", "Status": "Remediated"},
    ]
    assert format_list(records) == (
        "Id     : inv-1\nStatus : Running\nEnded  :\n\nId     : inv-2\nStatus : Remediated\n"
    )
    assert format_list([]) == ""


def test_long_values_go_on_below_themselves() -> None:
    text = format_list([{"Id": "1", "Subject": "one two three four five six seven"}], width=32)
    assert text == "Id      : 1\nSubject : one two three four\n          five six seven\n"


def test_a_hostile_value_cannot_fake_another_line() -> None:
    text = format_list([{"Subject": "x\nStatus : Remediated", "Status": "Running"}])
    assert text == "Subject : x\\nStatus : Remediated\nStatus  : Running\n"


def test_an_endless_value_is_cut_and_says_so() -> None:
    text = format_list([{"Subject": "x" * 1_000_000}], width=80)
    assert len(text) < 6_000
    assert "996,000 characters more" in text.replace("\n          ", " ")


def test_a_table_has_header_dashes_and_numbers_to_the_right() -> None:
    records = [{"Id": "inv-1", "Count": 5}, {"Id": "inv-22", "Count": 1234}]
    assert format_table(records) == "Id     Count\n--     -----\ninv-1      5\ninv-22  1234\n"
    assert format_table([]) == ""


def test_columns_are_chosen_and_ordered_by_the_caller() -> None:
    assert format_table([{"A": 1, "B": "x"}, {"A": 2}], ["B", "A"]) == "B A\n- -\nx 1\n  2\n"


def test_only_the_wide_columns_give_way() -> None:
    records = [{"Id": "inv-1", "Subject": "a long subject that does not fit", "Url": "u" * 40}]
    lines = format_table(records, width=40).splitlines()
    assert lines[2] == "inv-1 a long subject…  uuuuuuuuuuuuuuu…"
    assert max(map(cell_len, lines)) <= 40


def test_whole_columns_are_never_cut() -> None:
    records = [{"Id": "i" * 24, "Subject": "s" * 60}]
    assert format_table(records, width=50, whole={"Id"}).splitlines()[2] == "i" * 24 + " " + "s" * 24 + "…"


def test_where_no_table_fits_the_records_are_listed() -> None:
    records = [{"Id": "i" * 24, "Subject": "s" * 60}]
    assert format_table(records, width=30, whole={"Id"}) == format_list(records, 30)
    assert format_table([{"Id": "i" * 40}], width=30, whole={"Id"}).startswith("Id : ")


def test_wide_characters_line_up() -> None:
    lines = format_table([{"Subject": "日本語", "N": 1}, {"Subject": "abc", "N": 2}]).splitlines()
    assert {cell_len(line) for line in lines[2:]} == {9}


def test_cut_counts_cells() -> None:
    assert cut("日本語", 6) == "日本語"
    assert cut("日本語", 5) == "日本…"
    assert cut("日本語", 4) == "日…"


@given(st.lists(st.integers(1, 200), min_size=1, max_size=8), st.integers(10, 120), st.data())
def test_fitted_widths_fit_and_waste_nothing(wanted: list[int], width: int, data: st.DataObject) -> None:
    whole = [data.draw(st.booleans()) for _ in wanted]
    widths = fitted(wanted, width, whole)
    if widths is None:
        return
    pairs = list(zip(widths, wanted, strict=True))
    assert sum(widths) + len(widths) - 1 <= width
    assert all(got == want for (got, want), fixed in zip(pairs, whole, strict=True) if fixed)
    narrowed = [got for got, want in pairs if got < want]
    assert all(got >= 8 for got in narrowed)
    if narrowed:
        assert width - (sum(widths) + len(widths) - 1) < len(narrowed)


@given(st.text(max_size=200), st.integers(4, 60))
def test_wrapping_keeps_the_width_and_loses_nothing(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split(" ")) == "".join(text.split(" "))


CELLS = st.one_of(st.text(max_size=60), st.integers(), st.none(), st.booleans())


@given(st.lists(st.fixed_dictionaries({"A": CELLS, "Bé": CELLS, "日": CELLS}), min_size=1, max_size=5))
def test_no_line_of_a_table_is_wider_than_the_terminal(records: list[dict[str, object]]) -> None:
    lines = format_table(records, width=60).splitlines()
    assert all(cell_len(line) <= 60 for line in lines)
    assert len(lines) == len(records) + 2
