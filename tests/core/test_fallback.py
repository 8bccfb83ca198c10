"""The versions of a stage in the order in which they would hold it (R35-R37)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.errors import Refused
from model_stage_deploy.core.fallback import succession
from model_stage_deploy.core.model import Model, Sort
from model_stage_deploy.core.registry import fold
from tests.core.tag_records import model, record, tags

V1, V2, V3 = "m@v1.0.0 A", "m@v2.0.0 B", "m@v3.0.0 C"


def names(of: Model, sort: Sort = "time") -> list[str]:
    return [holder.version.name for holder in succession(of, "prod", sort)]


def test_r35_r36_the_holder_first_then_its_successors() -> None:
    found = model(V1, V2, V3, "m#prod#1 A", "m#prod#2 C", "m#prod#3 B", "m#dev#4 A")
    assert names(found) == ["v2.0.0", "v3.0.0", "v1.0.0"]
    assert names(found, "semver") == ["v3.0.0", "v2.0.0", "v1.0.0"]


def test_what_was_undone_is_left_out() -> None:
    assert names(model(V1, V2, V3, "m#prod#1 A", "m#prod#2 C", "m#prod#3 B", "m#prod!#4 C")) == ["v2.0.0", "v1.0.0"]
    assert names(model(V1, V2, "m#prod#1 A", "m#prod#3 B", "m@v1.0.0! A")) == ["v2.0.0"]
    assert names(model(V1)) == []


def test_r32_one_second() -> None:
    assert names(model(V1, V2, "m#prod#1 A @500", "m#prod#2 B @500")) == ["v1.0.0", "v2.0.0"]


def test_r25_an_ambiguous_model_is_refused() -> None:
    with pytest.raises(Refused, match="2 versions on commit"):
        names(model(V1, "m@v2.0.0 A", "m#prod#1 A"))


_LINES = st.lists(
    st.tuples(
        st.sampled_from(["m#prod", "m#prod", "m#prod!", "m@v1.0.0", "m@v2.0.0-rc.1", "m@v2.0.0!"]),
        st.sampled_from("ABCD"),
        st.integers(0, 6),
    ),
    min_size=1,
    max_size=14,
)


@given(_LINES, st.sampled_from(["time", "semver"]))
def test_undoing_the_holder_brings_up_the_next(lines: list[tuple[str, str, int]], sort: Sort) -> None:
    records = tags(*(f"{name}#{number} {on} @{second}" for number, (name, on, second) in enumerate(lines)))
    found = fold(records).model("m")
    if found.ambiguous:
        return
    queue = [holder.version.commit for holder in succession(found, "prod", sort)]
    for number, commit in enumerate(queue):
        holder = fold(records).model("m").holder("prod", sort=sort)
        assert holder is not None
        assert holder.version.commit == commit
        records.append(record(f"m#prod!#{100 + number}", second=1000 + number, commit=commit))
    assert fold(records).model("m").holder("prod", sort=sort) is None
