"""The commands that change the registry as processes, with real git: what they make, push, say and refuse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.core.gto_oracle import ask
from tests.faces.command_lines import COMPLAINT, Done, run
from tests.standins.github import GitHubStandIn
from tests.standins.registries import GitRepository

KEYS = {
    *("schema", "result", "reason", "exit_code", "model", "version", "stage", "commit", "tags", "replaced", "stages"),
    *("pushed", "dry_run", "dispatched", "notes", "message", "hint"),
}


def build(directory: Path) -> GitRepository:
    """Version v3.0.0 of `my-model` in Production and v3.1.0 in staging, all of it on the remote."""
    remote = GitRepository(directory / "remote.git", bare=True)
    repository = GitRepository(directory / "clone")
    repository.git("remote", "add", "origin", str(remote.path))
    repository.commit({"n": "1"})
    repository.tag("my-model@v3.0.0")
    repository.tag("my-model#Production#1")
    repository.commit({"n": "2"})
    repository.tag("my-model@v3.1.0")
    repository.tag("my-model#staging#2")
    repository.git("push", "--quiet", "--tags", "origin", "main")
    return repository


@pytest.fixture
def clone(tmp_path: Path) -> GitRepository:
    return build(tmp_path)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitRepository]:
    """One for all the refusals: it must be as it was in the end."""
    repository = build(tmp_path_factory.mktemp("untouched"))
    before = repository.tags()
    yield repository
    assert repository.tags() == before == remote_of(repository).tags()


def remote_of(clone: GitRepository) -> GitRepository:
    return GitRepository(clone.path.parent / "remote.git", bare=True)


def which(clone: GitRepository, model: str, stage: str) -> str:
    return run(clone.path, "which", model, stage).out.strip()


def test_mlflows_words_work_and_say_what_became_of_the_version(clone: GitRepository) -> None:
    done = run(clone.path, "promote", "--model-name", "my-model", "--version", "v3.1.0", "--stage", "Production")
    assert (done.exit_code, done.err) == (0, "")
    [headline, before, made, *notes] = done.out.splitlines()
    assert headline.startswith("my-model v3.1.0 is in Production now (commit ")
    assert before == "  before: v3.0.0, by my-model#Production#1; still assigned, behind the new one"
    assert made == "  made: my-model#Production#3  assignment v3.1.0"
    assert "git push --atomic origin 'refs/tags/my-model#Production#3'" in notes[-1]
    assert which(clone, "my-model", "Production") == "v3.1.0"
    assert "my-model#Production#3" not in remote_of(clone).tags()

    [command] = [note.partition("to push: ")[2] for note in notes if "to push: " in note]
    clone.git(*command.replace("'", "").split()[1:])
    assert "my-model#Production#3" in remote_of(clone).tags()


def test_a_push_registers_archives_and_promotes_at_once(clone: GitRepository) -> None:
    clone.commit({"n": "3"})
    done = run(
        clone.path,
        *("assign", "my-model", "HEAD", "--to", "Production", "--archive-existing-versions", "-m", "it is better"),
        *("--push", "--json"),
    )
    assert done.exit_code == 0, done.err
    assert set(done.json) == KEYS
    assert (done.json["reason"], done.json["version"], done.json["pushed"]) == ("promoted", "v3.1.1", True)
    assert [tag["name"] for tag in done.json["tags"]] == [
        "my-model@v3.1.1",
        "my-model#Production!#3",
        "my-model#Production#4",
    ]
    for tags in (clone.tags(), remote_of(clone).tags()):
        assert tags["my-model#Production#4"] == done.json["commit"] == clone.git("rev-parse", "HEAD")
    assert clone.git("tag", "-l", "--format=%(contents)", "my-model#Production#4").strip() == "it is better"
    assert done.json["replaced"]["version"] == "v3.0.0"
    read = ask(clone.path)["my-model"]
    assert read.by_time == {"Production": "v3.1.1", "staging": "v3.1.0"}


@pytest.mark.thorough
def test_the_whole_life_of_a_version_as_gto_reads_it(clone: GitRepository) -> None:
    clone.commit({"n": "3"})
    steps = (
        ("register", "my-model", "--bump-minor"),
        ("promote", "my-model", "--from", "staging", "--to", "Production"),
        ("promote", "my-model", "--version", "v3.0.0", "--to", "Production"),  # T54: going back
        ("unassign", "my-model", "--stage", "Production"),
        ("archive", "my-model", "--version", "v3.1.0"),
        ("deregister", "my-model", "--version", "v3.2.0"),
        ("register", "my-model", "--version", "v3.2.0"),
        ("promote", "dir/a:other", "HEAD", "--to", "eu/prod", "--simple"),
        ("deprecate", "my-model"),
    )
    for step in steps:
        done = run(clone.path, *step)
        assert (done.exit_code, done.err) == (0, ""), step
    read = ask(clone.path)
    assert read["my-model"].by_time == {}
    assert read["my-model"].deprecated
    assert read["my-model"].latest == "v3.2.0"
    assert read["dir/a:other"].by_time == {"eu/prod": "v0.0.1"}
    shown = run(clone.path, "show", "--json").json["models"]
    for name, model in read.items():
        assert {stage: held["version"] for stage, held in shown[name]["stages"].items()} == model.by_time
    assert {"my-model@v3.2.0", "my-model@v3.2.0!", "dir/a=other#eu/prod"} <= set(clone.tags())
    assert run(clone.path, "show", "--json").json["warnings"] == []


def test_a_dry_run_touches_nothing(clone: GitRepository) -> None:
    before = clone.tags()
    for push in ((), ("--push",)):
        done = run(clone.path, "promote", "my-model", "--from", "staging", "--to", "Production", "--dry-run", *push)
        assert (done.exit_code, done.err) == (0, "")
        assert "would make: my-model#Production#3" in done.out
        assert done.out.endswith("Dry run: nothing was made.\n")
    assert clone.tags() == before == remote_of(clone).tags()


@pytest.mark.parametrize(
    ("arguments", "reason", "words"),
    [
        (("promote", "my-model", "--to", "Production"), "usage", "--version v3.1.0"),
        (("promote", "my-model", "--version", "3.0.0", "--to", "qa"), "usage", "v3.0.0"),
        (("promote", "my-model", "v3.0.0", "--to", "qa"), "usage", "--version v3.0.0"),
        (("promote", "my-model", "--version", "v3.0.0"), "usage", "--to"),
        (("promote", "--version", "v3.0.0", "--to", "qa"), "usage", "model"),
        (("promote", "a", "--model-name", "b", "--version", "v3.0.0", "--to", "qa"), "usage", "give one"),
        (("promote", "a", "--version", "v3.0.0", "--to", "qa", "--stage", "dev"), "usage", "give one"),
        (("promote", "my-model", "HEAD", "--version", "v9.0.0", "--to", "qa"), "usage", "--register-as v9.0.0"),
        (("promote", "my-model", "--from", "staging", "--to", "qa", "--dispatch", "x.yml"), "usage", "--push"),
        (("promote", "my-model", "--from", "staging", "--to", "qa", "--push", "--dispatch", "a/b"), "usage", "a/b"),
        (("promote", "my-model", "--from", "staging", "--to", "q", "--push", "--dispatch", "x"), "usage", "GITHUB"),
        (("unassign", "my-model", "--stage", "Production", "--delete"), "usage", "record"),
        (("unassign", "my-model"), "usage", "--stage"),
        (("deregister", "my-model"), "usage", "--version"),
        (("register", "my model"), "usage", "my model"),
        (("register", "my-model", "--bump-major", "--bump-minor"), "usage", "--bump"),
        (("register", "my-model", "nowhere"), "unknown-ref", "nowhere"),
        (("register", "my-model"), "already-registered", "v3.1.0"),
        (("register", "my-model", "HEAD~1", "--version", "v3.1.0", "--force"), "already-registered", "v3.0.0"),
        (("promote", "my-model", "--version", "v9.0.0", "--to", "qa"), "unknown-version", "v3.1.0"),
        (("promote", "nobody", "--version", "v9.0.0", "--to", "qa"), "unknown-model", "register nobody"),
        (("promote", "my-model", "--version", "v3.0.0", "--to", "Production"), "already-in-stage", "--force"),
        (("unassign", "my-model", "--stage", "staging", "--version", "v3.0.0"), "not-in-stage", "v3.1.0"),
        (("archive", "my-model", "--version", "v3.1.0", "--push", "--repo", "/nowhere"), "not-a-repository", "nowhere"),
    ],
)
def test_r63_each_refusal_is_one_clear_message(
    untouched: GitRepository, arguments: tuple[str, ...], reason: str, words: str
) -> None:
    done = run(untouched.path, *arguments, "--json")
    assert set(done.json) == COMPLAINT
    assert (done.json["reason"], done.exit_code) == (reason, done.json["exit_code"])
    assert words in done.json["message"] + (done.json["hint"] or "")
    assert done.err.startswith("error: ")


@pytest.mark.parametrize("command", ["unassign", "deregister", "deprecate", "archive"])
def test_r57_nothing_is_deleted_and_the_way_to_do_it_is_told(untouched: GitRepository, command: str) -> None:
    done = run(untouched.path, command, "my-model", "--delete", "--json")
    assert (done.exit_code, done.json["reason"]) == (2, "usage")
    assert "git push --delete origin 'TAG'" in done.json["hint"]


def test_a_url_is_pushed_to_without_a_clone_when_that_is_said(clone: GitRepository, tmp_path: Path) -> None:
    url = f"file://{remote_of(clone).path}"
    asked = ("promote", "my-model", "--version", "v3.1.0", "--to", "Production", "--repo", url)
    refused = run(tmp_path, *asked, "--json")
    assert (refused.exit_code, refused.json["reason"]) == (2, "usage")
    assert "--push" in refused.json["hint"]
    assert "would make" in run(tmp_path, *asked, "--dry-run").out
    assert "my-model#Production#3" not in remote_of(clone).tags()

    done = run(tmp_path, *asked, "--push")
    assert done.exit_code == 0, done.err
    assert "made and pushed: my-model#Production#3" in done.out
    assert "my-model#Production#3" in remote_of(clone).tags()


def test_what_was_not_pushed_is_said_to_be_missing(clone: GitRepository) -> None:
    clone.commit({"n": "3"})
    assert run(clone.path, "register", "my-model").exit_code == 0
    done = run(clone.path, "promote", "my-model", "--version", "v3.1.1", "--to", "qa", "--push", "--json")
    assert (done.exit_code, done.json["reason"]) == (3, "not-pushed")
    assert "git push --atomic origin 'refs/tags/my-model@v3.1.1'" in done.json["hint"]


@pytest.mark.thorough
def test_a_stale_clone_counts_from_the_remote(clone: GitRepository, tmp_path: Path) -> None:
    other = tmp_path / "other"
    clone.git("clone", "--quiet", str(remote_of(clone).path), str(other))
    assert run(other, "promote", "my-model", "--from", "staging", "--to", "Production", "--push").exit_code == 0
    done = run(clone.path, "promote", "my-model", "--version", "v3.0.0", "--to", "Production", "--push", "--json")
    assert [tag["name"] for tag in done.json["tags"]] == ["my-model#Production#4"]
    assert done.json["replaced"]["version"] == "v3.1.0"


def test_gtos_configuration_is_honoured(clone: GitRepository) -> None:
    (clone.path / ".gto").write_text("stages: [staging, Production]\n", encoding="utf-8")
    asked = ("promote", "my-model", "--version", "v3.1.0", "--to")
    refused = run(clone.path, *asked, "qa", "--json")
    assert refused.json["reason"] == "stage-not-allowed"
    assert "staging, Production" in refused.json["message"]
    assert run(clone.path, *asked, "qa", env={"GTO_STAGES": '["qa"]'}).exit_code == 0
    (clone.path / ".gto").write_text("stages: oops\n", encoding="utf-8")
    assert run(clone.path, *asked, "Production", "--json").json["reason"] == "gto-config-invalid"


def test_hostile_messages_are_data(clone: GitRepository) -> None:
    words = "$(touch x) `id` ::error::\n\x1b[2Jsecond \u202e line\n# third"
    done = run(clone.path, "promote", "my-model", "--version", "v3.1.0", "--to", "Production", "-m", words)
    assert done.exit_code == 0, done.err
    assert clone.git("tag", "-l", "--format=%(contents)", "my-model#Production#3").rstrip("\n") == words
    assert all(line.isprintable() for line in done.out.splitlines())
    assert not (clone.path / "x").exists()


@pytest.mark.thorough
def test_a_workflow_is_started_for_what_was_pushed(clone: GitRepository) -> None:
    asked = ("promote", "my-model", "--version", "v3.1.0", "--to", "Production", "--push")
    with GitHubStandIn(repository="org/models", token="t") as github:
        env = {
            "GITHUB_API_URL": github.url,
            "GITHUB_REPOSITORY": "org/models",
            "GITHUB_TOKEN": "t",
            "GITHUB_ACTIONS": "true",
        }
        plain = run(clone.path, *asked, env=env)
        assert "GITHUB_TOKEN start no workflow" in plain.out
        done = run(clone.path, *asked, "--force", "--dispatch", "deploy-by-hand.yml", "--json", env=env)
        assert (done.exit_code, done.err) == (0, "")
        [dispatch] = github.dispatches
        assert (dispatch.workflow, dispatch.inputs) == ("deploy-by-hand.yml", {"tag": "my-model#Production#4"})
        assert str(dispatch.run_id) in done.json["dispatched"]
        missing = run(clone.path, *asked, "--force", "--dispatch", "missing.yml", "--json", env=env)
    assert_dispatch_failed(missing)
    assert "my-model#Production#5" in remote_of(clone).tags()


def assert_dispatch_failed(done: Done) -> None:
    """The tags are told, and what went wrong after them."""
    assert (done.exit_code, done.json["reason"]) == (4, "dispatch-failed")
    assert done.json["tags"][0]["pushed"] is True
    assert done.err.startswith("error: ")
