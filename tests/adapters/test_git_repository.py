"""Reading a real repository: tags as they are stored, however odd, in one git process; files, refs, completeness."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_stage_deploy.adapters.git_process import Git
from model_stage_deploy.adapters.git_repository import GitRepository as Reader
from model_stage_deploy.core.errors import Invalid, MachineryFailed
from model_stage_deploy.core.model import TagRecord
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.registry import fold
from tests.adapters.git_clones import Ears, in_prod, isolate, make_registry, snapshot
from tests.core.tag_records import current
from tests.standins.registries import GitRepository, History, example_registry


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path / "home")


@pytest.fixture
def registry(tmp_path: Path) -> GitRepository:
    return make_registry(tmp_path / "registry")


def tags(repository: GitRepository, model: str | None = None) -> dict[str, TagRecord]:
    return {record.name: record for record in Reader.open(repository.path).tags(model)}


def test_r19_fields(registry: GitRepository) -> None:
    object_id = registry.tag(
        "m#prod#9", when=1_700_999_999, tagger=("Bob B", "bob@example.com"), message="why\n\nmore\n"
    )
    assert tags(registry)["m#prod#9"] == TagRecord(
        name="m#prod#9",
        object_id=object_id,
        annotated=True,
        commit=registry.git("rev-parse", "HEAD"),
        time=1_700_999_999,
        zone="+0000",
        tagger="Bob B",
        email="bob@example.com",
        message="why\n\nmore",
        inner_name="m#prod#9",
        nested=False,
    )


@pytest.mark.parametrize("kind", ["SSH SIGNATURE", "PGP SIGNATURE"])
def test_r19_a_signature_is_no_part_of_the_message(registry: GitRepository, kind: str) -> None:
    registry.tag("m#prod#9", message=f"why\n\nmore\n-----BEGIN {kind}-----\n\nabc=\n-----END {kind}-----\n")
    assert tags(registry)["m#prod#9"].message == "why\n\nmore"


def test_real_registry(tmp_path: Path) -> None:
    repository = example_registry(tmp_path / "example")
    folded = fold(tags(repository).values())
    churn = folded.model("churn")
    stages = {stage: current(churn, stage) for stage in churn.stages}
    assert stages == {"dev": "v3.1.0", "staging": "v3.1.0", "prod": "v3.0.0"}
    assert current(folded.model("segment"), "dev") == "v0.4.1"
    assert folded.findings == ()
    only = fold(Reader.open(repository.path).tags("churn"))
    assert list(only.models) == ["churn"]


@pytest.mark.parametrize("packed", [False, True])
def test_one_models_tags(registry: GitRepository, packed: bool) -> None:
    wanted = {
        "a/m@v1.0.0",
        "a/m#x",
        "a/m#eu/de/prod#1",
        "a/m#eu/prod!#2",
        "a/m@deprecated",
        "a/m@v1.0.0!#3",
        "a/m@created",
    }
    for name in sorted(
        wanted | {"a/mm@v1.0.0", "a/m/x@v1.0.0", "b=a/m@v1.0.0", "xa/m#p", "A/M#p", "a/m", "a/m-x#p"} - {"a/m"}
    ):
        registry.tag(name)
    if packed:
        registry.git("pack-refs", "--all")
    assert set(tags(registry, "a/m")) == wanted
    assert set(tags(registry, "b:a/m")) == {"b=a/m@v1.0.0"}
    assert tags(registry, "none") == {}
    assert set(tags(registry)) >= wanted | {"m@v1.0.0", "b=a/m@v1.0.0"}


def test_b08_annotations_are_never_read(registry: GitRepository) -> None:
    registry.commit({"artifacts.yaml": "{[", "dvc.yaml": "{["})
    registry.tag("m@v3.0.0")
    registry.tag("m#prod#4")
    assert in_prod(list(tags(registry).values())) == "v3.0.0"


def test_b18_one_process_however_many_tags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history, repository = History(), GitRepository(tmp_path / "many")
    for number in range(500):
        commit = history.commit()
        history.tag(f"m@v{number}.0.0", at=commit)
        history.tag(f"m#prod#{number}", at=commit)
    history.write(repository)
    git = Reader.open(repository.path).git
    ears = Ears(monkeypatch, tmp_path)
    reader = Reader(Git(git.directory))
    assert len(reader.tags("m")) == 1000
    assert len(ears.ours) == 1
    assert len(reader.tags(None)) == 1000
    assert len(ears.ours) == 2
    assert len(ears.traced) == 2, "git itself starts no other process either"
    assert all("for-each-ref" in line for line in ears.all)


def test_lightweight(registry: GitRepository) -> None:
    commit = registry.git("rev-parse", "HEAD")
    registry.tag("m#prod#4", annotated=False)
    assert tags(registry)["m#prod#4"] == TagRecord("m#prod#4", commit, annotated=False, commit=commit)


def test_reading_changes_nothing(registry: GitRepository) -> None:
    before = snapshot(registry.path)
    reader = Reader.open(registry.path)
    reader.tags(None)
    reader.tags("m")
    reader.read_file(str(reader.commit_of("HEAD")), "model.bin")
    assert reader.why_incomplete() is None
    assert snapshot(registry.path) == before


def test_open(registry: GitRepository, tmp_path: Path) -> None:
    folder = registry.path / "sub"
    folder.mkdir(exist_ok=True)
    assert Reader.open(folder).top == registry.path
    assert len(Reader.open(folder).tags("m")) == 5
    assert Reader.open(folder).git_directory == registry.path / ".git"
    bare = GitRepository(tmp_path / "bare", bare=True)
    assert Reader.open(bare.path).top == bare.path
    assert Reader.open(bare.path).tags(None) == []
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(Invalid) as refusal:
            Reader.open(path)
        assert refusal.value.reason is Reason.NOT_A_REPOSITORY
        assert "--repo" in refusal.value.hint


def test_commit_of(registry: GitRepository) -> None:
    reader = Reader.open(registry.path)
    head = registry.git("rev-parse", "HEAD")
    assert reader.commit_of("refs/heads/main") == reader.commit_of("HEAD") == reader.commit_of(head) == head
    assert reader.commit_of("refs/tags/m@v2.0.0") == registry.git("rev-parse", "m@v2.0.0^{commit}")
    for nothing in ("refs/heads/none", "f" * 40, "", "--all", "-h", "HEAD:model.bin", "a b", "\n", "$(id)", "@{u}"):
        assert reader.commit_of(nothing) is None


def test_read_file(registry: GitRepository) -> None:
    registry.commit({"ü/a b.txt": "odd", "-x": "dash", "empty": ""})
    reader = Reader.open(registry.path)
    head = str(reader.commit_of("HEAD"))
    first = str(reader.commit_of("m@v1.0.0"))
    assert reader.read_file(head, "model.bin") == b"\x00two\xff"
    assert reader.read_file(first, "model.bin") == b"\x00one\xff"
    assert reader.read_file(head, "sub/deep.txt") == reader.read_file(head, "./sub//x/../deep.txt") == b"deep"
    assert (reader.read_file(head, "ü/a b.txt"), reader.read_file(head, "-x"), reader.read_file(head, "empty")) == (
        b"odd",
        b"dash",
        b"",
    )
    for absent in (
        "none",
        "sub",
        "sub/none",
        "model.bin/x",
        "../registry/model.bin",
        "/etc/passwd",
        "..",
        ".",
        "",
        "--help",
        "$(id)",
    ):
        assert reader.read_file(head, absent) is None
    with pytest.raises(MachineryFailed, match="commit ffffffffffff is not in this repository"):
        reader.read_file("f" * 40, "model.bin")


def test_read_file_below_the_top(registry: GitRepository) -> None:
    """Paths are those of the repository, wherever in it we were started."""
    reader = Reader.open(registry.path / "sub")
    head = str(reader.commit_of("HEAD"))
    assert reader.read_file(head, "sub/deep.txt") == reader.read_file(head, "./sub/deep.txt") == b"deep"
    assert reader.read_file(head, "deep.txt") is None


def test_remote_url(registry: GitRepository) -> None:
    reader = Reader.open(registry.path)
    assert reader.remote_url() is None
    registry.git("remote", "add", "origin", "https://example.com/a b.git")
    assert reader.remote_url() == "https://example.com/a b.git"
    assert reader.remote_url("other") is None


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({}, None),
        ({"remote.origin.fetch": "+refs/heads/*:refs/remotes/origin/*"}, None),
        ({"remote.origin.fetch": "+refs/*:refs/*", "remote.origin.mirror": "true"}, None),
        ({"remote.origin.fetch": "+refs/heads/main:refs/remotes/origin/main"}, "single branch"),
        ({"remote.origin.tagOpt": "--no-tags"}, "leaves tags out"),
        ({"remote.origin.tagOpt": "--tags"}, None),
        ({"remote.up.partialCloneFilter": "blob:none"}, "partial clone"),
        ({"extensions.partialClone": "origin"}, "partial clone"),
    ],
)
def test_why_incomplete(registry: GitRepository, settings: dict[str, str], why: str | None) -> None:
    for name, value in settings.items():
        registry.git("config", name, value)
    found = Reader.open(registry.path).why_incomplete()
    assert found is None if why is None else why in str(found)
