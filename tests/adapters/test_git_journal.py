"""Journals in Git: what was added stays, in order, whoever adds at the same time, and whatever the remote does."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from model_stage_deploy.adapters.git_journal import REFS, Draft, Entry, GitJournals, Moved, is_whole
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.reasons import Reason
from tests.adapters.journal_places import journals_on
from tests.standins.git_remote import GitRemote
from tests.standins.registries import GitRepository

pytestmark = pytest.mark.thorough

NAME = "run/churn-prod"


def _draft(text: str, time: float = 1_800_000_000.25) -> Draft:
    return Draft("told", time, {"text": text}, f"told: {text}")


def _read(journals: GitJournals) -> list[str]:
    return [str(entry.facts["text"]) for entry in journals.read(NAME, enough=lambda _: False)]


@pytest.fixture(params=["remote", "alone"])
def journals(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitJournals]:
    with journals_on(tmp_path, monkeypatch, alone=request.param == "alone") as made:
        yield made


def test_entries_come_back_in_their_order(journals: GitJournals) -> None:
    assert _read(journals) == []
    journals.add(NAME, [_draft("one"), _draft("two")])
    journals.add(NAME, [_draft("three \x1b[2J\nand a line \ud800 café")])
    found = journals.read(NAME, enough=lambda _: False)
    assert [entry.number for entry in found] == [1, 2, 3]
    assert [entry.facts["text"] for entry in found] == ["one", "two", "three \x1b[2J\nand a line \ud800 café"]
    assert {entry.time for entry in found} == {1_800_000_000.25}
    assert is_whole(found)


def test_journals_do_not_meet(journals: GitJournals) -> None:
    journals.add(NAME, [_draft("one")])
    journals.add("run/other", [_draft("two")])
    assert _read(journals) == ["one"]


def test_a_person_can_read_it_with_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with journals_on(tmp_path, monkeypatch) as journals:
        journals.add(NAME, [_draft("one\n\nSigned-off-by: somebody")])
    bare = GitRepository(tmp_path / "remote.git", bare=True)
    assert bare.git("log", "--format=%s %ad", "--date=iso", f"{REFS}/{NAME}") == (
        r"told: one\n\nSigned-off-by: somebody 2027-01-15 08:00:00 +0000"
    )


def test_who_adds_after_another_must_look_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with journals_on(tmp_path, monkeypatch) as mine, journals_on(tmp_path, monkeypatch) as theirs:
        assert _read(mine) == []
        theirs.add(NAME, [_draft("theirs")])
        with pytest.raises(Moved):
            mine.add(NAME, [_draft("mine")])
        assert _read(mine) == ["theirs"]
        mine.add(NAME, [_draft("mine")])
        assert _read(theirs) == ["theirs", "mine"]


def test_many_at_once_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def add(journals: GitJournals, text: str) -> None:
        while True:
            journals.read(NAME, enough=lambda _: False)
            try:
                journals.add(NAME, [_draft(text)])
                return
            except Moved:
                continue

    with ExitStack() as stack:
        users = [stack.enter_context(journals_on(tmp_path, monkeypatch)) for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(add, users, "abcd"))
        assert sorted(_read(users[0])) == ["a", "b", "c", "d"]


def test_a_long_journal_is_read_from_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with journals_on(tmp_path, monkeypatch) as writer:
        writer.add(NAME, [_draft(str(number)) for number in range(1, 251)])
    with journals_on(tmp_path, monkeypatch) as reader:
        newest = reader.read(NAME, enough=lambda found: len(found) >= 10)
        assert (newest[-1].facts["text"], newest[0].number, is_whole(newest)) == ("250", 51, False)
        reader.add(NAME, [_draft("251")])
        assert [entry.number for entry in reader.read(NAME, enough=lambda _: False)] == list(range(1, 252))


def test_a_remote_that_takes_no_push_is_a_missing_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with GitRemote(tmp_path / "remotes", token="t0ken") as remote:
        remote.add("ml/models")
        remote.allow_push = False
        url = remote.repository_url("ml/models")
        with journals_on(tmp_path, monkeypatch, url=url, token="t0ken") as journals:
            with pytest.raises(MachineryFailed) as refused:
                journals.add(NAME, [_draft("one")])
            assert refused.value.reason is Reason.PERMISSION_MISSING
            assert "write_repository" in refused.value.hint
            remote.allow_push = True
            journals.add(NAME, [_draft("one")])
            assert _read(journals) == ["one"]


def test_a_remote_that_is_down_is_said_to_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with GitRemote(tmp_path / "remotes") as remote:
        remote.add("ml/models")
        remote.down = True
        with journals_on(tmp_path, monkeypatch, url=remote.repository_url("ml/models")) as journals:
            for call in (lambda: _read(journals), lambda: journals.add(NAME, [_draft("one")], hurry=True)):
                with pytest.raises(MachineryFailed) as failed:
                    call()
                assert failed.value.reason is Reason.LOG_FAILED


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("something else", "holds something else"),
        ('{"schema": "model-stage-deploy/git-log/v9"}', "newer"),
        ('{"schema": "model-stage-deploy/git-log/v1", "n": "x"}', "holds something else"),
        ("[]", "holds something else"),
        *(
            (f'{{"schema": "model-stage-deploy/git-log/v1", "n": 1, "kind": "told", "time": {time}}}', "something else")
            for time in ("NaN", "Infinity", "1e300", "-1")
        ),
        ("9" * 5000, "holds something else"),
    ],
)
def test_what_is_no_entry_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, message: str, words: str
) -> None:
    with journals_on(tmp_path, monkeypatch) as journals:
        bare = GitRepository(tmp_path / "remote.git", bare=True)
        commit = bare.git("commit-tree", "-m", message, "4b825dc642cb6eb9a060e54bf8d69288fbee4904")
        bare.git("update-ref", f"{REFS}/{NAME}", commit)
        with pytest.raises(MachineryFailed, match=words) as failed:
            _read(journals)
        assert failed.value.reason is Reason.LOG_FAILED


def test_entries_are_tuples_of_their_own() -> None:
    entry = Entry("c" * 40, 2, "told", 1.0, {})
    assert not is_whole([entry])
    assert is_whole([])
