"""From MLflow's webhook to a promotion: verify the delivery, find out what it means here, ask the workflows for it.

The relay decides nothing: it asks for `command: promote` in the repository's own workflow, whose gates and permissions
hold. Asking twice does no harm, for a version that has its stage is left alone; still a delivery is relayed once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.mlflow_webhook import (
    TOLERANCE,
    AliasMoved,
    Delivery,
    Malformed,
    Unverified,
    alias_moved,
    verify,
)
from model_stage_deploy.core.redaction import Secret
from model_stage_deploy.core.tags import is_model_name
from model_stage_deploy.core.versions import is_version
from model_stage_deploy.mirrors.mlflow_api import MlflowProblem
from model_stage_deploy.mirrors.mlflow_import import VERSION_TAG
from model_stage_deploy.mirrors.mlflow_values import ModelVersion
from model_stage_deploy.ports import Clock

EVENT = "model-promotion"
"""The `event_type`, which a workflow listens to under `repository_dispatch: types`."""
_MOST_REMEMBERED = 10_000


class Answer(NamedTuple):
    """What a delivery is answered with. MLflow sends it again for 429 and from 500 on, and for nothing else."""

    status: int
    text: str


class Aliases(Protocol):
    """Looks an alias up in MLflow: mirrors/mlflow_api.py does."""

    def alias(self, model: str, alias: str) -> ModelVersion | None:
        """The version that an alias points to. Raises MlflowProblem."""


class Dispatcher(Protocol):
    """Asks the workflows of a repository for something (`repository_dispatch`); which of them listen, they say."""

    def dispatch(self, event: str, payload: Mapping[str, str]) -> None:
        """Send the event with its client payload, once.

        Raises MachineryFailed (github-failed, permission-missing, rate-limited): it may have been sent all the same.
        """


class Meaning(NamedTuple):
    """What MLflow's names mean here. `aliases` and `models` are from theirs to ours.

    `template` names a version by MLflow's number, "" where only the tag `gto_version` may.
    """

    aliases: Mapping[str, str]
    models: Mapping[str, str] = {}
    template: str = ""


class _Ended(Exception):
    """Nothing is to be asked for, and this is the answer."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.answer = Answer(status, text)


class Relay:
    """Answers deliveries, from several threads at once. `tell` gets a line for each; no secret is in it."""

    def __init__(
        self,
        secret: Secret,
        meaning: Meaning,
        dispatcher: Dispatcher,
        clock: Clock,
        *,
        mlflow: Aliases | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._secret = secret
        self._meaning = meaning
        self._dispatcher = dispatcher
        self._clock = clock
        self._mlflow = mlflow
        self._tell = tell
        self._memory = _Memory()

    def answer(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Relay a delivery, if it is one. Names of headers are in lower case. Never raises for what is sent."""
        now = self._clock.now()
        try:
            delivery = verify(self._secret, headers, body, now)
        except Unverified as problem:
            self._tell(f"refused a delivery: {problem}")
            return Answer(401, "the delivery is not verified")
        before = self._memory.begin(delivery, now)
        if before is not None:
            self._tell(f"{delivery.id}: came again; answered {before.status} as before")
            return before
        answer = Answer(500, "an error of the relay; its log says more")
        try:
            answer = self._relayed(delivery, body)
        finally:
            self._memory.end(delivery, answer)
            self._tell(f"{delivery.id}: {answer.status} {answer.text}")
        return answer if answer.status < 500 else Answer(answer.status, "it could not be relayed; the log says why")

    def _relayed(self, delivery: Delivery, body: bytes) -> Answer:
        try:
            asked = self._asked(body)
            if not self._memory.is_newest(asked["model"], asked["stage"], delivery):
                raise _Ended(204, f"ignored: a newer delivery asked for {asked['model']} in {asked['stage']}")
            self._dispatcher.dispatch(EVENT, asked)
        except _Ended as end:
            return end.answer
        except MachineryFailed as problem:
            return Answer(502, f"{problem.message}{f'; {problem.hint}' if problem.hint else ''}")
        return Answer(202, f"asked for {asked['model']} {asked['to']} in {asked['stage']}")

    def _asked(self, body: bytes) -> Mapping[str, str]:
        """What the delivery asks for, as a client payload. Raises _Ended."""
        try:
            moved = alias_moved(body)
        except Malformed as problem:
            raise _Ended(400, str(problem)) from None
        if moved is None:
            raise _Ended(204, "ignored: no alias was given")
        stage = self._meaning.aliases.get(moved.alias)
        if stage is None:
            raise _Ended(204, f"ignored: the alias {one_line(moved.alias, 80)} means no stage")
        model = self._meaning.models.get(moved.model, moved.model)
        if not is_model_name(model):
            raise _Ended(422, f"{one_line(moved.model, 80)!r} is not a model name here: map it with --model-map")
        version = self._named(moved) or self._meaning.template.replace("{version}", moved.version)
        if not is_version(version):
            said = f"{one_line(version, 80)!r} is none" if version else f"it has no tag {VERSION_TAG} in MLflow"
            raise _Ended(422, f"version {one_line(moved.version, 40)} of {model} has no version here: {said}")
        return {"command": "promote", "model": model, "stage": stage, "to": version}

    def _named(self, moved: AliasMoved) -> str:
        """Our name of the version, as MLflow's tag has it, "" for none. Raises _Ended, also if the alias moved on."""
        if self._mlflow is None:
            return ""
        try:
            found = self._mlflow.alias(moved.model, moved.alias)
        except MlflowProblem as problem:
            status = 503 if problem.retryable else 502
            raise _Ended(status, f"MLflow could not be asked: {problem.message}") from None
        if found is None or found.version != moved.version:
            now = "nothing" if found is None else f"version {found.version}"
            raise _Ended(204, f"ignored: the alias {one_line(moved.alias, 80)} is at {now} by now")
        return found.tags.get(VERSION_TAG, "")


class _Memory:
    """Which deliveries were met, for as long as they can be verified: what was done for one is not done again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._met: dict[str, tuple[float, Answer | None]] = {}
        self._newest: dict[tuple[str, str], int] = {}

    def is_newest(self, model: str, stage: str, delivery: Delivery) -> bool:
        """Whether nothing that MLflow sent later asked for the stage before. From now on this one counts, too."""
        with self._lock:
            newest = self._newest.get((model, stage), delivery.sent)
            self._newest[model, stage] = max(newest, delivery.sent)
            return delivery.sent >= newest

    def begin(self, delivery: Delivery, now: float) -> Answer | None:
        """The answer to a delivery that came before, or None for one to be worked on by the caller."""
        with self._lock:
            self._forget(now)
            if delivery.id in self._met:
                return self._met[delivery.id][1] or Answer(503, "it is being worked on")
            self._met[delivery.id] = (delivery.sent + 2 * TOLERANCE, None)
            return None

    def end(self, delivery: Delivery, answer: Answer) -> None:
        """Remember the answer; one that asks MLflow to send it again is forgotten, so that it is tried again."""
        with self._lock:
            if answer.status >= 500:
                self._met.pop(delivery.id, None)
            elif delivery.id in self._met:
                self._met[delivery.id] = (self._met[delivery.id][0], answer)

    def _forget(self, now: float) -> None:
        for gone in [known for known, (until, _) in self._met.items() if until < now]:
            del self._met[gone]
        done = [known for known, (_, answer) in self._met.items() if answer is not None]
        for gone in done[: max(0, len(self._met) - _MOST_REMEMBERED)]:
            del self._met[gone]
