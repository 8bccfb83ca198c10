"""What became of targets in Git, when things go wrong: others, servers, kills, and what somebody put there."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from model_stage_deploy.adapters import git_targets
from model_stage_deploy.adapters.git_ref_places import Change
from model_stage_deploy.adapters.git_targets import REFS, GitTargets
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.reasons import Reason
from tests.adapters.target_places import NOW, WHERE, a_record, refs, targets_on
from tests.fakes.plans import a_plan
from tests.standins.git_remote import GitRemote
from tests.standins.registries import GitRepository

PLAN = a_plan()
STAGE = "churn-prod-production-2f220eab"


class Trouble:
    """A place of refs, with something that happens at the changes, one after the other."""

    def __init__(self, log: GitTargets, *happenings: str | Callable[[], None]) -> None:
        self._real = log._opened()
        self._happenings = list(happenings)
        self.git = self._real.git
        self.changes: list[Sequence[Change]] = []
        log._place = self  # the last inch: between a log and its server

    def read(self, prefix: str, patience: float) -> str:
        return self._real.read(prefix, patience)

    def now(self, prefix: str, patience: float) -> dict[str, str] | None:
        return self._real.now(prefix, patience)

    def change(self, changes: Sequence[Change], patience: float) -> str:
        self.changes.append(changes)
        happening = self._happenings.pop(0) if self._happenings else "well"
        if happening == "lost":
            return "the remote end hung up unexpectedly"
        if callable(happening):
            happening()
        said = self._real.change(changes, patience)
        return "the remote end hung up unexpectedly" if happening == "answer lost" else said


def test_a_clone_does_not_fetch_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with targets_on(tmp_path, monkeypatch) as log:
        log.add(PLAN, "77-1", [a_record()])
        log.join(PLAN)
        log.add(PLAN, "77-1", [a_record()])
    bare = GitRepository(tmp_path / "remote.git", bare=True)
    assert set(refs(bare)) == {"whole", "part-77-1"}
    subprocess.run(["git", "clone", "--quiet", "remote.git", "clone"], cwd=tmp_path, check=True)
    assert GitRepository(tmp_path / "clone").git("for-each-ref", "refs/model-stages") == ""


def test_the_whole_has_a_history_and_its_file_is_readable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with targets_on(tmp_path, monkeypatch) as log:
        for moment in (NOW, NOW + 60):
            log.add(PLAN, "a", [a_record("eu", moment), a_record("us", moment)])
            log.join(PLAN)
    bare = GitRepository(tmp_path / "remote.git", bare=True)
    assert bare.git("fsck", "--no-dangling") == ""
    whole = f"{REFS}/{STAGE}/whole"
    assert bare.git("log", "--format=%s %ct", whole).splitlines() == [
        f"targets of churn in prod (production) {int(NOW) + 60}",
        f"targets of churn in prod (production) {int(NOW)}",
    ]
    head, eu, us = bare.git("cat-file", "blob", f"{whole}:000000.jsonl").splitlines()
    assert head == (
        '{"schema": "model-stage-deploy/targets/v1", "model": "churn", "stage": "prod", "environment": "production"}'
    )
    assert eu.startswith('{"target": "eu", "version": "v3.1.0", ')
    assert us.startswith('{"target": "us", ')


def test_many_calls_write_few_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else each call would write again all that the part has: a hundred thousand targets would take hours."""
    with targets_on(tmp_path, monkeypatch, alone=True) as log:
        log.add(PLAN, "a", [a_record(f"t-{at}") for at in range(1000)])
        for at in range(40):
            log.add(PLAN, "a", [a_record(f"n-{at}")])
        assert len(log.read(*WHERE)) == 1040
    place = GitRepository(tmp_path / "alone")
    files = place.git("ls-tree", "-r", "--long", f"{REFS}/{STAGE}/part-a").splitlines()
    assert 2 <= len(files) <= 7
    assert int(files[0].split()[3]) > 100 * int(files[-1].split()[3])


@pytest.mark.parametrize("trouble", ["lost", "answer lost"])
def test_a_push_that_breaks_off_is_made_again_or_found_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    with targets_on(tmp_path, monkeypatch) as log:
        Trouble(log, trouble)
        log.add(PLAN, "a", [a_record("eu")])
        log.add(PLAN, "a", [a_record("us")])
        Trouble(log, trouble)
        log.join(PLAN)
        assert set(log.read(*WHERE)) == {"eu", "us"}
    assert set(refs(GitRepository(tmp_path / "remote.git", bare=True))) == {"whole"}


def test_a_part_that_moves_while_it_is_joined_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with targets_on(tmp_path, monkeypatch) as log, targets_on(tmp_path, monkeypatch) as other:
        other.add(PLAN, "a", [a_record("eu")])
        other.add(PLAN, "b", [a_record("asia")])
        place = Trouble(log, lambda: other.add(PLAN, "a", [a_record("us")]))
        log.join(PLAN)
        assert len(place.changes) == 2
        assert set(log.read(*WHERE)) == {"eu", "us", "asia"}
    bare = GitRepository(tmp_path / "remote.git", bare=True)
    assert set(refs(bare)) == {"whole"}
    # Nothing of the first try happened: its whole is not among those that there were.
    assert bare.git("rev-list", "--count", f"{REFS}/{STAGE}/whole") == "1"


def test_two_that_join_at_the_same_time_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with targets_on(tmp_path, monkeypatch) as log, targets_on(tmp_path, monkeypatch) as other:
        other.add(PLAN, "a", [a_record("eu")])
        other.join(PLAN)
        other.add(PLAN, "b", [a_record("us")])
        Trouble(log, lambda: other.join(PLAN))
        log.join(PLAN)
        assert set(log.read(*WHERE)) == {"eu", "us"}


def test_more_parts_than_fit_in_a_push_are_joined_by_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_targets, "_AT_ONCE", 2)
    with targets_on(tmp_path, monkeypatch) as log:
        for part in "abcde":
            log.add(PLAN, part, [a_record(part)])
        place = Trouble(log)
        log.join(PLAN)
        assert [len(changes) for changes in place.changes] == [3, 3, 2]
        assert set(log.read(*WHERE)) == set("abcde")


def test_what_could_not_be_kept_comes_with_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with GitRemote(tmp_path / "remotes") as remote:
        remote.add("ml/models")
        with targets_on(tmp_path, monkeypatch, url=remote.repository_url("ml/models")) as log:
            log.add(PLAN, "a", [a_record("eu")])
            remote.down = True
            for call in (
                lambda: log.add(PLAN, "a", [a_record("us")]),
                lambda: log.read(*WHERE),
                lambda: log.join(PLAN),
            ):
                with pytest.raises(MachineryFailed, match="503") as failed:
                    call()
                assert failed.value.reason is Reason.LOG_FAILED
            remote.down = False
            log.add(PLAN, "a", [a_record("asia")])
            assert set(log.read(*WHERE)) == {"eu", "us", "asia"}


@pytest.mark.parametrize("what", ["read", "add", "join"])
def test_a_token_that_may_not_is_told_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    with GitRemote(tmp_path / "remotes") as remote:
        remote.add("ml/models")
        with targets_on(tmp_path, monkeypatch, url=remote.repository_url("ml/models")) as log:
            log.add(PLAN, "a", [a_record("eu")])
            remote.allow_push = False
            remote.allow_read = what != "read"
            remote.forget()
            calls: dict[str, Callable[[], object]] = {
                "read": lambda: log.read(*WHERE),
                "add": lambda: log.add(PLAN, "a", [a_record("us")]),
                "join": lambda: log.join(PLAN),
            }
            with pytest.raises(MachineryFailed) as failed:
                calls[what]()
            assert failed.value.reason is Reason.PERMISSION_MISSING
            assert "contents: write" in failed.value.hint
            assert len(remote.requests) < 12  # not asked for the same again and again


@pytest.mark.thorough
def test_who_is_in_a_hurry_gives_up_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with targets_on(tmp_path, monkeypatch, alone=True) as log:
        log.add(PLAN, "a", [a_record("eu")])
        place = Trouble(log, "lost")
        with pytest.raises(MachineryFailed, match="hung up"):
            log.add(PLAN, "a", [a_record("us")], hurry=True)
        assert len(place.changes) == 1
        begun = time.monotonic()
        with log._alone(1.0), pytest.raises(MachineryFailed, match="takes long"):  # another thread is at it
            log.add(PLAN, "a", [a_record("us")], hurry=True)
        assert time.monotonic() - begun < 3
        log.add(PLAN, "a", [a_record("asia")], hurry=True)
        assert set(log.read(*WHERE)) == {"eu", "us", "asia"}


def test_a_run_that_is_killed_leaves_all_that_it_had_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with targets_on(tmp_path, monkeypatch, alone=True) as log:
        writer = subprocess.Popen(
            [sys.executable, "-m", "tests.adapters.target_writer", str(tmp_path / "alone")],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            text=True,
        )
        with writer:
            assert writer.stdout is not None
            told = [writer.stdout.readline().strip() for _ in range(6)]
            writer.send_signal(signal.SIGKILL)
        found = set(log.read(*WHERE))
        assert set(told) <= found
        log.add(PLAN, "mine", [a_record("mine")])
        log.join(PLAN)
        assert set(log.read(*WHERE)) >= {*told, "mine"}


def test_secrets_and_control_characters_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def scrub(text: str) -> str:
        return text.replace("s3cret", "***")

    with targets_on(tmp_path, monkeypatch, alone=True, scrub=scrub) as log:
        log.add(PLAN, "a", [a_record(url="https://x/?key=s3cret", summary="failed:\n\x1b[31ms3cret" + "x" * 9000)])
        found = log.read(*WHERE)["eu-1"]
    assert found.url == "https://x/?key=***"
    assert found.summary.startswith("failed:\\n\\e[31m***xx")
    assert len(found.summary) == 500


def test_a_newer_program_is_said_to_have_been_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with targets_on(tmp_path, monkeypatch, alone=True) as log:
        _put(tmp_path, {"000000.jsonl": '{"schema": "model-stage-deploy/targets/v2"}\n'})
        for call in (lambda: log.read(*WHERE), lambda: log.join(PLAN)):
            with pytest.raises(MachineryFailed, match=r"newer model-stage-deploy.*targets/v2") as failed:
                call()
            assert (failed.value.reason, "install -U" in failed.value.hint) == (Reason.LOG_FAILED, True)


HEAD = '{"schema": "model-stage-deploy/targets/v1", "model": "churn", "stage": "prod", "environment": "production"}\n'


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"000000.jsonl": "no JSON"}, "holds something else"),
        ({"000000.jsonl": HEAD.replace("prod", "dev", 1)}, "of another stage"),
        ({"000000.jsonl": HEAD + '{"target": "\x1b[2J"}\n'}, "line 2: Invalid control"),
        ({"000000.jsonl": HEAD + "\xff"}, "no such file"),
        ({"a/b.jsonl": HEAD}, "other things than files"),
        ({"": ""}, "it is no commit"),
    ],
)
@pytest.mark.parametrize("alone", [True, False])
def test_what_somebody_put_there_is_told_and_not_guessed_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], why: str, alone: bool
) -> None:
    with targets_on(tmp_path, monkeypatch, alone=alone) as log:
        log.add(PLAN, "a", [a_record()])
        _put(tmp_path, files, alone=alone)
        for call in (lambda: log.read(*WHERE), lambda: log.join(PLAN)):
            with pytest.raises(MachineryFailed, match=why) as failed:
                call()
            assert failed.value.reason is Reason.LOG_FAILED
            assert f"git push origin ':{REFS}/{STAGE}/part-evil'" in failed.value.hint
        log.add(PLAN, "a", [a_record("us")])  # who only writes is not held up by it


def _put(room: Path, files: dict[str, str], *, alone: bool = True) -> None:
    """Somebody writes that to a part."""
    place = GitRepository(room / "alone") if alone else GitRepository(room / "remote.git", bare=True)
    ref = f"{REFS}/{STAGE}/part-evil"
    maker = GitRepository(room / "maker")
    commit = maker.commit({name: text for name, text in files.items() if name} or {"x": "y"})
    what = commit if "" not in files else maker.git("rev-parse", f"{commit}^{{tree}}")
    maker.git("push", "--quiet", "--force", str(place.path), f"{what}:{ref}")
