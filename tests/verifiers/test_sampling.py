"""N looks of which M must be good, within a deadline: by a clock that is turned by hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.errors import Cancelled
from model_stage_deploy.core.verdict import Finding
from model_stage_deploy.verifiers.sampling import Look, Rule, Sampled, sample
from tests.fakes.clock import FakeClock

WORDS = {"+": Finding.PASSED, "-": Finding.FAILED, "?": Finding.INCONCLUSIVE, "!": Finding.INCONCLUSIVE}


def _sampled(
    looks: str,
    samples: int = 1,
    needed: int | None = None,
    deadline: float = 60,
    *,
    again: bool = True,
    took: float = 0,
) -> tuple[Sampled, list[float], list[str]]:
    """`looks`: `+` good, `-` bad, `?` not to be had, `!` never to be had; the last one for ever. An interval is 2 s."""
    clock, said = FakeClock(), list[str]()

    def come() -> Iterator[str]:
        yield from looks
        while True:
            yield looks[-1]

    coming = come()

    def look() -> Look:
        clock.time += took
        word = next(coming)
        return Look(WORDS[word], f"saw {word}", final=word == "!")

    rule = Rule(samples, samples if needed is None else needed, 2.0, deadline, again)
    return sample(clock, rule, look, said.append), clock.slept, said


@pytest.mark.parametrize(
    ("looks", "samples", "needed", "finding", "made"),
    [
        ("+", 1, 1, "passed", 1),
        ("-+", 1, 1, "passed", 2),
        ("?+", 1, 1, "passed", 2),
        ("-", 1, 1, "failed", 31),
        ("?", 1, 1, "inconclusive", 31),
        ("-?", 1, 1, "inconclusive", 31),
        ("?-", 1, 1, "failed", 31),
        ("+++", 3, 3, "passed", 3),
        ("++-+++", 3, 3, "passed", 6),
        ("+-+-+-" * 9, 3, 3, "failed", 31),
        ("+-+++", 5, 4, "passed", 5),
        ("--+-+-++++", 5, 4, "passed", 10),
        ("++", 5, 2, "passed", 2),
        ("+", 40, 40, "inconclusive", 31),
        ("+" * 29 + "-+", 30, 30, "failed", 31),
        ("-?+", 3, 2, "passed", 4),
        ("!", 1, 1, "inconclusive", 1),
    ],
)
def test_samples_until_one_is_good(looks: str, samples: int, needed: int, finding: str, made: int) -> None:
    done, slept, _said = _sampled(looks, samples, needed)
    assert (done.finding.value, done.looks) == (finding, made)
    assert slept == [2.0] * (made - 1)


@pytest.mark.parametrize(
    ("looks", "samples", "needed", "finding", "made"),
    [
        ("+", 1, 1, "passed", 1),
        ("-+", 1, 1, "failed", 1),
        ("?+", 1, 1, "passed", 2),
        ("?-", 1, 1, "failed", 2),
        ("?", 1, 1, "inconclusive", 31),
        ("+?+?+", 3, 3, "passed", 5),
        ("+-+", 3, 3, "failed", 2),
        ("+-++", 4, 3, "passed", 4),
        ("-+-", 4, 3, "failed", 3),
        ("+", 40, 40, "inconclusive", 31),
        ("!", 3, 1, "inconclusive", 1),
    ],
)
def test_one_sample_only(looks: str, samples: int, needed: int, finding: str, made: int) -> None:
    done, _slept, _said = _sampled(looks, samples, needed, again=False)
    assert (done.finding.value, done.looks) == (finding, made)


def test_what_decided_is_what_is_told() -> None:
    done, _slept, said = _sampled("+" * 3 + "-" + "+" * 3, 3, 3, deadline=6, took=0)
    assert done == Sampled(Finding.PASSED, "saw +", 3, 3, 4.0)
    done, _slept, said = _sampled("?-++", 2, 2, deadline=6)
    assert done == Sampled(Finding.PASSED, "saw +", 4, 2, 6.0)
    assert said == ["look 1: saw ?\n", "look 2: saw -\n", "look 3: saw +\n"]
    done, _slept, said = _sampled("--+", 2, 2, deadline=4)
    assert done == Sampled(Finding.FAILED, "saw -", 3, 1, 4.0)
    done, _slept, said = _sampled("++", 5, 5, deadline=2)
    assert done == Sampled(Finding.INCONCLUSIVE, "saw +", 2, 2, 2.0, undecided=True)


def test_there_is_always_a_first_look_and_none_begins_after_the_deadline() -> None:
    assert _sampled("-", deadline=1)[0].looks == 1
    assert _sampled("-", deadline=60, took=100)[0].looks == 1
    done, slept, _said = _sampled("-", deadline=10, took=3)
    assert (done.looks, done.seconds, slept) == (3, 13, [2.0, 2.0])


def test_counting_for_people() -> None:
    assert _sampled("+")[0].counted == "in 0s"
    assert _sampled("-+", took=0.25)[0].counted == "1 of 2 good in 2.5s"


def test_a_cancelled_run_goes_through() -> None:
    def look() -> Look:
        raise Cancelled

    with pytest.raises(Cancelled):
        sample(FakeClock(), Rule(1, 1, 1, 1, again=True), look, print)


@given(st.text("+-?", min_size=1, max_size=40), st.integers(1, 6), st.integers(1, 6), st.booleans())
def test_it_passes_just_if_enough_were_good(looks: str, samples: int, needed: int, again: bool) -> None:
    needed = min(samples, needed)
    done, slept, _said = _sampled(looks, samples, needed, again=again)
    assert sum(slept) <= 60
    assert done.looks <= 31
    made = (looks + looks[-1] * 31)[: done.looks]
    assert done.good == made.count("+")
    if done.finding is Finding.PASSED:
        assert made.endswith("+")
        assert made[-samples:].count("+") >= needed or not again
        assert done.good >= needed
    if done.finding is Finding.FAILED:
        assert made.count("-") > samples - needed
