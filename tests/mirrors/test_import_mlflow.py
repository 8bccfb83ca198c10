"""`import-mlflow` from end to end: what MLflow holds becomes tags that GTO reads, once, where nothing contradicts.

Against the stand-in, and in the long suite against a real server.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from model_stage_deploy.faces.cli import main
from tests.core.gto_oracle import ask
from tests.faces.command_lines import Done, run
from tests.mirrors.places import Place
from tests.standins.mlflow import Fault, MlflowStandIn
from tests.standins.registries import GitRepository

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(1200)]  # the real one is installed first


class Registry(NamedTuple):
    """A model in MLflow, and the repository that its versions are of."""

    place: Place
    repository: GitRepository
    commits: list[str]
    remote: GitRepository

    def version(self, commit: str = "", **tags: str) -> str:
        """Make a version in MLflow; its number."""
        told = tags | ({"git_commit": commit} if commit else {})
        return self._made(tags=[{"key": key, "value": value} for key, value in told.items()])

    def version_of_run(self, commit: str) -> str:
        """The same for a version whose run was started in a checkout: MLflow itself says so on the run."""
        _, experiment = self.place.call("POST", "experiments/create", {"name": f"{self.place.model}-{commit[:8]}"})
        tags = [{"key": "mlflow.source.git.commit", "value": commit}]
        asked = {"experiment_id": experiment["experiment_id"], "tags": tags}  # type: ignore[index]
        _, made = self.place.call("POST", "runs/create", asked)
        return self._made(run_id=made["run"]["info"]["run_id"])  # type: ignore[index]

    def _made(self, **more: Any) -> str:
        asked = {"name": self.place.model, "source": "s3://bucket/path", **more}
        status, made = self.place.call("POST", "model-versions/create", asked)
        assert (status, isinstance(made, dict)) == (200, True), made
        return str(made["model_version"]["version"])  # type: ignore[index]

    def alias(self, alias: str, number: str) -> None:
        asked = {"name": self.place.model, "alias": alias, "version": number}
        assert self.place.call("POST", "registered-models/alias", asked)[0] == 200

    def stage(self, stage: str, number: str) -> None:
        asked = {"name": self.place.model, "version": number, "stage": stage, "archive_existing_versions": False}
        assert self.place.call("POST", "model-versions/transition-stage", asked)[0] == 200

    def run(self, *words: str, **env: str) -> Done:
        given = ("import-mlflow", self.place.model, "--model-map", f"{self.place.model}=churn", *words)
        return run(self.repository.path, *given, env={"MLFLOW_TRACKING_URI": self.place.url} | env)

    def tags(self) -> list[str]:
        return self.repository.git("tag", "--list", "--sort=taggerdate").split()


@pytest.fixture
def registry(place: Place, tmp_path: Path) -> Iterator[Registry]:
    place.make()
    repository = GitRepository(tmp_path / "repository")
    commits = [repository.commit({"weights": str(number)}) for number in range(4)]
    remote = GitRepository(tmp_path / "remote.git", bare=True)
    repository.git("remote", "add", "origin", str(remote.path))
    repository.git("push", "--quiet", "origin", "main")
    yield Registry(place, repository, commits, remote)


def filled(registry: Registry) -> Registry:
    """Four versions: by a tag, by a run, without a commit, and with a name of its own; an alias and a stage."""
    first, second, _, fourth = registry.commits
    registry.version(first)
    registry.version_of_run(second)
    registry.version()
    registry.version(fourth, gto_version="v3.1.0")
    registry.alias("champion", "2")
    registry.alias("shadow", "4")
    registry.stage("Staging", "4")
    return registry


MAPS = ("--alias-map", "champion=prod", "--stage-map", "Staging=staging")


def test_a_dry_run_tells_what_would_be_written_and_writes_nothing(registry: Registry) -> None:
    done = filled(registry).run(*MAPS)
    assert done.exit_code == 0, done.err
    rows = [line.split() for line in done.out.splitlines()]
    first, second, _, fourth = (commit[:12] for commit in registry.commits)
    assert ["1", "v1.0.0", first, "register"] in rows
    assert ["2", "v2.0.0", second, "register"] in rows
    assert ["4", "v3.1.0", fourth, "register"] in rows
    assert ["2", "v2.0.0", second, "prod", "assign"] in rows
    assert ["4", "v3.1.0", fourth, "staging", "assign"] in rows
    assert "left out  MLflow does not say of which commit it is: no tag git_commit" in done.out
    assert "no stage for the aliases shadow: --alias-map shadow=STAGE gives one" in done.out
    assert "Dry run: 5 tags would be made; --apply makes them" in done.out
    assert registry.tags() == []
    assert registry.run(*MAPS, "--dry-run").out == done.out


def test_an_import_is_what_gto_reads_and_a_second_one_writes_nothing(registry: Registry) -> None:
    done = filled(registry).run(*MAPS, "--apply")
    assert done.exit_code == 0, done.err
    assert registry.tags() == ["churn@v1.0.0", "churn@v2.0.0", "churn@v3.1.0", "churn#prod#1", "churn#staging#2"]
    model = ask(registry.repository.path)["churn"]
    assert model.by_time == {"prod": "v2.0.0", "staging": "v3.1.0"}
    assert model.latest == "v3.1.0"
    message = registry.repository.git("for-each-ref", "--format=%(contents)", "refs/tags/churn@v2.0.0")
    host = registry.place.url.removeprefix("http://")
    assert f"Import churn v2.0.0: version 2 of '{registry.place.model}' in MLflow at {host}" in message
    assert f"{registry.place.url}/#/models/{registry.place.model}/versions/2" in message
    assert "not pushed: nobody else sees the 5 tags yet" in done.out

    again = registry.run(*MAPS, "--apply", "--json")
    assert (again.exit_code, again.json["result"], again.json["reason"]) == (0, "nothing-to-do", "imported")
    assert {one["state"] for one in again.json["models"][0]["versions"]} == {"there", "left-out"}
    assert len(registry.tags()) == 5

    registry.alias("champion", "4")
    moved = registry.run(*MAPS, "--apply", "--json")
    assert (moved.exit_code, moved.json["reason"]) == (3, "tag-exists"), "what is in a stage here is not moved"
    assert "prod has v2.0.0 here" in moved.json["models"][0]["message"]
    assert len(registry.tags()) == 5


def test_the_command_that_is_shown_pushes_the_tags(registry: Registry) -> None:
    done = filled(registry).run(*MAPS, "--apply")
    [command] = [line.partition("all of the model's: ")[2] for line in done.out.splitlines() if "not pushed" in line]
    assert command == "git push --atomic origin 'refs/tags/churn@*' 'refs/tags/churn#*'"
    registry.repository.git(*command.replace("'", "").split()[1:])
    assert len(registry.remote.git("tag", "--list").split()) == 5


def test_a_push_makes_all_tags_on_the_remote_and_names_the_versions_in_mlflow(registry: Registry) -> None:
    done = filled(registry).run(*MAPS, "--apply", "--push", "--tag-versions")
    assert done.exit_code == 0, done.err
    assert "5 tags made, 2 versions named in MLflow" in done.out
    assert "nothing is deployed by this push: GitHub starts no workflow for more than three tags in one" in done.out
    assert len(registry.remote.git("tag", "--list").split()) == 5
    named = [registry.place.tags(number).get("gto_version") for number in "1234"]
    assert named == ["v1.0.0", "v2.0.0", None, "v3.1.0"]
    again = registry.run(*MAPS, "--apply", "--push", "--tag-versions")
    assert "0 tags made" in again.out
    assert "named in MLflow" not in again.out


def test_t18_a_push_that_would_start_workflows_is_refused_unless_it_is_meant(registry: Registry) -> None:
    registry.version(registry.commits[0])
    registry.alias("champion", "1")
    done = registry.run(*MAPS, "--apply", "--push")
    assert done.exit_code == 2
    assert "a push of 2 tags, stage tags among them, may start the workflows that deploy them" in done.out
    assert "--may-deploy" in done.out
    assert registry.remote.git("tag", "--list") == ""
    meant = registry.run(*MAPS, "--apply", "--push", "--may-deploy")
    assert meant.exit_code == 0
    assert "the push may have started the workflows that deploy these stages" in meant.out
    assert len(registry.remote.git("tag", "--list").split()) == 2


def test_two_versions_of_one_commit_are_a_conflict_that_can_be_skipped(registry: Registry) -> None:
    registry.version(registry.commits[0])
    registry.version(registry.commits[0])
    registry.version(registry.commits[1])
    done = registry.run("--apply")
    assert done.exit_code == 3
    assert "CONFLICT" in done.out
    assert "version 1 is of commit" in done.out
    assert registry.tags() == []
    skipped = registry.run("--apply", "--skip-conflicts")
    assert skipped.exit_code == 0, skipped.out
    assert registry.tags() == ["churn@v1.0.0", "churn@v3.0.0"]


def test_versions_without_a_commit_may_all_be_of_one_that_is_named(registry: Registry) -> None:
    registry.version()
    done = registry.run("--ref", "main", "--version-template", "v0.{version}.0", "--apply")
    assert done.exit_code == 0, done.out
    assert registry.tags() == ["churn@v0.1.0"]
    assert registry.repository.git("rev-parse", "churn@v0.1.0^{commit}") == registry.commits[-1]


@pytest.mark.parametrize(
    ("commit", "why"),
    [
        ("main", "its tag git_commit is 'main', which is not the full id of a commit"),
        ("--upload-pack=x", "which is not the full id of a commit"),
        ("abc1234", "which is not the full id of a commit"),
        ("e" * 40, "its commit, eeeeeeeeeeee, is not in this repository"),
    ],
)
def test_a_commit_that_is_none_here_is_left_out(registry: Registry, commit: str, why: str) -> None:
    registry.version(commit)
    done = registry.run("--apply")
    assert done.exit_code == 0
    assert why in done.out
    assert registry.tags() == []


@pytest.fixture
def small(standin: MlflowStandIn, tmp_path: Path) -> Registry:
    """The stand-in alone, with one version, for what a real server cannot be made to do."""
    place = Place(standin.url, "fraud").make()
    repository = GitRepository(tmp_path / "repository")
    made = Registry(place, repository, [repository.commit({"weights": "1"})], repository)
    made.version(made.commits[0])
    return made


def test_nothing_is_written_to_mlflow_unless_that_is_asked_for(small: Registry, standin: MlflowStandIn) -> None:
    standin.state.asked.clear()
    assert small.run("--apply").exit_code == 0
    assert {method for method, _, _ in standin.state.asked} == {"GET"}


def test_all_models_are_imported_where_none_is_named(small: Registry, standin: MlflowStandIn) -> None:
    small.place._replace(model="Odd Name").make("v1.0.0")
    done = run(small.repository.path, "import-mlflow", "--apply", env={"MLFLOW_TRACKING_URI": standin.url})
    assert done.exit_code == 0, done.err
    assert small.tags() == ["fraud@v1.0.0"]
    assert "'Odd Name' cannot be the name of a model here: --model-map" in done.out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nope"], "has no model 'nope'"),
        (["fraud", "--alias-map", "champion"], "has not the form THEIRS=OURS"),
        (["fraud", "--alias-map", "a=prod", "--alias-map", "a=dev"], "says two things of 'a'"),
        (["fraud", "--stage-map", "prod=prod"], "is no stage of MLflow"),
        (["fraud", "--version-template", "v1"], "makes no version"),
        (["fraud", "--apply", "--dry-run"], "say two things"),
        (["fraud", "--apply", "--tag-versions"], "add --push"),
        (["fraud", "--ref", "nowhere"], "nowhere"),
        (["fraud", "--tracking-uri", "file:///tmp/mlruns"], "must begin with https://"),
        (["fraud", "--tracking-uri", "http://user:hunter22@127.0.0.1:1"], "must not hold a user name or password"),
        (["fraud", "--apply", "--repo", "https://127.0.0.1:1/x"], "--push"),
    ],
)
def test_what_does_not_fit_together_is_said_and_nothing_is_written(
    small: Registry,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    says: str,
) -> None:
    monkeypatch.chdir(small.repository.path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", small.place.url)
    assert main(["import-mlflow", *words]) in (2, 3)
    told = capsys.readouterr().err
    assert says in told
    assert "hunter22" not in told
    assert small.tags() == []


@pytest.mark.parametrize("status", [401, 403, 500])
def test_an_mlflow_that_refuses_is_said_at_once(small: Registry, standin: MlflowStandIn, status: int) -> None:
    standin.state.faults.append(Fault(status, "<html>no</html>", "registered-models/search"))
    done = small.run("--apply", "--json", MLFLOW_TRACKING_TOKEN="a-secret-token-0123")
    assert (done.exit_code, done.json["reason"]) == (4, "mlflow-failed")
    assert f"answered {status}" in done.json["message"]
    assert "a-secret-token-0123" not in done.out + done.err
    assert small.tags() == []


def test_an_mlflow_that_stumbles_is_asked_again(small: Registry, standin: MlflowStandIn) -> None:
    standin.state.faults.append(Fault(503, "", "model-versions/search", {"Retry-After": "0"}))
    assert small.run("--apply").exit_code == 0
    assert small.tags() == ["churn@v1.0.0"]


def test_where_naming_the_versions_fails_it_is_said_that_the_tags_are_there(
    small: Registry, standin: MlflowStandIn, tmp_path: Path
) -> None:
    remote = GitRepository(tmp_path / "remote.git", bare=True)
    small.repository.git("remote", "add", "origin", str(remote.path))
    small.repository.git("push", "--quiet", "origin", "main")
    standin.state.faults.append(Fault(403, "Permission denied", "model-versions/set-tag"))
    done = small.run("--apply", "--push", "--tag-versions", "--json")
    assert (done.exit_code, done.json["reason"]) == (4, "mlflow-failed")
    assert "the tags are written, but only 0 versions in MLflow were named" in done.json["message"]
    assert small.tags() == ["churn@v1.0.0"]
    assert small.run("--apply", "--push", "--tag-versions").exit_code == 0
    assert small.place.tags("1")["gto_version"] == "v1.0.0"


def test_hostile_names_do_nothing(small: Registry, standin: MlflowStandIn) -> None:
    """Texts of MLflow reach neither git's arguments nor the terminal as they are."""
    small.version("$(touch pwned)\x1b[2J", gto_version="v1.0.0\n$(id)")
    small.version(gto_version="--force")
    small.alias("champion", "2")
    done = small.run("--alias-map", "champion=prod")
    assert done.exit_code == 0, done.err
    assert "\x1b" not in done.out
    assert "which is none: they look like v1.2.3" in done.out
    assert not (small.repository.path / "pwned").exists()
