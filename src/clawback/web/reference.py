"""The page of docs/reference about the API: ``python -m clawback.web.reference docs/reference/api.md``."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from clawback import app
from clawback.settings import Settings
from clawback.web.access import ROUTES, Open
from clawback.web.site import site

_HEAD = """# API

Written by `make docs` from the code: change it there.

Everything below needs `Authorization: Bearer <token>` or a session, and the permission that it names.
The whole shapes are in the OpenAPI document, which a running clawback gives at `/api/openapi.json`.
[How to use it](../how-to/api.md) says how to get a token, how pages, errors, keys and tags work.
"""
_METHODS = ("get", "post", "patch", "delete")


def page() -> str:
    """The whole page."""
    with tempfile.TemporaryDirectory() as folder, app.build(Settings(home=folder), inline=True) as built:
        document = site(built.parts).inner.openapi_schema.to_schema()
    sections = [_HEAD]
    operations = sorted(_operations(document), key=lambda one: (_noun(one[1]), one[1], one[0]))
    for noun, group in groupby(operations, key=lambda one: _noun(one[1])):
        sections.append(f"## {noun.capitalize()}\n")
        sections.extend(_section(method, path, operation) for method, path, operation in group)
    return "\n".join(sections)


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item and path.startswith(("/api", "/metrics")):
                yield method.upper(), path, item[method]


def _noun(path: str) -> str:
    return path.removeprefix("/api").strip("/").partition("/")[0]


def _section(method: str, path: str, operation: Mapping[str, Any]) -> str:
    needs = ROUTES[f"{method} {path}"].needs
    lines = [f"### `{method} {path}`\n", f"{operation['summary']}. {_told(operation)}\n"]
    lines.append(
        f"Needs: {needs.value if isinstance(needs, Open) else f'`{needs.value}`'}. {_answer(operation)}\n"
    )
    if rows := [_parameter(one) for one in operation.get("parameters", ())]:
        lines += ["| Parameter | In | Type | Means |", "| --- | --- | --- | --- |", *rows, ""]
    if body := operation.get("requestBody"):
        (media, shape), *_ = body["content"].items()
        lines.append(f"Body: {_type(shape.get('schema', {}))} as `{media}`.\n")
    return "\n".join(lines)


def _told(operation: Mapping[str, Any]) -> str:
    text = str(operation.get("description", "")).partition("Needs: ")[0]
    return " ".join(text.split())


def _answer(operation: Mapping[str, Any]) -> str:
    for status, answer in operation["responses"].items():
        if status != "default":
            (media, shape), *_ = answer["content"].items()
            return f"Answers {status} with {_type(shape.get('schema', {}))} as `{media}`."
    return "Answers nothing."


def _parameter(one: Mapping[str, Any]) -> str:
    means = " ".join(str(one.get("description", "")).split())
    must = "" if one["required"] else ", may be left out"
    return f"| `{one['name']}` | {one['in']}{must} | {_type(one['schema'])} | {means} |"


def _type(schema: Mapping[str, Any]) -> str:
    """What a schema holds, in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        inner = name.rpartition(".")[2].rstrip("_")
        return f"a page of `{inner.removeprefix('Page_')}`" if name.startswith("Page_") else f"`{name}`"
    kinds = [one for one in schema.get("oneOf", ()) if one.get("type") != "null"]
    if kinds:
        return _type(kinds[0])
    if schema.get("type") == "array":
        return f"several of {_type(schema['items'])}"
    return str(schema.get("format") or schema.get("type") or "bytes")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), "utf-8")
