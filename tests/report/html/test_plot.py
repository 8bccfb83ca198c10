"""The picture of a metric: what is in it, and that nothing that a file or a tag says can break it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.measured import Measured, Threshold, VersionMetrics
from model_stage_deploy.report.html.plot import plot
from tests.report.html.pictures import parsed, texts, titles


def measured(
    values: Sequence[float | None],
    thresholds: Sequence[tuple[str, str, float]] = (),
    live: Mapping[str, str] | None = None,
    names: Sequence[str] | None = None,
    metric: str = "accuracy",
) -> Measured:
    """Versions v1.0.0, v2.0.0, … with these numbers."""
    names = names or [f"v{number + 1}.0.0" for number in range(len(values))]
    versions = tuple(
        VersionMetrics(name, f"{at:040x}", {} if value is None else {metric: value})
        for at, (name, value) in enumerate(zip(names, values, strict=True))
    )
    lines = tuple(
        Threshold(metric, stage, sign, value, f"{metric} {sign} {value}") for stage, sign, value in thresholds
    )
    return Measured((metric,), versions, lines, {}, live or {})


def test_versions_thresholds_and_what_is_live() -> None:
    picture = plot(measured([0.88, 0.9, 0.92], [("prod", ">=", 0.9)], {"prod": "v2.0.0", "dev": "v3.0.0"}), "accuracy")
    root = parsed(picture)
    assert titles(root, "plot-dot") == ["v1.0.0: 0.88"]
    assert titles(root, "plot-live") == ["v2.0.0: 0.9 (live in prod)", "v3.0.0: 0.92 (live in dev)"]
    assert texts(root, "plot-live-text") == ["prod", "dev"]
    assert texts(root, "plot-gate-text") == ["prod: accuracy >= 0.9"]
    assert len(list(root.iter("polyline"))) == 1
    assert root.findtext("title") == "accuracy by version"
    assert root.findtext("desc") == (
        "v3.0.0 has 0.92, the newest of 3 versions that have a number; lowest 0.88 (v1.0.0), highest 0.92 (v3.0.0); "
        "live: prod v2.0.0, dev v3.0.0."
    )


def test_a_version_without_a_number_is_a_gap() -> None:
    root = parsed(plot(measured([1, 2, None, 3, math.nan, 4, 5]), "accuracy"))
    assert [len(str(line.get("points")).split()) for line in root.iter("polyline")] == [2, 2]
    assert len(titles(root, "plot-dot")) == 5


def test_nothing_to_draw() -> None:
    assert plot(measured([None, math.nan, math.inf], [("prod", ">", 1)]), "accuracy") == ""
    assert plot(measured([1.0]), "other") == ""


def test_one_threshold_of_several_stages_is_one_line() -> None:
    root = parsed(plot(measured([1, 2], [("dev", ">=", 1), ("prod", ">=", 1), ("prod", "<", 3)]), "accuracy"))
    assert texts(root, "plot-gate-text") == ["dev, prod: accuracy >= 1", "prod: accuracy < 3"]


def test_a_threshold_far_away_does_not_squeeze_the_numbers() -> None:
    root = parsed(plot(measured([0.9, 0.92], [("prod", "<=", 500)]), "accuracy"))
    assert texts(root, "plot-gate-text") == ["↑ prod: accuracy <= 500"]
    assert texts(root, "plot-gate") == []
    alone = parsed(plot(measured([0.9], [("prod", "<=", 500)]), "accuracy"))
    assert texts(alone, "plot-gate-text") == ["prod: accuracy <= 500"], "one number alone has no measure of its own"


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([0.8, 0.95], ["0.80", "0.85", "0.90", "0.95"]),
        ([5, 5], ["4.8", "5.0", "5.2"]),
        ([0, 0], ["-1.0", "-0.5", "0.0", "0.5", "1.0"]),
        ([1e-12, 2e-12], ["1e-12", "1.5e-12", "2e-12"]),
        ([1e6, 1e6 + 5], ["1000000", "1000002", "1000004"]),
        ([-1e308, 1e308], ["-5e307", "0", "5e307"]),
    ],
)
def test_the_axis_has_round_numbers(values: list[float], labels: list[str]) -> None:
    root = parsed(plot(measured(values), "accuracy"))
    found = [text.text for text in root.iter("text") if text.get("text-anchor") == "end"]
    assert found == labels


def test_fifty_versions_are_small_and_their_labels_apart() -> None:
    values = [0.8 + 0.15 * (1 - math.exp(-at / 20)) + (at * 7 % 5) / 100 for at in range(50)]
    picture = plot(measured(values, [("prod", ">=", 0.9)], {"prod": "v40.0.0"}), "accuracy")
    assert len(picture) < 8500
    marks = [text for text in parsed(picture).iter("text") if text.get("y") == "183"]
    assert marks[0].text == "v50.0.0"
    assert 5 <= len(marks) <= 10


def test_labels_of_live_versions_are_not_one_over_another() -> None:
    live = {"production": "v19.0.0", "staging": "v20.0.0", "development": "v18.0.0"}
    root = parsed(plot(measured([1] * 20, [], live), "accuracy"))
    labels = [text for text in root.iter("text") if "plot-live-text" in str(text.get("class"))]
    assert len({text.get("y") for text in labels}) == 3


def test_commits_are_short_and_hostile_names_are_texts() -> None:
    hostile = "</title><script>alert(1)</script>"
    root = parsed(plot(measured([1, 2], names=["a" * 40, hostile], live={hostile: hostile}), "accuracy"))
    assert titles(root, "plot-dot") == ["aaaaaaa: 1"]
    assert not list(root.iter("script"))
    assert parsed(plot(measured([1], metric='"><x y=\u202e\x00'), '"><x y=\u202e\x00')).findtext("title") is not None


_NUMBERS = st.one_of(
    st.none(),
    st.floats(),
    st.sampled_from((0.0, -0.0, 5e-324, 1e-12, 1e16, 1e16 + 2, 1e308, -1e308, 1.7976931348623157e308)),
    st.floats(0, 1),
    st.integers(-5, 5).map(float),
)
_TEXTS = st.text(max_size=40)


@given(
    values=st.lists(_NUMBERS, min_size=1, max_size=60),
    thresholds=st.lists(st.tuples(_TEXTS, st.sampled_from((">=", "<", "==")), st.floats()), max_size=6),
    names=st.lists(_TEXTS, min_size=60, max_size=60),
    live=st.dictionaries(_TEXTS, st.integers(0, 59), max_size=4),
    metric=_TEXTS,
)
def test_any_numbers_and_names_make_a_picture_within_its_frame(
    values: list[float | None],
    thresholds: list[tuple[str, str, float]],
    names: list[str],
    live: dict[str, int],
    metric: str,
) -> None:
    versions = names[: len(values)]
    known = measured(values, thresholds, {stage: names[at] for stage, at in live.items()}, versions, metric)
    picture = plot(known, metric)
    if not any(value is not None and math.isfinite(value) for value in values):
        assert picture == ""
        return
    root = parsed(picture)
    dots = len(titles(root, "plot-dot")) + len(titles(root, "plot-live"))
    assert dots == sum(value is not None and math.isfinite(value) for value in values)
