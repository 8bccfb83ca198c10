"""What a change would do, told before it is made: by the flows that would do it, on a registry with the tag in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from model_stage_deploy.adapters.gto_config_yaml import parse_config
from model_stage_deploy.core.errors import Invalid, MachineryFailed, Refused
from model_stage_deploy.core.proposal import Proposal
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.registry import fold
from model_stage_deploy.core.verdict import Answer
from model_stage_deploy.core.writing import How
from model_stage_deploy.core.writing_stages import Promote, Unassign
from model_stage_deploy.core.writing_versions import Register
from model_stage_deploy.flows.change import World as Registry
from model_stage_deploy.flows.context import Context, Wishes
from model_stage_deploy.flows.foreseeing import Hand
from model_stage_deploy.flows.proposing import (
    make_proposed,
    news_since,
    propose_change,
    propose_deploy,
    propose_rollback,
)
from model_stage_deploy.gates.people import People
from tests.core.tag_records import commit, current, record
from tests.fakes.tag_store import FakeTagStore
from tests.flows.delivery_world import MAPPING, Life, World

ADA = Hand("Ada Model", "ada@example.com")
PROMOTE = Promote("m", "prod", version="v2.0.0")
GATED = MAPPING + "    gates: {metrics: ['a > 1'], checks: [required]}\n"


def a_world(mapping: str = MAPPING, *, tags: tuple[str, ...] = ("m@v1.0.0 A", "m#prod#1 A", "m@v2.0.0 B")) -> World:
    world = World(mapping=mapping)
    for line in tags:
        world.tag(*line.split(" "))
    return world


def store_of(world: World, **more: Any) -> FakeTagStore:
    return FakeTagStore(world.shelf.records, **more)


def registry(world: World, store: FakeTagStore | None = None) -> Registry:
    return Registry(store or store_of(world), world.clock, {}, parse_config, random=lambda: 0.5)


def context(world: World) -> Context:
    return replace(world.context(Life(), Wishes(by_hand=True)), dry_run=True)


def proposed(world: World, asked: Any = PROMOTE, hand: Hand = ADA, **store: Any) -> Proposal:
    before = list(world.shelf.records)
    found = propose_change(context(world), registry(world, store_of(world, **store)), asked, push=True, hand=hand)
    assert world.shelf.records == before and world.history == [], "nothing is done by asking"
    return found


def test_the_tag_what_it_replaces_and_what_it_deploys_are_told() -> None:
    found = proposed(a_world())
    assert found.refusal is None and found.change is not None and found.plan is not None
    assert [tag.name for tag in found.change.tags] == ["m#prod#2"]
    assert found.change.replaced is not None and found.change.replaced.version == "v1.0.0"
    plan = found.plan
    assert (plan.stage, plan.environment, plan.deployer, plan.version) == ("prod", "prod", "fake", "v2.0.0")
    assert plan.replacing == "v1.0.0" and plan.problem is None and plan.allowed
    assert "make v2.0.0 live" in plan.actions
    assert found.newest == "m@v2.0.0"


def test_what_runs_is_what_is_replaced_where_records_know_it() -> None:
    world = a_world(tags=("m@v1.0.0 A", "m#prod#1 A", "m@v2.0.0 B", "m@v3.0.0 C", "m#prod#2 C"))
    world.run("m#prod#1", force=True)
    world.history.clear()
    found = proposed(world)
    assert found.plan is not None and found.plan.replacing == "v1.0.0"
    assert found.change is not None and found.change.replaced is not None
    assert found.change.replaced.version == "v3.0.0", "by the tags another one"


def test_a_gate_that_refuses_says_so_before_and_does_not_stop_the_tag() -> None:
    world = a_world(GATED)
    world.closed.add("metrics")
    world.unknown.add("checks")
    found = proposed(world)
    assert found.refusal is None and found.plan is not None and not found.plan.allowed
    answers = {verdict.gate: verdict.answer for verdict in found.plan.gates}
    assert answers == {"metrics": Answer.FAILED, "checks": Answer.UNKNOWN}
    written = make_proposed(registry(world), PROMOTE, found, push=True)
    assert written.change.stage_tag == "m#prod#2"


@pytest.mark.parametrize(("signs", "answer"), [(True, Answer.UNKNOWN), (False, Answer.FAILED)])
def test_a_signature_is_never_vouched_for(signs: bool, answer: Answer) -> None:
    world = a_world(MAPPING + "    gates: {signed: {allowed-signers: keys}}\n")
    found = proposed(world, hand=ADA._replace(signs=signs))
    assert found.plan is not None
    [verdict] = found.plan.gates
    assert verdict.answer is answer and verdict.hint
    assert world.asked == [], "the gate itself looks at a tag object, and there is none"


@pytest.mark.parametrize(("email", "allowed"), [("ada@example.com", True), ("eve@example.com", False)])
def test_who_would_make_the_tag_is_judged_as_its_tagger(email: str, allowed: bool) -> None:
    world = a_world(MAPPING + "    gates: {people: {taggers: [ada@example.com]}}\n")
    real = replace(context(world), gate=lambda _name, _configuration: cast("Any", People(None)))
    found = propose_change(real, registry(world), PROMOTE, push=True, hand=Hand("A", email))
    assert found.plan is not None and found.plan.allowed is allowed


def test_a_stage_with_targets_is_told_as_check_does() -> None:
    found = proposed(a_world(MAPPING + "    targets: [{name: eu}, {name: us}]\n"))
    assert found.plan is not None and found.plan.problem is None
    assert any("2 targets" in action for action in found.plan.actions)


def test_a_stage_that_the_mapping_does_not_name_is_told_and_the_tag_can_be_made() -> None:
    found = proposed(a_world(), Promote("m", "dev", version="v2.0.0"))
    assert found.refusal is None and found.plan is not None and found.plan.problem is not None
    assert found.plan.problem.reason is Reason.UNMAPPED_STAGE and not found.plan.allowed and not found.plan.ignored
    quiet = proposed(
        a_world("version: 1\nunmapped: ignore\n" + MAPPING.split("\n", 2)[2]), Promote("m", "dev", version="v2.0.0")
    )
    assert quiet.plan is not None and quiet.plan.ignored


def test_without_a_mapping_the_tag_can_be_made_and_nothing_deploys_it() -> None:
    world = a_world()

    def missing(_commit: str | None) -> Any:
        raise Invalid(Reason.MAPPING_NOT_FOUND, "there is no model-stages.yml")

    plain = replace(context(world), configuration=missing)
    found = propose_change(plain, registry(world), PROMOTE, push=True, hand=ADA)
    assert found.refusal is None and found.change is not None
    assert found.plan is not None and found.plan.ignored and found.plan.problem is not None
    assert found.plan.problem.reason is Reason.MAPPING_NOT_FOUND


def test_an_ambiguous_model_is_refused_with_the_way_out() -> None:
    world = a_world(tags=("m@v1.0.0 A", "m@v2.0.0 A", "m#prod#1 A"))
    found = proposed(world)
    assert found.change is None and found.refusal is not None
    assert found.refusal.reason is Reason.AMBIGUOUS_VERSION and found.refusal.hint


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (Promote("m", "prod", version="v1.0.0"), Reason.ALREADY_IN_STAGE),
        (Promote("m", "prod", version="v9.0.0"), Reason.UNKNOWN_VERSION),
        (Promote("m", "no stage", version="v1.0.0"), Reason.USAGE),
        (Promote("none", "prod", version="v1.0.0"), Reason.UNKNOWN_MODEL),
        (Unassign("m", "dev"), Reason.NOT_IN_STAGE),
        (Register("m", "HEAD", version="v1.0.0"), Reason.VERSION_TAKEN),
        (Register("m", "elsewhere"), Reason.UNKNOWN_REF),
    ],
)
def test_what_may_not_be_is_a_refusal_and_nothing_is_raised(asked: Any, reason: Reason) -> None:
    found = proposed(a_world(), asked, refs={"HEAD": "e" * 40})
    assert found.change is None and found.plan is None
    assert found.refusal is not None and found.refusal.reason is reason and found.refusal.message


def test_where_git_knows_nobody_it_is_said_before() -> None:
    found = proposed(a_world(), hand=Hand())
    assert found.refusal is not None and found.refusal.reason is Reason.IDENTITY_MISSING


def test_a_registration_names_version_and_commit_and_deploys_nothing() -> None:
    found = proposed(a_world(), Register("m", "HEAD", bump="minor"), refs={"HEAD": commit("D")})
    assert found.change is not None and found.plan is None
    assert (found.change.version, found.change.commit) == ("v2.1.0", commit("D"))


def test_an_unassignment_says_what_comes_back_and_what_the_mapping_makes_of_it() -> None:
    world = a_world(tags=("m@v1.0.0 A", "m#prod#1 A", "m@v2.0.0 B", "m#prod#2 B"))
    found = proposed(world, Unassign("m", "prod"))
    assert found.plan is not None and found.plan.problem is None
    assert (found.plan.version, found.plan.action) == ("v1.0.0", "deploy"), "events: {unassign: fallback}"
    assert any("falls back to v1.0.0" in note for note in found.notes)
    whole = proposed(world, Unassign("m", "prod", every=True))
    assert whole.plan is not None and whole.plan.ignored, "nothing is left to fall back to"


def test_an_unassignment_that_undeploys_says_so() -> None:
    world = a_world(MAPPING.replace("unassign: fallback", "unassign: undeploy"))
    found = proposed(world, Unassign("m", "prod"))
    assert found.plan is not None and found.plan.action == "undeploy"
    assert "take v1.0.0 away" in found.plan.actions


def test_a_locked_stage_is_told() -> None:
    from model_stage_deploy.flows.locking import Wanted, freeze

    world = a_world()
    freeze(world.locks, world.clock, Wanted("m#prod", "c", "Eve", "audit", "", 0.0))
    found = proposed(world)
    assert any("audit" in note for note in found.notes)


def test_the_promise_is_of_what_would_be_made_not_of_when_or_in_which_words() -> None:
    world = a_world()
    first = proposed(world)
    world.clock.sleep(5)
    assert proposed(world, PROMOTE._replace(how=How("because"))).promise == first.promise
    world.tag("m#prod#2", "A")
    later = proposed(world)
    assert later.promise != first.promise and first.change is not None and not later.still(first.change)
    assert news_since(registry(world), "m", first.newest) == ("Ada Model assigned v1.0.0 to prod (m#prod#2).",)


def test_what_was_not_shown_is_not_made() -> None:
    """A rival is quicker: our tag's name clashes, it is decided anew, and that is another change than was shown."""
    world = a_world()
    shown = proposed(world)
    rival = record("m#prod#2", "A", time=int(world.clock.now()) + 5)
    kept = store_of(world, rivals=[lambda there: there.records.append(rival)])
    with pytest.raises(Refused) as caught:
        make_proposed(registry(world, kept), PROMOTE, shown, push=True)
    assert caught.value.reason is Reason.SUPERSEDED
    assert [one.name for one in kept.records if one.name.startswith("m#prod")] == ["m#prod#1", "m#prod#2"]
    assert current(fold(kept.records).model("m")) == "v1.0.0"


def test_a_rollback_is_told_with_the_promise_that_its_run_is_held_to() -> None:
    world = a_world(tags=("m@v1.0.0 A", "m#prod#1 A", "m@v2.0.0 B", "m#prod#2 B"))
    world.run("m#prod#1", force=True)
    world.run("m#prod#2")
    world.history.clear()
    found = propose_rollback(context(world), "m", "prod")
    assert found.plan is not None and (found.plan.version, found.plan.replacing) == ("v1.0.0", "v2.0.0")
    assert '"leaves": "v2.0.0"' in found.plan.planned and world.history == []
    none = propose_rollback(context(world), "m", "prod", "v9.0.0")
    assert none.refusal is not None and none.refusal.reason is Reason.UNKNOWN_VERSION


def test_a_deployment_says_what_a_dry_run_says() -> None:
    world = a_world(tags=("m@v1.0.0 A", "m#prod#1 A", "m@v2.0.0 B", "m#prod#2 B"))
    late = propose_deploy(context(world), "m#prod#1")
    assert late.refusal is not None and late.refusal.reason is Reason.SUPERSEDED
    found = propose_deploy(context(world), "m#prod#2")
    assert found.plan is not None and found.plan.version == "v2.0.0" and world.history == []
    world.run("m#prod#2")
    done = propose_deploy(context(world), "m#prod#2")
    assert done.refusal is not None and done.refusal.reason is Reason.ALREADY_DEPLOYED
    assert propose_deploy(context(world), "nonsense").refusal is not None


def test_secrets_are_masked_in_all_that_is_told() -> None:
    world = a_world(GATED)
    masked = replace(context(world), scrub=lambda text: text.replace("v2.0.0", "***"))
    found = propose_change(masked, registry(world), PROMOTE, push=True, hand=ADA)
    assert found.plan is not None and "make *** live" in found.plan.actions


def test_what_breaks_on_the_way_is_told_too() -> None:
    world = a_world()

    def broken(_commit: str | None) -> Any:
        raise MachineryFailed(Reason.GIT_FAILED, "no disk")

    found = propose_change(replace(context(world), configuration=broken), registry(world), PROMOTE, push=True, hand=ADA)
    assert found.plan is not None and found.plan.problem is not None and not found.plan.ignored
