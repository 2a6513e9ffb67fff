"""Precision and recall of the similar clusters, each kind by itself and all together.

    benchmarks/clusters.py

Every message of a labelled campaign is in turn the one original, and the clusters are cut around it by the
engine's own code over a store that holds all phishing mail and all ham. A member is right when it is of the
original's campaign, wrong when it is ham or of another one; what the labels do not tell is left out (see
`campaign_truth.Labelled.same`). The line of bodies and the folding were tuned on one half of the split units;
the other half is reported beside it. Then the same with variants of messages, made by mutation. Last, how
many ham messages are in clusters that the labels make malicious. Figures are over pairs of original and
member; `by campaign` is the mean over campaigns, in which a large one counts no more than a small one.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import campaign_truth
import corpus
from campaign_truth import Labelled

from clawback.analysis.clusters import Cluster, ClusterKind
from clawback.analysis.indicators import Threat, VerdictKind
from clawback.analysis.rollup import roll_up
from clawback.analysis.similar import Original
from clawback.analysis.verdict import Judged
from clawback.engine.similar import Around, cut_around
from clawback.message.delivery import Delivery, DeliveryAction, DeliveryLocation, Handle
from clawback.response.policy import Policy
from clawback.store import Store, Unit

NOW = datetime(2026, 11, 24, tzinfo=UTC)
NAMES = {
    ClusterKind.NEAR_DUPLICATE: "near-duplicate body",
    ClusterKind.SIMILAR_ATTRIBUTES: "attribute pairs",
    ClusterKind.SENDER_CAMPAIGN: "sender campaign",
}
TOGETHER = "together"
BAD = Judged(VerdictKind.MALICIOUS, Threat.PHISH)
CAMPAIGNS_VARIED = 60


@dataclass(slots=True)
class Score:
    """Right, wrong and missed members, for each campaign, and how many the labels say nothing of."""

    right: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    untold: int = 0

    def add(self, original: Labelled, found: set[str], known: dict[str, Labelled], mates: set[str]) -> None:
        """One original: who was found, and who is of its campaign."""
        for message_id in found:
            same = original.same(known[message_id])
            if same is None:
                self.untold += 1
            else:
                (self.right if same else self.wrong)[original.campaign] += 1
        self.missed[original.campaign] += len(mates - found)

    def line(self) -> str:
        """Precision and recall over pairs, and by campaign."""
        right, wrong, missed = (sum(c.values()) for c in (self.right, self.wrong, self.missed))
        campaigns = sorted({*self.right, *self.wrong, *self.missed})
        precisions = [self.right[c] / n for c in campaigns if (n := self.right[c] + self.wrong[c])]
        recalls = [self.right[c] / n for c in campaigns if (n := self.right[c] + self.missed[c])]
        return (
            f"precision {_share(right, wrong)} recall {_share(right, missed)}   by campaign: "
            f"precision {_mean(precisions)} recall {_mean(recalls)}   ({right:,} right, {wrong:,} wrong, "
            f"{missed:,} missed; of {self.untold:,} more the labels say nothing)"
        )


def _share(part: int, rest: int) -> str:
    return f"{part / (part + rest):.4f}" if part + rest else "   -  "


def _mean(values: Sequence[float]) -> str:
    return f"{sum(values) / len(values):.4f}" if values else "   -  "


def fill(store: Store, mail: Iterable[Labelled]) -> None:
    """Keep all of it, each message with one copy that came when it was received."""
    rows = list(mail)
    with store.write() as unit:
        unit.messages.add([(one.message, one.features) for one in rows], now=NOW)
        unit.deliveries.save([_delivery(number, one) for number, one in enumerate(rows)])


def _delivery(number: int, one: Labelled) -> Delivery:
    inbox = DeliveryLocation.INBOX
    return Delivery(
        id=f"dlv-{one.message.id}",
        message_id=one.message.id,
        raw_sha256=one.message.raw_sha256,
        size=one.message.size,
        handle=Handle("bench", "user@northwind.example", "INBOX", str(number), ""),
        flags=frozenset(),
        internal_date=one.received,
        action=DeliveryAction.DELIVERED,
        original_location=inbox,
        original_folder="INBOX",
        location=inbox,
        located_at=NOW,
        first_seen=NOW,
    )


def around(one: Labelled) -> Around:
    """An investigation of this one message."""
    original = Original(one.message.slim(), one.features.signature, one.received)
    return Around("inv-bench", (), (original,), Policy(), NOW)


def measure(unit: Unit, originals: Sequence[Labelled], known: dict[str, Labelled]) -> dict[str, Score]:
    """The score of each kind of cluster around these originals, and of all together."""
    campaigns: dict[str, set[str]] = defaultdict(set)
    for one in known.values():
        if one.campaign:
            campaigns[one.campaign].add(one.message.id)
    scores = {name: Score() for name in (*NAMES.values(), TOGETHER)}
    for original in originals:
        mates = campaigns[original.campaign] - {original.message.id}
        found: dict[str, set[str]] = defaultdict(set)
        for cluster in cut_around(unit, around(original)):
            members = {m.message_id for m in cluster.members} - {original.message.id}
            found[NAMES[cluster.kind]] |= members
            found[TOGETHER] |= members
        for name, score in scores.items():
            score.add(original, found[name], known, mates)
    return scores


def tell(title: str, scores: dict[str, Score]) -> None:
    """Print one block."""
    print(f"\n{title}")
    for name, score in scores.items():
        print(f"  {name:20} {score.line()}")


def with_mates(mail: Sequence[Labelled]) -> list[Labelled]:
    """Those whose campaign has more than one message."""
    sizes = Counter(one.campaign for one in mail if one.campaign)
    return [one for one in mail if sizes[one.campaign] > 1]


def ham_in_malicious(unit: Unit, originals: Sequence[Labelled], known: dict[str, Labelled]) -> None:
    """Roll every cluster up with all labelled phishing mail known as malicious, and count the ham in it."""
    bad: list[Cluster] = []
    for original in originals:
        for cluster in cut_around(unit, around(original)):
            malicious = sum(1 for m in cluster.members if known[m.message_id].group)
            if roll_up({BAD: malicious}, Policy().handful).verdict is VerdictKind.MALICIOUS:
                bad.append(cluster)
    ham = {m.message_id for c in bad for m in c.members if not known[m.message_id].group}
    below = {m.message_id for c in bad for m in c.candidates if not known[m.message_id].group}
    print(
        f"\nham: {len(bad):,} malicious clusters around {len(originals):,} originals hold {len(ham)} ham "
        f"messages ({len(below)} are candidates below their lines)"
    )


def main() -> None:
    """Measure all of it."""
    print(corpus.machine())
    if not (campaign_truth.shared() / "phish" / "phishing_pot_dev.tsv").is_file():
        print("no shared/data here: nothing is labelled, so nothing is measured")
        return
    begun = time.perf_counter()
    phish, ham = campaign_truth.phishing(), campaign_truth.ham()
    print(f"{len(phish):,} phishing mails, {len(ham):,} ham, read in {time.perf_counter() - begun:.0f} s")
    with tempfile.TemporaryDirectory() as folder:
        real(Path(folder) / "real.sqlite3", phish, ham)
        varied(Path(folder) / "varied.sqlite3", phish, ham)


def _store(path: Path) -> Store:
    store = Store.open(f"sqlite:///{path}", path.parent / "blobs")
    store.migrate()
    return store


def real(path: Path, phish: Sequence[Labelled], ham: Sequence[Labelled]) -> None:
    """The campaigns as they were sent."""
    store, known = _store(path), {one.message.id: one for one in (*ham, *phish)}
    fill(store, known.values())
    with store.read() as unit:
        for tuned, title in ((True, "tuned on"), (False, "held out")):
            originals = [one for one in with_mates(phish) if one.tuned is tuned]
            tell(f"campaigns as sent, {title} ({len(originals)} originals)", measure(unit, originals, known))
        ham_in_malicious(unit, phish, known)
    store.close()


def varied(path: Path, phish: Sequence[Labelled], ham: Sequence[Labelled]) -> None:
    """One message of each campaign of the held-out half, and what its author might have made of it."""
    first: dict[str, Labelled] = {}
    for one in with_mates(phish):
        if not one.tuned:
            first.setdefault(one.campaign, one)
    random = Random(20261124)
    sources = list(first.values())[:CAMPAIGNS_VARIED]
    made = [variant for source in sources for variant in campaign_truth.variants(source, random)]
    store, known = _store(path), {one.message.id: one for one in (*ham, *sources, *made)}
    fill(store, known.values())
    with store.read() as unit:
        title = f"variants of {len(sources)} held-out campaigns ({len(sources) + len(made)} originals)"
        tell(title, measure(unit, [*sources, *made], known))
    store.close()


if __name__ == "__main__":
    main()
