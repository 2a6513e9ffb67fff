"""Export: a cluster with every member's copies, reasons, places and results, as CSV, JSON or Parquet."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import msgspec

from clawback.analysis.clusters import Cluster
from clawback.engine.parts import Parts
from clawback.engine.record import record
from clawback.engine.spread import spread_of
from clawback.errors import BadParameter, StoreUnavailable
from clawback.message.delivery import Delivery
from clawback.message.message import Message
from clawback.response import defender
from clawback.response.events import ClusterExported
from clawback.response.plan import Deed, Receipt, Remediation
from clawback.response.spread import Passage
from clawback.store import Unit


@dataclass(frozen=True, slots=True)
class ExportRow:
    """One copy of one member, or of what moved on from one and is only offered, as a line of the export.

    `membership` is ``member`` or ``offered``; `way` says how the copy got there, and from `sent_on_to` those
    in `cannot_be_called_back` are not of the organisation.
    """

    cluster_id: str
    cluster_type: str
    network_message_id: str
    internet_message_id: str
    recipient: str
    sender: str
    subject: str
    received: str
    verdict: str
    threat: str
    reason: str
    delivery_action: str
    original_location: str
    original_folder: str
    latest_location: str
    latest_folder: str
    latest_seen: str
    action_id: str
    action: str
    action_status: str
    result: str
    result_reason: str
    sha256: str
    membership: str
    way: str
    way_evidence: str
    sent_on_by: str
    sent_on_to: str
    cannot_be_called_back: str


def export_cluster(parts: Parts, cluster_id: str, path: Path, actor: str) -> int:
    """Write every copy of a cluster's members to `path`; its ending says the form.

    The file appears whole or not at all. Raises NotFound, BadParameter (ending, path).
    """
    write = _writer(path)
    with parts.store.read() as unit:
        rows = [_readable(row) for row in export_rows(unit, cluster_id)]
    whole_or_nothing(path, write(rows))
    with parts.store.write(durable=True) as unit:
        event = ClusterExported(cluster_id, path.suffix.lstrip(".").lower(), len(rows))
        record(unit, event, actor=actor, at=parts.now())
    return len(rows)


def export_rows(unit: Unit, cluster_id: str) -> list[ExportRow]:
    """The rows of an export, by recipient and message."""
    cluster, spread = unit.clusters.get(cluster_id), spread_of(unit, cluster_id)
    reasons = {m.message_id: "; ".join(r.text for r in m.reasons) for m in cluster.members}
    offered = {offer.message_id: offer.reason.text for offer in spread.offers}
    ways = {p.delivery_id: p for p in (*spread.passages, *(p for o in spread.offers for p in o.copies))}
    messages = unit.messages.get_many([*reasons, *offered])
    results = _last_results(unit, cluster_id)
    rows = [
        _row(cluster, d, messages[d.message_id], why[d.message_id], results.get(d.id), kind, ways[d.id])
        for kind, why in (("member", reasons), ("offered", offered))
        for d in unit.deliveries.of_messages(list(why))
    ]
    return sorted(rows, key=lambda r: (r.recipient, r.network_message_id, r.original_folder))


def _last_results(unit: Unit, cluster_id: str) -> dict[str, tuple[Remediation, Receipt | None]]:
    """For each delivery, the newest remediation that had it, and its receipt."""
    found: dict[str, tuple[Remediation, Receipt | None]] = {}
    for remediation in sorted(unit.remediations.of_cluster(cluster_id), key=lambda r: r.made_at):
        done: set[str] = set()
        for deed, receipt in unit.remediations.receipts(remediation.id):
            found[deed.delivery_id] = (remediation, receipt)
            done.add(deed.delivery_id)
        for deed in _undone(unit, remediation, done):
            found[deed.delivery_id] = (remediation, None)
    return found


def _undone(unit: Unit, remediation: Remediation, done: set[str]) -> list[Deed]:
    if remediation.tally.open == 0:
        return []
    return [d for d in unit.remediations.plan(remediation.id).deeds if d.delivery_id not in done]


Result = tuple[Remediation, Receipt | None]


def _row(
    cluster: Cluster,
    delivery: Delivery,
    message: Message,
    reason: str,
    result: Result | None,
    membership: str,
    passage: Passage,
) -> ExportRow:
    remediation, receipt = result or (None, None)
    return ExportRow(
        cluster_id=cluster.id,
        cluster_type=defender.CLUSTER_TYPE[cluster.kind],
        network_message_id=message.id,
        internet_message_id=message.internet_message_id,
        recipient=delivery.handle.mailbox,
        sender=message.sender.address,
        subject=message.subject,
        received=delivery.internal_date.isoformat(),
        verdict=defender.VERDICT[cluster.verdict],
        threat=defender.THREAT[cluster.threat],
        reason=reason,
        delivery_action=defender.DELIVERY_ACTION[delivery.action],
        original_location=defender.LOCATION[delivery.original_location],
        original_folder=delivery.original_folder,
        latest_location=defender.LOCATION[delivery.location],
        latest_folder=delivery.handle.folder,
        latest_seen=delivery.located_at.isoformat(),
        action_id=(remediation.follows or remediation.id) if remediation else "",
        action=defender.ACTION[remediation.kind] if remediation else "",
        action_status=defender.ACTION_STATUS[remediation.status] if remediation else "",
        result=defender.result(receipt) if receipt else "",
        result_reason=receipt.reason if receipt else "",
        sha256=delivery.raw_sha256,
        membership=membership,
        way=passage.way.value,
        way_evidence="; ".join(passage.evidence),
        sent_on_by=passage.sent_on_by,
        sent_on_to=" ".join(passage.sent_on_to),
        cannot_be_called_back=" ".join(passage.outside),
    )


def _readable(row: ExportRow) -> ExportRow:
    """The row with a question mark for whatever is no character: some file names hold bytes that are none."""
    return ExportRow(**{k: v.encode("utf-8", "replace").decode() for k, v in asdict(row).items()})


Encode = Callable[[Sequence[ExportRow]], bytes]
COLUMNS = tuple(field.name for field in fields(ExportRow))


def _writer(path: Path) -> Encode:
    writers: dict[str, Encode] = {".csv": _csv, ".json": _json, ".parquet": _parquet}
    try:
        return writers[path.suffix.lower()]
    except KeyError:
        raise BadParameter(
            f"{path.name!r} must end in .csv, .json or .parquet, which says how to write it"
        ) from None


def _csv(rows: Sequence[ExportRow]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([no_formula(value) for value in asdict(row).values()])
    return out.getvalue().encode("utf-8-sig")


def no_formula(value: str) -> str:
    """Mail is hostile: a cell that a spreadsheet would run as a formula gets an apostrophe before it."""
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def _json(rows: Sequence[ExportRow]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(rows), indent=2) + b"\n"


def _parquet(rows: Sequence[ExportRow]) -> bytes:
    import pyarrow as pa  # half a second to import, and only this ending needs it
    import pyarrow.parquet as pq

    columns = {name: [getattr(row, name) for row in rows] for name in COLUMNS}
    schema = pa.schema([(name, pa.string()) for name in COLUMNS])
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns, schema=schema), sink)
    return bytes(sink.getvalue().to_pybytes())


def whole_or_nothing(path: Path, content: bytes) -> None:
    """Write a file that appears whole or not at all; raises BadParameter or StoreUnavailable."""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".clawback-")
    except OSError as error:
        raise BadParameter(f"{path} cannot be written: {error.strerror}") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except OSError as error:
        os.unlink(temporary)
        if isinstance(error, IsADirectoryError | PermissionError):
            raise BadParameter(f"{path} cannot be written: {error.strerror}") from None
        raise StoreUnavailable(f"{path} cannot be written: {error.strerror}") from None
