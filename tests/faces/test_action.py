"""The action as a process: what the deployer received, what GitHub was told, what later steps read."""

from __future__ import annotations

import time
from typing import cast

import pytest

from model_stage_deploy.faces.settings import OUTPUTS
from model_stage_deploy.receiving import verify
from tests.faces.jobs import SECRET, Job
from tests.standins.receiver import Answer


@pytest.mark.parametrize("checkout", ["none", "shallow", "full", "lightweight"])
def test_a_pushed_stage_tag_deploys_exactly_its_version(job: Job, checkout: str) -> None:
    ended = job.push("churn#prod#5", checkout=checkout)

    assert ended.exit_code == 0, ended.log
    [delivery] = job.receiver.requests
    assert delivery.target == "/models/churn"
    assert delivery.json["version"] == "v2.0.0"
    assert delivery.json["previous"]["version"] == "v1.0.0"
    assert delivery.json["model"]["path"] == "models/churn.pkl"
    assert verify(SECRET, delivery.headers, delivery.body) == delivery.json["id"]


def test_github_is_told_of_the_start_and_the_end(job: Job) -> None:
    ended = job.push("churn#prod#5")

    commit = job.repository.tags()["churn#prod#5"]
    [deployment] = job.github.deployments
    assert deployment.environment == "production/churn"
    assert deployment.sha == commit
    states = [status.state for status in job.github.deployment_statuses(deployment.id)]
    assert states == ["in_progress", "success"]
    assert job.github.deployment_statuses(deployment.id)[-1].environment_url == "https://models.example.com/churn"
    statuses = job.github.commit_statuses(commit)
    assert [(status.state, status.context) for status in statuses] == [
        ("pending", "model-deploy/churn/prod"),
        ("success", "model-deploy/churn/prod"),
    ]
    created = next(call for call in job.github.calls if call.path.endswith("/deployments") and call.method == "POST")
    assert created.body["auto_merge"] is False
    assert created.body["required_contexts"] == []
    assert created.body["payload"]["version"] == "v2.0.0"
    assert ended.outputs["deployment-id"] == str(deployment.id)
    assert len(job.github.calls) <= 8


@pytest.mark.thorough
def test_t27_an_older_tag_run_again_is_superseded_and_forced_says_what_it_replaces(job: Job) -> None:
    late = job.push("churn#prod#1")
    assert (late.exit_code, late.outputs["result"], late.outputs["reason"]) == (0, "nothing-to-do", "superseded")
    asked = job.dispatch(tag="churn#prod#1")
    assert (asked.exit_code, asked.outputs["result"], asked.outputs["reason"]) == (3, "refused", "superseded")
    assert job.receiver.requests == []

    ended = job.push("churn#prod#1", force="true")
    assert ended.outputs["previous-version"] == "v2.0.0"
    assert "::warning::a newer tag, churn#prod#5, gives prod to v2.0.0" in ended.log
    assert cast("dict[str, object]", job.github.deployments[0].payload)["forced"] is True


def test_outputs_are_complete_and_mean_what_gto_action_means(job: Job) -> None:
    ended = job.push("churn#prod#5")

    assert set(ended.outputs) == {output.name for output in OUTPUTS}
    expected = {
        "event": "assignment",
        "name": "churn",
        "version": "v2.0.0",
        "stage": "prod",
        "type": "model",
        "path": "models/churn.pkl",
        "description": "The churn model",
        "tag": "churn#prod#5",
        "environment": "production",
        "environment-url": "https://models.example.com/churn",
        "previous-version": "v1.0.0",
        "result": "deployed",
        "reason": "deployed",
    }
    assert {name: ended.outputs[name] for name in expected} == expected
    assert ended.document["exit_code"] == 0
    assert "churn v2\\.0\\.0 deployed to prod" in ended.summary


@pytest.mark.thorough
def test_the_shell_deployer_runs_in_the_trusted_checkout_with_the_models_files_beside_it(job: Job) -> None:
    ended = job.push("churn#staging#4")

    assert ended.exit_code == 0, ended.log
    assert "staging churn v2.0.0" in ended.log
    assert "weights of v2.0.0" in ended.log


@pytest.mark.thorough
def test_the_previous_deployment_goes_inactive_only_after_the_new_one_succeeded(job: Job) -> None:
    job.push("churn#prod#1", force="true")
    job.receiver.behave(Answer(500))
    failed = job.push("churn#prod#5")
    first, second = job.github.deployments
    assert failed.exit_code == 1
    assert [status.state for status in job.github.deployment_statuses(first.id)] == ["in_progress", "success"]
    assert [status.state for status in job.github.deployment_statuses(second.id)] == ["in_progress", "failure"]

    job.receiver.behave(Answer())
    assert job.push("churn#prod#5").exit_code == 0
    assert job.github.deployment_statuses(first.id)[-1].state == "inactive"


@pytest.mark.thorough
def test_another_model_in_the_same_environment_is_left_alone(job: Job) -> None:
    job.repository.tag("fraud@v1.0.0", at="main~2")
    job.repository.tag("fraud#prod#1", at="main~2")
    job.publish()
    job.push("fraud#prod#1")
    job.push("churn#prod#5")

    fraud, churn = job.github.deployments
    assert fraud.environment != churn.environment
    assert job.github.deployment_statuses(fraud.id)[-1].state == "success"


@pytest.mark.thorough
def test_a_rollback_by_dispatch_brings_the_version_before_back(job: Job) -> None:
    job.push("churn#prod#1", force="true")
    job.push("churn#prod#5")
    ended = job.dispatch(command="rollback", model="churn", stage="prod")

    assert ended.exit_code == 0, ended.log
    assert ended.outputs["reason"] == "rolled-back"
    assert job.receiver.requests[-1].json["version"] == "v1.0.0"
    assert job.receiver.requests[-1].json["event"] == "rollback"
    states = {
        cast("dict[str, str]", item.payload)["version"]: job.github.deployment_statuses(item.id)[-1].state
        for item in job.github.deployments
    }
    assert states == {"v1.0.0": "success", "v2.0.0": "inactive"}


@pytest.mark.thorough
def test_after_a_rollback_what_github_recorded_is_what_counts_as_live(job: Job) -> None:
    job.push("churn#prod#1", force="true")
    job.push("churn#prod#5")
    job.dispatch(command="rollback", model="churn", stage="prod")

    again = job.dispatch(command="rollback", model="churn", stage="prod", to="v1.0.0")
    assert (again.exit_code, again.outputs["reason"]) == (3, "already-live")
    further = job.dispatch(command="rollback", model="churn", stage="prod")
    assert (further.exit_code, further.outputs["reason"]) == (3, "no-earlier-version")


@pytest.mark.thorough
def test_a_sweep_closes_what_a_dead_run_left_and_leaves_the_rest_alone(job: Job) -> None:
    job.map(
        "version: 1\nstages: {prod: {deploy: {run: 'touch STARTED; sleep 6'}, lock: {use: none}}}".replace(
            "STARTED", str(job.path / "started")
        )
    )
    process, _ = job.begin_push("churn#prod#5")
    while not (job.path / "started").exists():
        time.sleep(0.02)
        assert process.poll() is None, process.stdout.read() if process.stdout else ""
    process.kill()
    process.communicate()

    young = job.dispatch(command="sweep")
    assert (young.exit_code, young.outputs["reason"]) == (0, "swept"), young.log
    assert "left alone: churn v2.0.0 to prod" in young.log
    assert [place["version"] for place in young.document["left"]] == ["v2.0.0"]
    assert job.github.deployment_statuses(job.github.deployments[0].id)[-1].state == "in_progress"


@pytest.mark.thorough
def test_resolve_is_a_drop_in_for_gto_action_and_deploys_nothing(job: Job) -> None:
    ended = job.push("churn#prod#5", command="resolve")

    assert ended.exit_code == 0
    assert (ended.outputs["event"], ended.outputs["version"], ended.outputs["result"]) == (
        "assignment",
        "v2.0.0",
        "resolved",
    )
    assert ended.outputs["path"] == "models/churn.pkl"
    assert job.receiver.requests == []
    assert job.github.calls == []


def test_a_registration_does_nothing_and_asks_nobody(job: Job) -> None:
    ended = job.push("churn@v2.0.0")

    assert (ended.exit_code, ended.outputs["result"], ended.outputs["reason"]) == (0, "nothing-to-do", "registration")
    assert job.github.calls == []
    assert job.remote.requests == []


def test_a_tag_that_only_looks_like_a_stage_tag_is_warned_about(job: Job) -> None:
    job.repository.git("tag", "-a", "-m", "x", "my.model#prod#1")
    job.publish()
    ended = job.push("my.model#prod#1")

    assert (ended.exit_code, ended.outputs["reason"]) == (0, "not-a-stage-tag")
    assert "::warning" in ended.log


def test_a_deleted_tag_never_deploys(job: Job) -> None:
    ended = job.push("churn#prod#5", event={"deleted": True, "after": "0" * 40})

    assert (ended.exit_code, ended.outputs["reason"]) == (0, "tag-deleted")
    assert job.receiver.requests == []


@pytest.mark.parametrize("event", [{"forced": True}, {"after": "1" * 40}])
def test_a_moved_tag_is_refused(job: Job, event: dict[str, object]) -> None:
    ended = job.push("churn#prod#5", event=event)

    assert (ended.exit_code, ended.outputs["reason"]) == (3, "moved-tag")
    assert job.github.calls == []


@pytest.mark.thorough
def test_the_commit_id_as_after_is_understood(job: Job) -> None:
    ended = job.push("churn#prod#5", event={"after": job.repository.tags()["churn#prod#5"]})

    assert ended.exit_code == 0


def test_tags_that_cannot_be_had_are_a_refusal(job: Job) -> None:
    job.remote.down = True
    ended = job.push("churn#prod#5", checkout="shallow")

    assert (ended.exit_code, ended.outputs["reason"]) == (3, "incomplete-tags")
    assert job.receiver.requests == []


@pytest.mark.thorough
def test_a_whole_clone_is_enough_where_the_remote_cannot_be_asked_if_that_is_forced(job: Job) -> None:
    job.remote.down = True
    late = job.push("churn#prod#5", checkout="full")
    assert (late.exit_code, late.outputs["reason"]) == (3, "incomplete-tags"), (
        "nobody can tell whether it is the newest"
    )
    assert job.receiver.requests == []

    ended = job.push("churn#prod#5", checkout="full", force="true")
    assert ended.exit_code == 0, ended.log
    assert "::warning::main is read from this clone" in ended.log
    assert job.receiver.requests[-1].json["version"] == "v2.0.0"


@pytest.mark.thorough
def test_a_clone_left_by_an_earlier_run_does_not_decide_what_was_there_before(job: Job) -> None:
    job.repository.tag("churn#prod#6", at="churn@v1.0.0^{commit}")
    job.publish()
    ended = job.dispatch(checkout="stale", command="rollback", model="churn", stage="prod")

    assert ended.exit_code == 0, ended.log
    assert (ended.outputs["version"], ended.outputs["previous-version"]) == ("v2.0.0", "v1.0.0")


@pytest.mark.thorough
def test_an_unregistered_commit_is_refused_unless_the_mapping_allows_it(job: Job) -> None:
    commit = job.repository.git("rev-parse", "main")
    job.repository.tag("churn#dev#6", at="main")
    job.publish()
    refused = job.push("churn#dev#6")
    assert (refused.exit_code, refused.outputs["reason"]) == (3, "unregistered-commit")

    mapping = (job.repository.path / ".github/model-stages.yml").read_text(encoding="utf-8")
    allowed = mapping.replace(
        "    environment: development", "    environment: development\n    allow-unregistered: true"
    )
    job.repository.commit({".github/model-stages.yml": allowed})
    job.publish()
    deployed = job.push("churn#dev#6")
    assert deployed.exit_code == 0, deployed.log
    assert deployed.outputs["version"] == commit


def test_the_mapping_of_the_tagged_commit_does_not_count(job: Job) -> None:
    job.repository.git("checkout", "--quiet", "-b", "evil", "main")
    evil = "version: 1\nstages: {prod: {deploy: {run: 'echo STOLEN'}}}\n"
    job.repository.commit({".github/model-stages.yml": evil, "models/churn.pkl": "x"})
    job.repository.tag("churn@v3.0.0")
    job.repository.tag("churn#prod#7")
    job.publish()
    ended = job.push("churn#prod#7", checkout="full")

    assert ended.exit_code == 0, ended.log
    assert "STOLEN" not in ended.log
    assert job.receiver.requests[-1].json["version"] == "v3.0.0"


@pytest.mark.thorough
def test_config_ref_tag_reads_the_tagged_commits_mapping(job: Job) -> None:
    job.repository.git("checkout", "--quiet", "-b", "own", "main")
    own = "version: 1\nstages: {prod: {deploy: {run: 'echo from the tag'}}}\n"
    job.repository.commit({".github/model-stages.yml": own})
    job.repository.tag("churn@v3.0.0")
    job.repository.tag("churn#prod#7")
    job.publish()
    ended = job.push("churn#prod#7", config_ref="tag")

    assert ended.exit_code == 0, ended.log
    assert "from the tag" in ended.log


@pytest.mark.thorough
def test_an_unmapped_stage_is_a_mapping_error_unless_it_may_be_ignored(job: Job) -> None:
    job.repository.tag("churn#canary#6", at="churn@v2.0.0")
    job.publish()
    wrong = job.push("churn#canary#6")
    assert (wrong.exit_code, wrong.outputs["reason"]) == (2, "unmapped-stage")

    mapping = (job.repository.path / ".github/model-stages.yml").read_text(encoding="utf-8")
    job.repository.commit({".github/model-stages.yml": mapping + "unmapped: ignore\n"})
    job.publish()
    ignored = job.push("churn#canary#6")
    assert (ignored.exit_code, ignored.outputs["reason"]) == (0, "unmapped-ignored")


def test_a_dry_run_touches_nothing(job: Job) -> None:
    ended = job.push("churn#prod#5", dry_run="true")

    assert (ended.exit_code, ended.outputs["result"]) == (0, "planned")
    assert "POST" in ended.log
    assert job.receiver.requests == []
    assert [call for call in job.github.calls if call.method != "GET"] == []
    assert SECRET not in ended.everything


@pytest.mark.thorough
def test_wrong_inputs_are_one_clear_message(job: Job) -> None:
    ended = job.push("churn#prod#5", dry_run="perhaps")
    assert ended.exit_code == 2
    assert "input dry-run is 'perhaps'" in ended.log

    unknown = job.push("churn#prod#5", command="explode")
    assert unknown.exit_code == 2
    assert "Traceback" not in unknown.log


def test_a_dispatch_without_a_tag_says_what_is_missing(job: Job) -> None:
    ended = job.dispatch(command="deploy")

    assert (ended.exit_code, ended.outputs["reason"]) == (2, "usage")
