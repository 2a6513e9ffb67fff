"""Bulk work: grouped by the directories it needs, answered in the order it was asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

from clawback.errors import MailboxError, Refused
from clawback.mailboxes.base import Failure
from clawback.mailboxes.maildir.border import failure_of
from clawback.mailboxes.maildir.directories import Directories

Item = TypeVar("Item")
Group = TypeVar("Group", bound=Hashable)
Result = TypeVar("Result")


def in_bulk(
    items: Sequence[Item],
    group_of: Callable[[Item], Group],
    prepare: Callable[[Directories, Group], Callable[[Item], Result]],
    doing: str,
    *,
    sync: bool = False,
    reading: bool = False,
) -> list[Result | Failure]:
    """Do something with every item, one failure never touching another item.

    `prepare` makes what does it for one group; it and its product may raise OSError, MailboxError and
    Refused. With `sync`, everything that changed is on the disk at the end; when that fails, Unavailable
    is raised, for nobody knows then what is.
    """
    groups: dict[Group, list[int]] = defaultdict(list)
    for index, item in enumerate(items):
        groups[group_of(item)].append(index)
    answers: dict[int, Result | Failure] = {}
    try:
        with Directories(sync=sync) as directories:
            for group, indices in groups.items():
                work = _prepared(prepare, directories, group, doing, reading)
                for index in indices:
                    answers[index] = (
                        work if isinstance(work, Failure) else _done(work, items[index], doing, reading)
                    )
                directories.relieve()
    except OSError as error:
        raise failure_of(error, f"making durable what {doing} changed") from error
    return [answers[index] for index in range(len(items))]


def _prepared(
    prepare: Callable[[Directories, Group], Callable[[Item], Result]],
    directories: Directories,
    group: Group,
    doing: str,
    reading: bool,
) -> Callable[[Item], Result] | Failure:
    try:
        return prepare(directories, group)
    except (MailboxError, Refused) as error:
        return error
    except OSError as error:
        return failure_of(error, f"{doing} copies", reading=reading)


def _done(work: Callable[[Item], Result], item: Item, doing: str, reading: bool) -> Result | Failure:
    try:
        return work(item)
    except (MailboxError, Refused) as error:
        return error
    except OSError as error:
        return failure_of(error, f"{doing} a copy", reading=reading)
