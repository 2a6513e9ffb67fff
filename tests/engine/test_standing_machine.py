"""The same organisation with its clusters armed, where most of what happens is that copies come late."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule
from tests.engine.memory_world import URL, USERS
from tests.engine.test_machine import BAD, BAD_BOTH, Organisation, folders, picks, urls, users

from clawback.engine import commands
from clawback.engine.ingest import sync_all
from clawback.response.plan import RemediationStatus as S

late = st.sampled_from([BAD, BAD, BAD_BOTH])


class Armed(Organisation):
    """A removal has ended before anything else happens."""

    @initialize(on=st.booleans())
    def a_cluster_is_armed(self, on: bool) -> None:
        self.world.settle()
        for user in USERS:
            self.a_message_arrives(user, BAD, "INBOX")
        self.automation_is_set(on)
        self.world.read()
        self.a_url_is_listed(URL)
        self.all_that_waits_is_approved()

    @rule(user=users, kind=late, folder=folders)
    def a_late_copy_comes_and_is_read(self, user: str, kind: str, folder: str) -> None:
        self.a_message_arrives(user, kind, folder)
        self.clawback_reads()

    @rule(user=users, kind=late, after=st.integers(1, 60))
    def a_late_copy_comes_and_clawback_dies(self, user: str, kind: str, after: int) -> None:
        self.a_message_arrives(user, kind, "INBOX")
        self.world.fuse.left = after
        self.clawback_reads()

    @rule(pick=picks, user=users, folder=folders)
    def what_was_removed_is_restored(self, pick: int, user: str, folder: str) -> None:
        vault = [copy for copy in self.world.held() if copy.in_vault]
        if vault:
            self._arrived(self.world.again(user, vault[pick % len(vault)].content, folder=folder))
            self.clawback_reads()

    @rule(user=users, kind=late)
    def a_late_copy_is_read_and_the_work_waits(self, user: str, kind: str) -> None:
        """What is ordered next comes between the arrival and the plan for it."""
        self.a_message_arrives(user, kind, "INBOX")
        self._do(lambda: asyncio.run(sync_all(self.world.parts)))

    @rule(pick=picks)
    def an_analyst_undoes_and_something_comes(self, pick: int) -> None:
        self.a_late_copy_is_read_and_the_work_waits(USERS[pick % 3], BAD)
        self._decide(pick, S.COMPLETED, commands.undo)
        self.a_late_copy_comes_and_is_read(USERS[pick % 3], BAD, "INBOX")

    @rule(url=urls)
    def it_is_removed_again(self, url: str) -> None:
        """After an undo only a person can: what was put back goes, and the cluster is armed anew."""
        self.a_url_is_listed(url)
        self.an_analyst_asks(url)
        self.all_that_waits_is_approved()

    @rule()
    def all_that_waits_is_approved(self) -> None:
        for pick in range(3):
            self._decide(pick, S.PENDING, commands.approve)
            self._drain()

    @rule()
    def a_month_passes(self) -> None:
        self.time_passes(timedelta(days=31))


TestArmed = Armed.TestCase
TestArmed.settings = settings(
    max_examples=25,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
del Organisation  # its own tests run in its own module
