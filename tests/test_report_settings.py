"""What settings may say about users' reports and feedback, and what is built from them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from clawback import app
from clawback.errors import BadSettings
from clawback.message.reports import ReportedAs
from clawback.response.submissions import SubmissionResult
from clawback.settings import load

US = '[organisation]\ndomains = ["Example.org"]\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "clawback.toml"
    path.write_text(text)
    return path


def test_places_and_the_way_back_are_built_from_the_settings(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "spam.txt").write_text("Subject: spam\n\nIt is spam.")
    text = US + (
        '[[reports]]\nmailbox = "Report@example.org"\nreported_as = "malware"\ndays = 3\nkeep = false\n'
        '[[reports]]\nfolder = "Report phishing"\ndomains = ["other.example"]\n'
        '[feedback]\nhost = "mail.example.org"\nsender = "soc@example.org"\ntemplates = "letters"\n'
        "clean_after_minutes = 30\n"
    )
    with app.build(load(written(tmp_path, text)), inline=True) as built:
        reporting = built.parts.reporting
    desk, folder = reporting.places
    assert (desk.mailbox, desk.folder, desk.kept) == ("report@example.org", "*", False)
    assert (desk.reported_as, desk.age) == (ReportedAs.MALWARE, timedelta(days=3))
    assert (desk.domains, folder.domains) == (frozenset({"example.org"}), frozenset({"other.example"}))
    assert folder.holds_originals
    assert reporting.domains == {"example.org", "other.example"}
    assert reporting.hold == timedelta(minutes=30)
    assert reporting.templates == {SubmissionResult.SPAM: "Subject: spam\n\nIt is spam."}
    assert reporting.postman is not None
    assert reporting.postman.sender == "soc@example.org"


def test_without_them_nothing_is_a_report_and_nobody_is_told(tmp_path: Path) -> None:
    with app.build(load(written(tmp_path, US)), inline=True) as built:
        assert (built.parts.reporting.places, built.parts.reporting.postman) == ((), None)


FEEDBACK = '[feedback]\nhost = "h"\nsender = "soc@example.org"\n'


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (f"{US}[[reports]]\n", "name the mailbox"),
        (f'{US}[[reports]]\nfolder = "*"\n', "name the mailbox"),
        (f'{US}[[reports]]\nmailbox = "r@x.y"\nsource = "none"\n', "no source"),
        (f'{US}[[reports]]\nmailbox = "r@x.y"\nreported_as = "evil"\n', "reported_as"),
        (f'{US}[[reports]]\nmailbox = "r@x.y"\ndays = 0\n', "days"),
        ('[[reports]]\nmailbox = "r@x.y"\n', "organisation.domains"),
        ('[feedback]\nhost = "h"\n', "sender"),
        (f'{FEEDBACK}security = "maybe"\n', "security"),
        (f'{FEEDBACK}user = "soc"\n', "password_file"),
        (f'{FEEDBACK}user = "soc"\npassword_file = "p"\nsecurity = "none"\n', "in the clear"),
        (f"{FEEDBACK}clean_after_minutes = -1\n", "clean_after_minutes"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, text: str, word: str) -> None:
    with pytest.raises(BadSettings, match=word):
        load(written(tmp_path, text))


def test_a_folder_without_templates_is_refused(tmp_path: Path) -> None:
    loaded = load(written(tmp_path, f'{FEEDBACK}templates = "none"\n'))
    with pytest.raises(BadSettings, match="no template"):
        app.build(loaded, inline=True)
