"""The `clawback` program, also as `python -m clawback`: the one place that knows both doors."""

from __future__ import annotations

from collections.abc import Callable

from clawback.cli.main import main as command_line
from clawback.settings import Settings


def serve(settings: Settings, say: Callable[[str], None], *, bound: bool = False) -> None:
    """Serve the portal and the API; its libraries are loaded only then, so that commands stay quick."""
    from clawback.web.serve import serve as serve_web

    serve_web(settings, say, bound=bound)


def main() -> None:
    """Run the command line, and hand it the other door."""
    command_line(serve)


if __name__ == "__main__":
    main()
