"""Tags made from all sorts of clones: shallow, partial, bare, linked, nested, odd ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from model_stage_deploy.core.errors import Invalid, Refused
from model_stage_deploy.core.reasons import Reason
from tests.adapters.git_clones import Ears
from tests.adapters.tag_stores import Bench, clone_of, make_bench, new, refs
from tests.standins.registries import GitRepository

pytestmark = pytest.mark.thorough


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bench:
    return make_bench(tmp_path, monkeypatch)


def worktree(bench: Bench) -> Path:
    bench.clone.git("worktree", "add", "--quiet", "--detach", str(bench.room / "linked"), "HEAD~1")
    return bench.room / "linked"


def submodule(bench: Bench) -> Path:
    outer = GitRepository(bench.room / "outer")
    outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", bench.url, "models")
    return outer.path / "models"


def bare(bench: Bench) -> Path:
    return clone_of(bench.url, bench.room / "bare.git", "--bare").path


def subdirectory(bench: Bench) -> Path:
    return bench.clone.path / "sub"


def relative_remote(bench: Bench) -> Path:
    bench.clone.git("config", "remote.origin.url", "../remote.git")
    return bench.clone.path / "sub"


def renamed_remote(bench: Bench) -> Path:
    bench.clone.git("remote", "rename", "origin", "up.stream=x")
    return bench.clone.path


def push_address(bench: Bench) -> Path:
    bench.clone.git("config", "remote.origin.url", str(bench.room / "nowhere"))
    bench.clone.git("config", "remote.origin.pushurl", "short:remote.git")
    bench.clone.git("config", f"url.{bench.room.as_uri()}/.insteadOf", "short:")
    return bench.clone.path


def odd_directory(bench: Bench) -> Path:
    return clone_of(bench.url, bench.room / "--odd: \"name\" of, 'a' clone").path


WHOLE: list[Callable[[Bench], Path]] = [
    *(worktree, submodule, bare, subdirectory, relative_remote, renamed_remote, push_address, odd_directory)
]


@pytest.mark.parametrize("make", WHOLE, ids=lambda make: make.__name__)
def test_whole_clones(bench: Bench, make: Callable[[Bench], Path]) -> None:
    place = make(bench)
    with bench.store("pushing", place) as store:
        assert "m#prod#3" in {tag.name for tag in store.tags("m")}
        commit = store.commit_of("HEAD")
        assert store.read_file("dvc.yaml") == b"artifacts: {}\n"
        store.make([new("m#prod#4", commit)], sign=False)
    with bench.store("local", place) as store:
        assert "m#prod#4" in {tag.name for tag in store.tags("m")}
        store.make([new("m#prod#5", commit)], sign=False)
    here, there = refs(place), refs(bench.remote)
    assert here["refs/tags/m#prod#4"] == there["refs/tags/m#prod#4"]
    assert "refs/tags/m#prod#5" in here
    assert "refs/tags/m#prod#5" not in there
    assert bench.told == []


def sent(ears: Ears) -> list[str]:
    """The packs that the remote took in: `2,N` is one of N objects."""
    taken = [line for line in ears.traced if line.startswith("git ") and line.endswith(" -q") and "pack_header" in line]
    return [line.split("--pack_header=")[1].split()[0] for line in taken]


SHORT = {
    "shallow": ("--depth=1",),
    "shallow-without-tags": ("--depth=1", "--no-tags"),
    "partial": ("--filter=blob:none",),
    "partial-treeless": ("--filter=tree:0", "--no-checkout"),
    "single-branch": ("--single-branch",),
}


@pytest.mark.parametrize("options", SHORT.values(), ids=SHORT)
def test_clones_that_lack_something(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, options: tuple[str, ...]
) -> None:
    """The version's commit may be on the remote only; what is sent is one object a tag all the same."""
    clone = clone_of(bench.url, bench.room / "short", *options)
    ears = Ears(monkeypatch, tmp_path)
    with bench.store("pushing", clone.path) as store:
        records = {tag.name: tag for tag in store.tags("m")}
        old = records["m@v1.0.0"].commit
        assert old is not None
        store.make([new("m#prod#4", old, when=1_800_000_000)], sign=False)
        store.make([new("m#prod#5", store.commit_of("HEAD"), when=1_800_000_001)], sign=False)
    there, here = refs(bench.remote), refs(clone)
    assert bench.remote.git("rev-parse", "m#prod#4^{commit}") == old
    assert there["refs/tags/m#prod#5"] == here["refs/tags/m#prod#5"]
    assert sent(ears) == ["2,1", "2,1"]
    lacked = "refs/tags/m#prod#4" not in here
    assert lacked is any("lacks the commit" in text for text in bench.told)
    assert clone.git("fsck", "--connectivity-only", "--no-dangling") == ""


def test_clone_that_is_behind_sends_no_files(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of what the remote shows, the clone knows nothing but the past: git alone would send the model again."""
    clone = clone_of(bench.url, bench.room / "behind", "--no-tags")
    bench.registry.commit({"model.bin": "three"})
    bench.registry.git("push", "--quiet", bench.url, "main")
    ears = Ears(monkeypatch, tmp_path)
    with bench.store("pushing", clone.path) as store:
        records = {tag.name: tag for tag in store.tags("m")}
        commits = (records["m@v2.0.0"].commit, clone.git("rev-parse", "HEAD"))  # a tag is at one, none at the other
        for number, commit in enumerate(commits, start=4):
            store.make([new(f"m#prod#{number}", str(commit))], sign=False)
    assert sent(ears) == ["2,1", "2,1"]
    assert bench.told == []


def test_file_of_a_partial_clone_stays_where_it_is(bench: Bench) -> None:
    clone = clone_of(bench.url, bench.room / "short", "--filter=blob:none", "--no-checkout")
    packs = sorted((clone.path / ".git/objects/pack").iterdir())
    with bench.store("pushing", clone.path) as store:
        store.tags("m")
        store.make([new("m#prod#5", store.commit_of("HEAD"))], sign=False)
    assert sorted((clone.path / ".git/objects/pack").iterdir()) == packs


@pytest.mark.parametrize("options", SHORT.values(), ids=SHORT)
def test_without_push_what_is_lacking_is_asked_for_or_refused(bench: Bench, options: tuple[str, ...]) -> None:
    clone = clone_of(bench.url, bench.room / "short", *options)
    with bench.store("local", clone.path) as store:
        assert "m#prod#3" in {tag.name for tag in store.tags("m")}
    bench.remote.path.rename(bench.room / "gone.git")
    with bench.store("local", clone.path) as store:
        with pytest.raises(Refused) as refusal:
            store.tags("m")
        assert refusal.value.reason is Reason.INCOMPLETE_TAGS
        assert refusal.value.hint


def test_without_push_a_commit_must_be_here(bench: Bench) -> None:
    clone = clone_of(bench.url, bench.room / "short", "--depth=1")
    commit = bench.registry.git("rev-parse", "m@v1.0.0^{commit}")
    before = refs(clone)
    with bench.store("local", clone.path) as store, pytest.raises(Refused) as refusal:
        store.make([new("m#prod#5", commit)], sign=False)
    assert refusal.value.reason is Reason.UNKNOWN_REF
    assert "--unshallow" in refusal.value.hint
    assert refs(clone) == before


def test_whole_clone_without_an_answer_from_its_remote(bench: Bench) -> None:
    bench.remote.path.rename(bench.room / "gone.git")
    with bench.store("local") as store:
        assert "m#prod#3" in {tag.name for tag in store.tags("m")}
    assert len(bench.told) == 1
    assert "this clone alone" in bench.told[0]


def test_clone_without_a_remote(bench: Bench) -> None:
    with bench.store("local", bench.registry.path) as store:
        store.tags("m")
        store.make([new("m#prod#4", store.commit_of("HEAD"))], sign=False)
    assert bench.told == []
    with pytest.raises(Invalid) as problem, bench.store("pushing", bench.registry.path):
        pass
    assert (problem.value.reason, problem.value.hint) == (
        Reason.USAGE,
        "add one (git remote add origin URL), or leave --push out",
    )


def test_remotes_among_which_none_is_plain(bench: Bench) -> None:
    bench.clone.git("remote", "rename", "origin", "one")
    bench.clone.git("remote", "add", "two", bench.url)
    with pytest.raises(Invalid, match="one, two") as problem, bench.store("pushing"):
        pass
    assert "origin" in problem.value.hint
    with bench.store("local") as store:
        store.tags("m")
    assert len(bench.told) == 1


def test_push_to_several_places_cannot_be_all_or_none(bench: Bench) -> None:
    bench.clone.git("remote", "set-url", "--add", "--push", "origin", bench.url)
    bench.clone.git("remote", "set-url", "--add", "--push", "origin", str(bench.room / "other"))
    with pytest.raises(Invalid, match="2 addresses"), bench.store("pushing"):
        pass


def test_no_repository(bench: Bench) -> None:
    for kind in ("pushing", "local"):
        with pytest.raises(Invalid) as problem, bench.store(kind, bench.room / "home"):
            pass
        assert problem.value.reason is Reason.NOT_A_REPOSITORY


def test_empty_remote(bench: Bench, tmp_path: Path) -> None:
    """The first tag of a registry whose remote has nothing yet brings its commit along."""
    GitRepository(tmp_path / "empty.git", bare=True)
    clone = clone_of((tmp_path / "empty.git").as_uri(), tmp_path / "first")
    commit = clone.commit({"a": "b"})
    with bench.store("pushing", clone.path) as store:
        assert list(store.tags("m")) == []
        store.make([new("m@v0.0.1", commit)], sign=False)
    assert GitRepository(tmp_path / "empty.git", bare=True).tags() == {"m@v0.0.1": commit}
    other = Bench(tmp_path, bench.registry, (tmp_path / "empty.git").as_uri(), clone, bench.remote)
    with other.store("url") as store:
        assert store.read_file(".gto") is None
