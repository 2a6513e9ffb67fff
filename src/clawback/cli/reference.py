"""The pages of docs/reference, written from the code: ``python -m clawback.cli.reference docs/reference``."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from clawback import settings
from clawback.analysis.rules import RULES
from clawback.cli.cmdlet_help import help_text
from clawback.cli.exits import CODES
from clawback.cli.markdown import table
from clawback.cli.parameters import Cmdlet
from clawback.cli.reference_statuses import statuses
from clawback.response.events import EVENTS
from clawback.response.plan import ActionKind, Outcome, RemediationStatus

_NOTE = "Written by `make docs` from the code: change it there."
_WIDTH = 100


def pages() -> dict[str, str]:
    """Every page by its file name."""
    written = {
        "settings.md": _page("Settings", _settings()),
        "events.md": _page("Events", _events()),
        "rules.md": _page("Rules", _rules()),
        "actions.md": _page("Actions", _actions()),
        "statuses.md": _page("Statuses, verdicts, types and counts", statuses()),
        "exit-codes.md": _page("Exit codes", _exit_codes()),
    }
    tree = _named("clawback.cli.main", "cli")
    if isinstance(tree, click.Command):
        written["commands.md"] = _page("Commands", commands(tree, "clawback"))
    if cmdlets := _named("clawback.cli.cmdlets", "COMMANDS"):
        written["cmdlets.md"] = _page("Cmdlets", _cmdlets([command.cmdlet for command in cmdlets]))
    return written


def write(folder: Path) -> None:
    """Write every page into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, "utf-8")


def commands(command: click.Command, word: str, above: click.Context | None = None) -> Iterator[str]:
    """A command with its help, then those below it; hidden ones are left out."""
    fixed = {"terminal_width": _WIDTH, "max_content_width": _WIDTH}
    context = click.Context(command, above, word, **{**command.context_settings, **fixed})
    yield f"## `{context.command_path}`\n\n```text\n{command.get_help(context).strip()}\n```"
    if isinstance(command, click.Group):
        for name, child in sorted(command.commands.items()):
            if not child.hidden:
                yield from commands(child, name, context)


def _named(module: str, attribute: str) -> Any:
    if importlib.util.find_spec(module) is None:
        return None
    return getattr(importlib.import_module(module), attribute)


def _page(title: str, blocks: Iterable[str]) -> str:
    return "\n\n".join([f"# {title}", _NOTE, *blocks]) + "\n"


def _cmdlets(cmdlets: Sequence[Cmdlet]) -> Iterator[str]:
    for cmdlet in sorted(cmdlets, key=lambda cmdlet: cmdlet.name):
        yield f"## `{cmdlet.name}`\n\n```text\n{help_text(cmdlet).strip()}\n```"


def _rules() -> Iterator[str]:
    yield "A rule says when a message is detected; the indicator that it met says how bad that is."
    yield table(("Rule", "Title", "Matches when"), ((f"`{r.id}`", r.title, r.text) for r in RULES))


def _events() -> Iterator[str]:
    yield (
        "Everything that can happen, as it stands in the audit log and in exports. Who and when stand beside "
        "each event there."
    )
    for event in sorted(EVENTS, key=lambda event: event.TYPE):
        names = ", ".join(f"`{field.name}`" for field in dataclasses.fields(event)) or "none"
        yield f"## `{event.TYPE}`\n\n{inspect.getdoc(event)}\n\nFields: {names}."


def _actions() -> Iterator[str]:
    for kind, title in (
        (ActionKind, "Kinds"),
        (RemediationStatus, "Statuses"),
        (Outcome, "Outcomes of a copy"),
    ):
        members = ", ".join(f"`{member.value}`" for member in kind)
        yield f"## {title}\n\n{inspect.getdoc(kind)}\n\n{members}."


def _exit_codes() -> Iterator[str]:
    yield "Every refusal and error is one sentence on standard error, and one of these codes."
    errors = ((f"`{code}`", f"`{error.__name__}`", meaning) for error, code, meaning in CODES)
    rows = [("`0`", "", "done"), *errors, ("`130`", "", "stopped by Ctrl-C")]
    yield table(("Code", "Error", "Means"), rows)


def _settings() -> Iterator[str]:
    yield (
        f"One TOML file: the one named by `--settings`, else by `{settings.ENVIRONMENT}`, else "
        f"`{settings.FILE_NAME}` in the current folder, else in /etc/clawback."
    )
    docs = _field_docs(settings)
    yield from _struct(settings.Settings, "", docs)


def _struct(kind: type[msgspec.Struct], prefix: str, docs: dict[tuple[str, str], str]) -> Iterator[str]:
    rows, below = [], []
    for field in msgspec.structs.fields(kind):
        inner = _struct_in(field.type)
        text = docs.get((kind.__name__, field.name), "")
        if inner is not None:
            below.append((inner, f"[[{field.name}]]" if inner is not field.type else f"[{field.name}]"))
        elif not text.startswith("Set by"):
            rows.append((f"`{field.name}`", _default(field), text))
    doc = inspect.getdoc(kind) or ""
    yield f"## {f'`{prefix}`' if prefix else 'At the top'}\n\n{doc}\n\n" + table(
        ("Setting", "Default", "Means"), rows
    )
    for inner, title in below:
        yield from _struct(inner, title, docs)


def _struct_in(annotation: Any) -> type[msgspec.Struct] | None:
    """The table behind a field: the struct itself, or that of which it holds several."""
    for kind in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            return kind
    return None


def _default(field: Any) -> str:
    if field.default is not msgspec.NODEFAULT:
        return f"`{msgspec.json.encode(field.default).decode()}`"
    if field.default_factory is not msgspec.NODEFAULT:
        return f"`{msgspec.json.encode(field.default_factory()).decode()}`"
    return "must be given"


def _field_docs(module: Any) -> dict[tuple[str, str], str]:
    """The string below each field of the module's classes, by class and field."""
    found = {}
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.ClassDef):
            for field, below in zip(node.body, node.body[1:], strict=False):
                text = below.value if isinstance(below, ast.Expr) else None
                if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Constant):
                    found[node.name, ast.unparse(field.target)] = " ".join(str(text.value).split())
    return found


if __name__ == "__main__":
    write(Path(sys.argv[1]))
