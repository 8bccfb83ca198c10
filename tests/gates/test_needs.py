"""The gate `needs`: the same version, verified in the stages before, and good there for long enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.lifecycle import Recorded, Records
from model_stage_deploy.core.policy import Gates
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.verdict import Answer, Verdict
from model_stage_deploy.gates.contract import Case
from model_stage_deploy.gates.needs import MOST, Needs
from tests.fakes.code_host import FakeCodeHost
from tests.gates.judged import COMMIT, TROUBLE, a_case, judged
from tests.gates.stage_records import OTHER, attempt, other, records


def the_case(*unverifiable: str, stages: tuple[str, ...] = ("staging", "qa")) -> Case:
    return replace(a_case(), environments={s: f"env-{s}" for s in stages}, unverifiable=frozenset(unverifiable))


def asked(known: Mapping[str, Records], *needs: Any, soak: str | None = None, case: Case | None = None) -> Verdict:
    """What the gate says to records by stage."""
    rule = Gates.model_validate({"needs": list(needs) or ["staging"], "soak": soak})
    host = FakeCodeHost({("churn", stage): found for stage, found in known.items()})
    return judged(Needs(host), rule, case or the_case())


def staging(*newest_first: Recorded, soak: str | None = None, whole: bool = True, verified: bool = True) -> Verdict:
    """What the gate says where it needs staging."""
    needs = [{"stage": "staging", "verified": verified}]
    return asked({"staging": records(*newest_first, whole=whole)}, *needs, soak=soak)


def test_verified_there_is_enough() -> None:
    verdict = staging(attempt(ago=3))
    assert (verdict.answer, verdict.code) == (Answer.PASSED, "needs-passed")
    assert verdict.sentence == "churn v2.0.0 was verified in staging 3h ago"
    assert verdict.facts["stages"]["staging"]["deployment"] == "3"


def test_never_there_is_a_no_with_the_way_to_get_there() -> None:
    verdict = staging(other(ago=3))
    assert (verdict.answer, verdict.code) == (Answer.FAILED, "needs-not-deployed")
    assert verdict.sentence == "churn v2.0.0 was never verified in staging"
    assert "promote 'churn' --version 'v2.0.0' --to 'staging'" in verdict.hint


@pytest.mark.parametrize(
    "strange",
    [
        attempt(ago=3, commit=OTHER),
        attempt(ago=3, version="v1.0.0"),
        attempt(ago=3, commit=""),
        attempt(ago=3, action="undeploy"),
    ],
    ids=["commit", "version", "no-commit", "undeploy"],
)
def test_another_commit_or_version_does_not_count(strange: Recorded) -> None:
    assert staging(strange).code == "needs-not-deployed"


def test_deployed_and_not_verified_is_enough_only_where_the_mapping_says_so() -> None:
    unverified = attempt(ago=3, checks=0)
    assert staging(unverified).code == "needs-not-verified"
    assert staging(unverified, verified=False).sentence == "churn v2.0.0 was deployed in staging 3h ago"


def test_verified_before_and_deployed_again_without_verification_counts() -> None:
    assert staging(attempt(ago=1, checks=0), attempt(ago=3)).passed


@pytest.mark.parametrize("outcome", ["failure", "error"])
def test_a_later_failure_of_the_version_takes_it_back(outcome: str) -> None:
    verdict = staging(attempt(outcome, ago=1), attempt(ago=3))
    assert verdict.code == "needs-failed"
    assert verdict.sentence == "churn v2.0.0 failed in staging, and did not succeed there since"
    assert not staging(attempt(outcome, ago=1), attempt(ago=3), verified=False).passed


def test_a_failure_before_does_no_harm() -> None:
    assert staging(attempt(ago=1), attempt("failure", ago=3)).passed


def test_a_failure_of_another_version_does_no_harm() -> None:
    assert staging(other("failure", ago=1), attempt(ago=3), soak="2h").passed


def test_a_deployment_that_has_not_ended_is_waited_for() -> None:
    verdict = staging(attempt("", ago=1))
    assert verdict.code == "needs-not-deployed"
    assert "has not ended" in verdict.sentence
    assert staging(attempt("", ago=1), attempt(ago=3)).passed


def test_a_rollback_counts_like_any_other() -> None:
    assert staging(attempt(ago=1, rollback=True, automatic=True)).passed


def test_it_need_not_be_live_any_more() -> None:
    assert staging(other(ago=1), attempt(ago=3, state="inactive")).passed


# --- soak


def test_a_soak_that_has_passed() -> None:
    verdict = staging(attempt(ago=25), soak="24h")
    assert verdict.sentence == "churn v2.0.0 was verified in staging 1d 1h ago and good there for 1d 1h"
    assert verdict.facts["stages"]["staging"] == {
        "deployment": "25",
        "tag": "churn#staging#3",
        "ended": "2027-01-14T07:00:00Z",
        "soaked": 25 * 3600,
        "soak": 86400.0,
        "lasts": True,
    }


def test_a_soak_that_goes_on_says_for_how_long() -> None:
    verdict = staging(attempt(ago=3), soak="24h")
    assert verdict.code == "needs-not-soaked"
    assert verdict.sentence == "churn v2.0.0 was verified in staging 3h ago; prod asks for 1d, which is in 21h"
    assert verdict.hint.startswith("run this again in 21h")


def test_it_counts_from_the_end_of_the_deployment() -> None:
    assert not staging(attempt(ago=24.5, took=1), soak="24h").passed
    assert staging(attempt(ago=25.5, took=1), soak="24h").passed


@pytest.mark.parametrize(
    "replaced_by",
    [
        other(ago=10),
        other("failure", ago=10, placed=True),
        other("", ago=10, placed=True),
        attempt("success", ago=10, checks=0),
        attempt("", ago=10, action="undeploy"),
        attempt("", ago=10, action="undeploy", state="inactive"),
    ],
    ids=["replaced", "failed-when-live", "being-verified", "not-verified", "being-removed", "removed"],
)
def test_it_ends_when_something_else_runs(replaced_by: Recorded) -> None:
    assert staging(replaced_by, attempt(ago=30), soak="19h").passed
    verdict = staging(replaced_by, attempt(ago=30), soak="21h")
    assert verdict.code == "needs-not-soaked"
    assert "and good there for 20h; prod asks for 21h without a break" in verdict.sentence
    assert "leave it there for 21h" in verdict.hint


def test_it_ends_when_somebody_makes_it_inactive() -> None:
    gone = attempt(ago=30, state="inactive", updated=attempt(ago=10).created)
    assert staging(gone, soak="19h").passed
    assert not staging(gone, soak="21h").passed
    assert not staging(attempt(ago=5), gone, soak="21h").passed


def test_the_same_version_deployed_again_goes_on() -> None:
    """The first is made inactive when the second succeeds, which is no break."""
    first = attempt(ago=30, state="inactive", updated=attempt(ago=5).created)
    assert staging(attempt(ago=6, took=1), first, soak="29h").passed


def test_two_short_stretches_do_not_add_up_and_the_newest_tells_when() -> None:
    verdict = staging(attempt(ago=4), other(ago=20), attempt(ago=30), soak="12h")
    assert verdict.code == "needs-not-soaked"
    assert "without a break: in 8h" in verdict.sentence
    assert staging(attempt(ago=4), other(ago=20), attempt(ago=30), soak="9h").passed


def test_a_failure_begins_it_anew() -> None:
    assert not staging(attempt(ago=1), attempt("failure", ago=2), attempt(ago=30), soak="12h").passed


@pytest.mark.parametrize("unknown", ["", "yesterday"])
def test_what_has_no_time_has_not_soaked(unknown: str) -> None:
    timeless = attempt(ago=30, ended=unknown, updated=unknown, created=unknown)
    assert staging(timeless).sentence == "churn v2.0.0 was verified in staging at a time nobody knows"
    assert staging(timeless, soak="1h").code == "needs-not-soaked"
    assert staging(attempt(ago=2), timeless, soak="1h").passed
    assert not staging(other(ago=1, created=unknown), attempt(ago=30), soak="1h").passed


def test_a_clock_that_is_ahead_gives_no_soak() -> None:
    assert staging(attempt(ago=-2), soak="1m").code == "needs-not-soaked"


# --- several stages, and what the mapping says


def test_every_stage_must_say_yes_and_all_that_say_no_are_told() -> None:
    known = {"staging": records(attempt(ago=3)), "qa": records(attempt("failure", ago=3))}
    assert asked(known, "staging").passed
    verdict = asked(known, "staging", "qa", soak="24h")
    assert verdict.code == "needs-not-soaked"
    assert verdict.sentence.count(";") == 2
    assert set(verdict.facts["stages"]) == {"staging", "qa"}


def test_named_twice_the_stricter_way_counts() -> None:
    known = {"staging": records(attempt(ago=3, checks=0))}
    lax = {"stage": "staging", "verified": False}
    assert asked(known, lax).passed
    assert not asked(known, lax, "staging").passed
    assert not asked(known, "staging", lax).passed


def test_a_stage_without_verification_can_never_say_yes() -> None:
    case = the_case("staging")
    verdict = asked({"staging": records(attempt(ago=3))}, "staging", case=case)
    assert verdict.code == "needs-unverifiable"
    assert verdict.hint == "add `verify:` to staging, or write `needs: [{stage: staging, verified: false}]`"
    assert asked({"staging": records(attempt(ago=3))}, {"stage": "staging", "verified": False}, case=case).passed


def test_a_stage_that_is_not_mapped_for_the_model_can_never_say_yes() -> None:
    verdict = asked({}, "staging", case=the_case(stages=()))
    assert verdict.code == "needs-unmapped"
    assert verdict.sentence == "the mapping does not say what stage staging means for churn"


# --- what cannot be known


def test_where_nothing_is_recorded_nobody_knows() -> None:
    with pytest.raises(MachineryFailed) as caught:
        Needs(None).facts(Gates.model_validate({"needs": ["staging"]}), the_case())
    assert caught.value.reason is Reason.GATE_UNKNOWN
    assert "nobody knows what was in staging" in caught.value.message


def test_records_that_cannot_be_read_go_on_as_they_are() -> None:
    host = FakeCodeHost({("churn", "staging"): TROUBLE})
    with pytest.raises(MachineryFailed, match="GitHub answered 500"):
        Needs(host).facts(Gates.model_validate({"needs": ["staging"]}), the_case())


def test_records_that_do_not_go_back_far_enough_do_not_say_no() -> None:
    verdict = staging(other(ago=1), whole=False)
    assert (verdict.answer, verdict.code) == (Answer.UNKNOWN, "needs-unknown")
    assert "older ones were not looked at" in verdict.sentence
    assert staging(attempt(ago=1), whole=False).passed
    assert staging(attempt("failure", ago=1), whole=False).answer is Answer.FAILED


def test_one_no_outweighs_what_cannot_be_known() -> None:
    known = {"staging": records(other(ago=1), whole=False), "qa": records(other(ago=1))}
    assert asked(known, "staging", "qa").answer is Answer.FAILED


@dataclass
class _LongHistory(FakeCodeHost):
    """Hands over as many records as it is asked for, as hosts do."""

    history: tuple[Recorded, ...] = ()
    pasts: list[int] = field(default_factory=list)

    def records(self, model: str, stage: str, environment: str, *, limit: int, past: int = 0) -> Records:
        self.pasts.append(past)
        found = self.history[: min(limit, max(past, 1))]
        return Records(found, whole=len(found) == len(self.history))


@pytest.mark.parametrize(("behind", "questions", "passes"), [(2, 1, True), (20, 2, True), (MOST + 5, 2, False)])
def test_older_records_are_asked_for_only_where_the_newest_do_not_tell(
    behind: int, questions: int, passes: bool
) -> None:
    newer = [other(ago=1 + number / 100) for number in range(behind)]
    host = _LongHistory(history=(*newer, attempt(ago=5), *(other(ago=6) for _ in range(80))))
    verdict = Needs.judge(
        rule := Gates.model_validate({"needs": ["staging"]}), Needs(host).facts(rule, the_case()), the_case()
    )
    assert (len(host.pasts), verdict.passed) == (questions, passes)
    assert verdict.answer is (Answer.PASSED if passes else Answer.UNKNOWN)


def test_the_environment_of_the_needed_stage_is_asked() -> None:
    host = FakeCodeHost({("churn", "staging"): records(attempt(ago=3))})
    Needs(host).facts(Gates.model_validate({"needs": ["staging"]}), the_case())
    assert host.asked == [("churn", "staging", "env-staging")]
    assert the_case().decision.commit == COMMIT
