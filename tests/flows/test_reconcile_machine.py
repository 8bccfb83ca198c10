"""The delivery's state machine with somebody who reconciles at any moment, and may be killed while doing so.

What is promised besides: a heal brings about what the registry decides and nothing else, what a person did on purpose
is not undone unasked, and who reconciles again finds nothing more to do.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from model_stage_deploy.core.drift import Consent, Kind, Remedy
from model_stage_deploy.core.reasons import Reason, Result
from model_stage_deploy.core.reconciled import Reconciled
from model_stage_deploy.core.registry import fold
from model_stage_deploy.flows.context import Wishes
from model_stage_deploy.flows.reconcile import Wanted, reconcile
from tests.flows.delivery_world import Killed, Life
from tests.flows.test_delivery_machine import Delivery

_ON_PURPOSE = (Kind.ROLLED_BACK, Kind.OVERRULED, Kind.HELD, Kind.UNDER_WAY, Kind.IN_SYNC, Kind.CHANGED, Kind.UNVERIFIED)


class Healing(Delivery):
    """Delivery, and reconciling."""

    @rule(force=st.booleans())
    def reconcile(self, force: bool) -> None:
        before = self.world.live
        found = self._reconciled(Consent(apply=True, force=force))
        for one in found.seen:
            if one.end is not None:
                self._ended(one.end, before)
                if one.row.remedy is Remedy.DEPLOY and one.end.result is Result.DEPLOYED:
                    holder = fold(self.world.shelf.records).model("m").holder("prod")
                    assert holder is not None
                    assert self.world.live == holder.version.name
            elif not force or one.row.kind in (Kind.UNDER_WAY, Kind.IN_SYNC):
                assert self.world.live == before
            if one.row.kind in _ON_PURPOSE and not force:
                assert one.end is None
        if found.reason in (Reason.RECONCILED, Reason.IN_SYNC):
            live = self.world.live
            again = self._reconciled(Consent(apply=True))
            assert again.parts == ()
            assert self.world.live == live

    @rule(calls=st.integers(0, 60))
    def reconcile_and_be_killed(self, calls: int) -> None:
        before = self.world.live
        try:
            found = self._reconciled(Consent(apply=True), Life(left=calls))
        except Killed:
            self.died, self.sure = True, False
            return
        for part in found.parts:
            self._ended(part, before)

    def _reconciled(self, consent: Consent, life: Life | None = None) -> Reconciled:
        if not fold(self.world.shelf.records).models:
            return Reconciled((), consent)
        context = self.world.context(life or Life(), Wishes())
        assert context.host is not None
        return reconcile(context, context.host, Wanted("m", "", consent))


Healing.TestCase.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestHealing = Healing.TestCase
