"""The OpenAPI document, completed: the one shape of errors at every operation, and how to come in."""

from __future__ import annotations

from litestar.openapi.spec import (
    Components,
    OpenAPI,
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    Parameter,
    Schema,
    SecurityScheme,
)
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType

from clawback.web.access import ROUTES, Open
from clawback.web.air import OPTIONS
from clawback.web.orders import HEADER, LONGEST_KEY
from clawback.web.problems import MEDIA_TYPE

_ODATA = "GET /api/air/investigations"
_ORDERS = ("POST /api/", "PATCH /api/", "DELETE /api/")
_NEVER_ANSWERED_TWICE = frozenset(
    {
        "POST /api/accounts",
        "POST /api/tokens",
        "POST /api/messages/{message_id}/content",
        "POST /api/webhooks",
        "POST /api/webhooks/{webhook_id}/rotate",
    }
)
_METHODS = ("get", "post", "put", "patch", "delete")
_FIELDS = {
    "type": OpenAPIType.STRING,
    "title": OpenAPIType.STRING,
    "status": OpenAPIType.INTEGER,
    "detail": OpenAPIType.STRING,
    "next": OpenAPIType.STRING,
}


def complete(document: OpenAPI) -> None:
    """Add what the framework cannot know. Changes the document in place."""
    document.components = document.components or Components()
    document.components.security_schemes = {
        "token": SecurityScheme(type="http", scheme="bearer", description="An API token."),
    }
    for schema in (document.components.schemas or {}).values():
        _tell_spans(schema)
    for path, item in (document.paths or {}).items():
        for method in _METHODS:
            operation: Operation | None = getattr(item, method)
            if operation is not None:
                _complete(operation, f"{method.upper()} {path}")


def _tell_spans(schema: object) -> None:
    """Our spans are ISO 8601 with parts of seconds, which the format ``duration`` (RFC 3339) has not."""
    if not isinstance(schema, Schema):
        return
    if schema.format == OpenAPIFormat.DURATION:
        schema.format, schema.description = None, "A span of time (ISO 8601), such as P7D or PT1.5S."
    for inner in (*(schema.properties or {}).values(), *(schema.one_of or ())):
        _tell_spans(inner)


def _complete(operation: Operation, name: str) -> None:
    responses = operation.responses or {}
    own = {status: answer for status, answer in responses.items() if not status.startswith(("4", "5"))}
    operation.responses = {**own, "default": _problem()}
    if name.startswith(_ORDERS) and name not in _NEVER_ANSWERED_TWICE:
        operation.parameters = [*(operation.parameters or ()), _key()]
    if name == _ODATA:
        operation.parameters = [_option(option, text) for option, text in OPTIONS.items()]
    row = ROUTES[name]
    if isinstance(row.needs, Open):
        operation.security = []
    else:
        operation.security = [{"token": []}]
        operation.description = f"{operation.description or ''}\n\nNeeds: `{row.needs.value}`.".strip()


def _option(name: str, text: str) -> Parameter:
    schema = Schema(type=OpenAPIType.STRING)
    return Parameter(name=name, param_in="query", schema=schema, description=text, required=False)


def _key() -> Parameter:
    text = "With the same key the same order is given once, and answered as it was then, for 24 hours."
    schema = Schema(type=OpenAPIType.STRING, max_length=LONGEST_KEY)
    return Parameter(name=HEADER, param_in="header", schema=schema, description=text, required=False)


def _problem() -> OpenAPIResponse:
    properties = {name: Schema(type=kind) for name, kind in _FIELDS.items()}
    schema = Schema(type=OpenAPIType.OBJECT, properties=dict(properties), required=sorted(properties))
    content = {MEDIA_TYPE: OpenAPIMediaType(schema=schema)}
    return OpenAPIResponse(description="What is wrong, and what to do next (RFC 9457).", content=content)
