"""The random organisation once more, where most of what happens is that people decide, and look again.

Approvals whole and in part, by one person or two, with reasons and without; rejections, expiries, looks at
what waits, verdicts taken back and given again, and the death of the process in all of it.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule
from tests.engine.explained import Witness, everything_is_explained, totals_add_up
from tests.engine.memory_world import AUTOMATIC, OTHER_URL, URL, USERS
from tests.engine.test_machine import BAD, BAD_BOTH, Organisation, kinds, picks, urls, users

from clawback.engine import commands
from clawback.engine.ingest import sync_all
from clawback.engine.refresh import queue, refresh_due
from clawback.engine.retract import retract
from clawback.response.parting import EVERYTHING, Chosen, chosen
from clawback.response.plan import ActionKind, Remediation
from clawback.response.plan import RemediationStatus as S
from clawback.response.policy import Policy

people = st.sampled_from(["ann", "ben"])
notes = st.sampled_from(["", "looked at"])


class Deciding(Organisation):
    """Analysts who decide about parts, in pairs, with reasons, and change their minds."""

    def __init__(self) -> None:
        super().__init__()
        self.witness = Witness()

    def teardown(self) -> None:
        self.world.fuse.left = 0
        try:
            self._everything_holds()
        finally:
            super().teardown()

    @initialize(
        copies=st.sampled_from([0, 2, 2, 3]),
        justify=st.booleans(),
        on=st.sampled_from([False, False, True]),
        first=st.permutations([URL, OTHER_URL]),
    )
    def two_urls_have_turned(self, copies: int, justify: bool, on: bool, first: list[str]) -> None:
        """Some copies carry both, so that one cluster leaves them to the other."""
        self.world.settle()
        self.the_policy_is_set(on, copies, 0, justify, 30, 20)
        for n, user in enumerate(USERS):
            self.a_message_arrives(user, BAD_BOTH if n else BAD, "INBOX")
        self.world.read()
        for url in first:
            self.a_url_is_listed(url)

    @rule(
        on=st.booleans(),
        copies=st.sampled_from([0, 2, 3]),
        mailboxes=st.sampled_from([0, 0, 2]),
        justify=st.booleans(),
        armed=st.sampled_from([0, 30]),
        canary=st.sampled_from([1, 20]),
    )
    def the_policy_is_set(
        self, on: bool, copies: int, mailboxes: int, justify: bool, armed: int, canary: int
    ) -> None:
        policy = replace(
            AUTOMATIC if on else Policy(),
            two_step_copies=copies,
            two_step_mailboxes=mailboxes,
            justify=justify,
            armed=timedelta(days=armed),
            canary=canary,
        )
        self._do(lambda: commands.set_policy(self.world.parts, policy, "ann"))

    @rule(pick=picks, who=people, note=notes)
    def somebody_approves(self, pick: int, who: str, note: str) -> None:
        self._approve(pick, who, note, EVERYTHING)

    @rule(pick=picks)
    def two_people_approve(self, pick: int) -> None:
        """The one asks the other, who decides about the same plan."""
        if fit := self._pending():
            chosen_id = fit[pick % len(fit)].id
            for who in ("ann", "ben"):
                self._do(lambda who=who: commands.approve(self.world.parts, chosen_id, who, note="both"))  # type: ignore[misc]
            self._drain()

    @rule(pick=picks, who=people, which=st.integers(0, 7), but=st.booleans())
    def somebody_approves_some_mailboxes(self, pick: int, who: str, which: int, but: bool) -> None:
        mailboxes = [user for n, user in enumerate(USERS) if which >> n & 1]
        self._approve(pick, who, "these", chosen((), (), mailboxes) if but else chosen(mailboxes))

    @rule(pick=picks, who=people)
    def somebody_approves_one_message(self, pick: int, who: str) -> None:
        if fit := self._pending():
            with self.world.store.read() as unit:
                deeds = unit.remediations.plan(fit[pick % len(fit)].id).deeds
            self._approve(pick, who, "this", chosen((), [deeds[pick % len(deeds)].message_id]))

    @rule(pick=picks, who=people)
    def one_person_tries_to_be_two(self, pick: int, who: str) -> None:
        if fit := self._pending():
            for note in ("once", "twice"):
                self._do(
                    lambda note=note: commands.approve(  # type: ignore[misc]
                        self.world.parts, fit[pick % len(fit)].id, who, note=note
                    )
                )
            self._drain()

    @rule(pick=picks, who=people)
    def somebody_approves_what_was_taken_back(self, pick: int, who: str) -> None:
        """The listing goes between the look at the plan and the word for it, and comes back."""
        if fit := self._pending():
            waiting = fit[pick % len(fit)]
            listed = [one for one in self._listed() if one.value == waiting.key.value]
            for one in listed:
                self._do(lambda id=one.id: commands.remove_indicator(self.world.parts, id, "ann"))  # type: ignore[misc]
            self._do(lambda: commands.approve(self.world.parts, waiting.id, who, note="late"))
            self._drain()
            if listed:
                self.a_url_is_listed(waiting.key.value)

    def _approve(self, pick: int, who: str, note: str, only: Chosen) -> None:
        if fit := self._pending():
            chosen_id = fit[pick % len(fit)].id
            self._do(lambda: commands.approve(self.world.parts, chosen_id, who, note=note, only=only))
            self._drain()

    def _pending(self) -> list[Remediation]:
        return [r for r in self.world.actions() if r.status is S.PENDING]

    @rule(pick=picks, who=people, note=notes)
    def somebody_rejects(self, pick: int, who: str, note: str) -> None:
        if fit := self._pending():
            self._do(lambda: commands.reject(self.world.parts, fit[pick % len(fit)].id, who, note=note))
            self._drain()

    @rule(pick=picks)
    def somebody_undoes_with_a_reason(self, pick: int) -> None:
        done = [r for r in self.world.actions() if r.status is S.COMPLETED]
        if done:
            self._do(lambda: commands.undo(self.world.parts, done[pick % len(done)].id, "ben", note="wrong"))
            self._drain()

    @rule(die=st.sampled_from([0, 0, 1, 3, 5, 8, 13, 21]))
    def what_waits_is_looked_at_again(self, die: int) -> None:
        """Also while the process may die of it."""
        self.world.fuse.left = die
        self._do(lambda: queue(self.world.parts, [r.id for r in self._pending()]))
        self._drain()

    @rule()
    def ten_minutes_pass(self) -> None:
        self.world.wait(timedelta(minutes=11))
        self._do(lambda: refresh_due(self.world.parts))
        self._drain()

    @rule(user=users, kind=kinds)
    def mail_comes_while_something_waits(self, user: str, kind: str) -> None:
        self.a_message_arrives(user, kind, "INBOX")
        self._do(lambda: asyncio.run(sync_all(self.world.parts)))

    @rule(url=urls, again=st.booleans())
    def a_verdict_is_taken_back(self, url: str, again: bool) -> None:
        """For good, or until it is given again."""
        self._do(lambda: retract(self.world.parts, url, "ann", allow=False))
        self._drain()
        if again:
            self.a_url_is_listed(url)

    def automation_is_set(self, on: bool, armed: int = 30) -> None:
        """No rule of its own."""

    @precondition(lambda self: not self.world.down and not self.frozen)
    @rule()
    def all_that_was_removed_is_undone(self) -> None:
        """Every copy that a removal took out can come back: then nothing is left out of the mailboxes."""
        self._comes_to_rest()
        # What else is armed would take out again what comes back.
        self._do(lambda: commands.set_policy(self.world.parts, replace(Policy(), armed=timedelta()), "ann"))
        removals = [r for r in self.world.actions() if r.status is S.COMPLETED and not r.undoes]
        for done in removals:
            if not done.undone_by and done.kind is not ActionKind.RESTORE:
                self._do(lambda id=done.id: commands.undo(self.world.parts, id, "ben", note="all"))  # type: ignore[misc]
                self.world.settle()
        assert [held for held in self.world.held() if held.in_vault] == []
        self._everything_holds()

    def _check(self) -> None:
        super()._check()
        self._everything_holds()

    def _everything_holds(self) -> None:
        with self.world.store.read() as unit:
            every = list(self.world.every_action()) + [r for r in self.world.actions() if r.follows]
            known = {one.id: one for one in every}
            rows = unit.audit.list(after_seq=self.witness.heard, limit=10_000)
            self.witness.follow(rows, {r.id: r.part_of for r in known.values()})
            everything_is_explained(unit, list(known.values()))
            totals_add_up(unit, list(known.values()))


# Not here: what the rules above do with more to choose from, and what other machines try often enough.
for _name in (
    "there_and_back",
    "an_analyst_approves",
    "an_analyst_rejects",
    "an_analyst_undoes",
    "an_analyst_disarms",
    "a_mailbox_is_frozen",
    "the_same_bytes_arrive",
    "a_url_is_taken_off",
):
    setattr(Deciding, _name, None)
TestDeciding = Deciding.TestCase
TestDeciding.settings = settings(
    max_examples=18,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
del Organisation  # its own tests run in its own module
