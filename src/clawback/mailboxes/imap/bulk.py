"""Bulk: many items over many mailboxes, several mailboxes at once, each answered in its place."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from clawback.errors import LoginFailed, MailboxError, Refused, Unavailable
from clawback.mailboxes.base import Failure

Item = TypeVar("Item")
Result = TypeVar("Result")
Answers = Mapping[int, Result | Failure]
"""Answers by the item's place in the request."""


async def in_bulk(
    items: Sequence[Item],
    mailbox_of: Callable[[Item], str],
    work: Callable[[str, Sequence[tuple[int, Item]]], Awaitable[Answers[Result]]],
) -> Sequence[Result | Failure]:
    """Do the work of each mailbox; an error of one is the answer of its items and of nobody else's.

    Raises Unavailable or LoginFailed only when every mailbox fails by it.
    """
    groups: dict[str, list[tuple[int, Item]]] = {}
    for place, item in enumerate(items):
        groups.setdefault(mailbox_of(item), []).append((place, item))

    async def one(mailbox: str, mine: Sequence[tuple[int, Item]]) -> Answers[Result]:
        try:
            return await work(mailbox, mine)
        except (MailboxError, Refused) as error:
            return {place: error for place, _ in mine}

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(mailbox, mine)) for mailbox, mine in groups.items()]
    answers: dict[int, Result | Failure] = {}
    for task in tasks:
        answers.update(task.result())
    found = [answers[place] for place in range(len(items))]
    for kind in (Unavailable, LoginFailed):
        # Not when they differ: a mailbox that refuses us says nothing of one that broke off in a deed.
        failed = [answer for answer in found if isinstance(answer, kind)]
        if len(groups) > 1 and len(failed) == len(found):
            raise failed[0]
    return found
