"""What targets say while others speak, too."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from model_stage_deploy.flows.target_voice import TargetVoice
from tests.fakes.announcer import FakeAnnouncer


def test_lines_begin_with_the_name_and_are_whole() -> None:
    said: list[str] = []
    voice = TargetVoice("eu-1", FakeAnnouncer(), said.append)
    voice.begin("shell: churn")
    voice.output("one\ntw")
    voice.output("o\r\nthree")
    voice.end()
    voice.note("warning", "look", title="ignored")
    assert said == ["eu-1 | shell: churn", "eu-1 | one", "eu-1 | two", "eu-1 | three", "eu-1 | warning: look"]


@given(pieces=some.lists(some.text(alphabet="ab\n\r", max_size=6), max_size=8))
def test_no_piece_is_lost(pieces: list[str]) -> None:
    said: list[str] = []
    voice = TargetVoice("t", FakeAnnouncer(), said.append)
    for piece in pieces:
        voice.output(piece)
    voice.end()
    assert "".join(line.removeprefix("t | ") for line in said) == "".join(pieces).replace("\n", "").replace("\r", "")


def test_a_line_without_an_end_does_not_grow_for_ever() -> None:
    said: list[str] = []
    voice = TargetVoice("t", FakeAnnouncer(), said.append)
    for _ in range(100):
        voice.output("x" * 1000)
    voice.end()
    assert sum(map(len, said)) > 100_000
    assert len(said) > 5


def test_a_secret_is_masked_where_all_are() -> None:
    announcer = FakeAnnouncer()
    TargetVoice("t", announcer, lambda _: None).mask("s3cret")
    assert announcer.masked == ["s3cret"]


def test_a_line_without_an_end_is_cut_between_words_so_that_no_half_of_a_secret_is_shown() -> None:
    said: list[str] = []
    voice = TargetVoice("t", FakeAnnouncer(), said.append)
    voice.output("x" * 9_990 + " s3cr3t-")
    voice.output("t0k3n-and-more")
    voice.output("\n")
    assert [line[-25:] for line in said][-1].endswith("s3cr3t-t0k3n-and-more")
