"""Announcers, heard as a GitHub Actions runner hears them: nothing foreign is a command, an output or a secret."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from model_stage_deploy.adapters.runner_announcer import RunnerAnnouncer
from model_stage_deploy.adapters.terminal_announcer import TerminalAnnouncer
from model_stage_deploy.core.errors import Mistake
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.redaction import STARS, Scrubber
from tests.adapters.runner_stream import Runner, outputs_of

Announcer = RunnerAnnouncer | TerminalAnnouncer
BOTH = pytest.mark.parametrize("kind", [RunnerAnnouncer, TerminalAnnouncer])
MIB = 1024 * 1024


def on_runner(*secrets: str, **files: Path) -> tuple[RunnerAnnouncer, io.StringIO]:
    stream = io.StringIO(newline="")
    return RunnerAnnouncer(stream, Scrubber(secrets), **files), stream


COMMANDS = ("::", "error", "set-output name=x", "##[", "]", "::stop-commands::", "::endgroup::", "add-mask", "a")
FOREIGN = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    st.lists(
        st.sampled_from(
            [*COMMANDS, "\n", "\r", "\r\n", " ", "\t", "\u2028", "\x85", "\ufeff", "\x1b[0m", "%0A", "%25"]
        ),
        max_size=12,
    ).map("".join),
)


@given(FOREIGN)
@example("::error::forged")
@example(" \u00a0::error file=x::forged")
@example("harmless ##[error]forged")
@example("first\n::error::forged")
def test_what_is_said_is_never_a_command(text: str) -> None:
    announcer, stream = on_runner()
    announcer.say(text)
    heard = Runner().hear(stream.getvalue())
    assert heard.commands == []
    assert len(heard.plain) == 1


@given(FOREIGN, FOREIGN, st.sampled_from(["notice", "warning", "error"]))
def test_a_note_is_one_command_whatever_it_says(
    text: str, title: str, level: Literal["notice", "warning", "error"]
) -> None:
    announcer, stream = on_runner()
    announcer.note(level, text, title=title)
    heard = Runner().hear(stream.getvalue())
    shown = "\n".join(one_line(line) for line in text.split("\n"))
    assert heard.commands == [(level, {"title": one_line(title)} if title else {}, shown)]
    assert heard.plain == []


@given(FOREIGN, FOREIGN, st.integers(0, 9))
@example("a.yml,title=x::forged", "t", 1)
def test_a_note_at_a_line_of_a_file_names_just_that_place(file: str, title: str, line: int) -> None:
    announcer, stream = on_runner()
    announcer.note("error", "wrong", title=title, at=Mistake(file, line, 7, "path", "wrong"))
    heard = Runner().hear(stream.getvalue())
    place = {"file": one_line(file), "line": str(line or 1), "col": "7"} if file else {}
    assert heard.commands == [("error", ({"title": one_line(title)} if title else {}) | place, "wrong")]
    assert heard.plain == []


@given(FOREIGN, st.lists(FOREIGN, max_size=5))
def test_foreign_output_is_heard_in_full_and_not_as_commands(title: str, pieces: list[str]) -> None:
    announcer, stream = on_runner()
    announcer.begin(title)
    for piece in pieces:
        announcer.output(piece)
    announcer.end()
    announcer.note("notice", "after")
    heard = Runner().hear(stream.getvalue())
    assert [command[0] for command in heard.commands] == ["group", "endgroup", "notice"]
    assert heard.stopped is None
    said = "".join(pieces)
    assert said in stream.getvalue()
    shown = re.split(r"\r\n|\r|\n", said)
    assert heard.plain == (shown[:-1] if shown[-1] == "" else shown) or said.endswith("\r")


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
@example("first\r\nsecond%0A")
def test_masks_reach_the_runner_whole_and_line_by_line(secret: str) -> None:
    announcer, stream = on_runner()
    announcer.mask(secret)
    heard = Runner().hear(stream.getvalue())
    masked = [data for name, _, data in heard.commands if name == "add-mask"]
    assert len(heard.commands) == len(masked)
    assert heard.plain == []
    if secret.strip():
        assert masked[0] == secret
        assert set(masked[1:]) <= set(secret.splitlines())
        assert all(line in masked for line in secret.splitlines() if line.strip())
    else:
        assert masked == [], "an empty mask would be an error, a blank one would star every space"


def test_stop_token_is_new_each_time_and_long() -> None:
    announcer, stream = on_runner()
    for _ in range(3):
        announcer.begin("x")
        announcer.end()
    tokens = re.findall(r"::stop-commands::(\S+)", stream.getvalue())
    assert len(set(tokens)) == 3
    assert all(re.fullmatch(r"[0-9a-f]{32,}", token) for token in tokens), "128 bits or more"
    announcer.end()
    assert stream.getvalue().count("::endgroup::") == 3, "a second end is no end"


def test_old_tokens_open_nothing() -> None:
    announcer, stream = on_runner()
    announcer.begin("one")
    announcer.end()
    old = re.findall(r"::stop-commands::(\S+)", stream.getvalue())[0]
    announcer.begin("two")
    announcer.output(f"::{old}::\n::error::forged")
    announcer.end()
    assert "error" not in [name for name, _, _ in Runner().hear(stream.getvalue()).commands]


VALUES = st.dictionaries(
    st.sampled_from(["event", "name", "version", "environment-url", "json"]),
    st.one_of(
        st.text(st.characters(exclude_categories=["Cs"])), FOREIGN, st.just("x\nversion=v9\nname<<EOF\nevil\nEOF")
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(VALUES)
def test_outputs_are_read_back_as_they_were(tmp_path: Path, values: dict[str, str]) -> None:
    file = tmp_path / "outputs"
    file.unlink(missing_ok=True)
    announcer, stream = on_runner(output_file=file)
    announcer.outputs(values)
    assert outputs_of(file) == values
    assert stream.getvalue() == ""


def test_delimiters_cannot_be_guessed(tmp_path: Path) -> None:
    file = tmp_path / "outputs"
    announcer, _ = on_runner(output_file=file)
    announcer.outputs({"name": "a", "version": "b"})
    seen = re.findall(r"<<(.*)", file.read_text())
    announcer.outputs({"stage": "\n".join([*seen, "version<<x", "forged", "x"])})
    found = outputs_of(file)
    assert set(found) == {"name", "version", "stage"}
    assert found["version"] == "b"
    delimiters = re.findall(r"<<(msd_.*)", file.read_text())
    assert len(set(delimiters)) == 3
    assert all(len(delimiter) >= 32 for delimiter in delimiters)


def test_outputs_and_summary_without_files_are_nothing() -> None:
    announcer, stream = on_runner()
    announcer.outputs({"a": "b"})
    announcer.summary("text")
    assert stream.getvalue() == ""


def test_outputs_survive_half_characters(tmp_path: Path) -> None:
    announcer, _ = on_runner(output_file=tmp_path / "outputs")
    announcer.outputs({"name": "\udcff", "version": "v1"})
    assert outputs_of(tmp_path / "outputs") == {"name": "?", "version": "v1"}


def test_summary_is_added_and_scrubbed(tmp_path: Path) -> None:
    file = tmp_path / "summary"
    file.write_text("before\n")
    announcer, _ = on_runner("hush", summary_file=file)
    announcer.summary("# a hush\n\udcff")
    assert file.read_text() == f"before\n# a {STARS}\n?\n"


@pytest.mark.parametrize("character", ["x", "ä", "🚀"])
def test_summary_stays_within_the_runners_limit(tmp_path: Path, character: str) -> None:
    """The runner refuses a file of more than 1 MiB whole, however many times it was added to."""
    file = tmp_path / "summary"
    announcer, _ = on_runner(summary_file=file)
    size = len(character.encode())
    whole = character * ((MIB - 300) // size)
    for text in (whole, whole, "short"):
        announcer.summary(text)
    assert MIB - 500 < file.stat().st_size <= MIB
    first, left_out, short = file.read_text().splitlines()
    assert (first, short) == (whole, "short")
    assert "left out" in left_out


SECRET = "s3cr3t-token"


@given(st.lists(st.integers(1, 11), max_size=3))
def test_secrets_never_pass_the_runner(cuts: list[int]) -> None:
    announcer, stream = on_runner(SECRET)
    announcer.say(f"say {SECRET}")
    announcer.note("error", f"note {SECRET}", title=f"title {SECRET}")
    announcer.begin(f"group {SECRET}")
    edges = [0, *sorted(cuts), len(SECRET)]
    for start, end in itertools.pairwise(edges):
        announcer.output(SECRET[start:end])
    announcer.end()
    assert SECRET not in stream.getvalue()
    assert stream.getvalue().count(STARS) == 5


def test_secrets_never_pass_outputs_or_the_terminal(tmp_path: Path) -> None:
    announcer, _ = on_runner(SECRET, output_file=tmp_path / "outputs")
    announcer.outputs({"json": f"[{SECRET}]"})
    assert outputs_of(tmp_path / "outputs") == {"json": f"[{STARS}]"}
    stream = io.StringIO()
    terminal = TerminalAnnouncer(stream, Scrubber())
    terminal.mask(SECRET)
    terminal.say(SECRET)
    terminal.note("error", f"a\n{SECRET}", title=SECRET)
    terminal.begin(SECRET)
    terminal.output(SECRET[:5])
    terminal.output(SECRET[5:])
    terminal.end()
    terminal.outputs({"a": SECRET})
    terminal.summary(SECRET)
    assert SECRET not in stream.getvalue()
    assert stream.getvalue().count(STARS) == 5


def test_terminal_shows_lines() -> None:
    stream = io.StringIO()
    terminal = TerminalAnnouncer(stream, Scrubber())
    terminal.say("two\nlines \x1b[2J")
    terminal.note("warning", "first\nsecond \u202e", title="where")
    terminal.begin("shell")
    terminal.output("no newline at the end")
    terminal.end()
    assert stream.getvalue() == (
        "two\\nlines \\e[2J\nwarning: where: first\n  second \\u202e\n--- shell\nno newline at the end\n---\n"
    )


def everything(announcer: Announcer) -> None:
    announcer.mask("secret-value")
    announcer.say("said")
    announcer.note("notice", "noted")
    announcer.begin("group")
    announcer.output("output")
    announcer.end()


class Gone(io.StringIO):
    """A pipe whose reader has gone."""

    def write(self, text: str) -> int:
        raise BrokenPipeError

    def flush(self) -> None:
        raise BrokenPipeError


def _closed() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


@BOTH
@pytest.mark.parametrize("broken", [Gone, _closed])
def test_the_work_goes_on_without_a_reader(kind: type[Announcer], broken: Callable[[], io.StringIO]) -> None:
    everything(kind(broken(), Scrubber()))


@BOTH
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_what_a_stream_cannot_spell_is_not_lost(kind: type[Announcer], encoding: str) -> None:
    raw = io.BytesIO()
    announcer = kind(io.TextIOWrapper(raw, encoding=encoding, errors="strict"), Scrubber())
    announcer.note("error", "the tag \udcff does not exist: 漢字")
    announcer.begin("shell")
    announcer.output("bytes \udcfe, 漢字")
    announcer.end()
    shown = raw.getvalue().decode(encoding)
    assert "the tag " in shown
    assert " does not exist: " in shown
    assert "bytes " in shown
    assert ("漢字" in shown) is (encoding == "utf-8")


def test_long_notes_are_cut() -> None:
    announcer, stream = on_runner()
    announcer.note("error", "x" * 100_000)
    assert len(stream.getvalue()) < 5000
