"""Registries that somebody spoilt: one clear message or a finding, and the other models unharmed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.adapters.test_git_odd_tags import raw_tag, tagger
from tests.faces.command_lines import Done, run, tree
from tests.standins.registries import GitRepository, History

pytestmark = pytest.mark.thorough

EVERYTHING = (
    ["show"],
    ["show", "--json"],
    ["history"],
    ["history", "--json"],
    ["versions", "m"],
    ["versions", "m", "--json"],
    ["which", "m", "prod", "--all", "--json"],
    ["resolve", "m#prod", "--json"],
    ["resolve", "m#prod#1", "--show", "--history", "--json"],
    ["show", "--at", "7d"],
)


@pytest.fixture
def registry(tmp_path: Path) -> GitRepository:
    """`m` v1 and `n` v1, both in prod."""
    made = GitRepository(tmp_path / "registry")
    made.commit({"a": "a"})
    for model in ("m", "n"):
        made.tag(f"{model}@v1.0.0")
        made.tag(f"{model}#prod#1")
    return made


def ask_everything(registry: GitRepository, *, expected: str = "v1.0.0") -> list[Done]:
    """Every question is answered, and prod of `n` is what it was."""
    ended = [run(registry.path, *question) for question in EVERYTHING]
    assert [done.exit_code for done in ended] == [0] * len(EVERYTHING)
    for done, question in zip(ended, EVERYTHING, strict=True):
        if "--json" in question:
            json.loads(done.out)
        assert all(line.isprintable() for line in done.out.splitlines())
    assert run(registry.path, "which", "n", "prod").out == "v1.0.0\n"
    assert run(registry.path, "which", "m", "prod").out == f"{expected}\n"
    return ended


@pytest.mark.parametrize("text", [b"word " * 200_000, b"line\n" * 200_000], ids=["one line", "many lines"])
def test_a_message_of_a_megabyte(registry: GitRepository, text: bytes) -> None:
    raw_tag(registry, "m#prod#4", tagger() + text)
    _, _, history, document, *_ = ask_everything(registry)
    assert max(map(len, history.out.splitlines())) < 250
    assert [len(event["message"]) for event in document.json["events"] if event["tag"] == "m#prod#4"] == [999_999]


def test_ten_thousand_lightweight_tags(tmp_path: Path) -> None:
    """Each is a finding; reading them is one pass, however many there are."""
    history, made = History(), GitRepository(tmp_path / "registry")
    commit = history.commit()
    for model in ("m", "n"):
        history.tag(f"{model}@v1.0.0", at=commit)
        history.tag(f"{model}#prod#1", at=commit)
    for number in range(2, 10_002):
        history.tag(f"m#prod#{number}", at=commit, annotated=False)
    history.write(made)
    shown, document = run(made.path, "show"), run(made.path, "show", "--json")
    assert len(document.json["warnings"]) == 10_000
    assert shown.out.splitlines()[-1].startswith("… and 9990 more warnings")
    assert run(made.path, "which", "m", "prod", "--all").out == "v1.0.0\n"


@pytest.mark.parametrize("target", ["HEAD:a", "HEAD^{tree}"])
@pytest.mark.parametrize("annotated", [True, False])
def test_b07_tags_on_files_and_folders(registry: GitRepository, target: str, annotated: bool) -> None:
    registry.tag("m#prod#4", at=target, annotated=annotated)
    _, document, *_ = ask_everything(registry)
    [warning] = document.json["warnings"]
    assert (warning["tag"], warning["code"]) == ("m#prod#4", "unusable-tag" if annotated else "lightweight-tag")


def test_b07_no_tagger(registry: GitRepository) -> None:
    raw_tag(registry, "m#prod#4", b"\nwords\n")
    _, document, *_ = ask_everything(registry)
    assert [warning["code"] for warning in document.json["warnings"]] == ["unusable-tag"]


@pytest.mark.parametrize(
    ("when", "zone", "shown"),
    [
        (0, "+0000", "1970-01-01T00:00:00+00:00"),
        (4_102_444_800, "+0000", "2100-01-01T00:00:00+00:00"),
        (4_102_444_800, "+1400", "2100-01-01T14:00:00+14:00"),
        (4_102_444_800, "+9999", None),
        (4_102_444_800, "nonsense", None),
        (253_402_300_800, "-1200", "@253402300800"),
        (253_402_300_800, "+0000", "@253402300800"),
        (10**15, "+0000", "@1000000000000000"),
        (2**63 - 1, "+0000", None),
        (10**40, "+0000", None),
    ],
)
def test_dates_of_every_calendar(registry: GitRepository, when: int, zone: str, shown: str | None) -> None:
    raw_tag(registry, "m#prod#4", tagger(when, zone))
    for question in (["show"], ["history"], ["versions", "m"], ["show", "--at", "m#prod#4"], ["show", "--at", "7d"]):
        assert run(registry.path, *question).exit_code in (0, 3), question
    for question in (["show", "--json"], ["history", "--json"], ["resolve", "m#prod", "--json"]):
        assert run(registry.path, *question).json
    assert run(registry.path, "which", "n", "prod").out == "v1.0.0\n"
    [event] = [
        event for event in run(registry.path, "history", "--json").json["events"] if event["tag"] == "m#prod#4"
    ] or [None]
    if shown is not None:
        assert event is not None
        assert event["time"] == shown


@pytest.mark.parametrize("line", ["nonsense", "x" * 40 + " refs/tags/m#prod#9", "^" + "0" * 40, "0" * 40 + " ../../x"])
def test_a_spoilt_list_of_refs(registry: GitRepository, line: str) -> None:
    registry.git("pack-refs", "--all")
    asked = {" ".join(question): run(registry.path, *question) for question in EVERYTHING}
    before = {question: (done.exit_code, done.out) for question, done in asked.items()}
    packed = registry.path / ".git" / "packed-refs"
    packed.write_text(packed.read_text() + line + "\n")
    done = run(registry.path, "show", "--json")
    assert (done.exit_code, done.json["reason"]) == (4, "git-failed")
    assert "packed" in done.json["message"]
    assert "new clone" in done.json["hint"]
    for question in EVERYTHING:  # git looks at one part of the list only where one model is asked for
        done = run(registry.path, *question)
        assert (done.exit_code, done.out) == before[" ".join(question)] or done.exit_code in (3, 4)
        if done.exit_code and "--json" in question:
            assert done.json["reason"] in ("git-failed", "incomplete-tags")
            assert "packed" in done.json["message"]


def test_a_tag_whose_object_is_gone(registry: GitRepository) -> None:
    """That model's answer cannot be known, and it is not guessed; the others can be asked."""
    gone = registry.tag("m#prod#4")
    (registry.path / ".git" / "objects" / gone[:2] / gone[2:]).unlink()
    for question in (["which", "m", "prod"], ["show"], ["history", "m"], ["versions", "m"], ["resolve", "m#prod"]):
        done = run(registry.path, *question, "--json")
        assert (done.exit_code, done.json["reason"]) == (4, "git-failed")
        assert "m#prod#4" in done.json["message"]
        assert "git fetch --tags" in done.json["hint"]
    assert run(registry.path, "which", "n", "prod").out == "v1.0.0\n"
    assert list(run(registry.path, "show", "n", "--json").json["models"]) == ["n"]


def test_a_repository_that_may_only_be_read(registry: GitRepository) -> None:
    places = sorted(registry.path.rglob("*"), reverse=True)
    for place in places:
        place.chmod(place.stat().st_mode & ~0o222)
    before = tree(registry.path)
    try:
        ask_everything(registry)
        assert tree(registry.path) == before
    finally:
        for place in places:
            place.chmod(place.stat().st_mode | 0o200)


def test_a_remote_that_is_missing(registry: GitRepository, tmp_path: Path) -> None:
    registry.git("remote", "add", "origin", (tmp_path / "nowhere").as_uri())
    ask_everything(registry)
    registry.git("clone", "--quiet", "--depth=1", registry.path.as_uri(), str(tmp_path / "shallow"))
    shallow = GitRepository(tmp_path / "shallow")
    shallow.git("remote", "set-url", "origin", (tmp_path / "nowhere").as_uri())
    for question in (["show"], ["which", "m", "prod"]):
        done = run(shallow.path, *question, "--json")
        assert (done.exit_code, done.json["reason"]) == (3, "incomplete-tags")
        assert "nowhere" in done.json["message"]
    shallow.git("remote", "set-url", "origin", "http://[::1")
    assert run(shallow.path, "show", "--json").json["reason"] == "incomplete-tags"


def test_names_of_any_bytes(registry: GitRepository) -> None:
    commit = registry.git("rev-parse", "HEAD")
    for name in ("ü#prod#1", "\udcff\udcfe#prod", "m#pröd", "$(id)#prod", "-x=m#p"):
        registry.git("update-ref", f"refs/tags/{name}", commit)
    ask_everything(registry)
