"""A model's way through its stages: what each has by tags, and what is known to run there. Pure.

One description for all who show it: the job summary draws it, `status` puts it in a table (both in report/). It is made
of what a run has read anyway. The way of one version through time is next door, in journey.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from model_stage_deploy.core.lifecycle import Lifecycle, Records, State, lifecycle, unknown
from model_stage_deploy.core.model import Model
from model_stage_deploy.core.reasons import Reason, Result

if TYPE_CHECKING:
    from model_stage_deploy.core.outcome import Outcome
    from model_stage_deploy.core.plan import Decision


class Spot(NamedTuple):
    """One stage of a model: what it has by tags and what runs, as versions; "" for nothing, None for not known."""

    stage: str
    state: State
    decided: str | None = ""
    running: str | None = None


class Way(NamedTuple):
    """The stages of a model in the order in which a version goes through them, and the version a run is about."""

    model: str
    version: str
    registered: bool
    spots: tuple[Spot, ...]

    def spot(self, stage: str) -> Spot | None:
        """The spot of a stage."""
        return next((spot for spot in self.spots if spot.stage == stage), None)


def spot_of(row: Lifecycle) -> Spot:
    """A stage as `status` has it."""
    decided = row.holder.version.name if row.holder else None if row.reason is Reason.AMBIGUOUS_VERSION else ""
    running = row.running.version if row.running else "" if row.running_known else None
    return Spot(row.stage, row.state, decided, running)


def way_of(decision: Decision, records: Records | None, mapped: Iterable[str] = ()) -> Way | None:
    """The way as a run knows it: every stage by tags, its own one with its records; None without a registry.

    `mapped` are the model's stages in the mapping, in the order of the file, which is the order of the way. Stages that
    it does not name follow, in the order in which tags first named them.
    """
    model = decision.registry
    if model is None:
        return None
    stages = dict.fromkeys([*mapped, *_stages(model)])
    spots = [_spot(model, stage, records if stage == decision.stage else None) for stage in stages]
    return Way(decision.model, decision.version, decision.registered, tuple(spots))


def after(way: Way, outcome: Outcome) -> Way:
    """The way when a run, or each of its parts, has ended."""
    spots = {spot.stage: spot for spot in way.spots}
    for part in outcome.parts or (outcome,):
        spot = spots.get(part.subject.stage)
        if spot is not None and part.subject.model == way.model:
            spots[spot.stage] = _ended(spot, part)
    return way._replace(spots=tuple(spots.values()))


def _ended(spot: Spot, outcome: Outcome) -> Spot:
    """What runs now is only said where this run knows it: a deployer that failed may have left anything."""
    if outcome.undeployed:
        return spot._replace(state=State.REMOVED, running="")
    live = outcome.live_version
    if outcome.back is not None and live:
        return spot._replace(state=State.ROLLED_BACK, running=live)
    if outcome.result is Result.DEPLOYED:
        rolled_back = outcome.reason is Reason.ROLLED_BACK and spot.decided != live
        return spot._replace(state=State.ROLLED_BACK if rolled_back else State.DEPLOYED, running=live or spot.running)
    if outcome.placed:
        good = Reason(outcome.ended_as or outcome.reason).exit_code == 0 or outcome.reason is Reason.TAG_NOT_WRITTEN
        return spot._replace(state=State.DEPLOYED if good else State.FAILED, running=live or None)
    if outcome.deployment_id or outcome.ended_as:
        return spot._replace(state=State.FAILED, running=None)
    return spot


def _spot(model: Model, stage: str, records: Records | None) -> Spot:
    return spot_of(unknown(model, stage) if records is None else lifecycle(model, stage, records))


def _stages(model: Model) -> list[str]:
    """Stages in the order in which tags first named them."""
    return [event.tag.stage for event in model.events if event.tag.stage is not None]
