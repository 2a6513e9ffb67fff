"""On sight: the alert that late copies of what was removed were taken out as they came."""

from __future__ import annotations

from datetime import datetime

from clawback.analysis.clusters import ClusterKind
from clawback.engine.record import AUTOMATION, record
from clawback.engine.requests import raised
from clawback.response.alerts import AlertKind
from clawback.response.events import AlertJoined
from clawback.response.plan import Remediation
from clawback.store import Unit

_KINDS = {
    ClusterKind.MALICIOUS_FILE: AlertKind.MALICIOUS_FILE_REMOVED,
    ClusterKind.MALICIOUS_URL: AlertKind.MALICIOUS_URL_REMOVED,
}


def tell_removed(unit: Unit, ended: Remediation, removed: int, now: datetime) -> None:
    """Raise the alert that late copies were taken out on sight: once for each removal that is armed."""
    if not ended.follows or not removed:
        return
    cluster = unit.clusters.head(ended.cluster_id)
    kind = _KINDS.get(cluster.kind, AlertKind.MAIL_REMOVED)
    text = f"the first {removed} late copies of {ended.follows} were taken out on sight"
    alert = raised(kind, cluster.key, f"removed:{ended.follows}", AUTOMATION, detail=text).alert(now)
    if not unit.alerts.investigation_of(alert.id):
        record(unit, AlertJoined(ended.investigation_id, alert), actor=AUTOMATION, at=now)
