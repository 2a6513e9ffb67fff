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

    @initialize()
    def two_urls_have_turned(self) -> None:
        """Some copies carry both, so that one cluster leaves them to the other."""
        self.world.settle()
        for n, user in enumerate(USERS):
            self.a_message_arrives(user, BAD_BOTH if n else BAD, "INBOX")
        self.world.read()
        self.a_url_is_listed(URL)
        self.a_url_is_listed(OTHER_URL)

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

    @rule(pick=picks, who=people, mailboxes=st.lists(users, max_size=2), but=st.lists(users, max_size=1))
    def somebody_approves_some_mailboxes(
        self, pick: int, who: str, mailboxes: list[str], but: list[str]
    ) -> None:
        self._approve(pick, who, "these", chosen(mailboxes, (), but))

    @rule(pick=picks, who=people)
    def somebody_approves_one_message(self, pick: int, who: str) -> None:
        if fit := self._pending():
            with self.world.store.read() as unit:
                deeds = unit.remediations.plan(fit[pick % len(fit)].id).deeds
            self._approve(pick, who, "this", chosen((), [deeds[pick % len(deeds)].message_id]))

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

    @rule(die=st.integers(0, 40))
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

    @rule(url=urls)
    def a_verdict_is_retracted(self, url: str) -> None:
        self._do(lambda: retract(self.world.parts, url, "ann", allow=False))
        self._drain()

    @precondition(lambda self: not self.world.down and not self.frozen)
    @rule(pick=picks)
    def there_and_back(self, pick: int) -> None:
        """Not for what takes two: the rule of the others is about plans that one person can let run."""

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


TestDeciding = Deciding.TestCase
TestDeciding.settings = settings(
    max_examples=30,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
del Organisation  # its own tests run in its own module
