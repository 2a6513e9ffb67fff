"""Random organisations doing random things, with faults and deaths: what must hold always holds."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.engine.memory_world import (
    AUTOMATIC,
    LIKE_MAILDIR,
    OTHER_URL,
    URL,
    USERS,
    Held,
    Killed,
    MemoryWorld,
)

from clawback.analysis.indicators import Indicator
from clawback.engine import commands
from clawback.errors import MailboxError, Refused, Throttled, Unavailable, UserError
from clawback.mailboxes.folder_names import location_of
from clawback.message.delivery import DeliveryLocation, Observed
from clawback.response.investigation import InvestigationStatus as I
from clawback.response.plan import Outcome, Remediation
from clawback.response.plan import RemediationStatus as S
from clawback.response.policy import Policy

FAST = Path("/dev/shm")
CLEAN, BAD, BAD_OTHER, BAD_BOTH = "", URL, OTHER_URL, f"{URL} and {OTHER_URL}"
FLAGS = ((), ("\\Seen",), ("\\Flagged", "\\Seen"), ("$Work",))

users = st.sampled_from(USERS)
folders = st.sampled_from(["INBOX", "Archive", "Junk", "Trash"])
kinds = st.sampled_from([CLEAN, BAD, BAD, BAD_OTHER, BAD_BOTH])
urls = st.sampled_from([URL, OTHER_URL])
picks = st.integers(0, 1_000)


class Organisation(RuleBasedStateMachine):
    """Users, an administrator, analysts and clawback, taking turns."""

    manner = LIKE_MAILDIR

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(dir=FAST if FAST.is_dir() else None))
        self.world = MemoryWorld(self.root, manner=self.manner)
        self.there: Counter[tuple[str, bytes]] = Counter()
        self.clean: dict[str, Held] = {}
        self.frozen: set[str] = set()

    def teardown(self) -> None:
        self.world.close()
        shutil.rmtree(self.root)

    @initialize(
        copies=st.lists(st.tuples(users, kinds, folders), min_size=4, max_size=9),
        bad=st.lists(urls, unique=True),
        on=st.booleans(),
    )
    def mail_is_there(self, copies: list[tuple[str, str, str]], bad: list[str], on: bool) -> None:
        for user, kind, folder in copies:
            self.a_message_arrives(user, kind, folder)
        self.automation_is_set(on)
        self.world.read()
        for url in bad:
            self.a_url_is_listed(url)

    # Users.

    @rule(user=users, kind=kinds, folder=folders)
    def a_message_arrives(self, user: str, kind: str, folder: str) -> None:
        self._arrived(self.world.deliver(user, f"see {kind}" if kind else "minutes", folder=folder))

    @rule(pick=picks, folder=folders)
    def the_same_bytes_arrive(self, pick: int, folder: str) -> None:
        """Twice the same, or as from a backup: what is in the vault or was deleted comes again."""
        known = sorted(self.there)
        deleted = [copy for copy in known if not self.there[copy]]
        user, content = (deleted or known)[pick % len(deleted or known)]
        self._arrived(self.world.again(user, content, folder=folder))

    def _arrived(self, seen: Observed) -> None:
        copy = self._note(seen)
        self.there[copy.mailbox, copy.content] += 1

    def _note(self, seen: Observed) -> Held:
        """Remember how a clean copy is from now on."""
        (copy,) = [h for h in self.world.held() if h.id == seen.handle.native_id]
        if b"evil" not in copy.content:
            self.clean[copy.id] = copy
        return copy

    @rule(pick=picks, flags=st.sampled_from(FLAGS), folder=st.none() | folders, delete=st.booleans())
    def a_user_sorts_mail(self, pick: int, flags: tuple[str, ...], folder: str | None, delete: bool) -> None:
        """Rather a bad copy than another, for there it may cross clawback's work."""
        seen = self._sorted_by_users()
        if not seen:
            return
        copy = seen[pick % len(seen)]
        with self.world.healed():
            if delete and pick % 2:
                self.world.mail.user_deletes(copy.handle)
                self.there[copy.mailbox, copy.content] -= 1
                self.clean.pop(copy.id, None)
                return
            if folder and folder != copy.folder:
                now = self.world.mail.user_moves(copy.handle, folder)
                self.clean.pop(copy.id, None)
            else:
                now = self.world.mail.user_flags(copy.handle, flags)
            self._note(now)

    def _sorted_by_users(self) -> list[Held]:
        return self.world.visible("evil") or self.world.visible()

    # The administrator, and fate.

    @rule(
        mailbox=st.sampled_from([*USERS, None]),
        error=st.sampled_from([Unavailable("down"), Throttled("slowly", 20.0)]),
    )
    def mail_fails(self, mailbox: str | None, error: MailboxError) -> None:
        self.world.fail(error, mailbox)

    @rule()
    def mail_is_well(self) -> None:
        for mailbox in list(self.world.down):
            self.world.fail(None, mailbox)
        for mailbox in self.frozen:
            self.world.mail.make_read_only(mailbox, False)
        self.frozen.clear()

    @rule(mailbox=users)
    def a_mailbox_is_frozen(self, mailbox: str) -> None:
        self.world.mail.make_read_only(mailbox)
        self.frozen.add(mailbox)

    @rule(after=st.integers(1, 80))
    def clawback_will_die(self, after: int) -> None:
        self.world.fuse.left = after

    @rule(pause=st.sampled_from([timedelta(seconds=2), timedelta(minutes=6), timedelta(days=8)]))
    def time_passes(self, pause: timedelta) -> None:
        self.world.wait(pause)
        self._do(lambda: commands.expire_due(self.world.parts))
        self._drain()

    # Analysts.

    @rule(url=urls)
    def a_url_is_listed(self, url: str) -> None:
        self._do(lambda: commands.add_indicator(self.world.parts, self.world.listed(url), "ann"))
        self._drain()

    @rule(url=urls)
    def a_url_is_taken_off(self, url: str) -> None:
        for entry in self._listed():
            if entry.value == url:
                self._do(lambda id=entry.id: commands.remove_indicator(self.world.parts, id, "ann"))  # type: ignore[misc]

    @rule(on=st.booleans(), armed=st.sampled_from([0, 5, 30]))
    def automation_is_set(self, on: bool, armed: int = 30) -> None:
        policy = replace(AUTOMATIC if on else Policy(), armed=timedelta(days=armed))
        self._do(lambda: commands.set_policy(self.world.parts, policy, "ann"))

    @rule(pick=picks)
    def an_analyst_approves(self, pick: int) -> None:
        self._decide(pick, S.PENDING, commands.approve)
        self._drain()

    @rule(pick=picks)
    def an_analyst_rejects(self, pick: int) -> None:
        self._decide(pick, S.PENDING, commands.reject)

    @rule(pick=picks)
    def an_analyst_undoes(self, pick: int) -> None:
        self._decide(pick, S.COMPLETED, commands.undo)
        self._drain()

    @rule(pick=picks)
    def an_analyst_disarms(self, pick: int) -> None:
        self._decide(pick, S.COMPLETED, commands.disarm)
        self._drain()

    def _decide(self, pick: int, status: S, command: Callable[..., object]) -> None:
        fit = [r for r in self.world.actions() if r.status is status]
        if fit:
            self._do(lambda: command(self.world.parts, fit[pick % len(fit)].id, "ann"))

    @rule(what=st.sampled_from([URL, OTHER_URL, "<1@sender.example>"]))
    def an_analyst_asks(self, what: str) -> None:
        self._do(lambda: commands.start(self.world.parts, what, "ann"))
        self._drain()

    # Clawback.

    @rule()
    def clawback_reads(self) -> None:
        self._do(self.world.read)
        self._drain()

    @precondition(lambda self: not self.world.down and not self.frozen)
    @rule()
    def all_comes_to_rest(self) -> None:
        """Nothing is wrong, all mail is read and all work done: what the store believes is what is there."""
        self._comes_to_rest()
        self._check()
        self._all_is_known()
        self._nothing_hangs()
        self._nothing_bad_was_overlooked()
        self._what_is_armed_is_gone()

    def _comes_to_rest(self) -> None:
        self.world.fuse.left = 0
        self.world.settle()
        self.world.read()
        self.world.settle()

    @precondition(lambda self: not self.world.down and not self.frozen)
    @rule(pick=picks)
    def there_and_back(self, pick: int) -> None:
        """A pending plan is approved and undone while nothing else happens: all is as it was."""
        self.all_comes_to_rest()
        world = self.world
        listed = {entry.value for entry in self._listed()}
        fit = [r for r in world.actions() if r.status is S.PENDING and r.expires_at > world.clock]
        fit = [r for r in fit if r.key.value in listed]  # what was taken back is not approved any more
        if not fit:
            return
        before = world.seen()
        chosen = fit[pick % len(fit)]
        commands.approve(world.parts, chosen.id, "ann")
        world.settle()
        (done,) = [r for r in world.actions() if r.id == chosen.id]
        assert done.status is S.COMPLETED
        assert done.tally.failed == 0
        if done.tally.removed:
            assert world.seen() != before
            commands.undo(world.parts, done.id, "ann")
            world.settle()
        assert world.seen() == before
        self._check()

    def _all_is_known(self) -> None:
        held = self.world.held()
        believed = {d.handle: (d.location, d.flags) for d in self.world.deliveries()}
        assert believed == {h.handle: (location_of(h.folder), frozenset(h.flags)) for h in held}
        with self.world.store.read() as unit:
            counts = unit.deliveries.count_by_location()
        assert sum(n for place, n in counts.items() if place is not DeliveryLocation.HARD_DELETED) == len(
            held
        )

    def _nothing_hangs(self) -> None:
        assert not {r.status for r in self.world.actions()} & {S.APPROVED, S.RUNNING}
        assert not {i.status for i in self.world.investigations()} & {I.STARTING, I.RUNNING}

    def _nothing_bad_was_overlooked(self) -> None:
        """Every copy that an owner can open and that carries a listed URL was in some plan."""
        with self.world.store.read() as unit:
            plans = [unit.remediations.plan(r.id) for r in self.world.every_action()]
        planned = {deed.delivery_id for plan in plans for deed in plan.deeds}
        there = {d.handle: d.id for d in self.world.deliveries()}
        for entry in self._listed():
            assert {there[h.handle] for h in self.world.visible(entry.value)} <= planned

    def _what_is_armed_is_gone(self) -> None:
        """Of armed clusters a copy is in a mailbox only if it came before, failed, waits or was put back."""
        with self.world.store.read() as unit:
            for order in self.world.orders():
                assert unit.standing.late(order.remediation_id) == ()
                root = unit.remediations.get(order.remediation_id)
                assert (root.status, root.undone_by, root.follows) == (S.COMPLETED, "", "")
                members = [m.message_id for m in unit.clusters.get(order.cluster_id).members]
                there = [d for d in unit.deliveries.of_messages(members) if d.location.in_mailbox]
                late = [d.id for d in there if d.first_seen >= order.armed_at and order.until > d.first_seen]
                failed = {
                    deed.delivery_id
                    for deed, receipt in unit.remediations.results(root.id)
                    if receipt.outcome is Outcome.FAILED
                }
                left = set(late) - failed - unit.remediations.open_for(late)
                assert left <= unit.remediations.put_back_last(late), (order, left)

    def _drain(self) -> None:
        self._do(self.world.drain)
        self._check()

    def _do(self, work: Callable[[], object]) -> None:
        """Work that may be refused, and whose process may die; then another comes up and goes on."""
        try:
            work()
        except (Refused, UserError, Unavailable, Throttled):
            pass
        except Killed:
            self.world.restart()
            self.world.drain()

    # What must hold.

    @invariant()
    def no_message_is_lost_or_doubled(self) -> None:
        held = Counter((h.mailbox, h.content) for h in self.world.held())
        assert held == +self.there

    @invariant()
    def clean_copies_are_never_touched(self) -> None:
        held = {h.id: h for h in self.world.held()}
        assert {id: held.get(id) for id in self.clean} == self.clean

    def _listed(self) -> tuple[Indicator, ...]:
        with self.world.store.read() as unit:
            return unit.indicators.list()[0]

    def _check(self) -> None:
        """After a drain: accounts are exact, the audit log is whole, *remediated* is true."""
        for r in (*self.world.actions(), *self.world.every_action()):
            if r.status in (S.COMPLETED, S.FAILED) and not self._follows_open(r):
                t = r.tally
                assert (t.found, t.open) == (t.removed + t.already_gone + t.failed + t.skipped, 0), r
        with self.world.store.read() as unit:
            assert unit.audit.verify().ok
            quiet = unit.jobs.waiting() == 0
        if quiet:
            self._remediated_is_true()

    def _follows_open(self, root: Remediation) -> bool:
        with self.world.store.read() as unit:
            return any(
                late.status in (S.APPROVED, S.RUNNING) for late in unit.remediations.following(root.id)
            )

    def _remediated_is_true(self) -> None:
        in_force = {entry.value for entry in self._listed()}
        for found in self.world.investigations():
            if found.status is not I.REMEDIATED:
                continue
            with self.world.store.read() as unit:
                clusters = [c for c in unit.clusters.of_investigation(found.id) if c.key.value in in_force]
                members = [m.message_id for c in clusters for m in c.members]
                left = [d for d in unit.deliveries.of_messages(members) if d.location.in_mailbox]
                left += [d for d in left if d.location is DeliveryLocation.UNKNOWN]
            assert not left, (found.id, left)


TestOrganisation = Organisation.TestCase
TestOrganisation.settings = settings(
    max_examples=35,
    stateful_step_count=45,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
