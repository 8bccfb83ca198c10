"""Who may be slow is asked beside the pages: nobody waits for longer than they want, and nobody is asked too often."""

from __future__ import annotations

import queue
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.faces.keeping import Background, Once, Remembered


class Friend:
    """Answers when told what to say; a clock that stands."""

    def __init__(self) -> None:
        self.now = 100.0
        self.asked = 0
        self.answers: queue.Queue[str | Exception] = queue.Queue()

    def ask(self) -> str:
        self.asked += 1
        told = self.answers.get(timeout=20)
        if isinstance(told, Exception):
            raise told
        return told


def asking(every: float = 10.0) -> tuple[Friend, Background[str]]:
    friend = Friend()
    return friend, Background(friend.ask, every, lambda: friend.now)


def test_who_has_patience_gets_the_answer() -> None:
    friend, asked = asking()
    friend.answers.put("one")
    assert asked.latest(None) == "one"
    assert (asked.latest(), friend.asked) == ("one", 1)


def test_nobody_waits_for_who_is_silent() -> None:
    friend, asked = asking()
    assert (asked.latest(), asked.latest(0.0), asked.answered) == (None, None, False)
    assert asked.latest(0.01) is None
    friend.now += 5
    assert asked.latest(5.0) is None, "it was asked five seconds ago: patience has an end for all together"
    friend.answers.put("at last")
    assert asked.latest(None) == "at last"
    assert friend.asked == 1


def test_an_old_answer_is_better_than_none() -> None:
    friend, asked = asking()
    friend.answers.put("one")
    assert asked.latest(None) == "one"
    friend.now += 11
    assert asked.latest(0.01) == "one"
    friend.answers.put("two")
    assert asked.latest(None) == "two"


def test_an_answer_has_an_age() -> None:
    friend, asked = asking()
    assert asked.is_older_than(1000)
    friend.answers.put("one")
    asked.latest(None)
    friend.now += 5
    assert (asked.is_older_than(4), asked.is_older_than(6)) == (True, False)
    friend.answers.put(MachineryFailed(Reason.GIT_FAILED, "down"))
    friend.now += 5
    assert asked.latest(None) == "one"
    assert (asked.is_older_than(9), asked.is_older_than(11)) == (True, False)
    asked.forget()
    assert asked.is_older_than(11)


def test_what_fails_is_said_and_asked_again() -> None:
    friend, asked = asking()
    down = MachineryFailed(Reason.GIT_FAILED, "down")
    friend.answers.put(down)
    with pytest.raises(MachineryFailed):
        asked.latest(None)
    friend.now += 11
    friend.answers.put("up")
    assert (asked.latest(None), asked.problem) == ("up", None)
    friend.now += 11
    friend.answers.put(down)
    assert (asked.latest(None), asked.problem) == ("up", down)


def test_what_is_to_be_forgotten_is_asked_anew() -> None:
    friend, asked = asking()
    friend.answers.put("before")
    assert asked.latest(None) == "before"
    friend.now += 1
    asked.forget()
    friend.answers.put("after")
    assert (asked.latest(None), friend.asked) == ("after", 2)


def test_an_answer_that_was_asked_for_before_does_not_count_afterwards() -> None:
    friend, asked = asking()
    assert asked.latest() is None
    friend.now += 1
    asked.forget()
    friend.answers.put("too old")
    friend.answers.put("new")
    assert (asked.latest(None), friend.asked) == ("new", 2)


def test_many_at_once_are_one_question() -> None:
    friend, asked = asking()
    told: list[str | None] = []
    threads = [threading.Thread(target=lambda: told.append(asked.latest(None))) for _ in range(8)]
    for thread in threads:
        thread.start()
    friend.answers.put("all")
    for thread in threads:
        thread.join()
    assert (told, friend.asked) == (["all"] * 8, 1)


def test_once_is_once() -> None:
    calls: list[int] = []

    def fails() -> int:
        calls.append(1)
        raise MachineryFailed(Reason.GIT_FAILED, "down")

    failing = Once(fails)
    for _ in range(2):
        with pytest.raises(MachineryFailed):
            failing()
    assert len(calls) == 1
    numbers = iter([1, 2])
    good = Once(lambda: next(numbers))
    assert (good(), good()) == (1, 1)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 8))), st.integers(1, 5))
def test_memory_is_bounded_and_forgets_what_was_not_used_for_longest(uses: list[tuple[bool, int]], most: int) -> None:
    kept: Remembered[int, int] = Remembered(most)
    order: list[int] = []
    for is_put, key in uses:
        if is_put:
            kept[key] = key
        elif key not in order:
            assert kept.get(key) is None
            continue
        else:
            assert kept.get(key) == key
        order = [*(one for one in order if one != key), key][-most:]
        assert sorted(kept) == sorted(order)
        assert len(kept) == len(order)
