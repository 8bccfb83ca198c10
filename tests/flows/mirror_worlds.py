"""The small world of delivery_world.py with a registry that follows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, cast

from model_stage_deploy.core.outcome import Journal, Outcome
from model_stage_deploy.core.policy_mirrors import Mirror as Settings
from model_stage_deploy.flows.context import Context, Wishes
from model_stage_deploy.flows.following import follow
from model_stage_deploy.mirrors.contract import Errand, Followed, Happened, Mirror
from tests.fakes.announcer import FakeAnnouncer
from tests.flows.delivery_world import Life, World

MAPPING = """
version: 1
stages:
  prod:
    deploy: {uses: fake}
    verify: [{name: serves, run: "true"}]
    on-failure: rollback
    secrets: [MLFLOW_TRACKING_PASSWORD]
    events: {unassign: EVENTS, deregister: EVENTS}
    mirrors: MIRRORS
"""
ONE = "[{uses: mlflow, timeout: 20}]"


def mapping(mirrors: str = ONE, events: str = "fallback") -> str:
    """A mapping whose prod is followed."""
    return MAPPING.replace("MIRRORS", mirrors).replace("EVENTS", events)


@dataclass
class FakeMirror:
    """Fulfils mirrors.contract.Mirror: `says` is which version each alias points to. `problems` are raised in turn."""

    uses: ClassVar[str] = "mlflow"
    says: dict[str, str] = field(default_factory=dict)
    told: list[tuple[str, str]] = field(default_factory=list)
    problems: list[BaseException] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    under_lock: Callable[[], bool] = lambda: True

    def describe(self, happened: Happened, settings: Settings) -> list[str]:
        return [f"{settings.alias} {happened.action} {happened.version}"]

    def follow(self, errand: Errand, settings: Settings) -> Followed:
        happened = errand.happened
        assert self.under_lock()
        self.told.append((happened.action, happened.version))
        self.secrets.append(errand.variable("MLFLOW_TRACKING_PASSWORD"))
        if self.problems:
            raise self.problems.pop(0)
        alias = str(settings.alias or settings.stage)
        before = self.says.get(alias)
        if happened.action == "live":
            self.says[alias] = happened.version
        elif before == happened.version:
            del self.says[alias]
        return Followed((f"{alias} is {self.says.get(alias)}",), before != self.says.get(alias), {"alias": alias})


@dataclass
class MirroredWorld(World):
    """A world with one mirror. `handed` are secrets that were handed over."""

    mapping: str = field(default_factory=mapping)
    mirror: FakeMirror = field(default_factory=FakeMirror)
    handed: dict[str, str] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)
    announcer: FakeAnnouncer = field(default_factory=FakeAnnouncer)
    dry_run: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.mirror.under_lock = lambda: bool(self.locks.entries())

    def context(self, life: Life, wishes: Wishes) -> Context:
        return replace(
            super().context(life, wishes),
            mirror=lambda _name: cast("Mirror", self.mirror),
            handed=self.handed,
            environ=self.environ,
            announcer=self.announcer,
            dry_run=self.dry_run,
        )

    def follow(self, stage: str = "prod") -> Outcome:
        """`mirror MODEL STAGE`."""
        done = self._conducted(lambda context, journal: _follow(context, stage, journal), None, {})
        assert done is not None
        return done

    def deploy(self, tag: str, **wishes: Any) -> Outcome:
        """Deploy a tag, to the end."""
        done = self.run(tag, **wishes)
        assert done is not None
        return done


def _follow(context: Context, stage: str, journal: Journal) -> Outcome:
    return follow(context, "m", stage, journal)


def started(**more: Any) -> MirroredWorld:
    """A world with two versions, the first of which is assigned to prod."""
    world = MirroredWorld(**more)
    world.tag("m@v1.0.0", "A")
    world.tag("m@v2.0.0", "B")
    world.tag("m#prod#1", "A")
    return world
