"""The grammar of cmdlet calls: what each habit means, and the sentence for each mistake."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawback.cli.powershell import CONFIRM, WHAT_IF, Kind, Parameter, parse
from clawback.cli.printable import printable
from clawback.errors import BadParameter

PARAMETERS = (
    Parameter("InvestigationId", Kind.STRING, "Which one.", position=0),
    Parameter("Note", Kind.STRING, "Why.", position=1),
    Parameter("Status", Kind.CHOICE, "Only these.", choices=("Running", "Remediated"), many=True),
    Parameter("StartTime", Kind.DATETIME, "From."),
    Parameter("StartPage", Kind.INT, "Page.", default=1),
    Parameter("Start", Kind.STRING, "A whole name that begins two others."),
    Parameter("Path", Kind.PATH, "Where to."),
    Parameter("EnableAutoRemediation", Kind.BOOL, "On or off."),
    Parameter("Force", Kind.SWITCH, "Do it.", default=False),
    WHAT_IF,
    CONFIRM,
)
NAME = "Get-Thing"


def given_by(*argv: str, parameters: tuple[Parameter, ...] = PARAMETERS) -> dict[str, Any]:
    """Only what the call says, without the defaults."""
    silent = parse([], tuple(p for p in parameters if not p.required), NAME)
    return {name: value for name, value in parse(argv, parameters, NAME).items() if silent.get(name) != value}


def refusal(*argv: str, parameters: tuple[Parameter, ...] = PARAMETERS) -> str:
    with pytest.raises(BadParameter) as caught:
        parse(argv, parameters, NAME)
    sentence = str(caught.value)
    assert sentence.startswith("Get-Thing: ")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize(
    "argv",
    [
        ("-InvestigationId", "inv-1"),
        ("-InvestigationId:inv-1",),
        ("-InvestigationId:", "inv-1"),
        ("-investigationid", "inv-1"),
        ("-INV", "inv-1"),
        ("-i", "inv-1"),
        ("--InvestigationId", "inv-1"),
        ("--investigation-id", "inv-1"),
        ("--investigation-id=inv-1",),
        ("\u2013InvestigationId", "inv-1"),
        ("\u2014InvestigationId:inv-1",),
        ("inv-1",),
        ("--", "inv-1"),
    ],
)
def test_each_way_to_name_a_value(argv: tuple[str, ...]) -> None:
    assert given_by(*argv) == {"InvestigationId": "inv-1"}


@pytest.mark.parametrize("word", ["$true", "$True", "True", "true", "TRUE", "1"])
def test_every_spelling_of_true(word: str) -> None:
    assert given_by("-EnableAutoRemediation", word) == {"EnableAutoRemediation": True}
    assert given_by(f"-EnableAutoRemediation:{word}") == {"EnableAutoRemediation": True}


@pytest.mark.parametrize("word", ["$false", "$FALSE", "False", "false", "0"])
def test_every_spelling_of_false(word: str) -> None:
    assert given_by("-EnableAutoRemediation", word) == {"EnableAutoRemediation": False}


@pytest.mark.parametrize("word", ["yes", "on", "2", "-1", "$null", "truee"])
def test_other_words_are_no_booleans(word: str) -> None:
    assert "$true or $false" in refusal("-EnableAutoRemediation", word)


@pytest.mark.parametrize(
    "argv",
    [
        ("-EnableAutoRemediation",),
        ("-EnableAutoRemediation", ""),
        ("-EnableAutoRemediation:",),
        ("-EnableAutoRemediation", "-Force"),
        ("-Confirm:",),
        ("-Confirm:", "-Force"),
    ],
)
def test_a_boolean_that_the_shell_has_eaten_is_never_guessed(argv: tuple[str, ...]) -> None:
    assert "write '$true' in quotes" in refusal(*argv)


def test_switches() -> None:
    assert given_by("-Force") == {"Force": True}
    assert given_by("-Force:$true") == {"Force": True}
    assert given_by("-Force:$false") == {}
    assert given_by("-whatif", "-confirm:$false") == {"WhatIf": True, "Confirm": False}
    assert given_by("-Confirm:", "False") == {"Confirm": False}


def test_a_switch_takes_no_word_behind_it() -> None:
    assert given_by("-Force", "inv-1") == {"Force": True, "InvestigationId": "inv-1"}


def test_positions_are_filled_by_what_has_no_name() -> None:
    assert given_by("inv-1", "because") == {"InvestigationId": "inv-1", "Note": "because"}
    assert given_by("because", "-InvestigationId", "inv-1") == {"InvestigationId": "inv-1", "Note": "because"}
    assert given_by("--", "-InvestigationId", "--") == {"InvestigationId": "-InvestigationId", "Note": "--"}


def test_one_word_too_many() -> None:
    sentence = refusal("inv-1", "because", "third")
    assert "A positional parameter cannot be found that accepts argument 'third'" in sentence


@pytest.mark.parametrize(
    "argv",
    [
        ("-Status", "Running,Remediated"),
        ("-Status", "running,", "remediated"),
        ("-Status", "running", ",remediated"),
        ("-Status", "running", ",", "remediated"),
        ("-Status:running,remediated",),
        ("-Status:running,", "remediated"),
    ],
)
def test_lists_however_the_shell_has_cut_them(argv: tuple[str, ...]) -> None:
    assert given_by(*argv) == {"Status": ("Running", "Remediated")}


def test_a_list_ends_where_the_next_parameter_begins() -> None:
    assert "an item is empty" in refusal("-Status", "running,", "-Force")
    assert given_by("-Status", "running", "inv-1") == {"Status": ("Running",), "InvestigationId": "inv-1"}


def test_a_list_by_position() -> None:
    urls = (Parameter("Url", Kind.STRING, "Which.", position=0, many=True),)
    assert given_by("a,b", ",c", parameters=urls) == {"Url": ("a", "b", "c")}


def test_a_comma_is_an_ordinary_character_in_a_single_value() -> None:
    assert given_by("-Note", "a,b", "https://x.test/?a,") == {
        "Note": "a,b",
        "InvestigationId": "https://x.test/?a,",
    }


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-24", datetime(2026, 11, 24, tzinfo=UTC)),
        ("2026-11-24T09:30:00Z", datetime(2026, 11, 24, 9, 30, tzinfo=UTC)),
        ("2026-11-24 09:30", datetime(2026, 11, 24, 9, 30, tzinfo=UTC)),
        ("2026-11-24T09:30:00+02:00", datetime(2026, 11, 24, 7, 30, tzinfo=UTC)),
    ],
)
def test_times_are_utc(text: str, moment: datetime) -> None:
    assert given_by("-StartTime", text) == {"StartTime": moment}
    assert parse(["-StartTime", text], PARAMETERS, NAME)["StartTime"].tzinfo is UTC


@pytest.mark.parametrize("text", ["yesterday", "24.11.2026", "2026-13-01", "0001-01-01T00:00:00+14:00", ""])
def test_what_is_no_time(text: str) -> None:
    assert "'StartTime'" in refusal("-StartTime", text)


def test_whole_numbers() -> None:
    assert given_by("-StartPage", "-5") == {"StartPage": -5}
    assert given_by("-StartPage:+7") == {"StartPage": 7}
    for text in ("1.5", "x", "1_000", "9" * 5_000, "\u0665", " "):
        assert "'StartPage'" in refusal("-StartPage", text)


def test_paths() -> None:
    assert given_by("-Path", "out/report.csv") == {"Path": Path("out/report.csv")}
    assert "is not a path" in refusal("-Path", "a\0b")
    assert "of type path" in refusal("-Path", "")


def test_choices_come_back_as_they_are_declared() -> None:
    assert given_by("-Status", "RUNNING") == {"Status": ("Running",)}
    assert "'halted' is not one of Running, Remediated" in refusal("-Status", "halted")


def test_a_prefix_of_several_names_is_refused_with_the_candidates() -> None:
    assert "possible matches are -Status, -StartTime, -StartPage, -Start" in refusal("-St", "x")


def test_a_whole_name_wins_over_names_it_begins() -> None:
    assert given_by("-start", "x") == {"Start": "x"}


def test_common_parameters_count_for_prefixes() -> None:
    own = (Parameter("OutFile", Kind.PATH, "Where to."),)
    assert "-OutFile, -OutputFormat" in refusal("-Out", "x", parameters=own)
    assert given_by("-Outp", "JSON", parameters=own) == {"OutputFormat": "json"}
    assert given_by("-v", parameters=own) == {"Verbose": True}


def test_an_unknown_name_is_refused_with_a_suggestion() -> None:
    sentence = refusal("-InvestigatonId", "x")
    assert "matches parameter name 'InvestigatonId'; perhaps -InvestigationId is meant" in sentence
    assert "perhaps" not in refusal("-Zzz", "x")


def test_whatif_and_confirm_exist_only_where_declared() -> None:
    assert "'WhatIf'" in refusal("-WhatIf", parameters=())


def test_said_twice() -> None:
    assert "'InvestigationId' because it is specified more than once" in refusal("-inv", "a", "-Invest", "b")


@pytest.mark.parametrize("argv", [("-Note",), ("-Note", "-Force"), ("-Note:",), ("-Note", "--", "x")])
def test_a_name_without_its_value(argv: tuple[str, ...]) -> None:
    assert "Missing an argument for parameter 'Note' of type string" in refusal(*argv)


def test_an_empty_string_is_a_value_of_a_string() -> None:
    assert given_by("-Note", "") == {"Note": ""}


def test_a_value_that_looks_like_a_name_goes_behind_a_colon() -> None:
    assert given_by("-Note:-Force") == {"Note": "-Force"}
    assert given_by("-Note:https://x.test/?a=b:c") == {"Note": "https://x.test/?a=b:c"}


def test_one_dash_with_an_equals_sign_is_refused_with_the_way_out() -> None:
    assert "Write -Note value or -Note:value instead of '-Note=x'" in refusal("-Note=x")


def test_missing_mandatory_parameters_are_all_named() -> None:
    own = (Parameter("A1", Kind.STRING, "", required=True), Parameter("B1", Kind.PATH, "", required=True))
    assert "Mandatory parameters are missing: -A1, -B1" in refusal(parameters=own)
    assert "missing: -B1" in refusal("-A1", "x", parameters=own)


@pytest.mark.parametrize("word", ["-?", "-Help", "-help", "--help", "/?", "--?"])
def test_help_can_always_be_asked_for(word: str) -> None:
    own = (Parameter("A1", Kind.STRING, "", required=True),)
    assert parse(["-Bogus", word, "x"], own, NAME)["Help"] is True
    assert parse(["-A1", "x"], own, NAME)["Help"] is False


def test_help_by_a_prefix() -> None:
    own = (Parameter("A1", Kind.STRING, "", required=True),)
    assert parse(["-h"], own, NAME)["Help"] is True


def test_defaults() -> None:
    values = parse([], PARAMETERS, NAME)
    assert values["StartPage"] == 1
    assert values["Confirm"] is True
    assert values["Note"] is None
    assert values["OutputFormat"] is None
    assert set(values) == {p.name for p in PARAMETERS} | {"Help", "Verbose", "OutputFormat"}


def test_what_was_typed_is_shown_safely_and_shortly() -> None:
    sentence = refusal("-StartPage", "\x1b[2J\u202e" + "x" * 10_000)
    assert "\x1b" not in sentence
    assert "\\x1b[2J\\u202exxx" in sentence
    assert len(sentence) < 250


WORDS = st.one_of(
    st.sampled_from(
        ["-Status", "-Force", "-i", "-Note:", "-StartTime:", "--", "-Confirm:", ",", "a,", "$true", "-?"]
    ),
    st.text(max_size=12),
    st.text(max_size=8).map("-{}".format),
)


def outcome(argv: list[str]) -> dict[str, Any] | BadParameter:
    try:
        return parse(argv, PARAMETERS, NAME)
    except BadParameter as error:
        return error


@given(st.lists(WORDS, max_size=8))
def test_no_call_ends_otherwise_than_in_values_or_one_safe_sentence(argv: list[str]) -> None:
    result = outcome(argv)
    if isinstance(result, BadParameter):
        assert printable(str(result)) == str(result)
    else:
        assert set(result) >= {p.name for p in PARAMETERS}
