"""Where GTO stumbles and we do not: the rows B1–B20 that a fold of tags can show. The rest need a repository:
B8, B9, B10 and B18 are in tests/adapters/test_git_*.py, B17 in tests/flows/test_decide.py.
"""

from __future__ import annotations

import pytest

from model_stage_deploy.core.errors import Refused
from model_stage_deploy.core.registry import Registry, fold
from tests.core.tag_records import commit, current, latest, model, record, registry, tags


def findings(found: Registry) -> list[tuple[str, str]]:
    return [(finding.code, finding.tag) for finding in found.findings]


@pytest.mark.parametrize("name", ["x@created", "x@created#3", "m@created"])
def test_b01_created_is_ignored_and_reported(name: str) -> None:
    found = registry("m@v1.0.0 A", "m#prod#1 A", name)
    assert list(found.models) == ["m"]
    assert current(found.model("m")) == "v1.0.0"
    assert findings(found) == [("reserved-tag", name)]


def test_b01_names_that_are_not_ours_are_passed_over_silently() -> None:
    assert findings(registry("v1.0.0", "x@created-by-hand", "release", "m@v1.0.0")) == []


def test_b02_one_models_trouble_is_its_own() -> None:
    found = registry("m@v1.0.0 A", "m@v1.0.1 A", "m#prod#1 A", "n@v1.0.0 A", "n#prod#1 A")
    assert current(found.model("n")) == "v1.0.0"
    with pytest.raises(Refused):
        current(found.model("m"))
    assert latest(found.model("m")) == "v1.0.1", "what needs no answer from that commit still has one"
    assert findings(found) == [("ambiguous-version", "m#prod#1")]


def test_b03_one_version_a_commit_however_many_tags() -> None:
    found = model("m#dev#1 A", "m#dev#2 A", "m#prod#3 A", "m#dev!#4 A", "m#dev#5 B")
    assert [version.name for version in found.versions] == [commit("A"), commit("B")]


def test_b04_unassigning_an_unregistered_commit_counts() -> None:
    assert current(model("m#prod#1 A", "m#prod!#2 A")) is None
    assert current(model("m#prod#1 A", "m#prod#2 B", "m#prod!#3 B")) == commit("A")


def test_b05_nested_tags_count_by_the_commit_behind_them() -> None:
    nested = record("m#prod#1", "A", second=99, nested=True)
    found = fold([*tags("m@v1.0.0 A"), nested])
    assert current(found.model("m")) == "v1.0.0"
    assert findings(found) == [("nested-tag", "m#prod#1")]


def test_b06_a_tag_object_of_another_name_is_refused() -> None:
    forged = record("m#prod#2", "B", second=99, inner_name="n#prod#2")
    found = fold([*tags("m@v1.0.0 A", "m#prod#1 A"), forged])
    assert current(found.model("m")) == "v1.0.0"
    assert list(found.models) == ["m"], "neither the model in the ref nor the one inside gets an event"
    assert findings(found) == [("mismatched-tag", "m#prod#2")]


@pytest.mark.parametrize("broken", [{"time": None}, {"commit": None}, {"commit": None, "time": None}])
def test_b07_tags_without_tagger_or_commit_are_skipped(broken: dict[str, None]) -> None:
    found = fold([*tags("m@v1.0.0 A", "m#prod#1 A"), record("m#prod#2", "B", second=99, **broken)])
    assert current(found.model("m")) == "v1.0.0"
    assert findings(found) == [("unusable-tag", "m#prod#2")]


def test_b11_same_second_is_decided_as_gto_does_and_reported() -> None:
    found = registry("m@v1.0.0 A", "m@v2.0.0 B", "m#prod#1 A @500", "m#prod#2 B @500")
    assert current(found.model("m")) == "v1.0.0", "though #2 is the newer counter"
    assert findings(found) == [("ambiguous-order", "m#prod#2")]
    apart = registry("m@v1.0.0 A", "m#dev#1 A @500", "m#prod#2 A @500")
    assert findings(apart) == [], "two stages in one second are no riddle"


def test_b12_the_taggers_clock_decides() -> None:
    ahead = model("m@v1.0.0 A", "m@v2.0.0 B", "m#prod#1 A @99999999", "m#prod#2 B @900")
    holder = ahead.holder("prod")
    assert holder is not None
    assert holder.event.tag.text == "m#prod#1", "decide() tells of it: see tests/flows/test_decide.py"


def test_b15_asking_for_a_stage_needs_nothing_else() -> None:
    assert current(model("m@v1.0.0 A", "m#prod#1 A")) == "v1.0.0"
    assert model("m@v1.0.0 A").holder("prod") is None


@pytest.mark.parametrize(("first", "second"), [("a", "b"), ("b", "a")])
def test_b20_versions_that_differ_by_build_only(first: str, second: str) -> None:
    lines = (f"m@v1.0.0+{first} A", f"m@v1.0.0+{second} B", "m#prod#1 B", "m#prod#2 A")
    assert latest(model(*lines)) == f"v1.0.0+{second}", "the one registered later"
    assert current(model(*lines), sort="semver") == f"v1.0.0+{second}"
    assert current(model(*lines)) == f"v1.0.0+{first}"
