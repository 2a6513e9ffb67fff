"""Roll-up: from the members' verdicts to the cluster's, and the counts that are kept with it.

A roll-up never feeds another: it counts what sources say against members, and is no such source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clawback.analysis.indicators import Threat, VerdictKind
from clawback.analysis.verdict import Judged, gravest_threat


@dataclass(frozen=True, slots=True)
class ThreatCounts:
    """Members by verdict and by threat, as Defender counts them for a cluster.

    `malware` counts malicious files too, `phish` malicious URLs. A member counts once, for its gravest.
    """

    malicious: int = 0
    suspicious: int = 0
    malware: int = 0
    phish: int = 0
    high_confidence_phish: int = 0
    spam: int = 0

    @classmethod
    def of(cls, counts: Mapping[Judged, int]) -> ThreatCounts:
        """Sum up members counted by what is said against them."""
        return cls(
            malicious=sum(n for j, n in counts.items() if j.verdict is VerdictKind.MALICIOUS),
            suspicious=sum(n for j, n in counts.items() if j.verdict is VerdictKind.SUSPICIOUS),
            malware=_with(counts, Threat.MALWARE, Threat.MALICIOUS_FILE),
            phish=_with(counts, Threat.PHISH, Threat.MALICIOUS_URL),
            high_confidence_phish=_with(counts, Threat.HIGH_CONFIDENCE_PHISH),
            spam=_with(counts, Threat.SPAM),
        )


def _with(counts: Mapping[Judged, int], *threats: Threat) -> int:
    return sum(n for judged, n in counts.items() if judged.threat in threats)


def roll_up(counts: Mapping[Judged, int], handful: int, made_for: Judged | None = None) -> Judged:
    """The verdict of a cluster and its gravest threat, from how many members have which verdict.

    1. A cluster made for something malicious (`made_for`) has the verdict of that.
    2. More malicious members than `handful` make it malicious; its threat is the gravest of theirs.
    3. One malicious or suspicious member or more makes it suspicious, with the gravest threat of them.
    4. Else it has no threats found.
    """
    if made_for is not None:
        return made_for
    malicious = {j: n for j, n in counts.items() if j.verdict is VerdictKind.MALICIOUS and n > 0}
    if sum(malicious.values()) > handful:
        return Judged(VerdictKind.MALICIOUS, gravest_threat(j.threat for j in malicious))
    bad = {j: n for j, n in counts.items() if j.verdict is not VerdictKind.UNKNOWN and n > 0}
    if bad:
        return Judged(VerdictKind.SUSPICIOUS, gravest_threat(j.threat for j in bad))
    return Judged(VerdictKind.NO_THREATS_FOUND, None)
