"""How a version fared in a stage: the stretches in which it was good. What is asked of them: tests/gates/."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.lifecycle import Recorded
from model_stage_deploy.core.soaking import Fared, fared
from tests.gates.judged import COMMIT, NOW
from tests.gates.stage_records import HOUR, attempt, moment, other, records


def _fared(*newest_first: Recorded, verified: bool = True) -> Fared:
    return fared(records(*newest_first), "v2.0.0", COMMIT, verified=verified)


def _hours(known: Fared) -> list[tuple[float, float | None]]:
    """Beginnings and ends of the stretches, in hours before now."""
    return [
        (round((NOW - (one.start or 0)) / HOUR, 2), None if one.end is None else round((NOW - one.end) / HOUR, 2))
        for one in known.stretches
    ]


def test_nothing_is_known_of_what_was_never_there() -> None:
    assert _fared() == Fared()
    assert _fared(other(ago=3)) == Fared()


def test_stretches_begin_with_success_and_end_when_another_begins_to_take_over() -> None:
    known = _fared(attempt(ago=2), other(ago=10, took=1), attempt(ago=30, took=1), other(ago=40))
    assert _hours(known) == [(29, 10), (2, None)]
    assert known.succeeded
    longest = known.longest(NOW)
    assert longest is not None
    assert longest.lasted(NOW) == 19 * HOUR


def test_a_failure_forgets_what_was_before() -> None:
    failure = attempt("failure", ago=5)
    assert _fared(failure, attempt(ago=30)) == Fared(tried=True, failed=failure)
    assert _hours(_fared(attempt(ago=2), failure, attempt(ago=30))) == [(2, None)]


def test_without_verification_only_where_none_is_asked() -> None:
    unverified = attempt(ago=5, checks=0)
    assert _hours(_fared(unverified, attempt(ago=30))) == [(30, 5)]
    assert _hours(_fared(unverified, attempt(ago=30), verified=False)) == [(30, None)]
    assert _fared(unverified).succeeded
    assert not _fared(unverified).stretches


def test_what_was_made_inactive_is_over_then() -> None:
    gone = attempt(ago=30, state="inactive", updated=moment(20))
    assert _hours(_fared(gone)) == [(30, 20)]
    assert _hours(_fared(attempt(ago=10), gone)) == [(30, 20), (10, None)]
    assert _hours(_fared(attempt(ago=21, took=1), gone)) == [(30, None)]


_ATTEMPTS = st.lists(
    st.tuples(st.sampled_from(["success", "failure", "error", ""]), st.booleans(), st.booleans(), st.integers(0, 1)),
    max_size=8,
)


@given(_ATTEMPTS)
def test_stretches_come_one_after_another_and_only_the_last_may_go_on(
    attempts: list[tuple[str, bool, bool, int]],
) -> None:
    made = [
        (attempt if own else other)(
            outcome, ago=100 - 10 * number, placed=placed or outcome == "success", checks=checks
        )
        for number, (outcome, own, placed, checks) in enumerate(attempts)
    ]
    known = _fared(*reversed(made))
    hours = _hours(known)
    assert all(end is not None and start >= end for start, end in hours[:-1])
    assert [start for start, _ in hours] == sorted((start for start, _ in hours), reverse=True)
    assert known.tried is any(own for _, own, _, _ in attempts)
    assert not (known.failed and known.stretches)
