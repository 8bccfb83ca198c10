"""Annotations of models in dvc.yaml and artifacts.yaml, well-formed and hostile."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.adapters.annotations_yaml import find_annotation
from model_stage_deploy.core.annotations import Annotation, AnnotationProblem

DVC = b"""\
stages: {train: {cmd: python train.py, deps: [on, 0777]}}
artifacts:
  churn:
    path: models/churn.pkl
    type: model
    desc: Who will leave
    labels: [tabular]
    meta: {framework: sklearn}
  bare:
  dated: {path: 2024, desc: 2024-01-01}
"""
GTO = b"churn: {path: other.pkl, type: model, description: From GTO, virtual: false}\nonly: {path: x}\n"


def test_dvc_yaml_wins() -> None:
    assert find_annotation(DVC, GTO, "churn") == Annotation("models/churn.pkl", "model", "Who will leave")


def test_artifacts_yaml_is_read_where_dvc_yaml_says_nothing() -> None:
    assert find_annotation(DVC, GTO, "only") == Annotation(path="x")
    assert find_annotation(None, GTO, "churn") == Annotation("other.pkl", "model", "From GTO")


def test_an_annotation_may_be_empty_or_absent() -> None:
    assert find_annotation(DVC, None, "bare") == Annotation()
    assert find_annotation(DVC, GTO, "nobody") is None
    assert find_annotation(None, None, "churn") is None
    assert find_annotation(b"", b" \n", "churn") is None


def test_unquoted_numbers_and_dates_are_text() -> None:
    assert find_annotation(DVC, None, "dated") == Annotation(path="2024", description="2024-01-01")


@pytest.mark.parametrize("text", [b"[]", b"artifacts: [churn]", b"artifacts: churn", b"x", b"1", b"artifacts:"])
def test_a_file_of_another_shape_names_no_artifact(text: bytes) -> None:
    assert find_annotation(text, text, "churn") is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"artifacts: {churn: [", "dvc.yaml:2:1: not YAML"),
        (b"\xff\xfe", "UTF-16"),
        (b"artifacts: {churn: {path: [1]}}", "`path` of the artifact churn is not text"),
        (b"artifacts: {churn: text}", "is not a mapping"),
        (b"artifacts: {churn: {desc: " + b"x" * 5000 + b"}}", "longer than 4096"),
        (b'artifacts: {churn: {desc: "a\\0b"}}', "NUL"),
        (b"#" * (1024 * 1024 + 1), "1 MiB"),
        (b"[" * 100_000, "nested more than"),
    ],
)
def test_a_hostile_file_is_a_problem_of_one_line(text: bytes, why: str) -> None:
    with pytest.raises(AnnotationProblem, match=why) as caught:
        find_annotation(text, None, "churn")
    assert "\n" not in str(caught.value)


@given(st.one_of(st.binary(), st.text("artifcshun{}[]:&*!<-#'\"\n \t,|>%@").map(str.encode)))
def test_no_file_crashes_the_reader(text: bytes) -> None:
    try:
        find_annotation(text, text, "churn")
    except AnnotationProblem as problem:
        assert str(problem)
