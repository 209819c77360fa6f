"""README, pages and help say what the code does."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer
from click import Command, Group
from typer.testing import CliRunner

from docs.generate import pages
from forfait.cli import app

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMANDS: Group = typer.main.get_command(app)  # type: ignore[assignment]


def shell_lines(path: Path) -> list[str]:
    """Lines of the shell blocks of a page, continuation lines joined."""
    blocks = re.findall(r"```(?:sh|bash|console)\n(.*?)```", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [line.removeprefix("$ ") for block in blocks for line in block.replace("\\\n", " ").splitlines()]


def options(command: Command) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts} | {"--help"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_shown_exists_with_its_options(page: Path):
    """A `forfait` line in a page names a command and options that the help knows."""
    for line in shell_lines(page):
        if not line.startswith("forfait ") or page.name == "cli.md":
            continue
        words = shlex.split(line, comments=True)
        command = COMMANDS.commands[words[1]]
        command = getattr(command, "commands", {}).get((*words, "")[2], command)
        given = {word.split("=")[0] for word in words[2:] if word.startswith("--")}
        assert given <= options(command), line


def test_every_make_target_shown_exists():
    """A `make` line in a page names a target of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    lines = [line for page in PAGES for line in shell_lines(page)]
    shown = {line.split()[1] for line in lines if line.startswith("make ")}
    assert {"demo", "test"} <= shown <= targets


@pytest.mark.parametrize("name", sorted(COMMANDS.commands))
def test_help_has_an_example(name: str):
    """Each command's help shows how it is called, with options that exist."""
    text = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "300", "TERM": "dumb"}).output
    example = re.search(rf"Example: (forfait {name}[^\n│]*)", text)
    assert example, text
    given = {word for word in shlex.split(example[1]) if word.startswith("--")}
    assert given <= options(COMMANDS.commands[name])


def test_readme_tells_each_command():
    """The README names every command of the line."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS.commands if f"forfait {name}" not in readme] == []


@pytest.mark.parametrize("name", ["datasets.md", "features.md", "controls.md", "cli.md"])
def test_reference_pages_are_in_step(name: str):
    """docs/reference is what the code says; `make docs` writes it."""
    stored = (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
    assert stored == pages()[name]
