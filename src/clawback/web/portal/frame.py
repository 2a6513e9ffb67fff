"""The frame around every page: navigation, who is signed in, what waits, and what was just done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from jinja2 import Environment
from litestar import MediaType, Request, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect, Template

from clawback.engine.parts import Parts
from clawback.engine.sign_in import Caller
from clawback.errors import Forbidden
from clawback.response.events import EVENTS
from clawback.response.people import Permission
from clawback.response.plan import RemediationStatus
from clawback.response.sinks import SinkState
from clawback.store import Unit
from clawback.web.callers import caller_of, check_csrf
from clawback.web.given import GivenParts
from clawback.web.portal.words import FILTERS

page_at = partial(get, sync_to_thread=True, media_type=MediaType.HTML, include_in_schema=False)
"""The route of a page; it works in a thread."""
form_at = partial(
    post, sync_to_thread=True, status_code=303, media_type=MediaType.HTML, include_in_schema=False
)
"""The route of a form that leads on to the page of what it made; it works in a thread."""
THEMES = frozenset({"light", "dark"})


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of the navigation; `key` is typed after ``g``."""

    name: str
    href: str
    key: str
    count: int = 0


@dataclass(frozen=True, slots=True)
class Said:
    """What was just done, told once on the page that follows."""

    text: str
    tone: str = "good"


_EVENTS = " ".join(event.TYPE for event in EVENTS)
"""What a page that follows the work listens to."""
SAID = {
    "approved": Said("Approved. It runs as soon as clawback up takes it; this page follows it."),
    "proposed": Said("Approved by you. The policy wants a second person: it waits for somebody else."),
    "rejected": Said("Rejected. Nothing was touched."),
    "undone": Said("The undo is under way: every copy goes back to where it was."),
    "disarmed": Said("Disarmed. Late copies are left alone from now on."),
    "started": Said("The investigation is queued."),
    "stopped": Said("Stopped. Its pending actions are cancelled."),
    "recut": Said("Cut again at the new line; the pending plan was made anew."),
    "ordered": Said("Ordered. It is planned for exactly what was previewed, and shows up here in a moment."),
    "listed": Said("Listed. Mail that is already here is looked through for it."),
    "removed": Said("Taken off the list."),
    "saved": Said("Saved."),
    "backtest": Said("Ordered. It runs beside everything else; this page follows it."),
    "backtest_cancelled": Said("Cancelled. Nothing is kept of it."),
    "confirmed": Said("Confirmed."),
    "dismissed": Said("Dismissed."),
    "proposed_offers": Said("Their removal is being planned; it waits for an approval like any other."),
    "retracted": Said("The verdict is taken back; what rested on it alone comes back exactly."),
    "closed": Said("The breaker is closed: automation may run again."),
    "webhook_on": Said("It goes on from where it stood."),
    "webhook_paused": Said("Paused. Nothing is lost: it goes on from here when you say so.", "doubt"),
    "webhook_removed": Said("Removed. It is told nothing any more."),
    "webhook_replayed": Said("They are sent once more as soon as clawback up takes them."),
    "opened": Said("The breaker is open: nothing runs by itself.", "doubt"),
}
"""By the word that an order puts into the address it leads to; nothing else of an address is shown."""


@dataclass(frozen=True, slots=True)
class Page:
    """What every page has at hand."""

    request: Request[Any, Any, Any]
    parts: Parts
    caller: Caller

    def may(self, permission: str) -> bool:
        """Whether the caller has a permission."""
        return Permission(permission) in self.caller.permissions

    def show(self, template: str, title: str, here: str, **facts: Any) -> Template:
        """The page, in its frame."""
        with self.parts.store.read() as unit:
            navigation = _navigation(unit, self)
        theme = self.request.cookies.get("theme", "")
        frame = {
            "title": title,
            "here": here,
            "navigation": navigation,
            "account": {"name": self.caller.name, "role": self.caller.account.role.value},
            "theme": theme if theme in THEMES else "",
            "said": SAID.get(self.request.query_params.get("done", "")),
            "events": _EVENTS,
        }
        return self.part(template, **frame, **facts)

    def part(self, template: str, **facts: Any) -> Template:
        """A part of a page alone, which takes the place of its older self."""
        return Template(template, context={"csrf": self.caller.csrf, "may": self.may, **facts})

    def done(self, href: str, what: str) -> Redirect:
        """On to the page that shows what an order made."""
        joint = "&" if "?" in href else "?"
        return Redirect(f"{href}{joint}done={what}", status_code=303)

    def ordered(self, csrf: str) -> str:
        """The actor of an order that came by a form; raises Forbidden when it did not come from our page."""
        if self.caller.by_token:
            raise Forbidden("pages are for people who sign in; a token orders by the API")
        check_csrf(self.caller, csrf)
        return self.caller.name


GivenPage = NamedDependency[Page]


def page_of(request: Request[Any, Any, Any], parts: GivenParts) -> Page:
    """The page that a request asks for."""
    return Page(request, parts, caller_of(request))


def prepared(environment: Environment) -> None:
    """Teach the template engine our words."""
    environment.filters.update(FILTERS)
    environment.trim_blocks = True
    environment.lstrip_blocks = True


def _navigation(unit: Unit, page: Page) -> Sequence[Sequence[Item]]:
    waiting = unit.remediations.by_status().get(RemediationStatus.PENDING, 0)
    first = (
        Item("Overview", "/", "o"),
        Item("Investigations", "/investigations", "i"),
        Item("Action center", "/actions", "a", waiting),
        Item("Explorer", "/explorer", "e"),
        Item("Clusters", "/clusters", "c"),
        Item("Submissions", "/submissions", "u"),
    )
    second = (
        Item("Allow and block list", "/indicators", "l"),
        Item("Policies", "/policies", "p"),
        Item("Sources", "/sources", "s"),
    )
    third = [Item("Audit", "/audit", "d")] if page.may("audit") else []
    third += [Item("Settings", "/settings", "t")]
    if page.may("administer"):
        third += [Item("Webhooks", "/webhooks", "w", unit.sinks.count(SinkState.OFF))]
    return first, second, third
