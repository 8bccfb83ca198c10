"""The one error family: each error knows its reason code, its exit code and what to do next."""

from __future__ import annotations

from typing import NamedTuple

from model_stage_deploy.core.reasons import Reason, Result


class Mistake(NamedTuple):
    """One thing wrong at a place of a file of the repository; `line` and `column` count from 1, 0 for not known."""

    file: str
    line: int
    column: int
    path: str
    """The setting, as people write it: `stages.prod.deploy`; "" for the file as a whole."""
    message: str
    hint: str = ""

    @property
    def said(self) -> str:
        """The message with the likely way to put it right."""
        return self.message + (f" ({self.hint})" if self.hint else "")


class ModelStageError(Exception):
    """We cannot go on, and this is why.

    `message` says what is wrong and where; `hint` says what to do. Neither may hold a secret. `mistakes` are the
    places in a file that the message is about, where there are some.
    """

    def __init__(self, reason: Reason, message: str, *, hint: str = "", mistakes: tuple[Mistake, ...] = ()) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.hint = hint
        self.mistakes = mistakes

    @property
    def result(self) -> Result:
        """How a run ends for this."""
        return self.reason.result

    @property
    def exit_code(self) -> int:
        """Process exit code of the result."""
        return self.result.exit_code


class Refused(ModelStageError):
    """A rule said no; nothing broke. Exit code 3."""

    @property
    def result(self) -> Result:
        """A refusal, also for `superseded`, which is nothing to do where nobody asked by hand."""
        return Result.REFUSED


class Invalid(ModelStageError):
    """The command line, the inputs or the mapping are wrong. Exit code 2."""


class MachineryFailed(ModelStageError):
    """Git or GitHub did not do its part. Exit code 4."""


class DeploymentFailed(ModelStageError):
    """The deployer ran and did not succeed. Exit code 1.

    `tail` is the end of what it printed, as it came: whoever shows it scrubs it first. `retryable` says that the same
    once more may well succeed; `after` is for how many seconds one was asked to wait before that, None for no wish.
    """

    def __init__(
        self,
        reason: Reason,
        message: str,
        *,
        hint: str = "",
        tail: str = "",
        retryable: bool = False,
        after: float | None = None,
    ) -> None:
        super().__init__(reason, message, hint=hint)
        self.tail = tail
        self.retryable = retryable
        self.after = after


class Cancelled(BaseException):
    """The run was told to stop (SIGINT, SIGTERM). Not an `Exception`: nothing may swallow it."""


class NothingToDo(ModelStageError):
    """There is rightly nothing to deploy. Exit code 0.

    `doubtful` marks what a person may have meant as a deployment: it is shown as a warning.
    """

    def __init__(self, reason: Reason, message: str, *, hint: str = "", doubtful: bool = False) -> None:
        super().__init__(reason, message, hint=hint)
        self.doubtful = doubtful
