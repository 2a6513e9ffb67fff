"""What a plan lets go of when it ends without acting: other clusters may have been waiting for its copies."""

from __future__ import annotations

from datetime import datetime

from clawback.response.plan import Remediation
from clawback.store import Unit

PLAN_ELSEWHERE = "plan_elsewhere"
"""The kind of job that plans for what an ended plan let go of; its key is that plan's remediation."""


def released(unit: Unit, ended: Remediation, now: datetime) -> None:
    """Queue the look for other clusters that wait for the copies of a plan that has ended without acting."""
    if ended.undoes or not ended.tally.open:
        return
    messages = {deed.message_id for deed in unit.remediations.plan(ended.id).deeds}
    if set(unit.clusters.with_messages(messages)) - {ended.cluster_id}:
        unit.jobs.put(PLAN_ELSEWHERE, ended.id, {"remediation": ended.id}, now)
