"""Errors as people see them: a page that says what is wrong and what to do, or the way to sign in."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from litestar import Request, Response
from litestar.response import Redirect, Template

from clawback.web.problems import Problem
from clawback.web.session import local

E = TypeVar("E", bound=Exception)
Handler = Callable[[Request[Any, Any, Any], E], Response[Problem]]


def for_people(handler: Handler[E]) -> Callable[[Request[Any, Any, Any], E], Response[Any]]:
    """The handler of an error, whose answer becomes a page where a browser asked for one."""

    def handle(request: Request[Any, Any, Any], error: E) -> Response[Any]:
        answer = handler(request, error)
        if not _wants_page(request):
            return answer
        if answer.status_code == HTTPStatus.UNAUTHORIZED and request.method == "GET":
            asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return Redirect(f"/sign-in?next={quote(local(asked), safe='')}", status_code=303)
        facts = {"problem": answer.content, "back": _back(request), "theme": ""}
        return Template(
            "problem.html",
            context=facts,
            status_code=answer.status_code or HTTPStatus.INTERNAL_SERVER_ERROR,
            headers=dict(answer.headers),
        )

    return handle


def _wants_page(request: Request[Any, Any, Any]) -> bool:
    path = request.url.path
    data = path.startswith(("/api", "/metrics", "/static"))
    return not data and "text/html" in request.headers.get("accept", "")


def _back(request: Request[Any, Any, Any]) -> str:
    """The page that the order came from, when it is one of ours."""
    sent = urlsplit(request.headers.get("referer", ""))
    if sent.netloc != request.url.netloc:
        return ""
    return local(sent.path + (f"?{sent.query}" if sent.query else ""))
