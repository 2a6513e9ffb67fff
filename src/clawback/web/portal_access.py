"""What each page and form of the portal needs; paths as they stand in the handlers, without types."""

from __future__ import annotations

from collections.abc import Mapping

from clawback.response.people import Permission

READS: tuple[str, ...] = (
    "/overview/tiles",
    "/investigations",
    "/investigations/{investigation_id}",
    "/actions",
    "/actions/{action_id}",
    "/actions/{action_id}/progress",
    "/actions/{action_id}/exposure",
    "/explorer",
    "/explorer/over-time",
    "/messages/{message_id}",
    "/clusters",
    "/clusters/{cluster_id}",
    "/entities/{kind}/{value}",
    "/mailboxes/{mailbox}",
    "/submissions",
    "/submissions/{submission_id}",
    "/indicators",
    "/policies",
    "/policies/backtests",
    "/policies/backtests/{backtest_id}",
    "/policies/backtests/{backtest_id}/progress",
    "/sources",
    "/exposure",
    "/settings",
)
"""Pages that whoever may read may see."""
OTHER_PAGES: Mapping[str, Permission] = {
    "/audit": Permission.AUDIT,
    "/retract": Permission.ANALYSE,
    "/webhooks": Permission.ADMINISTER,
    "/webhooks/{webhook_id}": Permission.ADMINISTER,
}
"""Pages that need more."""
ORDERS: Mapping[str, Permission] = {
    "/investigations": Permission.ANALYSE,
    "/investigations/{investigation_id}/stop": Permission.ANALYSE,
    "/actions": Permission.APPROVE,
    "/actions/{action_id}/approve": Permission.APPROVE,
    "/actions/{action_id}/reject": Permission.APPROVE,
    "/actions/{action_id}/undo": Permission.APPROVE,
    "/actions/{action_id}/disarm": Permission.APPROVE,
    "/explorer/preview": Permission.ANALYSE,
    "/explorer/act": Permission.ANALYSE,
    "/messages/{message_id}/view": Permission.CONTENT,
    "/messages/{message_id}/download": Permission.CONTENT,
    "/messages/{message_id}/file": Permission.CONTENT,
    "/clusters/{cluster_id}/recut": Permission.ANALYSE,
    "/clusters/{cluster_id}/propose": Permission.ANALYSE,
    "/submissions/{submission_id}/confirm": Permission.APPROVE,
    "/submissions/{submission_id}/dismiss": Permission.APPROVE,
    "/indicators": Permission.ANALYSE,
    "/indicators/{indicator_id}/remove": Permission.ANALYSE,
    "/retract": Permission.APPROVE,
    "/policies": Permission.ADMINISTER,
    "/policies/breaker/{turn}": Permission.APPROVE,
    "/policies/backtests": Permission.ANALYSE,
    "/policies/backtests/{backtest_id}/cancel": Permission.ANALYSE,
    "/settings/tokens": Permission.READ,
    "/settings/tokens/revoke": Permission.READ,
    "/webhooks": Permission.ADMINISTER,
    "/webhooks/{webhook_id}": Permission.ADMINISTER,
    "/webhooks/{webhook_id}/turn": Permission.ADMINISTER,
    "/webhooks/{webhook_id}/remove": Permission.ADMINISTER,
    "/webhooks/{webhook_id}/test": Permission.ADMINISTER,
    "/webhooks/{webhook_id}/rotate": Permission.ADMINISTER,
    "/webhooks/{webhook_id}/replay": Permission.ADMINISTER,
}
"""Forms, by the permission that each needs."""
