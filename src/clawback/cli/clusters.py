"""`clawback clusters`: messages that belong together, and why."""

from __future__ import annotations

from pathlib import Path

import click

from clawback.cli.columns import CLUSTERS, MEMBERS, ClusterRow
from clawback.cli.options import as_json, more, page
from clawback.cli.session import Session
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
    """One cluster: its query and every member with its reasons.

    ID is that of the cluster (clu-...), as `clawback clusters list` shows it.
    """
    with session.app() as app, app.store.read() as unit:
        cluster = unit.clusters.get(cluster_id)
    if as_json:
        click.echo(to_json(cluster), nl=False)
        return
    emit([ClusterRow.of(cluster, len(cluster.members))], CLUSTERS, False)
    click.echo(f"\nquery: {cluster.query}\n")
    emit(cluster.members, MEMBERS, False)


@clusters.command()
@click.argument("cluster_id", metavar="ID")
@click.argument("path", type=click.Path(path_type=Path))
@click.pass_obj
def export(session: Session, cluster_id: str, path: Path) -> None:
    """Write every copy of the cluster ID (clu-...) to PATH: .csv, .json or .parquet.

    \b
    Example:
      clawback clusters export clu-0123456789abcdef0123 report.csv
    """
    from clawback.engine.export import export_cluster

    with session.app() as app:
        rows = export_cluster(app.parts, cluster_id, path, session.actor)
    click.echo(f"{rows} copies written to {path}")
