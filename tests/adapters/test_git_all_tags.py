"""Reading all tags by their names and a stream of objects says the same as git's own reading of their fields."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model_stage_deploy.adapters.git_all_tags import _read
from model_stage_deploy.adapters.git_process import Git
from model_stage_deploy.adapters.git_repository import GitRepository as Reader
from model_stage_deploy.adapters.git_repository import tag_patterns
from model_stage_deploy.core.errors import Invalid, MachineryFailed
from model_stage_deploy.core.model import TagRecord
from tests.adapters.git_clones import Ears, isolate, make_registry
from tests.standins.registries import GitRepository


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path / "home")


def by_fields(reader: Reader) -> list[TagRecord]:
    """What for-each-ref says of the same tags."""
    every = reader._read(tag_patterns(None), details=False)
    return sorted(record for record in every if "@" in record.name or "#" in record.name)


def made(registry: GitRepository, name: str, lines: str, body: str = "why\n") -> None:
    """A tag object with exactly these header lines."""
    text = f"{lines}\n{body}".encode()
    made = registry.git("hash-object", "-t", "tag", "-w", "--stdin", "--literally", stdin=text)
    registry.git("update-ref", f"refs/tags/{name}", made)


def test_odd_tags_are_read_as_git_reads_them(tmp_path: Path) -> None:
    registry = make_registry(tmp_path / "registry")
    commit = registry.git("rev-parse", "HEAD")
    blob = registry.git("hash-object", "-w", "--stdin", stdin=b"x" * 3_000_000)
    tree = registry.git("rev-parse", "HEAD^{tree}")
    begin = f"object {commit}\ntype commit\n"
    for number, (name, lines) in enumerate(
        {
            "odd@v1.0.0": f"{begin}tag odd@v1.0.0\n",  # no tagger
            "odd@v2.0.0": f"{begin}tag another\ntagger A <a@b> 1700000000 +0000\n",
            "odd@v3.0.0": f"{begin}tag odd@v3.0.0\ntagger A <a@b> -5 +0000\n",
            "odd@v4.0.0": f"{begin}tag odd@v4.0.0\ntagger A > B <a@b> 1700000000 +0000\n",
            "odd@v5.0.0": f"{begin}tag odd@v5.0.0\ntagger A <a@b> 99999999999999999999 +0000\n",
            "odd@v6.0.0": f"{begin}tag odd@v6.0.0\ntagger A <a@b> 1700000000 +9999\n",
            "odd@v7.0.0": f"{begin}tag odd@v7.0.0\ntagger <> 0 +0000\n",
            "odd@v8.0.0": f"object {blob}\ntype blob\ntag odd@v8.0.0\ntagger A <a@b> 1700000000 +0000\n",
            "odd@v9.0.0": f"object {tree}\ntype tree\ntag odd@v9.0.0\ntagger A <a@b> 1700000000 +0000\n",
            "odd#prod#1": f"{begin}tag odd#prod#1\ntagger Zoë Ünal <z@b> 1700000000 -0330\n",
            "odd#prod#2": f"{begin}tag odd#prod#2\ntagger A <a@b> 1700000000 +0000\nencoding ISO-8859-1\n",
        }.items()
    ):
        made(registry, name, lines, body=f"{begin}tag odd#prod#{number}\n" * 3 + "é\0ü")
    made(registry, "odd#long#1", f"{begin}tag odd#long#1\ntagger A <a@b> 1700000000 +0000\n", body="m" * 1_000_000)
    made(registry, "odd#name#1", f"{begin}tag odd#name#1\ntagger {'A' * 30_000} <a@b> 1700000000 +0000\n")
    registry.git("tag", "-a", "-m", "of a tag", "odd#nested#1", "odd#prod#1")
    for name, place in {"light@v1.0.0": commit, "light@v2.0.0": blob, "light@v3.0.0": tree, "light#prod": blob}.items():
        registry.git("tag", name, place)
    registry.tag("modèle@v1.0.0")
    registry.tag("release-1.0")
    reader = Reader(Git(registry.path))
    for _ in ("loose", "packed"):
        assert sorted(reader.tags(None, details=False)) == by_fields(reader)
        registry.git("pack-refs", "--all")
        registry.git("gc", "--quiet")
    assert len(by_fields(reader)) > 18


def test_two_processes_however_many_tags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = make_registry(tmp_path / "registry")
    ears = Ears(monkeypatch, tmp_path)
    reader = Reader(Git(registry.path))
    assert reader.tags(None, details=False)
    assert len(ears.ours) == 2
    assert [word for word in ("for-each-ref", "cat-file") if any(word in line for line in ears.all)] == [
        "for-each-ref",
        "cat-file",
    ]


def test_no_tag_at_all(tmp_path: Path) -> None:
    registry = GitRepository(tmp_path / "empty")
    reader = Reader(Git(registry.path))
    assert reader.tags(None, details=False) == []
    registry.commit()
    registry.tag("release-1.0")
    assert reader.tags(None, details=False) == []


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    registry = make_registry(tmp_path / "registry")
    lost = registry.tag("m#prod#9")
    (registry.path / ".git" / "objects" / lost[:2] / lost[2:]).unlink()
    with pytest.raises(MachineryFailed, match=f"missing object {lost} for refs/tags/m#prod#9"):
        Reader(Git(registry.path)).tags(None, details=False)
    with pytest.raises(Invalid, match="not in a Git repository"):
        Reader(Git(tmp_path)).tags(None, details=False)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.integers(1, 50), min_size=1, max_size=40), st.lists(st.text("ab\n", max_size=9), max_size=5))
def test_pieces_may_end_anywhere(cuts: list[int], messages: list[str]) -> None:
    """What git says is read the same, wherever its output is cut."""
    rows, said, told = [], "", []
    for number, message in enumerate(messages):
        name, ref, commit = f"m@v{number}.0.0", f"{number:040x}", f"{number:040x}"
        lines = f"object {commit}\ntype commit\ntag {name}\ntagger A <a@b> {number} +0000\n\n{message}"
        kind = "tag" if number % 3 else "commit"
        rows.append(f"{ref} {name}")
        said += f"{ref} {kind} {len(lines)}\n{lines}\n"
        told.append((name, kind == "tag"))

    def pieces() -> Iterator[str]:
        at = 0
        for cut in cuts:
            yield said[at : at + cut]
            at += cut
        yield said[at:]

    others: list[str] = []
    found = list(_read(rows, 40, (piece for piece in pieces() if piece), others))
    assert [(record.name, record.annotated) for record in found] == told
    assert others == []
