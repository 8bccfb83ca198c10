"""What is kept while pages are served: answers of those who may be slow, and what never changes once it is read."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, MutableMapping
from typing import Generic, TypeVar

from model_stage_deploy.core.errors import ModelStageError

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


class Background(Generic[T]):
    """Asks somebody who may be slow, in a thread of its own: nobody waits for longer than they want to.

    Nobody is asked unless somebody wants to know, nor more often than every so many seconds. `ask` may raise.
    """

    def __init__(self, ask: Callable[[], T], every: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._every = every
        self._clock = clock
        self._changed = threading.Condition()
        self._asking = False
        self._since = float("-inf")  # when the question under way was asked
        self._begun = float("-inf")  # when the answer at hand was asked for
        self._told = float("-inf")  # when that was asked which had an answer at last
        self._wanted = float("-inf")  # answers that were asked for earlier are too old
        self._answer: T | None = None
        self._problem: Exception | None = None

    def latest(self, patience: float | None = 0.0) -> T | None:
        """The newest answer, None where there is none yet. Where it is too old, waits for a new one.

        That is until it has been asked for `patience` seconds: so of many only the first one waits for somebody who is
        silent. None waits for as long as it takes. Raises what `ask` raised, if it never answered.
        """
        with self._changed:
            now = self._clock()
            wanted = max(self._wanted, now - self._every)
            if self._begun < wanted:
                self._begin()
                left = None if patience is None else max(0.0, self._since + patience - now)
                self._changed.wait_for(lambda: self._begun >= wanted or not self._begin(), left)
            if self._answer is None and self._problem is not None:
                raise self._problem
            return self._answer

    @property
    def answered(self) -> bool:
        """Whether there ever was an answer."""
        with self._changed:
            return self._answer is not None

    @property
    def answer(self) -> T | None:
        """The newest answer, whatever its age."""
        with self._changed:
            return self._answer

    @property
    def problem(self) -> Exception | None:
        """Why the newest question had no answer."""
        with self._changed:
            return self._problem

    def is_older_than(self, seconds: float) -> bool:
        """Whether the answer at hand was asked for so long ago, or before `forget`; also where there is none."""
        with self._changed:
            return self._told < max(self._wanted, self._clock() - seconds)

    def forget(self) -> None:
        """From now on only what is asked anew counts."""
        with self._changed:
            self._wanted = self._clock()

    def _begin(self) -> bool:
        """Always true: a question is under way."""
        if not self._asking:
            self._asking, self._since = True, self._clock()
            threading.Thread(target=self._work, args=(self._since,), daemon=True).start()
        return True

    def _work(self, begun: float) -> None:
        answer: T | None = None
        problem: Exception | None = None
        try:
            answer = self._ask()
        except Exception as raised:  # noqa: BLE001 - handed to who waits for the answer
            problem = raised
        with self._changed:
            self._asking = False
            self._begun = begun
            self._problem = problem
            if problem is None:
                self._answer, self._told = answer, begun
            self._changed.notify_all()


class Remembered(MutableMapping[K, V]):
    """A mapping of bounded size: what was not used for longest goes first. For several threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._items: OrderedDict[K, V] = OrderedDict()

    def __getitem__(self, key: K) -> V:
        with self._lock:
            self._items.move_to_end(key)
            return self._items[key]

    def __setitem__(self, key: K, value: V) -> None:
        with self._lock:
            self._items[key] = value
            self._items.move_to_end(key)
            while len(self._items) > self._most:
                self._items.popitem(last=False)

    def __delitem__(self, key: K) -> None:
        with self._lock:
            del self._items[key]

    def __iter__(self) -> Iterator[K]:
        with self._lock:
            return iter(list(self._items))

    def __len__(self) -> int:
        with self._lock:
            return len(self._items)


class Once(Generic[T]):
    """Asks once, and says the same ever after: also that it failed."""

    def __init__(self, ask: Callable[[], T]) -> None:
        self._ask = ask
        self._told: list[T] = []
        self._problem: ModelStageError | None = None

    def __call__(self) -> T:
        if self._problem is not None:
            raise self._problem
        if not self._told:
            try:
                self._told.append(self._ask())
            except ModelStageError as problem:
                self._problem = problem
                raise
        return self._told[0]
