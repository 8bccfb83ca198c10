"""A small world to deploy in: tags, a mapping, a deployer, a verifier, records and locks, all in memory.

What the world itself holds (`live`) is the truth that records are compared with. `Life` kills a run at any call of a
port, as SIGKILL would: whatever is tried from then on has no effect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, cast

from model_stage_deploy.adapters.jinja_templates import JinjaTemplates
from model_stage_deploy.adapters.local_log import LocalLog
from model_stage_deploy.adapters.mapping_yaml import load_mapping
from model_stage_deploy.core.errors import Cancelled, DeploymentFailed, MachineryFailed, ModelStageError
from model_stage_deploy.core.lifecycle import Records
from model_stage_deploy.core.model import TagRecord
from model_stage_deploy.core.outcome import Journal, Outcome, from_error
from model_stage_deploy.core.plan import Plan, RunFacts
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import parse_tag
from model_stage_deploy.core.verdict import Finding, Verdict, Verified, failed, passed
from model_stage_deploy.deployers.contract import Job, Options, Receipt
from model_stage_deploy.flows.context import Configuration, Context, Wishes
from model_stage_deploy.flows.decide import Pushed
from model_stage_deploy.flows.deploy import deploy_tag
from model_stage_deploy.flows.removal import REMOVALS, take_away
from model_stage_deploy.flows.rollback import roll_back
from model_stage_deploy.gates.contract import Case
from tests.core.tag_records import START, record
from tests.fakes.announcer import FakeAnnouncer
from tests.fakes.clock import FakeClock
from tests.fakes.lock_store import FakeLockStore

MAPPING = """
version: 1
stages:
  prod:
    deploy: {uses: fake}
    verify: [{name: serves, run: "true"}]
    on-failure: rollback
    events: {unassign: fallback, deregister: fallback, deprecate: undeploy}
"""


class Killed(BaseException):
    """SIGKILL: no handler runs, and nothing after it counts."""


@dataclass
class Life:
    """How many calls of ports a run may still make; None for as many as it likes."""

    left: int | None = None
    dead: bool = False
    spent: int = 0

    def spend(self) -> None:
        self.spent += 1
        if self.left is not None:
            self.left -= 1
        if self.dead or (self.left is not None and self.left < 0):
            self.dead = True
            raise Killed


class Mortal:
    """Any port; a run that is killed can neither begin a call nor learn its answer."""

    def __init__(self, port: Any, life: Life) -> None:
        self._port = port
        self._life = life

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        def call(*arguments: Any, **named: Any) -> Any:
            self._life.spend()
            answer = method(*arguments, **named)
            self._life.spend()
            return answer

        return call


@dataclass
class Shelf:
    """Fulfils ports.Repository: tags alone."""

    records: list[TagRecord] = field(default_factory=list)

    def tags(self, model: str | None, *, wanted: str | None = None, fresh: bool = False) -> Sequence[TagRecord]:
        return list(self.records)

    def commit_of(self, ref: str | None) -> str:
        return "f" * 40

    def read_file(self, commit: str, path: str) -> bytes | None:
        return None

    def read_files(self, asked: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], bytes | None]:
        return dict.fromkeys(asked)

    def checkout(self, commit: str) -> Path:
        return Path("/nonexistent")

    def is_reachable(self, commit: str, branch: str) -> bool | None:
        return True


@dataclass
class World:
    """All that outlives a run."""

    mapping: str = MAPPING
    clock: FakeClock = field(default_factory=lambda: FakeClock(START + 1_000_000.0))
    shelf: Shelf = field(default_factory=Shelf)
    locks: FakeLockStore = field(default_factory=FakeLockStore)
    live: str = ""
    history: list[str] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    """Versions whose deployment fails before anything changes."""
    bad: set[str] = field(default_factory=set)
    """Versions that do not serve."""
    unsure: set[str] = field(default_factory=set)
    """Versions of which a verifier cannot tell."""
    closed: set[str] = field(default_factory=set)
    """Gates that say no."""
    unknown: set[str] = field(default_factory=set)
    """Gates whose facts cannot be had."""
    asked: list[str] = field(default_factory=list)
    """Gates that were asked, in order."""
    at_work: int = 0
    most_at_work: int = 0
    before_deploying: Callable[[], None] = lambda: None
    before_undeploying: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.log = LocalLog(None, who="Ada <ada@example.com>", clock=self.clock)

    def tag(self, name: str, on: str = "A") -> str:
        """Push a tag, a second after the newest."""
        second = len(self.shelf.records) + 1
        self.shelf.records.append(record(name, on, second=second))
        return name

    def records(self) -> Records:
        """What the log says of prod."""
        return self.log.records("m", "prod", "prod", limit=1000, past=1000)

    def run(self, tag: str, life: Life | None = None, **wishes: Any) -> Outcome | None:
        """Deploy (or take away) what a tag says; None where the run was killed."""

        def act(context: Context, journal: Journal) -> Outcome:
            parsed = parse_tag(tag)
            if parsed.event in REMOVALS:
                return take_away(context, parsed, Pushed(), journal)
            return deploy_tag(context, tag, Pushed(), journal)

        return self._conducted(act, life, wishes)

    def roll_back(self, to: str = "", life: Life | None = None, **wishes: Any) -> Outcome | None:
        """Roll prod back by hand."""
        return self._conducted(
            lambda context, journal: roll_back(context, "m", "prod", journal, to=to),
            life,
            {"by_hand": True, "tag": False, **wishes},
        )

    def _conducted(
        self, act: Callable[[Context, Journal], Outcome], life: Life | None, wishes: Mapping[str, Any]
    ) -> Outcome | None:
        life = life or Life()
        journal = Journal(self.clock.monotonic)
        try:
            return act(self.context(life, Wishes(**wishes)), journal)
        except Killed:
            return None
        except Cancelled:
            return Outcome(Reason.CANCELLED, "cancelled before anything was deployed")
        except ModelStageError as problem:
            return from_error(problem, journal)

    def context(self, life: Life, wishes: Wishes) -> Context:
        """The ports of one run."""
        configuration = _configuration(self.mapping)
        return Context(
            repository=Mortal(self.shelf, life),
            configuration=lambda _commit: configuration,
            deployer=lambda _name, _files: Deployer(self, life),
            gate=lambda name, _configuration: cast("Any", Gate(name, self)),
            verifier=lambda _kind: Verifier(self, life),
            templates=JinjaTemplates(),
            annotation=lambda _dvc, _gto, _name: None,
            announcer=FakeAnnouncer(),
            clock=self.clock,
            host=Mortal(self.log, life),
            locks=Mortal(self.locks, life),
            environ={},
            run=RunFacts(actor="ada"),
            wishes=wishes,
            owner="ada",
        )


@cache
def _configuration(mapping: str) -> Configuration:
    stages = load_mapping(mapping.encode(), "model-stages.yml", ["fake"], JinjaTemplates())
    return Configuration(stages, "model-stages.yml", lambda: Path("/nonexistent"), lambda _path: None)


class Gate:
    """Fulfils gates.contract.Gate: says no where the world does."""

    name = "any"

    def __init__(self, name: str, world: World) -> None:
        self._name = name
        self._world = world

    def facts(self, rule: Any, case: Case) -> str:
        self._world.asked.append(self._name)
        if self._name in self._world.unknown:
            raise MachineryFailed(Reason.GITHUB_FAILED, "nobody answers")
        return self._name if self._name not in self._world.closed else ""

    def judge(self, rule: Any, facts: str, case: Case) -> Verdict:
        return passed(self._name, "fine") if facts else failed(self._name, "closed", "it is closed", "wait")


class Deployer:
    """Fulfils deployers.contract.Deployer: what it deploys is the world's `live`."""

    options: ClassVar[type[Options]] = Options
    needs_files: ClassVar[bool] = False
    url_options: ClassVar[frozenset[str]] = frozenset()
    verbatim_options: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, world: World, life: Life) -> None:
        self._world = world
        self._life = life

    def describe(self, plan: Plan, options: Options) -> list[str]:
        return [f"make {plan.decision.version} live"]

    def describe_undeploy(self, plan: Plan, options: Options) -> list[str]:
        return [f"take {plan.decision.version} away"]

    def deploy(self, job: Job, options: Options) -> Receipt:
        version = job.plan.decision.version
        self._life.spend()
        self._world.at_work += 1
        self._world.most_at_work = max(self._world.most_at_work, self._world.at_work)
        try:
            self._world.before_deploying()
            if version in self._world.broken:
                raise DeploymentFailed(Reason.DEPLOYER_FAILED, f"{version} cannot be loaded")
            self._world.live = version
            self._world.history.append(version)
        finally:
            self._world.at_work -= 1
        self._life.spend()
        return Receipt()

    def undeploy(self, job: Job, options: Options) -> Receipt:
        self._life.spend()
        self._world.before_undeploying()
        self._world.live = ""
        self._world.history.append("")
        self._life.spend()
        return Receipt()


class Verifier:
    """Fulfils verifiers.contract.Verifier: looks at what is live."""

    kind: ClassVar[str] = "run"

    def __init__(self, world: World, life: Life) -> None:
        self._world = world
        self._life = life

    def describe(self, check: Any) -> list[str]:
        return ["look at what is live"]

    def verify(self, job: Job, check: Any) -> Verified:
        self._life.spend()
        version = job.plan.decision.version
        if version in self._world.unsure:
            return Verified("serves", Finding.INCONCLUSIVE, "no answer")
        good = self._world.live == version and version not in self._world.bad
        finding = Finding.PASSED if good else Finding.FAILED
        return Verified("serves", finding, f"it serves {self._world.live or 'nothing'}")
