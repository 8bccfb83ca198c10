"""Tables on a terminal: its width, its colours, and nothing that a tag says can act on it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.faces.command_lines import run
from tests.faces.terminals import on_terminal, plain
from tests.standins.registries import GitRepository, History, example_registry


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return example_registry(tmp_path_factory.mktemp("example") / "registry").path


@pytest.mark.parametrize("command", [["show"], ["history"], ["versions", "churn"]], ids=lambda words: str(words[0]))
def test_a_terminal_shows_what_a_pipe_shows_in_colour(registry: Path, command: list[str]) -> None:
    drawn, piped = on_terminal(registry, *command, columns=220), run(registry, *command).out
    assert "\x1b[" in drawn
    assert "\x1b" not in piped
    assert [line.split() for line in plain(drawn).splitlines()] == [line.split() for line in piped.splitlines()]


def test_no_color_and_dumb_terminals(registry: Path) -> None:
    colours = re.compile(r"\x1b\[[0-9;]*3[0-7][0-9;]*m")
    assert colours.search(on_terminal(registry, "show"))
    assert not colours.search(on_terminal(registry, "show", env={"NO_COLOR": "1"}))
    for env in ({"TERM": "dumb"}, {"TERM": ""}):
        assert on_terminal(registry, "show", env=env) == run(registry, "show").out


@pytest.mark.parametrize("columns", [40, 72, 100])
def test_nothing_is_cut_where_it_is_narrow(registry: Path, columns: int) -> None:
    drawn = plain(on_terminal(registry, "history", "churn", columns=columns))
    assert max(map(len, drawn.splitlines())) <= columns
    letters = "".join(sorted(drawn.replace("\n", "").replace(" ", "")))
    whole = run(registry, "history", "churn").out
    assert letters == "".join(sorted(whole.replace("\n", "").replace(" ", "")))


def test_columns_says_how_wide(registry: Path) -> None:
    drawn = plain(on_terminal(registry, "history", columns=200, env={"COLUMNS": "60"}))
    assert max(map(len, drawn.splitlines())) <= 60


def test_json_on_a_terminal_is_json(registry: Path) -> None:
    drawn = on_terminal(registry, "show", "--json")
    assert "\x1b" not in drawn
    assert json.loads(drawn) == run(registry, "show", "--json").json


@pytest.mark.parametrize("columns", [60, 200])
def test_what_tags_say_does_nothing(tmp_path: Path, columns: int) -> None:
    made = GitRepository(tmp_path / "registry")
    made.commit({"a": "a"})
    words = ["\x1b]0;owned\x07", "[red]red[/red] [link=x]", ":boom: \x1b[31m", "\u202egnp.exe", "\x9b2J", "☕ 模型 é"]
    for number, text in enumerate(words):
        made.tag(f"m@v1.0.{number}", message=text, tagger=(text.replace("\x1b", "E").replace("\x07", ""), "a@b"))
    for command in (["history"], ["versions", "m"]):
        drawn = plain(on_terminal(made.path, *command, columns=columns))
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", drawn), repr(drawn)
        joined = drawn.replace("\n", "").replace(" ", "")
        assert "[/red]" in joined or columns == 60
        assert ":boom:" in joined or columns == 60
    assert "[red]red[/red] [link=x]" in plain(on_terminal(made.path, "history", columns=250))


def test_large_tables_are_plain(tmp_path: Path) -> None:
    history, made = History(), GitRepository(tmp_path / "registry")
    commit = history.commit()
    for number in range(501):
        history.tag(f"m{number}@v1.0.0", at=commit)
    history.write(made)
    assert on_terminal(made.path, "show") == run(made.path, "show").out
    assert "\x1b[" in on_terminal(made.path, "show", "m1")


def test_many_warnings_are_counted(tmp_path: Path) -> None:
    made = GitRepository(tmp_path / "registry")
    made.commit({"a": "a"})
    made.tag("m@v1.0.0")
    for number in range(12):
        made.tag(f"m#prod#{number}", annotated=False)
    lines = run(made.path, "show").out.splitlines()
    assert len([line for line in lines if line.startswith("warning: ")]) == 10
    assert lines[-1] == "… and 2 more warnings: python -m model_stage_deploy doctor lists all"
    assert len(run(made.path, "show", "--json").json["warnings"]) == 12
