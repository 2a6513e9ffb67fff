"""The replay of a false verdict, small: legitimate mail stays, campaigns go, a retraction brings all back.

`benchmarks/false_verdict.py` does the same with 100,000 messages and real phish.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from clawback.analysis.clusters import ClusterKind
from clawback.analysis.indicators import IndicatorKind, indicator
from clawback.app import App, build
from clawback.cli.session import finish
from clawback.engine import commands
from clawback.engine.brake import breaker_of, close_breaker
from clawback.engine.ingest import sync_all
from clawback.engine.retract import retract
from clawback.response.plan import RemediationStatus
from clawback.response.policy import Policy
from clawback.settings import OrganisationSettings, Settings, SourceSettings
from clawback.testing import false_verdicts as legit
from clawback.testing.letters import Desk, Letter, chance
from clawback.testing.mail_samples_outside import parcel
from clawback.testing.organisation import Organisation, build_organisation, checksums, deliver

PHISH = "https://follow.parcel-desk.example/p"
DAYS, MINUTES = timedelta(days=1), timedelta(minutes=1)


@pytest.fixture(scope="module")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Organisation:
    """A third of 900 messages links to one domain; beside them what else verdicts may be wrong about."""
    made = build_organisation(
        tmp_path_factory.mktemp("false") / "mail",
        mailboxes=60,
        messages=900,
        also=legit.shared_link,
        share=1 / 3,
        now=datetime.now(UTC).replace(microsecond=0),
    )
    random, number = chance(3), 10_000

    def write(writer: Callable[[Desk], list[Letter]], *ages: timedelta) -> None:
        nonlocal number
        for age in ages:
            for letter in writer(Desk(random, made.people, made.domain, made.now - age)):
                number += deliver(made, letter, random, number, 10_000)

    write(legit.young_newsletter, 7 * DAYS, 4 * DAYS)
    write(legit.newest_newsletter, 0.8 * DAYS)
    write(legit.price_list, *(n * DAYS for n in range(1, 60)))
    write(parcel, *(n * DAYS for n in range(1, 60)))
    write(lambda desk: legit.imitation(desk, PHISH), *(n * MINUTES for n in range(1, 41)))
    return made


@pytest.fixture(scope="module")
def app(organisation: Organisation) -> Iterator[App]:
    home = organisation.root.parent
    options = {"root": str(organisation.root), "layout": "{user}/Maildir"}
    options["address"] = "{user}@" + organisation.domain
    ours = OrganisationSettings((organisation.domain,), tuple(sorted(organisation.trusted_hops)))
    source = SourceSettings("main", "maildir", options)
    with build(Settings(home=str(home), organisation=ours, sources=(source,)), inline=True) as made:
        made.run(sync_all)
        finish(made)
        commands.set_policy(made.parts, Policy(automatic=frozenset(ClusterKind)), "ann")
        yield made


def declare(
    app: App, organisation: Organisation, kind: IndicatorKind, value: str
) -> tuple[set[str], list[str]]:
    """Declare something malicious, and take it back: which files were gone meanwhile, and why some waited."""
    before = checksums(organisation.root)
    commands.add_indicator(app.parts, indicator(kind, value, source="feed", added_at=app.parts.now()), "feed")
    finish(app)
    gone = {path for path in before if not (organisation.root / path).exists()}
    with app.store.read() as unit:
        waiting, _ = unit.remediations.list(statuses=frozenset({RemediationStatus.PENDING}))
        weighed = [unit.brake.get(action.id) for action in waiting]
    retract(app.parts, value, "ann", kind=kind)
    finish(app)
    assert checksums(organisation.root) == before
    return {str(organisation.root / path) for path in gone}, [one.reason for one in weighed if one]


FALSE = {
    "a domain that a third of all mail links to": (
        IndicatorKind.DOMAIN,
        legit.SHARED,
        "regular senders carry commonlink.example here",
    ),
    "a newsletter of last week": (IndicatorKind.DOMAIN, legit.YOUNG, "read and kept for days"),
    "a price list": (IndicatorKind.SHA256, legit.prices_sha256(), "regular, authenticated senders"),
    "a partner": (IndicatorKind.SENDER, "@haldenfreight.example", "regular, authenticated senders"),
    "our own domain": (IndicatorKind.DOMAIN, "northwind.example", "is one of our own domains"),
}


@pytest.mark.parametrize("name", FALSE)
def test_a_false_verdict_touches_nothing_and_says_why(
    app: App, organisation: Organisation, name: str
) -> None:
    kind, value, reason = FALSE[name]
    gone, reasons = declare(app, organisation, kind, value)
    assert gone == set()
    assert any(reason in one for one in reasons), reasons


def _breaker_opened(app: App) -> None:
    """All that automation had taken out was taken back: that opens the breaker, and a person closes it."""
    with app.store.read() as unit:
        assert breaker_of(unit).open
        assert unit.audit.verify().ok
    close_breaker(app.parts, "ann")


def test_a_real_campaign_goes_at_once_and_mail_in_its_words_stays(
    app: App, organisation: Organisation
) -> None:
    gone, reasons = declare(app, organisation, IndicatorKind.URL, PHISH)
    assert len(gone) == 40
    assert any("probably legitimate" in one for one in reasons), (
        "nothing similar was swept in: the test is empty"
    )
    _breaker_opened(app)


def test_what_is_new_to_everybody_goes_and_comes_back_exactly(app: App, organisation: Organisation) -> None:
    gone, _ = declare(app, organisation, IndicatorKind.DOMAIN, legit.NEWEST)
    assert len(gone) == 30
    _breaker_opened(app)
