"""What the demo's registry has from before the story, to have something to look at: weeks of two other models.

Tags and commits are real, and dated back. Nothing was deployed: the records say what deployments of those days said.
"""

from __future__ import annotations

from typing import NamedTuple

from model_stage_deploy.adapters.local_log import LocalLog
from model_stage_deploy.core.evidence import Evidence
from model_stage_deploy.core.plan import Decision, ModelFacts, Plan, Previous
from model_stage_deploy.core.policy_verify import Check
from model_stage_deploy.core.verdict import Verdict, failed, passed
from model_stage_deploy.demo.repository import ENVIRONMENTS, Repository, Training
from model_stage_deploy.ports import Ending

_DAY = 86_400
BEGAN = 70
"""Days before the story."""
_AGO = 0.02  # days between a decision and what follows from it
_CHECK = Check.model_validate({"http": {"url": "http://127.0.0.1/"}})
_OFF = failed(
    "metrics",
    "not-met",
    "accuracy 0.938 >= 0.9: yes; auc 0.951 >= live.auc 0.962 - 0.005 (0.957): no",
    "deploy a version for which `auc >= live.auc - 0.005` holds",
)


class Version(NamedTuple):
    """A version of fraud: registered so many days ago, what it reached, and when it got to production (0: never)."""

    name: str
    ago: float
    training: Training
    message: str
    in_prod: float = 0
    ended: str = "success"


FRAUD = (
    Version("v1.0.0", 63, Training(0.902, 0.931), "The first one that is better than the rules by hand", 60),
    Version("v1.1.0", 54, Training(0.917, 0.944), "Knows the time of day", 50),
    Version("v1.2.0", 45, Training(0.911, 0.938), "A smaller tree: faster, and not good enough"),
    Version("v2.0.0", 37, Training(0.931, 0.957), "Trees gave way to gradient boosting", 33),
    Version("v2.1.0", 28, Training(0.936, 0.962), "Trained on the data of the whole summer", 24),
    Version("v2.2.0", 19, Training(0.941, 0.966), "Reads the merchant's country", 14, "failure"),
    Version("v2.3.0", 9, Training(0.938, 0.951), "Knows this week's wave of fraud", 5, "override"),
    Version("v3.0.0-rc.1", 2, Training(0.944, 0.969), "To be tried: a small network", ended=""),
)
"""In order. `ended` of production: success, a failure that was rolled back, or a success past the gates. "" for one
that was not deployed to staging either: that is for who plays with it."""


class Dated:
    """A clock that somebody sets."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        """Unix seconds."""
        return self.time

    def monotonic(self) -> float:
        """The same."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Time passes at once."""
        self.time += seconds


def live_through(repository: Repository, log: LocalLog, clock: Dated, now: float) -> dict[str, str]:
    """Make the past of the models fraud and segments; which version of each serves in production.

    `clock` is the log's, and is set to the days of each record. Raises MachineryFailed (git-failed, log-failed).
    """
    teller = _Past(repository, log, clock, now)
    repository.at(int(now - BEGAN * _DAY))
    commit = repository.train(Training(0.71, 0.75), "segments")
    teller.tag("segments@v0.1.0", BEGAN, commit, "The first try")
    teller.tag("segments#staging#1", BEGAN - 1, commit, "To look at it")
    for version in FRAUD:
        teller.version(version)
    teller.tag("segments@deprecated", 21, commit, "Nobody asks it any more; fraud has what was good of it")
    repository.at(None)
    repository.push_all()
    repository.stage("fraud", FRAUD[-2].name)
    return {"fraud": FRAUD[-2].name}


class _Past:
    """Writes it down, day by day."""

    def __init__(self, repository: Repository, log: LocalLog, clock: Dated, now: float) -> None:
        self._repository = repository
        self._log = log
        self._clock = clock
        self._now = now
        self._counter = 0
        self._live: dict[str, Previous] = {}

    def tag(self, name: str, ago: float, commit: str, message: str) -> None:
        """A tag of so many days ago."""
        self._repository.at(int(self._now - ago * _DAY))
        self._repository.tag(name, commit, message)

    def version(self, version: Version) -> None:
        """A version is trained, registered, given to staging, and perhaps to production."""
        self._repository.at(int(self._now - (version.ago + 0.1) * _DAY))
        commit = self._repository.train(version.training, "fraud")
        self.tag(f"fraud@{version.name}", version.ago, commit, version.message)
        self._assign(version, "staging", commit, version.ago - 0.2)
        if version.in_prod:
            self._assign(version, "prod", commit, version.in_prod)

    def _assign(self, version: Version, stage: str, commit: str, ago: float) -> None:
        self._counter += 1
        here = Previous(version.name, f"fraud#{stage}#{self._counter}", commit)
        self.tag(here.tag, ago, commit, f"{version.name} to {stage}")
        if not version.ended:
            return
        ended = version.ended if stage == "prod" else "success"
        gates = [passed("needs", f"fraud {version.name} was verified in staging")] if stage == "prod" else []
        why = "the fraud wave of this week: v2.3.0 knows it" if ended == "override" else ""
        if why:
            gates.append(_OFF)
        self._record(here, stage, ago - _AGO, "failure" if ended == "failure" else "success", gates, why)

    def _record(
        self, here: Previous, stage: str, ago: float, ended: str, gates: list[Verdict], override: str = ""
    ) -> None:
        """A deployment as it was recorded; after a failure the one before came back by itself."""
        before = self._live.get(stage)
        plan, attempt = _plan(here, stage, before), f"{here.tag}-{ago:.2f}"
        evidence = Evidence(tagger="Ada", actor="ada", gates=tuple(gates), override=override)
        self._clock.time = self._now - ago * _DAY
        deployment = self._log.start(plan, attempt, evidence)
        self._clock.time += 41
        self._log.placed(plan, deployment)
        self._clock.time += 9
        if ended == "failure":
            self._log.finish(plan, attempt, deployment, Ending("failure", "verification http failed: status 500"))
            if before is not None:
                self._back(here, before, stage, attempt)
            return
        self._log.finish(plan, attempt, deployment, Ending("success", f"deployed {here.version} to {stage}"))
        self._live[stage] = here

    def _back(self, failing: Previous, to: Previous, stage: str, answers: str) -> None:
        plan, attempt = _plan(to, stage, failing, rollback=True), f"{answers}-back"
        evidence = Evidence(actor="ada", automatic=True, answers=answers)
        deployment = self._log.start(plan, attempt, evidence)
        self._clock.time += 30
        self._log.placed(plan, deployment)
        self._clock.time += 4
        self._log.finish(plan, attempt, deployment, Ending("success", f"rolled back to {to.version}"))


def _plan(here: Previous, stage: str, before: Previous | None, *, rollback: bool = False) -> Plan:
    return Plan(
        Decision("fraud", here.version, stage, here.tag, here.commit, previous=before, rollback=rollback),
        ModelFacts("fraud", "fraud", path="models/fraud.txt", type="model"),
        environment=ENVIRONMENTS[stage],
        deployer="shell" if stage == "staging" else "webhook",
        config=".github/model-stages.yml",
        verify=(_CHECK,),
    )
