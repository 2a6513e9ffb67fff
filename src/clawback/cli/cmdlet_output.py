"""How the records of cmdlets are printed: JSON whole, lists and tables for people."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence

from clawback.cli.formatting import format_list, format_table
from clawback.cli.tables import Column, legible, table_of, to_json, width_of
from clawback.response.records import Record

FEW = 20
"""Copies up to which all are shown to people; of more, those that went well are only counted."""


def _column(name: str, *, whole: bool = True, wrap: bool = False, spare: int = 0) -> Column:
    return Column(name, lambda record: record[name], whole, wrap, spare)


_TABLES = {
    "InvestigationId": (
        _column("InvestigationId"),
        _column("Status"),
        _column("Investigation", whole=False, wrap=True),
        _column("CreationTime", spare=3),
        _column("ThreatCount", spare=2),
        _column("ActionCount", spare=1),
    ),
    "ActionId": (
        _column("ActionId"),
        _column("Action"),
        _column("Status"),
        _column("Found"),
        _column("Removed"),
        _column("Failed", spare=1),
        _column("Open", spare=2),
        _column("DecidedBy", spare=4),
        _column("Entity", whole=False, spare=3),
    ),
}
_BELOW = {
    "Clusters": (
        _column("ClusterId"),
        _column("ClusterType", spare=3),
        _column("Entity", whole=False),
        _column("Messages", spare=1),
        _column("Copies"),
        _column("InMailboxThen", spare=2),
        _column("InMailboxNow"),
    ),
    "RemediationActions": (
        _column("ActionId"),
        _column("Action"),
        _column("Status"),
        _column("Account", whole=False, wrap=True),
    ),
    "Log": (
        _column("Time", spare=1),
        _column("Actor"),
        _column("Event", spare=2),
        _column("Description", whole=False, wrap=True),
    ),
    "Copies": (
        _column("Result"),
        _column("Mailbox", whole=False),
        _column("Folder", whole=False, spare=2),
        _column("NowIn", whole=False, spare=1),
        _column("Reason", whole=False, wrap=True),
    ),
}
"""What a record holds several of is shown below it."""


def print_records(records: Sequence[Record], output: str | None) -> None:
    """Print what a cmdlet gave back; without a form several are a table, one is a list."""
    width = width_of(sys.stdout)
    if output == "json":
        sys.stdout.write(to_json(records))
    elif output == "table" or (output is None and len(records) != 1):
        sys.stdout.write(_table(records, width))
    else:
        sys.stdout.write("\n".join(_list(record, width) for record in records))


def _table(records: Sequence[Record], width: int | None) -> str:
    columns = (
        next((_TABLES[name] for name in list(records[0])[:1] if name in _TABLES), None) if records else None
    )
    if columns is None:
        return format_table(records, width=width)
    return table_of(records, legible(records, columns, width), width)


def _list(record: Record, width: int | None) -> str:
    """The record as a list, and tables below it of what it holds several of."""
    plain, tables = dict(record), []
    for name, columns in _BELOW.items():
        several = record.get(name)
        if isinstance(several, list):
            plain[name] = len(several)
            shown = several
            if name == "Copies":
                plain[name], shown = _results(several), _worth_showing(several)
            if shown:
                table = table_of(shown, legible(shown, columns, width), width)
                tables.append(f"\n{name}:\n{table}")
            if len(shown) < len(several):
                rest = len(several) - len(shown)
                tables.append(f"\n{rest} copies with Success are not shown; -OutputFormat json has all\n")
    return format_list([plain], width) + "".join(tables)


def _results(copies: Sequence[Record]) -> list[str]:
    return [f"{count} {result}" for result, count in Counter(str(c["Result"]) for c in copies).items()]


def _worth_showing(copies: list[Record]) -> list[Record]:
    return copies if len(copies) <= FEW else [copy for copy in copies if copy["Result"] != "Success"]
