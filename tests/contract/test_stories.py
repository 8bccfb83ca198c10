"""The comparison of pages with what was printed sees what differs, and the story's page shows the demo's mapping."""

from __future__ import annotations

import re

from model_stage_deploy.demo.chapters import CHAPTERS, SOAK, Run
from model_stage_deploy.demo.repository import MAPPING
from model_stage_deploy.demo.story import command_line
from tests.contract.consoles import FENCE
from tests.contract.generate import ROOT
from tests.contract.stories import differences, on_page

PAGE = "Text.\n```console\n$ a\none …\nthree\n$ b\n```\nMore.\n```console\n$ c\n```\n"


def _story() -> str:
    return (ROOT / "docs/start/promotion-story.md").read_text(encoding="utf-8")


def test_a_page_may_leave_out_lines_and_parts_of_lines() -> None:
    assert differences(PAGE, "hello\n$ a\none 1234\n\ntwo\nthree\n$ b\nnothing\n$ c\n") == []


def test_what_was_not_printed_is_seen() -> None:
    [wrong] = differences(PAGE, "$ a\nthree\none 1\n$ b\n$ c\n")
    assert wrong.endswith("does not print, or not in this place: three")
    [wrong] = differences(PAGE, "$ a\none.\nthree\n$ b\n$ c\n")
    assert wrong.endswith("one …")
    assert differences(PAGE, "$ a\none 1\nthree\n$ c\n") == ["other commands: ['b']"]
    assert differences(PAGE, "$ b\n$ a\none 1\nthree\n$ c\n") == ["other commands: in another order"]


def test_the_page_of_the_story_has_the_commands_and_the_headings_of_the_demo() -> None:
    runs = [step for chapter in CHAPTERS for step in chapter.steps if isinstance(step, Run)]
    assert [told.command for told in on_page(_story())] == [command_line(run) for run in runs]
    assert re.findall(r"^## \d\. (.*)$", _story(), re.MULTILINE) == [chapter.title for chapter in CHAPTERS]


def test_the_page_of_the_story_says_how_each_refusal_ends() -> None:
    runs = [step for chapter in CHAPTERS for step in chapter.steps if isinstance(step, Run)]
    for told, run in zip(on_page(_story()), runs, strict=True):
        ends = [line for line in told.lines if "(exit code " in line]
        assert len(ends) == (run.exit_code != 0), told.command
        assert all(f"(exit code {run.exit_code})" in line for line in ends)


def test_the_page_of_the_story_shows_the_mapping_of_the_demo() -> None:
    [shown] = [fence["text"] for fence in FENCE.finditer(_story()) if fence["note"] == "mapping of the demo"]
    assert shown == MAPPING.format(port=8000, soak=SOAK)
