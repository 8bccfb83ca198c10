"""The reading commands as processes: parse, show, which, history, and the contracts that other tools rely on."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.faces import corpora
from tests.faces.command_lines import COMMAND, COMPLAINT, Done, assert_civil, environment, run
from tests.standins.example_registry import build
from tests.standins.registries import GitRepository


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("demo") / "registry"
    build(directory, 9)
    return directory


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("churn#prod#4", ("assignment", "churn", "prod", None, 4)),
        ("churn#prod", ("assignment", "churn", "prod", None, None)),
        ("churn#prod!#4", ("unassignment", "churn", "prod", None, 4)),
        ("churn@v3.1.0", ("registration", "churn", None, "v3.1.0", None)),
        ("churn@v3.1.0!", ("deregistration", "churn", None, "v3.1.0", None)),
        ("churn@deprecated", ("deprecation", "churn", None, None, None)),
        ("a/b=fraud/eu#eu/prod#12", ("assignment", "a/b:fraud/eu", "eu/prod", None, 12)),
    ],
)
def test_parse_prints_exactly_the_documented_document(tmp_path: Path, tag: str, expected: tuple[object, ...]) -> None:
    done = run(tmp_path, "parse", tag, "--json")

    event, model, stage, version, counter = expected
    assert done.exit_code == 0
    assert list(done.json.items()) == [
        *(("event", event), ("model", model), ("stage", stage)),
        *(("version", version), ("counter", counter), ("tag", tag)),
    ]
    assert done.err == ""
    assert run(tmp_path, "parse", tag).out.splitlines()[0] == f"event    {event}"


@pytest.mark.parametrize(
    "tag", ["v1.0.0", "churn", "churn#", "", "-", "churn@3.1.0", "churn prod", "ch\nurn#prod", "é#prod"]
)
def test_a_text_that_is_no_tag_is_one_line_and_exit_2(tmp_path: Path, tag: str) -> None:
    done = run(tmp_path, "parse", "--", tag)
    assert (done.exit_code, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1
    assert done.err.startswith("error: ")
    assert "is not a GTO tag: " in done.err

    told = run(tmp_path, "parse", "--json", "--", tag)
    assert told.exit_code == 2
    assert set(told.json) == COMPLAINT
    assert (told.json["reason"], told.json["exit_code"]) == ("not-a-gto-tag", 2)


def test_parse_shows_hostile_texts_on_one_inert_line(tmp_path: Path) -> None:
    for text in corpora.tags()[::4]:
        done = run(tmp_path, "parse", "--", text)
        assert done.exit_code == 2
        [line] = done.err.splitlines()
        assert line.isprintable()


def test_show_has_the_documented_shape(registry: Path) -> None:
    done = run(registry, "show", "--json")

    document = done.json
    assert document["schema"] == "model-stage-deploy/registry/v1"
    assert set(document["models"]) == {"churn", "cv-class", "segment"}
    churn = document["models"]["churn"]
    assert (churn["deprecated"], churn["latest"]) == (False, "v3.1.0")
    versions = {stage: holding["version"] for stage, holding in churn["stages"].items()}
    assert versions == {"dev": "v3.1.0", "staging": "v3.1.0", "prod": "v3.0.0"}
    assert set(churn["stages"]["prod"]) == {"version", "commit", "tag", "since"}
    assert churn["stages"]["prod"]["commit"] == GitRepository(registry).tags()["churn#prod#3"]
    assert document["models"]["segment"]["stages"]["dev"]["version"] == "v0.4.1"

    [heading, first, *_] = run(registry, "show").out.splitlines()
    assert heading.split() == ["MODEL", "LATEST", "#dev", "#prod", "#staging"]
    assert first.split() == ["churn", "v3.1.0", "v3.1.0", "v3.0.0", "v3.1.0"]
    assert list(run(registry, "show", "segment", "--json").json["models"]) == ["segment"]


def test_show_sorts_by_time_or_by_version(registry: Path) -> None:
    for sort in ("time", "semver"):
        done = run(registry, "show", "churn", "--sort", sort, "--json")
        assert done.json["models"]["churn"]["stages"]["prod"]["version"] in ("v3.0.0", "v3.1.0")
    assert run(registry, "show", "--sort", "luck").exit_code == 2


def test_which_is_made_for_scripts(registry: Path) -> None:
    assert run(registry, "which", "churn", "prod").out == "v3.0.0\n"
    assert set(run(registry, "which", "churn", "prod", "--json").json) == {
        *("model", "stage", "version", "commit", "tag", "since"),
    }
    for arguments, reason in ((("churn", "moon"), "never-in-stage"), (("nobody", "prod"), "unknown-model")):
        done = run(registry, "which", *arguments, "--json")
        assert (done.exit_code, done.json["reason"]) == (3, reason)
        assert run(registry, "which", *arguments).out == ""


def test_history_is_newest_first_and_can_be_cut(registry: Path) -> None:
    everything = run(registry, "history", "--json").json["events"]
    churn = run(registry, "history", "churn", "--limit", "3", "--json").json["events"]

    assert len(everything) == len(GitRepository(registry).tags())
    assert [event["time"] for event in everything] == sorted((event["time"] for event in everything), reverse=True)
    assert len(churn) == 3
    assert churn == [event for event in everything if event["model"] == "churn"][:3]
    assert len(run(registry, "history", "--limit", "2").out.splitlines()) == 3


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1.5", "99999999999", "²", ""])
def test_a_limit_is_a_whole_number_above_0(registry: Path, limit: str) -> None:
    done = run(registry, "history", f"--limit={limit}")
    assert done.exit_code == 2
    assert "is not a whole number above 0" in done.err


@pytest.mark.parametrize("command", [("show",), ("which", "churn", "prod"), ("history",), ("check",)])
def test_repo_names_the_repository(registry: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    inside, outside = run(registry, *command), run(tmp_path, *command, "--repo", str(registry))
    below = run(registry / "models", *command)
    assert (inside.exit_code, inside.out) == (outside.exit_code, outside.out)
    assert (below.exit_code, below.out) == (inside.exit_code, inside.out)


@pytest.mark.parametrize(
    "command",
    [("show",), ("which", "a", "b"), ("history",), ("check",), ("deploy", "a#b", "--dry-run"), ("resolve", "a#b")],
)
def test_what_is_no_repository_is_one_clear_line(tmp_path: Path, command: tuple[str, ...]) -> None:
    file = tmp_path / "file"
    file.touch()
    for place in (tmp_path, tmp_path / "missing", file):
        done = run(tmp_path, *command, "--repo", str(place), "--json")
        assert (done.exit_code, done.json["reason"]) == (2, "not-a-repository"), done.err
        assert "--repo" in (done.json["hint"] or "")


def test_hostile_tags_messages_and_taggers_are_shown_inert(tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "repository")
    repository.commit({"a": "a"})
    for number, text in enumerate(corpora.values().values(), start=1):
        name = "".join(character for character in text if character not in "\n\r<>\0")[:200] or "x"
        repository.tag(f"churn@v1.0.{number}", message=text, tagger=(f"T {name}", "t@example.com"))
    repository.git("tag", "-a", "-m", "x", "$(touch${IFS}x)#prod#1")

    done = run(repository.path, "history")
    assert done.exit_code == 0
    assert len(done.out.splitlines()) == len(corpora.values()) + 1
    assert all(line.replace("\u00a0", "").replace("\u2003", "").isprintable() for line in done.out.splitlines())
    events = run(repository.path, "history", "--json").json["events"]
    messages = {event["message"] for event in events}
    assert messages == {text.strip() for text in corpora.values().values()}
    assert all(line.isprintable() for line in run(repository.path, "show").out.splitlines())


def test_an_empty_repository_says_what_to_do_first(tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "repository")
    done = run(repository.path, "show")
    assert done.exit_code == 0
    assert "no models yet" in done.out
    assert run(repository.path, "show", "--json").json["models"] == {}
    assert run(repository.path, "history", "--json").json["events"] == []


@pytest.mark.parametrize(
    "arguments", [["show"], ["history"], ["schema"], ["--help"], ["show", "--json"], ["check"], ["deploy", "--help"]]
)
def test_a_reader_that_has_gone_is_no_reason_to_complain(registry: Path, arguments: list[str]) -> None:
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=registry,
        env=environment(registry.parent),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()  # as `head` does when it has had enough
    words = process.stderr.read().decode()
    process.stderr.close()
    assert_civil(Done(process.wait(), "", words))
    assert "Broken pipe" not in words


@pytest.mark.thorough
@pytest.mark.parametrize("env", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"}], ids=["ascii", "C"])
def test_words_that_the_terminal_cannot_show_are_no_crash(tmp_path: Path, env: dict[str, str]) -> None:
    repository = GitRepository(tmp_path / "dépôt")
    repository.commit({"dvc.yaml": "artifacts: {churn: {path: modèle.pkl, desc: café ☕ 模型}}\n"})
    mapping = "version: 1\nstages: {prod: {environment: prodúction, deploy: {run: 'echo ☕ $MSD_MODEL_DESCRIPTION'}}}\n"
    repository.commit({"model-stages.yml": mapping})
    for tag in ("churn@v1.0.0", "churn#prod#1"):
        repository.tag(tag, at="HEAD~1", message="café ☕", tagger=("Adà", "a@example.com"))
    for arguments in (
        ["show"],
        ["history"],
        ["history", "--json"],
        ["check"],
        ["deploy", "churn#prod#1", "--dry-run"],
        ["deploy", "churn#prod#1", "--no-github"],
        ["resolve", "churn#prod#1", "--json"],
        ["which", "müdel", "prod"],
    ):
        done = run(repository.path, *arguments, env=env)
        assert done.exit_code == (2 if arguments[0] == "which" else 0), done.err
