"""The settings file that `clawback init` and `clawback demo` write."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from clawback.errors import BadParameter

TEMPLATE = """\
# clawback's settings. Automation and indicators are not here: `clawback automation`, `clawback indicators`.
data = {data}                     # folder of the embedded store, relative to this file

[organisation]
domains = {domains}               # your own mail domains
trusted_hops = {hops}             # host names of your border, whose Authentication-Results are believed

[store]
# url = "postgresql+psycopg://clawback@127.0.0.1/clawback"
bodies = "none"                     # raw mail kept as sealed copies: none, remediated, all

[work]
sweep_seconds = 60                  # every mailbox is looked at this often, even if no event came

[[sources]]
name = "main"
kind = "maildir"
[sources.options]
root = {root}                     # one Maildir for each user below this folder
layout = {layout}                 # the way from the root to a Maildir
address = {address}               # what a mailbox is called
"""


def settings_text(
    *,
    root: str,
    layout: str,
    address: str,
    domains: Iterable[str],
    data: str,
    trusted_hops: Iterable[str] = (),
) -> str:
    """The text of a settings file for one tree of Maildirs."""
    filled = TEMPLATE.format(
        data=_toml(data),
        domains=_array(domains),
        hops=_array(trusted_hops),
        root=_toml(root),
        layout=_toml(layout),
        address=_toml(address),
    )
    return "\n".join(_aligned(line) for line in filled.splitlines()) + "\n"


def write_settings(path: Path, text: str) -> None:
    """Write the file; BadParameter when that cannot be done."""
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise BadParameter(f"{path} cannot be written: {error.strerror}") from None


def _aligned(line: str) -> str:
    """The line with its comment where the other comments are, when there is room."""
    setting, mark, comment = line.rpartition("  # ")
    return f"{setting.rstrip():<35} # {comment}" if mark else line


def _array(texts: Iterable[str]) -> str:
    return "[" + ", ".join(_toml(text) for text in texts) + "]"


def _toml(text: str) -> str:
    """A TOML basic string; what it may not hold as it stands is escaped."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in plain) + '"'
