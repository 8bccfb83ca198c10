"""The example for GitLab CI, job by job, as GitLab would run it: on a remote that asks for the token, and its API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faces.gitlab_jobs import MAPPING, PROJECT, TOKEN, GitLabRemote, Project
from tests.standins.gitlab import GitLabStandIn
from tests.standins.gitlab_state import User
from tests.standins.registries import GitRepository

pytestmark = pytest.mark.thorough


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Model churn: v1.0.0 is for prod."""
    made = GitRepository(tmp_path / "models")
    made.commit({"model-stages.yml": MAPPING})
    remote = GitLabRemote(tmp_path / "remotes")
    with (
        remote,
        GitLabStandIn(project=PROJECT, tokens={TOKEN: User(9, "project_4321_bot", 40)}) as gitlab,
    ):
        remote.add(PROJECT)
        project = Project(tmp_path, made, remote, gitlab)
        project.release("v1.0.0", "churn#prod#1")
        yield project
        gitlab.assert_clean()


def _shown(project: Project) -> list[tuple[str, str, str]]:
    return [(each["environment"]["name"], each["ref"], each["status"]) for each in project.gitlab.state.deployments]


def test_a_pushed_tag_is_deployed_and_shown(project: Project) -> None:
    done = project.push("churn#prod#1")
    assert done.exit_code == 0, done.out + done.err
    assert "deploying v1.0.0" in done.out
    assert _shown(project) == [("production/churn", "churn#prod#1", "success")]
    [environment] = project.gitlab.state.environments
    assert environment["external_url"] == "https://models.example.com/churn"
    [status] = project.gitlab.state.statuses
    assert (status["name"], status["status"], status["ref"]) == ("model-deploy/churn/prod", "success", "churn#prod#1")
    assert status["target_url"] == f"https://gitlab.example.com/{PROJECT}/-/jobs/9001"


def test_a_failure_is_shown_and_ends_the_job(project: Project) -> None:
    assert project.push("churn#prod#1").exit_code == 0
    project.release("v9.0.0", "churn#prod#2")
    done = project.push("churn#prod#2")
    assert done.exit_code == 1
    assert _shown(project)[-1] == ("production/churn", "churn#prod#2", "failed")
    assert project.gitlab.state.statuses[-1]["status"] == "failed"
    told = project.on_main(
        "sh", "web", SCRIPT="python -I -m model_stage_deploy history churn prod --deployments --json"
    )
    assert told.json["recorded_in"] == "gitlab"
    assert [(each["version"], each["result"]) for each in told.json["deployments"]] == [
        ("v9.0.0", "failed"),
        ("v1.0.0", "verified"),
    ]


def test_a_rollback_by_hand(project: Project) -> None:
    assert project.push("churn#prod#1").exit_code == 0
    project.release("v2.0.0", "churn#prod#2")
    assert project.push("churn#prod#2").exit_code == 0
    done = project.on_main("roll-back-model", "web", MODEL="churn", STAGE="prod")
    assert done.exit_code == 0, done.out + done.err
    assert _shown(project)[-1][2] == "success"
    assert project.gitlab.state.deployments[-1]["sha"] == project.repository.tags()["churn@v1.0.0"]
    tagged = GitRepository(project.remote.directory(*PROJECT.split("/")), bare=True)
    assert tagged.git("for-each-ref", "--format=%(taggername) %(taggeremail)", "refs/tags/churn#prod#3") == (
        "Ada Model <ada@example.com>"
    )


def test_what_a_killed_job_left_behind_is_closed_by_the_next(project: Project) -> None:
    """A job that is killed right after its start leaves a record and a running Deployment behind."""
    dying = MAPPING.replace('echo "deploying $MSD_VERSION"', "kill -9 $PPID; sleep 5")
    project.map(dying)
    assert project.push("churn#prod#1").exit_code in (-9, 137)
    assert _shown(project) == [("production/churn", "churn#prod#1", "running")]

    project.map(MAPPING.replace("defaults: {lock: {use: none}}\n", ""))
    done = project.push("churn#prod#1")
    assert done.exit_code == 0, done.out + done.err
    assert "its run died" in done.out
    assert _shown(project) == [
        ("production/churn", "churn#prod#1", "canceled"),
        ("production/churn", "churn#prod#1", "success"),
    ]
    assert [status["status"] for status in project.gitlab.state.statuses] == ["canceled", "success"]


def test_a_schedule_deploys_what_a_lost_event_left_undone(project: Project) -> None:
    assert project.push("churn#prod#1").exit_code == 0
    project.release("v2.0.0", "churn#prod#2")
    done = project.on_main("look-after-models", "schedule")
    assert done.exit_code == 0, done.out + done.err
    assert "nothing to clear up in 2 stages, by GitLab" in done.out
    assert _shown(project)[-1] == ("production/churn", "churn#prod#2", "success")


def test_the_same_tag_is_not_deployed_twice(project: Project) -> None:
    assert project.push("churn#prod#1").exit_code == 0
    again = project.push("churn#prod#1")
    assert again.exit_code == 0
    assert "already" in again.out
    assert len(_shown(project)) == 1


def test_the_mapping_is_that_of_the_default_branch(project: Project) -> None:
    """The tagged commit says something else, and whoever can tag could write that."""
    evil = MAPPING.replace('echo "deploying', 'echo "stolen')
    commit = project.repository.commit({"model-stages.yml": evil})
    project.repository.tag("churn@v2.0.0")
    project.repository.tag("churn#prod#2")
    project.repository.git("reset", "--quiet", "--hard", f"{commit}~1")
    project.publish()
    done = project.push("churn#prod#2")
    assert done.exit_code == 0, done.out + done.err
    assert "stolen" not in done.out


def test_a_gate_that_asks_people_asks_gitlab(project: Project) -> None:
    project.gitlab.state.members.append(User(3, "grace", 40))
    project.release("v2.0.0", "churn#staging#2")
    waiting = project.push("churn#staging#2")
    assert (waiting.exit_code, _shown(project)) == (3, [])
    project.gitlab.tokens["glpat-grace"] = User(3, "grace", 40)
    project.remote.tokens = (TOKEN, "glpat-grace")
    approve = "python -I -m model_stage_deploy approve churn v2.0.0 staging -m 'looks good' --json"
    said = project.on_main("sh", "web", SCRIPT=f"GITLAB_TOKEN=glpat-grace {approve}")
    assert (said.exit_code, said.json["by"], said.json["recorded_in"]) == (0, "grace", "gitlab"), said.out + said.err
    done = project.push("churn#staging#2")
    assert done.exit_code == 0, done.out + done.err


def test_without_a_token_nothing_is_deployed_and_the_hint_says_which(project: Project) -> None:
    done = project.push("churn#prod#1", GITLAB_TOKEN="")
    assert done.exit_code == 2
    assert "GITLAB_TOKEN" in done.out + done.err
    assert "write_repository" in done.out + done.err
    assert _shown(project) == []


def test_a_role_that_is_too_low_is_named(project: Project) -> None:
    project.gitlab.tokens[TOKEN] = User(9, "project_4321_bot", 20)
    done = project.push("churn#prod#1")
    assert done.exit_code == 4
    assert "role Developer" in done.out + done.err
    assert "permissions:" not in done.out + done.err
    assert _shown(project) == []


def test_a_remote_that_takes_no_push_stops_the_deployment(project: Project) -> None:
    project.remote.allow_push = False
    done = project.push("churn#prod#1")
    assert done.exit_code == 4
    assert "write_repository" in done.out + done.err
    assert "--- shell" not in done.out


def test_a_tag_that_was_moved_is_refused(project: Project) -> None:
    done = project.push("churn#prod#1", CI_COMMIT_BEFORE_SHA="1" * 40)
    assert done.exit_code == 3
    assert "moved" in done.out + done.err


def test_b17_a_job_that_runs_again_deploys_no_tag_that_was_moved_meanwhile(project: Project) -> None:
    commit = project.repository.tags()["churn#prod#1"]
    project.release("v9.0.0")
    project.repository.tag("churn#prod#1", at="churn@v9.0.0^{commit}", force=True)
    remote = str(project.remote.directory(*PROJECT.split("/")))
    project.repository.git("push", "--quiet", "--force", remote, "refs/tags/churn#prod#1")
    tagged = {"CI_COMMIT_TAG": "churn#prod#1", "CI_COMMIT_SHA": commit}
    done = project.run("deploy-model", CI_PIPELINE_SOURCE="push", **tagged)
    assert done.exit_code == 3
    assert "somebody moved the tag" in done.out + done.err


def test_a_deploy_script_does_not_get_the_token(project: Project) -> None:
    project.map(MAPPING.replace('echo "deploying', 'echo "token: ${GITLAB_TOKEN:-none}"; echo "deploying'))
    done = project.push("churn#prod#1")
    assert done.exit_code == 0, done.out + done.err
    assert "token: none" in done.out
