"""The style guide as a test: floors, sizes, docstrings, and that everything is documented."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
SOURCE = REPOSITORY / "src"
LONGEST_FILE = 400
LONGEST_FUNCTION = 70
LONGEST_FUNCTION_AT_P95 = 40

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Measured:
    """One function and where it stands."""

    where: str
    lines: int


def _python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (REPOSITORY / folder).rglob("*.py"))


def _name(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), filename=_name(path))


def _functions(path: Path) -> Iterator[Measured]:
    for node in ast.walk(_tree(path)):
        if isinstance(node, Function):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            yield Measured(f"{_name(path)}:{node.lineno} {node.name}", lines)


def _tracked_files() -> list[Path]:
    """The files git knows; where there is no git (an unpacked archive), all that is not a cache."""
    git = shutil.which("git")
    if git and (REPOSITORY / ".git").exists():
        command = [git, "-c", "safe.directory=*", "ls-files", "-z"]
        listed = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True).stdout
        return [
            REPOSITORY / name
            for name in listed.decode().split("\0")
            if name and (REPOSITORY / name).is_file()
        ]
    hidden = (path for path in REPOSITORY.rglob("*") if path.is_file())
    return [path for path in hidden if not {".venv", "__pycache__", ".git"} & set(path.parts)]


def test_imports_keep_to_the_floors() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run(
        [program, "--no-logo", "--no-cache"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_no_file_is_too_long() -> None:
    lengths = {
        _name(path): len(path.read_text("utf-8").splitlines())
        for path in _python_files("src", "tests", "benchmarks")
    }
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_no_function_is_too_long() -> None:
    found = [
        function for path in _python_files("src", "tests", "benchmarks") for function in _functions(path)
    ]
    assert [function for function in found if function.lines > LONGEST_FUNCTION] == []


def test_most_functions_are_short() -> None:
    found = sorted((f for path in _python_files("src") for f in _functions(path)), key=lambda f: f.lines)
    at_p95 = found[int(0.95 * (len(found) - 1))]
    assert at_p95.lines <= LONGEST_FUNCTION_AT_P95, found[-len(found) // 20 :]


def _undocumented(path: Path) -> Iterator[str]:
    module = _tree(path)
    if ast.get_docstring(module) is None:
        yield _name(path)
    for node in module.body:
        named = isinstance(node, ast.ClassDef | Function) and not node.name.startswith("_")
        if named and isinstance(node, ast.ClassDef | Function) and ast.get_docstring(node) is None:
            yield f"{_name(path)}:{node.lineno} {node.name}"


def test_every_module_and_public_name_has_a_docstring() -> None:
    assert [where for path in _python_files("src") for where in _undocumented(path)] == []


def _swallows_all(handler: ast.ExceptHandler) -> bool:
    """Whether it catches everything and keeps it; to tidy up and end in a bare ``raise`` is fine."""
    last = handler.body[-1]
    if isinstance(last, ast.Raise) and last.exc is None:
        return False
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    names = {node.id for node in caught if isinstance(node, ast.Name)}
    return None in caught or bool(names & {"Exception", "BaseException"})


def test_nothing_swallows_every_exception() -> None:
    handlers = [
        f"{_name(path)}:{node.lineno}"
        for path in _python_files("src")
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.ExceptHandler) and _swallows_all(node)
    ]
    assert handlers == []


def test_a_skip_fails_where_ci_is_true(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text("import pytest\n\ndef test_one():\n    pytest.skip('no server')\n")
    (tmp_path / "test_two.py").write_text(
        "import pytest\npytest.skip('no module', allow_module_level=True)\n"
    )
    options = ["-p", "tests.conftest", "-p", "no:cacheprovider", "--continue-on-collection-errors"]
    command = [sys.executable, "-m", "pytest", *options, str(tmp_path)]
    runs = {
        ci: subprocess.run(
            command, cwd=REPOSITORY, env={**os.environ, "CI": ci}, capture_output=True, text=True, check=False
        )
        for ci in ("true", "")
    }
    assert runs["true"].returncode != 0
    assert "skipped, which CI does not allow" in runs["true"].stdout
    assert "no server" in runs["true"].stdout
    assert "no module" in runs["true"].stdout
    assert "2 skipped" in runs[""].stdout


def test_no_file_or_folder_has_a_name_that_says_nothing() -> None:
    empty = {"utils", "util", "helpers", "helper", "common", "manager", "service", "misc"}
    assert [_name(path) for path in _python_files("src") if empty & {path.stem, path.parent.name}] == []


def test_no_tracked_file_names_a_path_of_one_machine() -> None:
    machine = re.compile(rb"(?<![\w.*/-])/(?:root|work)/\w")
    found = [_name(path) for path in _tracked_files() if machine.search(path.read_bytes())]
    assert found == []


PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "LICENSE",
    "docs/index.md",
    "docs/tutorial.md",
    "docs/glossary.md",
    "docs/ideas/architecture.md",
)


@pytest.mark.parametrize("page", PAGES)
def test_the_pages_of_the_house_are_there(page: str) -> None:
    assert (REPOSITORY / page).read_text("utf-8").strip()


def test_links_between_our_pages_lead_somewhere() -> None:
    pages = [
        *REPOSITORY.glob("*.md"),
        *(REPOSITORY / "docs").rglob("*.md"),
        *(REPOSITORY / "benchmarks").glob("*.md"),
    ]
    link = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
    broken = [
        f"{_name(page)}: {target}"
        for page in pages
        for target in link.findall(page.read_text("utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []
