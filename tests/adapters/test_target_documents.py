"""The lines of a file with records of targets: back as they were, and nothing else taken for one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.adapters.target_documents import Newer, Place, kept, newest, newest_of, read, written
from model_stage_deploy.core.targets import NAME, Good, TargetRecord, TargetState
from tests.adapters.target_places import NOW, a_good, a_record
from tests.fakes.plans import HOSTILE

PLACE = Place("churn", "prod", "production")
NAMES = st.from_regex(NAME, fullmatch=True)
TEXTS = st.one_of(st.text(max_size=20), st.sampled_from(list(HOSTILE.values())))
TIMES = st.floats(0, 9e10, allow_nan=False)
RECORDS = st.builds(
    TargetRecord,
    target=NAMES,
    version=TEXTS,
    commit=TEXTS,
    tag=TEXTS,
    digest=TEXTS,
    attempt=TEXTS,
    state=st.sampled_from(TargetState),
    time=TIMES,
    wave=st.integers(0, 100),
    placed=st.booleans(),
    checks=st.integers(0, 100),
    rollback=st.booleans(),
    url=TEXTS,
    summary=TEXTS,
    good=st.none() | st.builds(Good, version=TEXTS, commit=TEXTS, tag=TEXTS, time=TIMES),
)


@given(
    records=st.lists(RECORDS, unique_by=lambda record: record.target, max_size=5), place=st.tuples(TEXTS, TEXTS, TEXTS)
)
def test_what_is_written_is_read_again(records: list[TargetRecord], place: tuple[str, str, str]) -> None:
    document = written(Place(*place), {record.target: kept(record) for record in records})
    assert list(read(document, Place(*place))) == sorted(records, key=lambda record: record.target)
    assert document.isascii()
    assert document.count(b"\n") == len(records) + 1


@given(document=st.binary(max_size=200))
def test_anything_else_is_told(document: bytes) -> None:
    with pytest.raises(ValueError):
        list(read(document, PLACE))


@given(data=st.data())
def test_a_file_with_other_bytes_gives_other_records_or_none(data: st.DataObject) -> None:
    """Whatever is done to a file, it is read as records that make sense, or told."""
    document = bytearray(_file())
    at = data.draw(st.integers(0, len(document) - 1))
    document[at : at + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=8))
    try:
        found = list(read(bytes(document), PLACE))
    except ValueError:
        return
    assert all(NAME.fullmatch(record.target) and record.time >= 0 for record in found)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"time": float("nan")}, "NaN"),
        ({"time": float("inf")}, "Infinity"),
        ({"time": -1}, "could have been written"),
        ({"time": 10**400}, "could have been written"),
        ({"time": "1"}, "no sense"),
        ({"target": "a b"}, "could have been written"),
        ({"target": "eu-2"}, "could have been written"),
        ({"state": "fine"}, "fine"),
        ({"placed": 1}, "no sense"),
        ({"wave": True}, "no sense"),
        ({"good": [1, 2, 3, 4]}, "no sense"),
        ({"good": "yes"}, "no sense"),
    ],
)
def test_a_line_that_makes_no_sense_is_told_with_its_number(change: dict[str, object], why: str) -> None:
    head, first, second, _ = _file().decode().split("\n")
    document = "\n".join([head, json.dumps(json.loads(first) | change), second, ""])
    with pytest.raises(ValueError, match=r"^line [23]: .*" + why):
        list(read(document.encode(), PLACE))


def test_lines_that_are_nested_without_end_are_told() -> None:
    head = _file().split(b"\n")[0]
    with pytest.raises(ValueError, match="line 2"):
        list(read(head + b"\n" + b"[" * 100_000 + b"\n", PLACE))


def test_a_file_of_another_stage_or_of_a_newer_program_is_told() -> None:
    with pytest.raises(ValueError, match="another stage"):
        list(read(_file(), PLACE._replace(stage="dev")))
    newer = _file().replace(b"targets/v1", b"targets/v2")
    with pytest.raises(Newer, match="targets/v2"):
        list(read(newer, PLACE))


def test_the_newest_line_counts_and_of_two_of_one_moment_the_later() -> None:
    one, two, old = kept(a_record(summary="1")), kept(a_record(summary="2")), kept(a_record(time=NOW - 1))
    assert newest({"eu": one}, {"eu": two}) == {"eu": two}
    assert newest({"eu": one}, {"eu": old, "us": two}) == {"eu": one, "us": two}
    assert newest_of([("eu", one), ("eu", old)]) == {"eu": one}


def _file() -> bytes:
    records = [a_record("eu-1", good=a_good()), a_record("eu-2")]
    return written(PLACE, {record.target: kept(record) for record in records})
