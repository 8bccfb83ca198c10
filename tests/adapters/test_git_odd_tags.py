"""Tags that no porcelain makes, or that somebody made to mislead: each is read for what it is, the others beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_stage_deploy.adapters.git_process import Git
from model_stage_deploy.adapters.git_repository import GitRepository as Reader
from model_stage_deploy.core.model import TagRecord
from model_stage_deploy.core.registry import fold
from tests.adapters.git_clones import Ears, in_prod, isolate, make_registry
from tests.standins.registries import FIRST_MOMENT, GitRepository

pytestmark = pytest.mark.thorough


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> GitRepository:
    isolate(monkeypatch, tmp_path / "home")
    return make_registry(tmp_path / "registry")


def tags(repository: GitRepository) -> dict[str, TagRecord]:
    return {record.name: record for record in Reader.open(repository.path).tags(None)}


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
    forged = (
        b"x\0\nm#prod#6\0"
        + b"f" * 40
        + b"\0tag\0m#prod#6\0"
        + b"f" * 40
        + b"\0commit\0Eve\0e@e\x009999999999 +0000\0w\0"
    )
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
    for name in (
        "ü#prod#1",
        "\udcff\udcfe#prod",
        "m#pröd",
        "$(id)#prod",
        "'m'#prod",
        "a%00b#c",
        "-x=m#p",
        "漢字@v1.0.0",
    ):
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


def test_many_nested_tags_are_one_question(
    registry: GitRepository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whoever makes thousands of them does not make each reading thousands of git processes long."""
    ids: list[str] = []
    for number in range(20):
        ids.append(raw_tag(registry, f"m#prod#{number + 10}", tagger(), target=ids[-1] if ids else "HEAD"))
    raw_tag(registry, "m#prod#90", tagger(), target=raw_tag(registry, "m#prod#91", tagger(), target="HEAD^{tree}"))
    expected = registry.git("rev-parse", "HEAD")
    reader, ears = Reader.open(registry.path), Ears(monkeypatch, tmp_path)
    found = {record.name: record for record in Reader(Git(reader.git.directory)).tags(None)}
    assert len(ears.ours) == 2
    assert [found[f"m#prod#{number + 10}"].commit for number in range(20)] == [expected] * 20
    assert (found["m#prod#90"].commit, found["m#prod#90"].nested) == (None, True)
