"""A lock that we have: renewed while the work goes on, looked at before it matters, let go at the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from model_stage_deploy.core.errors import Cancelled, MachineryFailed, ModelStageError
from model_stage_deploy.core.locks import find
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.stored import LockEntry
from model_stage_deploy.ports import Clock, LockClash, LockStore
from model_stage_deploy.report.locks import who

_GIVEN_UP = 5 / 6
"""Part of a lease after which, without a renewal, we count the lock as lost: others take over after a whole one, and
the rest is for ending what we do."""
_HURRY = 2.5  # seconds
_LAST_RENEWAL = 35.0  # seconds that one under way at the end may take


class Hold:
    """The lock of one deployment. `lost` says that another took it, or that it was removed, or could not be kept.

    `hurry` is for who knows that the job is killed within seconds: letting go is then tried once, shortly.
    """

    def __init__(
        self,
        store: LockStore | None,
        clock: Clock | None,
        claim: str,
        tell: Callable[[str], None],
        interrupt: Callable[[], None],
    ) -> None:
        self.lost = False
        self.hurry = False
        self.why_lost = ""
        self._store = store
        self._clock = clock
        self._claim = claim
        self._tell = tell
        self._interrupt = interrupt
        self._entry: LockEntry | None = None
        self._good = 0.0
        """When the last renewal that came through began, by our clock that only grows."""
        self._sign_of_life = time.monotonic()
        """The same by the real clock, for the thread that watches over a renewal that hangs."""
        self._stopped = threading.Event()
        self._gate = threading.Lock()
        self._threads: list[threading.Thread] = []

    @classmethod
    def nothing(cls) -> Hold:
        """A hold without a lock, which always stands."""
        return cls(None, None, "", lambda _: None, lambda: None)

    def may_be_there(self, entry: LockEntry) -> None:
        """From now on the lock may be in the store, so it is looked for at the end."""
        if not entry.version:
            self._count_from_now()  # before it is sent: others count from when it is there
        self._entry = entry

    def is_not_there(self) -> None:
        """The store did not take it."""
        self._entry = None

    def begin(self, entry: LockEntry) -> None:
        """The lock is ours: keep it, from threads of its own."""
        self._entry = entry
        self._threads = [
            threading.Thread(target=self._keep, name="lock renewal", daemon=True),
            threading.Thread(target=self._watch, name="lock watch", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def require(self) -> None:
        """Make sure by a fresh look that the lock is still ours. Raises MachineryFailed (lock-lost, lock-failed)."""
        if self._store is None or self._entry is None:
            return
        if not self.lost:
            found = self._found()
            if found is not None and found.claim == self._claim:
                return
            self.lost, self.why_lost = True, _why(found)
        raise MachineryFailed(
            Reason.LOCK_LOST,
            f"the lock is not ours any more: {self.why_lost}",
            hint="look at what is live, and at that other run, before you run this again",
        )

    def renew(self) -> None:
        """Renew once. A failure is borne until most of the lease is over; then, or if another has it, it is lost."""
        if self._store is None or self._clock is None or self._entry is None or self.lost:
            return
        begun, sign, entry = self._now(), time.monotonic(), self._entry
        try:
            fresh = replace(entry, renewed=self._clock.now())
            try:
                self._entry = replace(fresh, version=self._store.put(fresh, replacing=entry.version))
            except LockClash:
                # Perhaps by a renewal of our own whose answer did not come.
                found = self._found()
                if found is None or found.claim != self._claim:
                    self._lose(_why(found))
                    return
                self._entry = found
            self._good, self._sign_of_life = begun, sign
        except Exception as problem:  # noqa: BLE001 - a thread has nobody to raise to
            if self._now() - self._good >= entry.lease * _GIVEN_UP:
                self._lose(f"it could not be renewed: {_words(problem)}")

    def end(self) -> None:
        """Let go, if the lock is still ours. Never raises but what a signal raises; what fails is told."""
        if self._store is None or self._entry is None:
            return
        try:
            self._stop()
            if self.hurry or self.lost:
                self._let_go_shortly()
            else:
                self._let_go()
        except Cancelled:
            self._let_go_shortly()
            if not self.lost:  # else it was our own interruption, which came too late to matter
                raise

    def _keep(self) -> None:
        entry = self._entry
        pause = entry.lease / 3 if entry is not None else 0.0
        while pause and not self.lost and not self._stopped.wait(pause):
            good = self._good
            self.renew()
            # After a failure it is tried sooner.
            pause = entry.lease / (3 if self._good != good else 12) if entry is not None else 0.0

    def _watch(self) -> None:
        """A renewal may hang for longer than the lease lasts: then the lock counts as lost while it still does."""
        lease = self._entry.lease if self._entry is not None else 0.0
        while lease and not self.lost:
            left = self._sign_of_life + lease * _GIVEN_UP - time.monotonic()
            if left <= 0:
                self._lose("no renewal of it came through in time")
            elif self._stopped.wait(left):
                return

    def _count_from_now(self) -> None:
        self._good, self._sign_of_life = self._now(), time.monotonic()

    def _lose(self, why: str) -> None:
        with self._gate:
            if self._stopped.is_set() or self.lost:
                return
            self.lost, self.why_lost = True, why
            self._say(f"the lock of this deployment is lost: {why}")
            self._interrupt()

    def _say(self, text: str) -> None:
        with suppress(Exception):  # nobody may be listening any more, and what follows matters more
            self._tell(text)

    def _stop(self) -> None:
        with self._gate:
            self._stopped.set()
        for thread in self._threads:
            thread.join(0.2 if self.hurry else _LAST_RENEWAL)

    def _let_go_shortly(self) -> None:
        """In a thread that is left to itself after a moment: the rest is for the end of the lease."""
        if self._store is not None:
            self._store.hurry()
        thread = threading.Thread(target=self._let_go, name="lock release", daemon=True)
        thread.start()
        thread.join(_HURRY)
        if thread.is_alive():
            self._say("the lock could not be released in the time that was left; it ends by itself after its lease")

    def _let_go(self) -> None:
        store, entry = self._store, self._entry
        if store is None or entry is None:
            return
        try:
            for _ in range(3):
                if entry.version:
                    try:
                        store.remove(entry)
                    except LockClash:
                        pass
                    else:
                        return
                found = self._found()
                if found is None or found.claim != self._claim:
                    return
                entry = found
        except Exception as problem:  # noqa: BLE001 - whatever it is, the deployment's own end counts
            self._say(f"the lock could not be released, and ends by itself after its lease: {_words(problem)}")

    def _found(self) -> LockEntry | None:
        """The lock in our place as it is now."""
        assert self._store is not None  # noqa: S101 - for the type checker
        assert self._entry is not None  # noqa: S101
        return find("run", self._entry.key, self._store.entries())

    def _now(self) -> float:
        return self._clock.monotonic() if self._clock is not None else 0.0


def _words(problem: Exception) -> str:
    return problem.message if isinstance(problem, ModelStageError) else type(problem).__name__


def _why(found: LockEntry | None) -> str:
    return "somebody removed it" if found is None else f"now it is that of {who(found)}"
