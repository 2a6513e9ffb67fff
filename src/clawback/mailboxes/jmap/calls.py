"""Method calls: those of several accounts in one request, and to each call its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from clawback.errors import CapabilityMissing, MailboxError, ProtocolViolation, Refused, UserError
from clawback.mailboxes.base import Failure
from clawback.mailboxes.jmap.accounts import Account, Server
from clawback.mailboxes.jmap.border import failure_of_method
from clawback.mailboxes.jmap.line import Line
from clawback.mailboxes.jmap.shapes import CORE, CYRUS_MAIL, MAIL, MethodError, Response, read

Read = TypeVar("Read")
Call = tuple[str, Mapping[str, Any]]
"""A method and its arguments, without the account. An argument may be a `Result`; its name begins with #."""
_OVERHEAD = 200
"""Bytes of a request around its calls."""


@dataclass(frozen=True, slots=True)
class Result:
    """A part of the answer to an earlier call of the same group (RFC 8620, section 3.7)."""

    call: int
    path: str


@dataclass(frozen=True, slots=True)
class Group:
    """Calls about one account that belong together, in their order. `what` says in a few words what for."""

    account: Account
    calls: Sequence[Call]
    what: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one call: its arguments in JSON, or the type of the error."""

    content: msgspec.Raw | None
    error: str
    what: str

    def read(self, kind: type[Read]) -> Read:
        """The arguments. Raises what the error means, ProtocolViolation for arguments of another shape."""
        if self.content is None:
            raise failure_of_method(self.error, self.what)
        return read(self.content, kind, "an answer")


Answers = Sequence[Answer] | Failure
"""The answer to each call of a group, or why the request did not get through."""


async def ask(line: Line, groups: Sequence[Group], *, must: bool = False) -> list[Answers]:
    """Ask the groups, packed into requests, several requests at once; what fails is answered, not raised.

    With `must`, raises the failure when not one request got through. Raises BadSettings when our own secret
    or URL is of no use.
    """
    answers: dict[int, Answers] = {}
    failed: list[Failure] = []
    wrong: list[UserError] = []
    by_server: dict[int, list[int]] = {}
    for number, group in enumerate(groups):
        by_server.setdefault(id(group.account.server), []).append(number)

    async def send(pack: _Pack) -> None:
        try:
            answers.update(await _request(line, groups, pack))
        except (MailboxError, Refused) as error:
            answers.update(dict.fromkeys(pack.numbers, error))
            failed.append(error)
        except UserError as error:
            wrong.append(error)

    packs = [pack for numbers in by_server.values() for pack in _packed(groups, numbers)]
    async with asyncio.TaskGroup() as tasks:
        for pack in packs:
            tasks.create_task(send(pack))
    if wrong:
        raise wrong[0]
    if must and failed and len(failed) == len(packs):
        raise failed[0]
    return [answers[number] for number in range(len(groups))]


async def ask_one(line: Line, group: Group) -> Sequence[Answer]:
    """Ask one group. Raises when the request does not get through."""
    (answers,) = await ask(line, [group])
    if isinstance(answers, MailboxError | Refused):
        raise answers
    return answers


@dataclass(slots=True)
class _Pack:
    """One request: the numbers of its groups, and their calls in JSON."""

    numbers: list[int] = field(default_factory=list)
    texts: list[bytes] = field(default_factory=list)
    calls: int = 0
    size: int = _OVERHEAD


def _packed(groups: Sequence[Group], numbers: Sequence[int]) -> Iterator[_Pack]:
    core = groups[numbers[0]].account.server.core
    pack = _Pack()
    for number in numbers:
        text, calls = _encoded(groups[number], number), len(groups[number].calls)
        full = pack.calls + calls > core.max_calls_in_request or pack.size + len(text) > core.max_size_request
        if pack.numbers and full:
            yield pack
            pack = _Pack()
        pack.numbers.append(number)
        pack.texts.append(text)
        pack.calls += calls
        pack.size += len(text) + 1
    yield pack


def _encoded(group: Group, number: int) -> bytes:
    """The calls of a group in JSON, without the brackets around them."""
    calls = [
        (name, {"accountId": group.account.id, **_arguments(group, number, given)}, f"{number}.{i}")
        for i, (name, given) in enumerate(group.calls)
    ]
    return msgspec.json.encode(calls)[1:-1]


def _arguments(group: Group, number: int, given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _argument(group, number, value) for name, value in given.items()}


def _argument(group: Group, number: int, value: Any) -> Any:
    if isinstance(value, Result):
        name = group.calls[value.call][0]
        return {"resultOf": f"{number}.{value.call}", "name": name, "path": value.path}
    return value


async def _request(line: Line, groups: Sequence[Group], pack: _Pack) -> dict[int, Answers]:
    server = groups[pack.numbers[0]].account.server
    if pack.calls > server.core.max_calls_in_request:
        raise CapabilityMissing(f"the server takes only {server.core.max_calls_in_request} calls a request")
    content = b'{"using":%s,"methodCalls":[%s]}' % (_using(server), b",".join(pack.texts))
    url = line.checked(server.url(server.session.api_url))
    said = await line.post(url, server.credential, content, "application/json")
    found: dict[str, tuple[str, msgspec.Raw]] = {}
    for name, arguments, tag in read(said, Response, "a response").method_responses:
        found.setdefault(tag, (name, arguments))
    return {number: _of_group(groups[number], number, found) for number in pack.numbers}


def _of_group(group: Group, number: int, found: Mapping[str, tuple[str, msgspec.Raw]]) -> Answers:
    answers: list[Answer] = []
    for i, (method, _) in enumerate(group.calls):
        name, arguments = found.get(f"{number}.{i}", ("", msgspec.Raw(b"null")))
        if name == "error":
            try:
                answers.append(Answer(None, read(arguments, MethodError, "an error").type, group.what))
            except ProtocolViolation as error:
                return error
        elif name == method:
            answers.append(Answer(arguments, "", group.what))
        else:
            return ProtocolViolation(f"{group.what}: the server leaves {method} without an answer")
    return answers


def _using(server: Server) -> bytes:
    return msgspec.json.encode([CORE, MAIL, *((CYRUS_MAIL,) if server.is_cyrus else ())])
