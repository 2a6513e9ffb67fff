"""Who may do what: one row for every route. The guard in `callers` reads it and refuses what has no row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from clawback.response.people import Permission
from clawback.web.portal_access import ORDERS, OTHER_PAGES, READS


class Open(StrEnum):
    """A route that needs no permission: for anybody, or it asks by itself."""

    ANYBODY = "anybody"
    ASKS_ITSELF = "asks itself"


@dataclass(frozen=True, slots=True)
class Row:
    """What a route needs. A `form` carries the session's csrf as a field, which its handler checks."""

    needs: Permission | Open
    form: bool = False


_READ, _ANALYSE = Row(Permission.READ), Row(Permission.ANALYSE)
_APPROVE, _AUDIT = Row(Permission.APPROVE), Row(Permission.AUDIT)
_ADMINISTER, _CONTENT = Row(Permission.ADMINISTER), Row(Permission.CONTENT)
_ANYBODY = Row(Open.ANYBODY)

ROUTES: Mapping[str, Row] = {
    "GET /api/air/investigations": _READ,
    "GET /api/air/investigations/{investigation_id}": _READ,
    "GET /api/investigations": _READ,
    "POST /api/investigations": _ANALYSE,
    "GET /api/investigations/{investigation_id}": _READ,
    "GET /api/investigations/{investigation_id}/graph": _READ,
    "GET /api/investigations/{investigation_id}/alerts": _READ,
    "GET /api/investigations/{investigation_id}/evidence": _READ,
    "GET /api/investigations/{investigation_id}/entities": _READ,
    "GET /api/investigations/{investigation_id}/log": _READ,
    "GET /api/investigations/export": _ANALYSE,
    "GET /api/investigations/{investigation_id}/alerts/export": _ANALYSE,
    "GET /api/investigations/{investigation_id}/evidence/export": _ANALYSE,
    "GET /api/investigations/{investigation_id}/entities/export": _ANALYSE,
    "GET /api/investigations/{investigation_id}/log/export": _ANALYSE,
    "GET /api/clusters": _READ,
    "GET /api/clusters/export": _ANALYSE,
    "GET /api/clusters/{cluster_id}": _READ,
    "GET /api/clusters/{cluster_id}/members": _READ,
    "GET /api/clusters/{cluster_id}/members/export": _ANALYSE,
    "GET /api/clusters/{cluster_id}/spread": _READ,
    "GET /api/clusters/{cluster_id}/export": _ANALYSE,
    "POST /api/clusters/{cluster_id}/propose": _ANALYSE,
    "POST /api/clusters/{cluster_id}/recut": _ANALYSE,
    "GET /api/actions": _READ,
    "GET /api/actions/export": _ANALYSE,
    "GET /api/actions/{action_id}": _READ,
    "GET /api/actions/{action_id}/plan": _READ,
    "GET /api/actions/{action_id}/results": _READ,
    "GET /api/actions/{action_id}/classes": _READ,
    "GET /api/actions/{action_id}/copies": _READ,
    "GET /api/actions/{action_id}/copies/export": _ANALYSE,
    "GET /api/actions/{action_id}/skipped": _READ,
    "POST /api/actions/{action_id}/approve": _APPROVE,
    "POST /api/actions/{action_id}/reject": _APPROVE,
    "POST /api/actions/{action_id}/undo": _APPROVE,
    "POST /api/actions/{action_id}/disarm": _APPROVE,
    "GET /api/actions/{action_id}/exposure": _READ,
    "GET /api/submissions": _READ,
    "GET /api/submissions/export": _ANALYSE,
    "POST /api/submissions": _ANALYSE,
    "GET /api/submissions/{submission_id}": _READ,
    "POST /api/submissions/{submission_id}/confirm": _APPROVE,
    "POST /api/submissions/{submission_id}/dismiss": _APPROVE,
    "GET /api/retractions/preview": _ANALYSE,
    "POST /api/retractions": _APPROVE,
    "GET /api/retractions/{retraction_id}": _READ,
    "GET /api/backtests": _READ,
    "POST /api/backtests": _ANALYSE,
    "GET /api/backtests/{backtest_id}": _READ,
    "POST /api/backtests/{backtest_id}/cancel": _ANALYSE,
    "GET /api/backtests/{backtest_id}/copies": _READ,
    "GET /api/backtests/{backtest_id}/export": _ANALYSE,
    "GET /api/overview": _READ,
    "GET /api/breaker": _READ,
    "POST /api/breaker/open": _APPROVE,
    "POST /api/breaker/close": _APPROVE,
    "GET /api/alerts": _READ,
    "POST /api/clicks": _ANALYSE,
    "GET /api/messages": _READ,
    "GET /api/messages/count": _READ,
    "GET /api/messages/over-time": _READ,
    "GET /api/messages/export": _ANALYSE,
    "POST /api/messages/remediation/preview": _ANALYSE,
    "POST /api/messages/remediation": _ANALYSE,
    "GET /api/messages/{message_id}": _READ,
    "GET /api/messages/{message_id}/copies": _READ,
    "GET /api/messages/{message_id}/clusters": _READ,
    "POST /api/messages/{message_id}/content": _CONTENT,
    "GET /api/indicators": _READ,
    "GET /api/indicators/export": _ANALYSE,
    "POST /api/indicators": _ANALYSE,
    "POST /api/indicators/import": _ANALYSE,
    "GET /api/indicators/{indicator_id}": _READ,
    "PATCH /api/indicators/{indicator_id}": _ANALYSE,
    "DELETE /api/indicators/{indicator_id}": _ANALYSE,
    "GET /api/automation": _READ,
    "PATCH /api/automation": _ADMINISTER,
    "GET /api/audit": _AUDIT,
    "GET /api/audit/export": _AUDIT,
    "GET /api/audit/verify": _AUDIT,
    "GET /api/mailboxes": _READ,
    "GET /api/mailboxes/export": _ANALYSE,
    "GET /api/events": _READ,
    "GET /api/session": _READ,
    "GET /api/accounts": _ADMINISTER,
    "POST /api/accounts": _ADMINISTER,
    "PATCH /api/accounts/{name}": _ADMINISTER,
    "GET /api/tokens": _READ,
    "GET /api/tokens/export": _READ,
    "POST /api/tokens": _READ,
    "DELETE /api/tokens/{token_id}": _READ,
    "GET /api/webhooks": _ADMINISTER,
    "POST /api/webhooks": _ADMINISTER,
    "GET /api/webhooks/{webhook_id}": _ADMINISTER,
    "PATCH /api/webhooks/{webhook_id}": _ADMINISTER,
    "DELETE /api/webhooks/{webhook_id}": _ADMINISTER,
    "POST /api/webhooks/{webhook_id}/test": _ADMINISTER,
    "POST /api/webhooks/{webhook_id}/rotate": _ADMINISTER,
    "GET /api/webhooks/{webhook_id}/deliveries": _ADMINISTER,
    "POST /api/webhooks/{webhook_id}/replay": _ADMINISTER,
    "GET /api/health": _ANYBODY,
    "GET /metrics": Row(Open.ASKS_ITSELF),
    "GET /api/openapi.json": _ANYBODY,
    "GET /": _ANYBODY,
    "GET /sign-in": _ANYBODY,
    "POST /sign-in": _ANYBODY,
    "GET /sign-in/oidc": _ANYBODY,
    "GET /sign-in/oidc/callback": _ANYBODY,
    "GET /signed-out": _ANYBODY,
    "POST /sign-out": Row(Permission.READ, form=True),
    "GET /static/{name}": _ANYBODY,
    **{f"GET {path}": _READ for path in READS},
    **{f"GET {path}": Row(needs) for path, needs in OTHER_PAGES.items()},
    **{f"POST {path}": Row(needs, form=True) for path, needs in ORDERS.items()},
}
"""The permission that each operation needs; paths as they stand in the OpenAPI document."""
