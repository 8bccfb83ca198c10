"""Questions to the registry: versions, who is next, the past, and shortcuts."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.adapters.git_clones import Ears
from tests.faces.command_lines import run
from tests.standins.registries import FIRST_MOMENT, GitRepository

DAY = 86_400


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> GitRepository:
    """`m`: v1 (in prod and dev), v2 (was in prod), v3 deregistered, and a bare commit in `eu/prod`; `n` deprecated."""
    made = GitRepository(tmp_path_factory.mktemp("questions") / "registry")
    first, second, third, bare = (made.commit({"model": str(number)}) for number in range(4))
    made.tag("m@v1.0.0", at=first, message="the first\n\nwith more to say")
    made.tag("m@v2.0.0", at=second, tagger=("Grace", "grace@example.com"))
    made.tag("m#prod#1", at=first)
    made.tag("m#dev#2", at=first)
    made.tag("m#prod#3", at=second)
    made.tag("m@v3.0.0", at=third)
    made.tag("m#eu/prod#4", at=bare)
    made.tag("m@v3.0.0!#5", at=third, message="it was bad")
    made.tag("m#prod#6", at=first, message="back again")
    made.tag("a/b=n@v0.1.0", at=first)
    made.tag("a/b=n@deprecated", at=first)
    return made


def test_versions_tells_everything_of_each(registry: GitRepository) -> None:
    document = run(registry.path, "versions", "m", "--json").json
    assert (document["schema"], document["model"]) == ("model-stage-deploy/versions/v1", "m")
    assert (document["deprecated"], document["latest"]) == (False, "v2.0.0")
    found = {version["version"]: version for version in document["versions"]}
    commits = registry.tags()
    bare = commits["m#eu/prod#4"]
    assert list(found) == [bare, "v3.0.0", "v2.0.0", "v1.0.0"]
    assert {name: (version["registered"], version["active"], version["stages"]) for name, version in found.items()} == {
        "v1.0.0": (True, True, ["dev", "prod"]),
        "v2.0.0": (True, True, []),
        "v3.0.0": (True, False, []),
        bare: (False, True, ["eu/prod"]),
    }
    assert found["v1.0.0"]["commit"] == commits["m@v1.0.0"]
    assert found["v1.0.0"]["registration"]["message"] == "the first\n\nwith more to say"
    assert found["v2.0.0"]["registration"]["author"] == "Grace"
    assert found[bare]["registration"] is None
    assert {name: version["newest"]["tag"] for name, version in found.items()} == {
        "v1.0.0": "m#prod#6",
        "v2.0.0": "m#prod#3",
        "v3.0.0": "m@v3.0.0!#5",
        bare: "m#eu/prod#4",
    }
    assert [warning["code"] for warning in document["warnings"]] == ["unregistered-commit"]


def test_versions_reads_well(registry: GitRepository) -> None:
    heading, bare, third, second, first, warning = run(registry.path, "versions", "m").out.splitlines()
    assert heading.split() == ["VERSION", "COMMIT", "STATE", "STAGES", "REGISTERED", "BY", "NEWEST", "EVENT", "WHY"]
    assert bare.split()[0] == "-"
    assert "unregistered" in bare
    assert "deregistered" in third
    assert third.endswith("it was bad")
    assert "Grace" in second
    assert "dev, prod" in first
    assert warning.startswith("warning: m#eu/prod#4: ")


def test_versions_by_version(registry: GitRepository) -> None:
    names = [
        version["version"]
        for version in run(registry.path, "versions", "m", "--sort", "semver", "--json").json["versions"]
    ]
    assert names[:3] == ["v3.0.0", "v2.0.0", "v1.0.0"]
    assert len(names[3]) == 40


def test_versions_of_a_deprecated_model_and_of_none(registry: GitRepository) -> None:
    assert run(registry.path, "versions", "a/b:n").out.splitlines()[0] == "a/b:n is deprecated"
    done = run(registry.path, "versions", "nobody", "--json")
    assert (done.exit_code, done.json["reason"]) == (3, "unknown-model")
    assert done.json["hint"] == "models that it has: a/b:n, m"


def test_r35_r36_which_all_names_the_holder_and_who_is_next(registry: GitRepository) -> None:
    assert run(registry.path, "which", "m", "prod", "--all").out == "v1.0.0\nv2.0.0\n"
    assert run(registry.path, "which", "m", "prod", "--all", "--sort", "semver").out == "v2.0.0\nv1.0.0\n"
    document = run(registry.path, "which", "m", "prod", "--all", "--json").json
    assert document["schema"] == "model-stage-deploy/holders/v1"
    assert [(held["version"], held["tag"]) for held in document["versions"]] == [
        ("v1.0.0", "m#prod#6"),
        ("v2.0.0", "m#prod#3"),
    ]
    done = run(registry.path, "which", "m", "moon", "--all", "--json")
    assert (done.exit_code, done.json["reason"]) == (3, "never-in-stage")


def test_history_tells_why(registry: GitRepository) -> None:
    lines = run(registry.path, "history", "m").out.splitlines()
    assert lines[0].endswith("MESSAGE")
    assert lines[1].endswith("back again")
    assert lines[-1].endswith("the first")
    assert run(registry.path, "history", "m", "--json").json["events"][-1]["message"] == "the first\n\nwith more to say"


def test_history_since(registry: GitRepository) -> None:
    events = run(registry.path, "history", "--json").json["events"]
    for event in (events[0], events[3]):
        since = run(registry.path, "history", "--since", event["time"], "--json").json["events"]
        assert since == [other for other in events if other["time"] >= event["time"]]
        assert (
            run(registry.path, "history", f"--since={event['time']}", "--limit=1", "--json").json["events"] == since[:1]
        )
    assert run(registry.path, "history", "--since", "2w", "--json").json["events"] == []
    years = (int(time.time()) - FIRST_MOMENT) // DAY + 1
    assert run(registry.path, "history", "--since", f"{years}d", "--json").json["events"] == events


@pytest.mark.parametrize("text", ["yesterday", "", "2023-02-30", "7", "-1d", "1693814295", "m#prod#1", "2023-09-04T"])
@pytest.mark.parametrize("option", ["history --since", "show --at"])
def test_a_moment_is_never_guessed(registry: GitRepository, option: str, text: str) -> None:
    if option == "show --at" and text in ("", "m#prod#1"):
        return  # that is no question at all, and that is a tag
    done = run(registry.path, *option.split()[:1], f"{option.split()[1]}={text}", "--json")
    assert done.exit_code in (2, 3)
    assert done.json["reason"] in ("usage", "unknown-ref")
    assert "@SECONDS" in done.json["message"] + str(done.json["hint"])


@pytest.mark.parametrize("command", [["show"], ["history"], ["versions", "m"], ["which", "m", "prod"]])
def test_the_registry_as_it_was(registry: GitRepository, command: list[str]) -> None:
    """By a time, `@` seconds, a tag, or the commit of a moment just after it: the same past each time."""
    moment = int(registry.git("for-each-ref", "--format=%(taggerdate:unix)", "refs/tags/m#prod#3"))
    written = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
    pasts = [run(registry.path, *command, "--at", text, "--json") for text in (f"@{moment}", written, "m#prod#3")]
    pasts.append(run(registry.path, *command, "--at", "refs/tags/m#prod#3", "--json"))
    assert [past.exit_code for past in pasts] == [0] * 4
    assert all(past.json == pasts[0].json for past in pasts)
    document = pasts[0].json
    assert document["at"] == written.replace("Z", "+00:00")
    if command[0] == "which":
        assert document["version"] == "v2.0.0"
        assert run(registry.path, *command, "--at", "m#dev#2").out == "v1.0.0\n"
    if command[0] == "show":
        assert set(document["models"]) == {"m"}
        assert document["models"]["m"]["stages"]["prod"]["tag"] == "m#prod#3"
        assert document["models"]["m"]["latest"] == "v2.0.0"
        last = run(registry.path, *command, "--at", "m#prod#3").out.splitlines()[-1]
        assert last.startswith(f"as of {document['at']}: ")
    if command[0] == "history":
        assert document["events"][0]["tag"] == "m#prod#3"


@pytest.mark.thorough
def test_the_past_of_a_commit_and_of_a_branch(tmp_path: Path) -> None:
    made = GitRepository(tmp_path / "registry")
    made.commit({"a": "1"})
    made.tag("m@v1.0.0")
    made.tag("m#prod#1")
    middle = made.commit({"a": "2"})
    made.git("branch", "then")
    made.git("branch", "v9")
    made.tag("v9", annotated=False)
    made.tag("m@v2.0.0")
    made.tag("m#prod#2")
    made.commit({"a": "3"})
    for text in (middle, middle[:9], "then", "HEAD~1", "main^", "v9", "refs/heads/then"):
        assert run(made.path, "which", "m", "prod", "--at", text).out == "v1.0.0\n", text
    for text in ("main", "HEAD", "@"):
        assert run(made.path, "which", "m", "prod", "--at", text).out == "v2.0.0\n"
    for text in (
        "nowhere",
        "main@{yesterday}",
        ":/a",
        "HEAD^{/a}",
        "main..then",
        "--all",
        "f" * 40,
        "HEAD:a",
        "x y",
        "*",
    ):
        done = run(made.path, "which", "m", "prod", f"--at={text}", "--json")
        assert (done.exit_code, done.json["reason"]) == (3, "unknown-ref"), text


def test_a_model_that_was_not_there_yet(registry: GitRepository) -> None:
    done = run(registry.path, "which", "m", "prod", "--at", f"@{FIRST_MOMENT - 1}", "--json")
    assert (done.exit_code, done.json["reason"]) == (3, "unknown-model")
    assert "m@v1.0.0" in done.json["hint"]
    assert run(registry.path, "show", "--at", "@0").out.startswith("no models at that time\nas of 1970-01-01")


def test_r38_what_was_deleted_cannot_be_seen(tmp_path: Path) -> None:
    made = GitRepository(tmp_path / "registry")
    made.commit({"a": "1"})
    for tag in ("m@v1.0.0", "m#prod#1", "m@v1.0.0!#2"):
        made.tag(tag)
    assert run(made.path, "which", "m", "prod", "--at", "m#prod#1").out == "v1.0.0\n"
    made.git("tag", "-d", "m#prod#1")
    assert run(made.path, "which", "m", "prod", "--at", "m@v1.0.0").exit_code == 3


@pytest.mark.parametrize(
    ("shortcut", "version"),
    [
        ("m#prod", "v1.0.0"),
        ("m@latest", "v2.0.0"),
        ("m@greatest", "v2.0.0"),
        ("m@v2.0.0", "v2.0.0"),
        ("a/b:n@v0.1.0", "v0.1.0"),
    ],
)
def test_r62_resolve_answers_shortcuts(registry: GitRepository, shortcut: str, version: str) -> None:
    assert run(registry.path, "resolve", shortcut).out == f"{version}\n"
    document = run(registry.path, "resolve", shortcut, "--json").json
    assert (document["schema"], document["asked"]) == ("model-stage-deploy/resolved/v1", shortcut)
    assert document["version"] == version
    assert document["commit"] == registry.tags()[document["tag"]]


@pytest.mark.parametrize(
    ("shortcut", "reason"),
    [
        ("nobody#prod", "unknown-model"),
        ("m#moon", "never-in-stage"),
        ("m@v9.9.9", "unknown-version"),
        ("m@v3.0.0", "inactive-version"),
    ],
)
def test_r62_what_a_shortcut_cannot_name(registry: GitRepository, shortcut: str, reason: str) -> None:
    done = run(registry.path, "resolve", shortcut, "--json")
    assert (done.exit_code, done.json["reason"]) == (3, reason)
    assert run(registry.path, "resolve", shortcut).out == ""


def test_r62_a_simple_tag_is_named_in_full(tmp_path: Path) -> None:
    """`m#prod` is what the stage has; the tag of that name says what it said when it was made."""
    made = GitRepository(tmp_path / "registry")
    made.commit({"a": "1"})
    for tag in ("m@v1.0.0", "m#prod"):
        made.tag(tag)
    made.commit({"a": "2"})
    for tag in ("m@v2.0.0", "m#prod#2"):
        made.tag(tag)
    assert run(made.path, "resolve", "m#prod").out == "v2.0.0\n"
    assert run(made.path, "resolve", "refs/tags/m#prod", "--json").json["version"] == "v1.0.0"
    done = run(made.path, "resolve", "m#prod", "--show", "--json")
    assert (done.exit_code, done.json["reason"]) == (2, "usage")
    assert "'refs/tags/m#prod'" in done.json["hint"]


@pytest.mark.thorough
def test_a_tag_with_the_table_and_its_history(
    registry: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = run(registry.path, "resolve", "m#prod#6", "--json").json
    ears = Ears(monkeypatch, tmp_path)
    whole = run(
        registry.path, "resolve", "m#prod#6", "--show", "--history", "--json", env={"PATH": os.environ["PATH"]}
    ).json
    assert len([line for line in ears.ours if "for-each-ref" in line]) == 1, "the tags are read once"
    assert {key for key in whole if key not in plain} == {"show", "history"}
    assert {key: value for key, value in whole.items() if key in plain} | {"steps": []} == plain | {"steps": []}
    assert whole["show"] == run(registry.path, "show", "--json").json
    assert whole["history"] == run(registry.path, "history", "m", "--json").json["events"]

    text = run(registry.path, "resolve", "m#prod#6", "--show", "--history").out
    assert text.startswith("Resolved: m#prod#6 is the assignment of m v1.0.0 in prod\n")
    assert run(registry.path, "show").out in text
    assert text.endswith(run(registry.path, "history", "m").out)
    only = run(registry.path, "resolve", "m#prod#6", "--history", "--json").json
    assert "show" not in only


def test_a_refused_tag_still_shows_the_table(registry: GitRepository) -> None:
    done = run(registry.path, "resolve", "m#prod#99", "--show", "--history", "--json")
    assert (done.exit_code, done.json["reason"]) == (3, "tag-not-found")
    assert set(done.json["show"]["models"]) == {"m", "a/b:n"}
    assert len(done.json["history"]) == 9
    near = run(registry.path, "resolve", "m#prod!!", "--show", "--json")
    assert (near.exit_code, near.json["show"]) == (2, None)


@pytest.mark.parametrize("arguments", [["resolve", "--show"], ["resolve", "--history"], ["resolve"]])
def test_resolve_needs_something_to_resolve(registry: GitRepository, arguments: list[str]) -> None:
    done = run(registry.path, *arguments, "--json")
    assert (done.exit_code, done.json["reason"]) == (2, "usage")


def test_in_a_workflow_the_pushed_tag_is_meant(registry: GitRepository) -> None:
    done = run(registry.path, "resolve", "--show", "--json", env={"GITHUB_REF": "refs/tags/m#prod#6"})
    assert (done.exit_code, done.json["version"]) == (0, "v1.0.0")


def test_in_a_workflow_a_stale_clone_asks_its_remote(registry: GitRepository, tmp_path: Path) -> None:
    """A kept folder may be an earlier run's; where the remote fails, that is said."""
    own = GitRepository(tmp_path / "own")
    own.commit({"a": "a"})
    own.tag("m#prod#1")
    own.git("clone", "--quiet", own.path.as_uri(), str(tmp_path / "job"))
    own.tag("m@v1.0.0", at="HEAD")
    job = {"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/tags/m#prod#1"}
    done = run(tmp_path / "job", "resolve", "--show", "--json", env=job)
    assert (done.exit_code, done.json["version"]) == (0, "v1.0.0")
    assert done.json["show"]["models"]["m"]["latest"] == "v1.0.0"
    GitRepository(tmp_path / "job").git("remote", "set-url", "origin", (tmp_path / "nowhere").as_uri())
    done = run(tmp_path / "job", "resolve", "--show", "--json", env=job)
    assert (done.exit_code, done.json["reason"]) == (3, "incomplete-tags")
