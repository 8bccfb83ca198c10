"""Reading a real repository: tags as they are stored, however odd, in one git process; files, refs, completeness."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_stage_deploy.adapters.git_process import Git
from model_stage_deploy.adapters.git_repository import GitRepository as Reader
from model_stage_deploy.core.errors import Invalid, MachineryFailed
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.registry import TagRecord, fold
from tests.adapters.git_clones import Ears, in_prod, isolate, make_registry, snapshot
from tests.core.tag_records import current
from tests.standins.registries import FIRST_MOMENT, GitRepository, History, example_registry


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path / "home")


@pytest.fixture
def registry(tmp_path: Path) -> GitRepository:
    return make_registry(tmp_path / "registry")


def tags(repository: GitRepository, model: str | None = None) -> dict[str, TagRecord]:
    return {record.name: record for record in Reader.open(repository.path).tags(model)}


def raw_tag(
    repository: GitRepository, name: str, body: bytes, *, target: str = "HEAD", head: bytes | None = None
) -> str:
    """A tag object as no porcelain would make it, and a ref of that name on it."""
    found = repository.git("rev-parse", target)
    kind = repository.git("cat-file", "-t", found)
    start = f"object {found}\ntype {kind}\ntag {name}\n".encode() if head is None else head
    made = repository.git("hash-object", "-t", "tag", "-w", "--stdin", "--literally", stdin=start + body)
    repository.git("update-ref", f"refs/tags/{name}", made)
    return made


def tagger(when: int | str = FIRST_MOMENT, zone: str = "+0000") -> bytes:
    return f"tagger Eve <eve@example.com> {when} {zone}\n\n".encode()


def test_r19_fields(registry: GitRepository) -> None:
    object_id = registry.tag("m#prod#9", when=1_700_999_999, tagger=("Bob B", "bob@example.com"), message="why\n\nmore\n")
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
    wanted = {"a/m@v1.0.0", "a/m#x", "a/m#eu/de/prod#1", "a/m#eu/prod!#2", "a/m@deprecated", "a/m@v1.0.0!#3", "a/m@created"}
    for name in sorted(wanted | {"a/mm@v1.0.0", "a/m/x@v1.0.0", "b=a/m@v1.0.0", "xa/m#p", "A/M#p", "a/m", "a/m-x#p"} - {"a/m"}):
        registry.tag(name)
    if packed:
        registry.git("pack-refs", "--all")
    assert set(tags(registry, "a/m")) == wanted
    assert set(tags(registry, "b:a/m")) == {"b=a/m@v1.0.0"}
    assert tags(registry, "none") == {}
    assert set(tags(registry)) >= wanted | {"m@v1.0.0", "b=a/m@v1.0.0"}


def test_b05_nested_tags(registry: GitRepository) -> None:
    registry.tag("m#prod#4", at="m@v2.0.0")
    registry.tag("m#prod#5", at="m#prod#4")
    found = tags(registry)
    for name in ("m#prod#4", "m#prod#5"):
        assert found[name].nested
        assert found[name].commit == registry.git("rev-parse", "m@v2.0.0^{commit}")
    assert in_prod(list(found.values())) == "v2.0.0"


def test_b06_name_inside(registry: GitRepository) -> None:
    inner = registry.git("rev-parse", "refs/tags/n@v1.0.0")
    registry.git("update-ref", "refs/tags/m#prod#4", inner)
    record = tags(registry)["m#prod#4"]
    assert (record.inner_name, record.annotated) == ("n@v1.0.0", True)
    assert in_prod(list(tags(registry).values())) == "v1.0.0"


@pytest.mark.parametrize("target", ["HEAD:model.bin", "HEAD^{tree}"])
def test_b07_tag_to_no_commit(registry: GitRepository, target: str) -> None:
    registry.tag("m#prod#4", at=target)
    registry.tag("m#prod#5", at="m#prod#4")
    registry.tag("m#prod#6", at=target, annotated=False)
    found = tags(registry)
    assert [(found[f"m#prod#{n}"].commit, found[f"m#prod#{n}"].annotated) for n in (4, 5, 6)] == [
        (None, True),
        (None, True),
        (None, False),
    ]
    assert found["m#prod#5"].nested
    assert in_prod(list(found.values())) == "v1.0.0"


def test_b07_tag_without_tagger(registry: GitRepository) -> None:
    raw_tag(registry, "m#prod#4", b"\nwords\n")
    record = tags(registry)["m#prod#4"]
    assert (record.time, record.tagger, record.message) == (None, "", "words")
    assert in_prod(list(tags(registry).values())) == "v1.0.0"


def test_b08_annotations_are_never_read(registry: GitRepository) -> None:
    registry.commit({"artifacts.yaml": "{[", "dvc.yaml": "{["})
    registry.tag("m@v3.0.0")
    registry.tag("m#prod#4")
    assert in_prod(list(tags(registry).values())) == "v3.0.0"


def test_b18_one_process_however_many_tags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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


@pytest.mark.parametrize(
    ("when", "zone", "time"),
    [(0, "+0000", 0), (4_102_444_800, "+1400", 4_102_444_800), (10**11, "-1200", 10**11), (1, "+0530", 1)],
)
def test_dates(registry: GitRepository, when: int, zone: str, time: int) -> None:
    raw_tag(registry, "m#prod#4", tagger(when, zone))
    record = tags(registry)["m#prod#4"]
    assert (record.time, record.zone) == (time, zone)
    expected = "v1.0.0" if when < FIRST_MOMENT else registry.git("rev-parse", "HEAD")
    assert in_prod(list(tags(registry).values())) == expected


@pytest.mark.parametrize("when", ["-5", "abc", "", "9" * 40, "1e9"])
def test_dates_that_are_none(registry: GitRepository, when: str) -> None:
    raw_tag(registry, "m#prod#4", tagger(when))
    record = tags(registry)["m#prod#4"]
    assert record.time is None or isinstance(record.time, int)
    assert "m@v1.0.0" in tags(registry), "the others are still read"
    fold(tags(registry).values())


def test_messages_of_every_byte(registry: GitRepository) -> None:
    words = b"begin " + bytes(range(1, 256)) + b" \xc3\xa4\xe2\x80\xae end"
    raw_tag(registry, "m#prod#4", tagger() + words)
    registry.tag("m#prod#5", message="%00 %(refname) %(contents) %n\x01")
    found = tags(registry)
    assert found["m#prod#4"].message == words.decode(errors="replace")
    assert found["m#prod#5"].message == "%00 %(refname) %(contents) %n\x01"
    assert len(found) == 9


def test_nul_in_a_tag_object_moves_no_field(registry: GitRepository) -> None:
    """git refuses to make one, but a remote may hold one: nothing after it may be taken for another tag."""
    forged = b"x\0\nm#prod#6\0" + b"f" * 40 + b"\0tag\0m#prod#6\0" + b"f" * 40 + b"\0commit\0Eve\0e@e\x009999999999 +0000\0w\0"
    raw_tag(registry, "m#prod#4", tagger() + forged)
    raw_tag(registry, "m#prod#5", b"tagger Eve\0Mallory <e\0@e> 1700000000 +0000\n\nwords")
    found = tags(registry)
    assert set(found) == {*registry.tags()}
    assert "m#prod#6" not in found
    assert in_prod(list(found.values())) == "v1.0.0"


def test_large_message(registry: GitRepository) -> None:
    raw_tag(registry, "m#prod#4", tagger() + b"line of words\n" * 75_000)
    assert len(tags(registry)["m#prod#4"].message) == 75_000 * 14 - 1


def test_names_of_any_bytes(registry: GitRepository) -> None:
    commit = registry.git("rev-parse", "HEAD")
    for name in ("ü#prod#1", "\udcff\udcfe#prod", "m#pröd", "$(id)#prod", "'m'#prod", "a%00b#c", "-x=m#p", "漢字@v1.0.0"):
        registry.git("update-ref", f"refs/tags/{name}", commit)
    found = tags(registry)
    assert {"ü#prod#1", "\ufffd\ufffd#prod", "m#pröd", "$(id)#prod", "'m'#prod", "a%00b#c", "-x=m#p"} <= set(found)
    assert in_prod(list(found.values())) == "v1.0.0"
    assert set(fold(found.values()).models) == {"m", "n"}, "lightweight or not ours"


def test_mailmap_and_signatures_leave_the_fields_alone(registry: GitRepository) -> None:
    signature = b"-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n"
    raw_tag(registry, "m#prod#4", tagger() + b"words\n" + signature)
    registry.commit({".mailmap": "Other <other@example.com> Eve <eve@example.com>\n"})
    record = tags(registry)["m#prod#4"]
    assert (record.tagger, record.email) == ("Eve", "eve@example.com")
    assert record.message.startswith("words")


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
    for absent in ("none", "sub", "sub/none", "model.bin/x", "../registry/model.bin", "/etc/passwd", "..", ".", "", "--help", "$(id)"):
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
