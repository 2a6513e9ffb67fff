"""`clawback clusters`: messages that belong together, and why."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import click

from clawback.analysis.clusters import Cluster
from clawback.cli.columns import CLUSTERS, MEMBERS, ClusterRow
from clawback.cli.investigations import LEFT_OUT, LEFT_OUT_COLUMNS
from clawback.cli.options import as_json, more, page
from clawback.cli.session import Session, finish
from clawback.cli.spread import show_spread
from clawback.cli.tables import emit, to_json

SHOWN_BELOW = 100
"""Candidates below the line that are shown as data; they may be very many."""


@click.group()
def clusters() -> None:
    """Messages that belong together, each with the reason why."""


@clusters.command(name="list")
@page
@as_json
@click.pass_obj
def list_(session: Session, limit: int, cursor: str, as_json: bool) -> None:
    """List clusters, newest first."""
    with session.app() as app, app.store.read() as unit:
        found, after = unit.clusters.list(limit=limit, cursor=cursor)
        sizes = unit.clusters.sizes([cluster.id for cluster in found])
    rows = [ClusterRow.of(cluster, sizes[cluster.id]) for cluster in found]
    emit(rows, CLUSTERS, as_json, nothing="No clusters yet.")
    more(after)


@clusters.command()
@click.argument("cluster_id", metavar="ID")
@as_json
@click.pass_obj
def show(session: Session, cluster_id: str, as_json: bool) -> None:
    """One cluster: its query, every member with its reasons, how its copies got there, what moved on.

    ID is that of the cluster (clu-...), as `clawback clusters list` shows it.
    """
    from clawback.engine.spread import spread_of

    with session.app() as app, app.store.read() as unit:
        cluster = unit.clusters.get(cluster_id)
        spread, below = spread_of(unit, cluster_id), unit.clusters.count_below(cluster_id)
        cluster = replace(cluster, candidates=unit.clusters.below(cluster_id, SHOWN_BELOW))
        left_out = unit.exclusions.of_cluster(cluster_id, LEFT_OUT)
    if as_json:
        plain = {field.name: getattr(cluster, field.name) for field in fields(cluster)}
        click.echo(to_json(plain | {"below": below, "spread": spread, "left_out": left_out}), nl=False)
        return
    emit([ClusterRow.of(cluster, len(cluster.members))], CLUSTERS, False)
    click.echo(f"\nquery: {cluster.query}\n{_account(cluster)}\n")
    emit(cluster.members, MEMBERS, False)
    click.echo(f"\n{_below(cluster, below)}")
    if left_out:
        click.echo("\nLeft out by the policy:")
        emit(left_out, LEFT_OUT_COLUMNS, False)
    show_spread(spread, cluster_id)


def _account(cluster: Cluster) -> str:
    """What is said against its members, whether they are unusually many, and what was folded into it."""
    t, v = cluster.threats, cluster.volume
    lines = [
        f"members: {t.malicious} malicious, {t.suspicious} suspicious (malware {t.malware}, phish {t.phish}, "
        f"high confidence phish {t.high_confidence_phish}, spam {t.spam})"
    ]
    if v is not None:
        odd = "an anomaly" if v.anomalous else "no anomaly"
        lines.append(f"volume: {v.last_day} in the last day, {v.usual:g} a day before that: {odd}")
    lines += [f"the same messages as for {key.value}" for key in cluster.folded]
    return "\n".join(lines)


def _below(cluster: Cluster, below: int) -> str:
    if not below:
        return f"strictness {cluster.line:g}: nothing is below the line"
    best = int(max((member.score for member in cluster.candidates), default=0.0) * 100) / 100
    return (
        f"strictness {cluster.line:g}: {below} more are below the line, the nearest at {best:.2f}; "
        f"clawback clusters recut {cluster.id} --strictness {best:.2f} lets those in"
    )


@clusters.command()
@click.argument("cluster_id", metavar="ID")
@click.option("--strictness", type=click.FloatRange(0, 1), required=True, help="Lowest score of a member.")
@click.pass_obj
def recut(session: Session, cluster_id: str, strictness: float) -> None:
    """Cut the cluster ID (clu-...) again, wider or narrower, before anything of it is approved.

    What waits for approval is cancelled and planned anew.

    \b
    Example:
      clawback clusters recut clu-0123456789abcdef0123 --strictness 0.9
    """
    from clawback.engine.recut import recut as cut_again

    with session.app() as app:
        cluster = cut_again(app.parts, cluster_id, strictness, session.actor)
        finish(app)
        with app.store.read() as unit:
            size, below = unit.clusters.sizes([cluster_id])[cluster_id], unit.clusters.count_below(cluster_id)
    click.echo(f"{cluster_id} cut again at {cluster.line:g}: {size} messages, {below} below the line")


@clusters.command()
@click.argument("cluster_id", metavar="ID")
@click.argument("path", type=click.Path(path_type=Path))
@click.pass_obj
def export(session: Session, cluster_id: str, path: Path) -> None:
    """Write every copy of the cluster ID (clu-...) to PATH: .csv, .json or .parquet.

    With how each got there, and with what moved on and is only offered.

    \b
    Example:
      clawback clusters export clu-0123456789abcdef0123 report.csv
    """
    from clawback.engine.export import export_cluster

    with session.app() as app:
        rows = export_cluster(app.parts, cluster_id, path, session.actor)
    click.echo(f"{rows} copies written to {path}")
