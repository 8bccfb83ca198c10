"""Tags made from a clone, pushed or not, and by URL: what they hold, where they are seen, what stays as it was."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from model_stage_deploy.core.errors import Invalid, Refused
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.ports import TagClash
from tests.adapters.git_clones import Ears
from tests.adapters.tag_stores import ADA, KINDS, WHEN, Bench, make_bench, new, refs
from tests.core.gto_oracle import ask


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bench:
    return make_bench(tmp_path, monkeypatch)


@pytest.mark.parametrize("kind", KINDS)
def test_tag_says_what_it_was_given(bench: Bench, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    message = "# not a comment\n\n\nÜber `$(touch ran)`; \x1b[31m --option\n-----\n  indented  \nend"
    try:
        with bench.store(kind) as store:
            commit = store.commit_of("m@v1.0.0")
            store.make([new("m#prod#4", commit, f"\n{message}\n\n")], sign=False)
            record = {tag.name: tag for tag in store.tags("m")}["m#prod#4"]
    finally:
        monkeypatch.undo()
        time.tzset()
    assert (record.annotated, record.commit, record.time, record.zone) == (True, commit, WHEN, "+0530")
    assert (record.tagger, record.email, record.message, record.inner_name) == (*ADA, message, "m#prod#4")
    text = bench.made_in(kind).git("cat-file", "tag", "refs/tags/m#prod#4")
    head = f"object {commit}\ntype commit\ntag m#prod#4\ntagger Ada Lovelace <ada@example.com> {WHEN} +0530\n\n"
    assert text == head + message
    assert list(bench.room.rglob("ran")) == []


@pytest.mark.parametrize("kind", KINDS)
def test_gto_reads_what_was_made(bench: Bench, kind: str) -> None:
    with bench.store(kind) as store:
        store.make(
            [new("m@v3.0.0", store.commit_of("main"), when=WHEN), new("m#prod#4", store.commit_of("main"))], sign=False
        )
    found = ask(bench.made_in(kind).path)["m"]
    assert found.latest == "v3.0.0"
    assert found.by_time == {"prod": "v3.0.0"}


def test_pushed_tags_are_on_the_remote_and_here(bench: Bench) -> None:
    with bench.store("pushing") as store:
        store.make([new("m#prod#4", store.commit_of("HEAD")), new("m#dev#5", store.commit_of("HEAD"))], sign=False)
    remote, clone = bench.refs()
    for name in ("refs/tags/m#prod#4", "refs/tags/m#dev#5"):
        assert remote[name] == clone[name]
    assert bench.told == []


def test_without_push_the_remote_stays_as_it_is(bench: Bench) -> None:
    before = refs(bench.remote)
    with bench.store("local") as store:
        store.make([new("m#prod#4", store.commit_of("HEAD"))], sign=False)
    assert refs(bench.remote) == before
    assert "refs/tags/m#prod#4" in refs(bench.clone)


@pytest.mark.parametrize("kind", KINDS)
def test_all_or_none(bench: Bench, kind: str) -> None:
    before = bench.refs()
    with bench.store(kind) as store:
        store.tags("m")
        commit = store.commit_of("HEAD")
        with pytest.raises(TagClash) as clash:
            store.make([new("m#prod#4", commit), new("m#prod#2", commit), new("m#prod#5", commit)], sign=False)
    assert clash.value.names == ("m#prod#2",)
    assert bench.refs() == before


@pytest.mark.parametrize("kind", ["pushing", "url"])
def test_changes_of_the_remote_are_seen_at_each_reading(bench: Bench, kind: str) -> None:
    with bench.store(kind) as store:
        assert "m#prod#3" in {tag.name for tag in store.tags("m")}
        bench.remote.git("tag", "--delete", "m#prod#3")
        bench.remote.tag("m#prod#2", at="m@v1.0.0^{commit}", force=True)
        bench.remote.tag("m#prod#9", at="m@v1.0.0^{commit}")
        found = {tag.name: tag for tag in store.tags("m")}
        assert "m#prod#3" not in found
        assert found["m#prod#2"].commit == bench.registry.git("rev-parse", "m@v1.0.0^{commit}")
        assert "m#prod#9" in found
        assert "n@v1.0.0" not in found
        if kind == "pushing":
            assert store.only_here("m") == ["m#prod#3"]
        else:
            assert store.only_here("m") == ()


def test_only_here_asks_the_remote_itself(bench: Bench) -> None:
    bench.clone.tag("m#prod#7", at="HEAD")
    bench.clone.tag("n#prod#7", at="HEAD")
    with bench.store("pushing") as store:
        assert store.only_here("m") == ["m#prod#7"]
    with bench.store("local") as store:
        assert store.only_here("m") == ()


def test_without_push_the_remotes_tags_count_too(bench: Bench) -> None:
    """B16: counters come from the remote, not from a stale clone."""
    bench.remote.tag("m#prod#9", at="m@v1.0.0^{commit}")
    bench.clone.tag("m#prod#10", at="HEAD")
    with bench.store("local") as store:
        assert {"m#prod#9", "m#prod#10", "m#prod#3"} <= {tag.name for tag in store.tags("m")}
    assert bench.told == []


def test_model_without_tags(bench: Bench) -> None:
    for kind in KINDS:
        with bench.store(kind) as store:
            assert list(store.tags("none")) == []


@pytest.mark.parametrize("kind", KINDS)
def test_refs_are_named_in_many_ways(bench: Bench, kind: str) -> None:
    main, first = bench.registry.git("rev-parse", "main"), bench.registry.git("rev-parse", "m@v1.0.0^{commit}")
    bench.remote.tag("main", at=first, annotated=False)  # no tag shadows a branch (T47)
    bench.clone.git("tag", "main", first)
    with bench.store(kind) as store:
        for ref in ("HEAD", "main", "refs/heads/main", main, main[:10]):
            assert store.commit_of(ref) == main, ref
        for ref in ("m@v1.0.0", "refs/tags/m@v1.0.0", first, first[:8]):
            assert store.commit_of(ref) == first, ref
        for ref in (
            "none",
            "f" * 40,
            "abcdef0",
            "--all",
            "-x",
            "--upload-pack=touch ran",
            "a b",
            "",
            "m@v1.0.0:dvc.yaml",
        ):
            with pytest.raises(Refused) as refusal:
                store.commit_of(ref)
            assert refusal.value.reason is Reason.UNKNOWN_REF, ref
            assert refusal.value.hint
    assert list(bench.room.rglob("ran")) == []


def test_branch_that_is_on_the_remote_only(bench: Bench) -> None:
    bench.remote.git("branch", "later", "main~1")
    with bench.store("pushing") as store:
        assert store.commit_of("later") == bench.registry.git("rev-parse", "main~1")
    with bench.store("local") as store, pytest.raises(Refused):
        store.commit_of("later")


def test_files_come_from_where_one_works(bench: Bench) -> None:
    (bench.clone.path / ".gto").write_text("stages: [here]\n")
    for kind, expected in (("pushing", b"stages: [here]\n"), ("local", b"stages: [here]\n"), ("url", None)):
        with bench.store(kind) as store:
            assert store.read_file(".gto") == expected
            assert store.read_file("none/at/all") is None
            assert store.read_file("model-stages.yml") == b"version: 1\n"
            assert store.read_file("model-stages.yml/below") is None


def test_commit_that_the_remote_lacks_goes_along_and_is_told(bench: Bench) -> None:
    commit = bench.clone.commit({"new.txt": "new"})
    with bench.store("pushing") as store:
        store.tags("m")
        store.make([new("m@v4.0.0", commit)], sign=False)
    assert bench.remote.git("rev-parse", "m@v4.0.0^{commit}") == commit
    assert bench.remote.git("show", f"{commit}:new.txt") == "new"
    assert [text for text in bench.told if commit[:12] in text and "uploads it" in text] == bench.told
    assert len(bench.told) == 1


def test_other_tags_of_the_clone_do_not_go_along(bench: Bench) -> None:
    bench.clone.tag("mine", at="HEAD")
    bench.clone.git("config", "push.followTags", "true")
    bench.clone.git("config", "remote.origin.mirror", "true")
    bench.clone.git("config", "remote.origin.push", "+refs/*:refs/*")
    before = refs(bench.remote)
    with bench.store("pushing") as store:
        store.make([new("m#prod#4", store.commit_of("HEAD"))], sign=False)
    assert set(refs(bench.remote)) - set(before) == {"refs/tags/m#prod#4"}


def test_hooks_do_not_run(bench: Bench) -> None:
    for name in ("pre-push", "reference-transaction", "post-commit"):
        hook = bench.clone.path / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {bench.room}/ran\nexit 1\n")
        hook.chmod(0o755)
    for kind in ("pushing", "local"):
        with bench.store(kind) as store:
            store.make([new(f"m#{kind}#4", store.commit_of("HEAD"))], sign=False)
    assert not (bench.room / "ran").exists()


def test_no_clone_and_no_push(bench: Bench) -> None:
    from model_stage_deploy.adapters.git_tag_store import open_tag_store

    with (
        pytest.raises(Invalid) as problem,
        open_tag_store(bench.url, is_url=True, push=False, token_for=lambda _: None, tell=bench.told.append),
    ):
        pass
    assert (problem.value.reason, problem.value.hint) == (Reason.USAGE, "push them: --push")


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_left_behind(bench: Bench, kind: str) -> None:
    before = set(bench.room.rglob("model-stage-deploy*"))
    with bench.store(kind) as store:
        store.tags("m")
        store.make([new("m#prod#4", store.commit_of("HEAD"))], sign=False)
    assert set(bench.room.rglob("model-stage-deploy*")) == before


def test_only_tag_objects_are_sent_and_no_file_is_fetched(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The commit is not at the tip of any ref: git alone would fetch its files and send them back."""
    bench.remote.git("tag", "--delete", "m@v1.0.0", "m#prod#1", "m#prod#3")
    commit = bench.registry.git("rev-parse", "m@v1.0.0^{commit}")
    ears = Ears(monkeypatch, tmp_path)
    with bench.store("url") as store:
        store.tags("m")
        store.make([new("m#prod#4", store.commit_of(commit))], sign=False)
    assert [line for line in ears.traced if "fetch" in line and "--stdin" in line] == [], "git fetched missing objects"
    assert [line for line in ears.traced if "unpack-objects" in line and "--pack_header=2,1" in line], "one object"
    assert bench.remote.git("rev-parse", "m#prod#4^{commit}") == commit
