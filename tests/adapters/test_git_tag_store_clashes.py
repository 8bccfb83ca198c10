"""Several who add tags at once, and tags that are there already: one wins, the others are told, nothing is replaced."""

from __future__ import annotations

import os
import re
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_stage_deploy.adapters.git_pushing import push_tags
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.ports import TagClash
from tests.adapters.tag_stores import KINDS, Bench, make_bench, meddle, new, refs

pytestmark = pytest.mark.thorough

WRITERS = 20
NAMES = ("m@v1.0.0", "m@v9.0.0", "m#prod#1", "m#prod#8", "m#dev#8", "m#dev", "m@v9.0.0!")


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bench:
    return make_bench(tmp_path, monkeypatch)


@pytest.mark.parametrize("same", [False, True], ids=["different-words", "the-very-same-object"])
@pytest.mark.parametrize("kind", KINDS)
def test_one_of_twenty_wins(bench: Bench, kind: str, same: bool) -> None:
    commit = bench.registry.git("rev-parse", "main")

    def write(number: int) -> str:
        with bench.store(kind) as store:
            words = "as everybody" if same else f"writer {number}"
            try:
                store.make([new("m#prod#4", commit, words), new("m#dev#5", commit, words)], sign=False)
            except TagClash as clash:
                assert set(clash.names) <= {"m#prod#4", "m#dev#5"}
                return ""
            return words

    with ThreadPoolExecutor(8) as pool:
        ended = list(pool.map(write, range(WRITERS)))
    winners = [words for words in ended if words]
    assert len(winners) == 1, ended
    where = bench.made_in(kind)
    for name in ("m#prod#4", "m#dev#5"):
        assert where.git("for-each-ref", "--format=%(contents)", f"refs/tags/{name}").strip() == winners[0]
    assert where.git("fsck", "--strict", "--no-dangling") == ""


# The server is asked by another push in the moment between what git saw of it and its own.
BETWEEN = """#!/bin/sh
unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES
git update-ref 'refs/tags/m#dev#5' HEAD
"""


@pytest.mark.parametrize("kind", ["pushing", "url"])
def test_tag_that_came_in_between(bench: Bench, kind: str) -> None:
    hook = bench.remote.path / "hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(BETWEEN)
    hook.chmod(0o755)
    commit = bench.registry.git("rev-parse", "m@v1.0.0^{commit}")
    with bench.store(kind) as store, pytest.raises(TagClash) as clash:
        store.make([new("m#prod#4", commit), new("m#dev#5", commit)], sign=False)
    assert clash.value.names == ("m#dev#5",)
    there, here = bench.refs()
    assert there["refs/tags/m#dev#5"] == there["refs/heads/main"]
    assert "refs/tags/m#prod#4" not in there | here


def test_ref_that_another_push_holds_is_a_clash(bench: Bench) -> None:
    """Its tag cannot be seen yet. Where nobody is behind the lock, the caller's tries come to an end."""
    (bench.remote.path / "refs/tags/m#prod#4.lock").touch()
    with bench.store("pushing") as store, pytest.raises(TagClash):
        store.make([new("m#prod#4", store.commit_of("HEAD"))], sign=False)
    assert "refs/tags/m#prod#4" not in refs(bench.clone)


@pytest.mark.parametrize("kind", KINDS)
def test_directory_and_file_are_no_clash(bench: Bench, kind: str) -> None:
    before = bench.refs()
    with bench.store(kind) as store, pytest.raises(MachineryFailed, match="cannot create"):
        store.make([new("m#prod#3/x@v1.0.0", store.commit_of("HEAD"))], sign=False)
    assert bench.refs() == before


def test_clone_with_another_tag_of_that_name_keeps_it(bench: Bench) -> None:
    mine = bench.clone.tag("m#prod#4", at="HEAD~1")
    with bench.store("pushing") as store:
        store.make([new("m#prod#4", store.commit_of("HEAD")), new("m#prod#5", store.commit_of("HEAD"))], sign=False)
    there, here = bench.refs()
    assert here["refs/tags/m#prod#4"] == mine != there["refs/tags/m#prod#4"]
    assert here["refs/tags/m#prod#5"] == there["refs/tags/m#prod#5"]
    assert len(bench.told) == 1
    assert "m#prod#4" in bench.told[0]
    assert "--force" in bench.told[0]


def test_push_that_broke_off_after_it_came_through(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer was lost: what the remote has says how it ended."""
    meddle(
        monkeypatch,
        bench.room,
        'case " $* " in *" push "*) "$git" "$@" >/dev/null; echo "fatal: the remote end hung up" >&2; exit 128;; esac',
    )
    with bench.store("pushing") as store:
        store.make([new("m#prod#4", store.commit_of("HEAD"))], sign=False)
    there, here = bench.refs()
    assert there["refs/tags/m#prod#4"] == here["refs/tags/m#prod#4"]


@pytest.mark.parametrize("asked", [True, False])
def test_push_that_broke_off_before(bench: Bench, monkeypatch: pytest.MonkeyPatch, asked: bool) -> None:
    look = "" if asked else 'case " $* " in *" ls-remote "*) exit 128;; esac'
    meddle(
        monkeypatch,
        bench.room,
        f'case " $* " in *" push "*) echo "fatal: the remote end hung up" >&2; exit 128;; esac\n{look}',
    )
    before = bench.refs()
    with bench.store("pushing") as store, pytest.raises(MachineryFailed) as failure:
        store.make([new("m#prod#4", store.commit_of("HEAD"))], sign=False)
    assert failure.value.reason is Reason.GIT_FAILED
    assert ("none was made" in failure.value.message) is asked
    assert ("is not known" in failure.value.message) is not asked
    assert bench.refs() == before


def test_words_in_names_decide_nothing(bench: Bench) -> None:
    """A model may be called `protected`: a clash over its tag is still one."""
    (bench.remote.path / "refs/tags/protected-403#denied#1.lock").touch()
    with bench.store("pushing") as store, pytest.raises(TagClash):
        store.make([new("protected-403#denied#1", store.commit_of("HEAD"))], sign=False)


@given(
    rounds=st.lists(
        st.tuples(st.sampled_from(KINDS), st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True)),
        max_size=3,
    )
)
@settings(max_examples=12)
def test_no_ref_is_ever_replaced(rounds: list[tuple[str, list[str]]]) -> None:
    """Whatever is asked for: what was there keeps its object, and either all new tags are there or none."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as room:
        bench = make_bench(Path(room), patch)
        for number, (kind, names) in enumerate(rounds):
            before = bench.refs()
            with bench.store(kind) as store:
                commit = store.commit_of("m@v2.0.0")
                there = {name for name in names if f"refs/tags/{name}" in refs(bench.made_in(kind))}
                try:
                    store.make([new(name, commit, f"round {number}") for name in names], sign=False)
                except TagClash as clash:
                    assert set(clash.names) == there
                    assert bench.refs() == before
                else:
                    assert not there
                    assert {f"refs/tags/{name}" for name in names} <= set(refs(bench.made_in(kind)))
            for old, now in zip(before, bench.refs(), strict=True):
                assert old.items() <= now.items()
        assert not any(os.scandir(Path(room) / "home"))


def test_push_is_never_forced() -> None:
    """What keeps tags from being replaced is written down here, lest somebody add it."""
    import inspect

    source = inspect.getsource(push_tags)
    assert re.findall(r"--force\S*", source) == ['--force-with-lease={ref}:{was}")'], "the turn's, which is no tag"
    assert '"+' not in source
