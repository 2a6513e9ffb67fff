"""`clawback clusters`: messages that belong together, and why."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import click

from clawback.cli.columns import CLUSTERS, MEMBERS, ClusterRow
from clawback.cli.options import as_json, more, page
from clawback.cli.session import Session
from clawback.cli.spread import show_spread
from clawback.cli.tables import emit, to_json


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
        spread = spread_of(unit, cluster_id)
    if as_json:
        plain = {field.name: getattr(cluster, field.name) for field in fields(cluster)}
        click.echo(to_json(plain | {"spread": spread}), nl=False)
        return
    emit([ClusterRow.of(cluster, len(cluster.members))], CLUSTERS, False)
    click.echo(f"\nquery: {cluster.query}\n")
    emit(cluster.members, MEMBERS, False)
    show_spread(spread, cluster_id)


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
