"""The local log: what it keeps, who may read it, and what it says where it cannot be read or written."""

from __future__ import annotations

import os
import random
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest

from model_stage_deploy.adapters import local_log_file
from model_stage_deploy.adapters.local_log import PLACE, LocalLog
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.evidence import Evidence
from model_stage_deploy.core.lifecycle import Records, now_running
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.verdict import failed
from model_stage_deploy.ports import Ending
from tests.fakes.clock import FakeClock
from tests.fakes.plans import HOSTILE, a_plan

WHERE = ("churn", "prod", "production")
SUCCESS = Ending("success", "it serves", "https://models.example.com/churn")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / PLACE


def _log(path: Path | None, who: str = "Ann <ann@example.com>") -> LocalLog:
    return LocalLog(path, who=who, clock=FakeClock(), scrub=lambda text: text.replace("s3cret", "***"))


def _read(log: LocalLog) -> Records:
    return log.records(*WHERE, limit=50, past=50)


def _full(path: Path) -> None:
    log = _log(path)
    for number in range(40):
        log.finish(a_plan(), f"a{number}", log.start(a_plan(), f"a{number}", Evidence()), SUCCESS)


def _why(problem: pytest.ExceptionInfo[MachineryFailed]) -> str:
    assert "\n" not in problem.value.message
    assert problem.value.hint
    return problem.value.message


def test_it_lies_beside_the_tags_and_only_its_owner_may_read_it(path: Path) -> None:
    before = os.umask(0)
    try:
        _log(path).start(a_plan(), "a1", Evidence())
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]  # no journal is left behind


def test_whoever_only_looks_makes_nothing(path: Path) -> None:
    log = _log(path)
    assert _read(log) == Records()
    assert log.approvals("churn", "v3.1.0", "prod", "c" * 40) == ()
    assert not path.parent.exists()


def test_an_empty_file_is_a_log_in_which_nothing_was_written_yet(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    assert _read(_log(path)) == Records()
    assert _log(path).start(a_plan(), "a1", Evidence()) == "1"


def test_it_keeps_who_and_why(path: Path) -> None:
    verdict = failed("metrics", "worse", "auc 0.7 < 0.8, s3cret", auc=0.7)
    evidence = Evidence("e" * 40, "ann@example.com", "ann", "alice", (verdict,), "fire, s3cret", forced=True)
    _log(path).start(a_plan(), "a1", evidence)
    [record] = _read(_log(path)).newest_first

    assert (record.actor, record.tagger, record.signer, record.tag_object) == (
        "alice",
        "ann@example.com",
        "ann",
        "e" * 40,
    )
    assert (record.override, record.forced) == ("fire, ***", True)
    assert record.gates[0].sentence == "auc 0.7 < 0.8, ***"
    assert record.gates[0].facts == {"auc": 0.7}
    assert record.log_url == a_plan().run.url
    assert b"s3cret" not in path.read_bytes()


def test_no_secret_comes_by_an_end_an_address_or_an_approval(path: Path) -> None:
    log = _log(path)
    one = log.start(a_plan(), "a1", Evidence())
    log.finish(a_plan(), "a1", one, Ending("success", "s3cret", "https://s3cret.example.com"))
    log.approve("churn", "v3.1.0", "prod", "c" * 40, "s3cret")
    log.start(a_plan(), "a2", Evidence())
    log.close(_read(log).newest_first[0], "s3cret")
    assert b"s3cret" not in path.read_bytes()
    assert path.read_bytes().count(b"***") >= 4


@pytest.mark.parametrize("text", [*HOSTILE.values(), "half a pair \ud800", "nul \0"])
def test_hostile_text_is_kept_on_one_line(path: Path, text: str) -> None:
    log = _log(path, who=text)
    one = log.start(a_plan(environment=text), text, Evidence(actor=text, override=text))
    log.finish(a_plan(), text, one, Ending("failure", text))
    log.approve(text, text, text, text, text)

    [record] = log.records("churn", "prod", text, limit=5).newest_first
    assert record.summary.isprintable()
    assert log.approvals(text, text, text, text)[0].message.isprintable()
    assert _read(log) == Records()


def test_a_log_in_memory_ends_with_the_run() -> None:
    log = _log(None)
    log.finish(a_plan(), "a1", log.start(a_plan(), "a1", Evidence()), SUCCESS)
    assert now_running(_read(log)) is not None
    assert _read(_log(None)) == Records()


def test_a_start_that_is_recorded_twice_is_one(path: Path) -> None:
    log = _log(path)
    assert log.start(a_plan(), "a1", Evidence()) == log.start(a_plan(), "a1", Evidence())
    assert len(_read(log).newest_first) == 1


def test_events_are_neither_changed_nor_deleted(path: Path) -> None:
    _full(path)
    with closing(sqlite3.connect(path)) as connection:
        for statement in ("UPDATE events SET state = 'success'", "DELETE FROM events"):
            with pytest.raises(sqlite3.IntegrityError, match="only added"):
                connection.execute(statement)


def test_a_newer_format_is_not_touched(path: Path) -> None:
    _full(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 2")
    before = path.read_bytes()
    for act in (lambda: _read(_log(path)), lambda: _log(path).start(a_plan(), "b", Evidence())):
        with pytest.raises(MachineryFailed, match="newer model-stage-deploy") as problem:
            act()
        assert problem.value.reason is Reason.LOG_FAILED
    assert path.read_bytes() == before


def test_another_database_is_not_touched(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (id)")
    with pytest.raises(MachineryFailed, match="not a deployment log") as problem:
        _log(path).start(a_plan(), "a", Evidence())
    assert "mv " in problem.value.hint


@pytest.mark.parametrize(
    "text", [b"not a database at all, but some other file\n" * 50, b"SQLite format 3\0" + bytes(99)]
)
def test_a_file_that_is_no_database(path: Path, text: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(text)
    for act in (lambda: _read(_log(path)), lambda: _log(path).start(a_plan(), "a", Evidence())):
        with pytest.raises(MachineryFailed) as problem:
            act()
        assert problem.value.reason is Reason.LOG_FAILED
        assert str(path) in _why(problem)
        assert ".damaged" in problem.value.hint
    assert path.read_bytes() == text


@pytest.mark.thorough
def test_damage_is_one_message_or_does_no_harm(path: Path) -> None:
    _full(path)
    whole = path.read_bytes()
    for seed in range(150):
        damaged, chance = bytearray(whole), random.Random(seed)
        at = chance.randrange(len(whole))
        for place in range(at, min(len(whole), at + chance.choice((1, 8, 200, 5000)))):
            damaged[place] = chance.randrange(256)
        for act in (
            _read,
            lambda log: log.start(a_plan(), "b", Evidence()),
            lambda log: log.finish(a_plan(), "a1", "1", SUCCESS),
        ):
            path.write_bytes(bytes(damaged))
            try:
                act(_log(path))
            except MachineryFailed as problem:
                assert problem.reason in (Reason.LOG_FAILED, Reason.END_NOT_RECORDED)
                assert "\n" not in problem.message
                assert problem.hint


def test_a_file_that_was_cut_short(path: Path) -> None:
    _full(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(MachineryFailed) as problem:
        _read(_log(path))
    assert "malformed" in _why(problem)


def test_a_directory_stands_in_its_place(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(MachineryFailed) as problem:
        _log(path).start(a_plan(), "a", Evidence())
    assert "unable to open" in _why(problem)


def test_a_file_stands_where_its_directory_must_be(path: Path) -> None:
    path.parent.write_text("")
    with pytest.raises(MachineryFailed) as problem:
        _log(path).start(a_plan(), "a", Evidence())
    assert problem.value.reason is Reason.LOG_FAILED
    assert _why(problem)


def test_a_full_disk_records_no_start(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _full(path)
    connect = local_log_file._connect

    def full(*given: object, **named: object) -> sqlite3.Connection:
        connection = connect(*given, **named)  # type: ignore[arg-type]
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
        return connection

    monkeypatch.setattr(local_log_file, "_connect", full)
    with pytest.raises(MachineryFailed) as problem:
        for number in range(40):
            _log(path).start(a_plan(), f"b{number}", Evidence())
    assert "full" in _why(problem)
    assert "make room" in problem.value.hint
    with pytest.raises(MachineryFailed) as unrecorded:
        for _ in range(200):
            _log(path).finish(a_plan(), "a1", "1", SUCCESS)
    assert unrecorded.value.reason is Reason.END_NOT_RECORDED


def test_a_log_that_another_process_holds(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _full(path)
    monkeypatch.setattr(local_log_file, "PATIENT", 0.2)
    monkeypatch.setattr(local_log_file, "HURRIED", 0.1)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(MachineryFailed) as problem:
            _log(path).start(a_plan(), "b", Evidence())
        assert "locked" in _why(problem)
        with pytest.raises(MachineryFailed) as unrecorded:
            _log(path).finish(a_plan(), "a1", "1", Ending("error", "cancelled", hurry=True))
        assert unrecorded.value.reason is Reason.END_NOT_RECORDED
    assert _log(path).start(a_plan(), "b", Evidence())


def test_a_log_that_may_only_be_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _full(path)

    def read_only(opened: str, timeout: float, **_: object) -> sqlite3.Connection:
        connection = sqlite3.connect(f"file:{opened}?mode=ro", timeout, isolation_level=None, uri=True)
        connection.row_factory = sqlite3.Row
        return connection

    monkeypatch.setattr(local_log_file, "_connect", read_only)
    assert len(_read(_log(path)).newest_first) == 40
    with pytest.raises(MachineryFailed, match="readonly") as problem:
        _log(path).start(a_plan(), "b", Evidence())
    assert "ls -ld" in problem.value.hint


def test_what_was_placed_is_told_with_the_end_where_it_could_not_be_told_before(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = _log(path)
    started = log.start(a_plan(), "a1", Evidence())
    with monkeypatch.context() as patched:
        patched.setattr(local_log_file, "PATIENT", 0.1)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(MachineryFailed) as problem:
                log.placed(a_plan(), started)
    assert problem.value.reason is Reason.END_NOT_RECORDED
    log.finish(a_plan(), "a1", started, Ending("failure", "it does not serve"))
    [record] = _read(log).newest_first
    assert (record.placed, record.failed_here) == (True, True)


def test_an_end_for_a_deployment_that_the_log_does_not_know(path: Path) -> None:
    _full(path)
    for unknown in ("4711", "no number", "9" * 40):
        with pytest.raises(MachineryFailed, match="has no deployment"):
            _log(path).finish(a_plan(), "x", unknown, SUCCESS)


def test_an_interrupted_write_leaves_nothing(path: Path) -> None:
    _full(path)

    class _Stopped:
        def now(self) -> float:
            raise KeyboardInterrupt

        monotonic = now

        def sleep(self, seconds: float) -> None:
            raise NotImplementedError

    with pytest.raises(KeyboardInterrupt):
        LocalLog(path, who="", clock=_Stopped()).start(a_plan(), "b", Evidence())
    assert len(_read(_log(path)).newest_first) == 40
    assert _log(path).start(a_plan(), "b", Evidence())


def test_threads_of_one_process(path: Path) -> None:
    log = _log(path)
    threads = [
        threading.Thread(target=lambda name=f"t{number}": log.start(a_plan(), name, Evidence())) for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {record.attempt for record in _read(log).newest_first} == {f"t{number}" for number in range(8)}


def test_the_newest_approval_of_each_person(path: Path) -> None:
    about = ("churn", "v3.1.0", "prod", "c" * 40)
    _log(path, "Ann <ann@example.com>").approve(*about, "yes")
    _log(path, "Bob <bob@example.com>").approve(*about, "me too")
    assert _log(path, "Ann <ann@example.com>").approve(*about, "still yes") == "Ann <ann@example.com>"
    assert [(one.by, one.message) for one in _log(path).approvals(*about)] == [
        ("Ann <ann@example.com>", "still yes"),
        ("Bob <bob@example.com>", "me too"),
    ]
    assert _log(path).approvals("churn", "v3.1.0", "prod", "d" * 40) == ()
