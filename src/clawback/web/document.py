"""The OpenAPI document, completed: the one shape of errors at every operation, and how to come in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

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
from clawback.web.listed import LONGEST, Declared, Filter
from clawback.web.lists import STORED
from clawback.web.lists_inside import INSIDE
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
LISTED: Mapping[str, Declared[Any]] = {
    f"GET {one.api}{tail}": one for one in (*STORED.values(), *INSIDE.values()) for tail in ("", "/export")
}
"""The operations on declared lists."""
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
    if (listed := LISTED.get(name)) is not None:
        operation.parameters = [*(operation.parameters or ()), *_words(listed, name)]
        if name.endswith("/export"):
            _tell_files(operation)
    if name == _ODATA:
        operation.parameters = [_option(option, text) for option, text in OPTIONS.items()]
    row = ROUTES[name]
    if isinstance(row.needs, Open):
        operation.security = []
    else:
        operation.security = [{"token": []}]
        operation.description = f"{operation.description or ''}\n\nNeeds: `{row.needs.value}`.".strip()


def _words(listed: Declared[Any], name: str) -> Iterator[Parameter]:
    """What a list is sorted and filtered by; and the id in the path of a file, whose handler is the same."""
    orders = [f"{sign}{word}" for word in listed.sorts for sign in ("", "-")]
    text = f"The order; with - the other way round. Without it: {listed.default or 'as they came'}."
    sort = Schema(type=OpenAPIType.STRING, enum=orders)
    yield Parameter(name="sort", param_in="query", schema=sort, description=text, required=False)
    for one in listed.filters:
        yield Parameter(
            name=one.name, param_in="query", schema=_schema(one), description=one.title + ".", required=False
        )
    if name.endswith("/export"):
        for id_name in re.findall(r"{(\w+)}", name):
            known = Schema(type=OpenAPIType.STRING)
            yield Parameter(name=id_name, param_in="path", schema=known, required=True)


def _schema(one: Filter) -> Schema:
    """A filter's values: one of the words or, given again, several of them."""
    if one.choices:
        words = Schema(type=OpenAPIType.STRING, enum=[choice.value for choice in one.choices])
        return words if one.hidden else Schema(type=OpenAPIType.ARRAY, items=words)
    return Schema(type=OpenAPIType.STRING, max_length=LONGEST)


def _tell_files(operation: Operation) -> None:
    """A list as a file is CSV or JSON."""
    for status, answer in (operation.responses or {}).items():
        if status.startswith("2") and isinstance(answer, OpenAPIResponse):
            text = Schema(type=OpenAPIType.STRING)
            answer.content = {
                "text/csv": OpenAPIMediaType(schema=text),
                "application/json": OpenAPIMediaType(schema=Schema(type=OpenAPIType.ARRAY)),
            }


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
