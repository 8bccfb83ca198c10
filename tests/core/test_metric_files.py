"""Which files `dvc.yaml` lists as metrics, and which of them can be read from Git."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.metric_files import MOST_FILES, Listed, is_pointer, listed_in_dvc, usual

PIPELINE = """
stages:
  train:
    cmd: python train.py
    outs: [model.pkl]
    metrics:
      - train.json:
          cache: false
          persist: true
    plots:
      - roc.json
  evaluate:
    cmd: python evaluate.py
    wdir: evaluation
    metrics:
      - ../eval.json: {cache: false}
      - cached.json
      - kept.yaml: {desc: out of Git}
metrics:
  - top.toml
  - eval.json
plots:
  - loss.json: {x: step}
"""


def test_what_a_pipeline_lists() -> None:
    assert listed_in_dvc(yaml.safe_load(PIPELINE), "models/churn") == [
        Listed("models/churn/top.toml"),
        Listed("models/churn/eval.json"),
        Listed("models/churn/train.json"),
        Listed("models/churn/evaluation/cached.json", cached=True),
        Listed("models/churn/evaluation/kept.yaml", cached=True),
    ]


@pytest.mark.parametrize("directory", ["", "a"])
def test_paths_count_from_the_directory(directory: str) -> None:
    [listed] = listed_in_dvc({"metrics": ["./x/../m.json"]}, directory)
    assert listed.path == ("a/m.json" if directory else "m.json")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"metrics": ["../../m.json"]}, "../../m.json of dvc.yaml is not a file of this repository"),
        ({"metrics": ["/m.json"]}, "/m.json of dvc.yaml is not a file of this repository"),
        ({"metrics": ["s3://bucket/m.json"]}, "s3://bucket/m.json of dvc.yaml is not a file of this repository"),
        ({"metrics": ["m\0.json"]}, "m\\0.json of dvc.yaml has characters that no path has, or too many"),
        ({"metrics": ["\ud800.json"]}, "\\ud800.json of dvc.yaml has characters that no path has, or too many"),
        ({"metrics": ["m.txt"]}, "a/m.txt is not JSON, YAML or TOML by its name"),
        ({"metrics": ["eval"]}, "a/eval is not JSON, YAML or TOML by its name"),
        ({"metrics": ["${name}.json"]}, "${name}.json of dvc.yaml is a template, which only DVC fills in"),
        (
            {"stages": {"s": {"foreach": ["x"], "do": {"metrics": ["${item}.json"]}}}},
            "${item}.json of dvc.yaml is a template, which only DVC fills in",
        ),
        (
            {"stages": {"s": {"wdir": "${dir}", "metrics": ["m.json"]}}},
            "m.json of dvc.yaml is a template, which only DVC fills in",
        ),
    ],
)
def test_what_git_does_not_have(content: Any, why: str) -> None:
    [listed] = listed_in_dvc(content, "a")
    assert listed.why_not == why


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        "metrics",
        {},
        {"metrics": None},
        {"metrics": 3},
        {"metrics": [None, 3, []]},
        {"stages": None},
        {"stages": ["metrics"]},
        {"stages": {"s": None}},
        {"stages": {"s": {"metrics": None, "wdir": 3}}},
        {"stages": {"s": {"plots": ["p.json"]}}, "plots": ["q.json"]},
    ],
)
def test_what_lists_nothing(content: Any) -> None:
    assert listed_in_dvc(content, "a") == []


def test_there_is_an_end() -> None:
    assert len(listed_in_dvc({"metrics": [f"m{number}.json" for number in range(1000)]}, "")) == MOST_FILES


def test_usual_places() -> None:
    assert [listed.path for listed in usual("a")] == [
        "a/metrics.json",
        "a/metrics.yaml",
        "a/metrics.yml",
        "a/metrics.toml",
    ]
    assert usual("")[0].path == "metrics.json"


def test_pointers_of_lfs() -> None:
    assert is_pointer(b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n")
    assert not is_pointer(b'{"version": "https://git-lfs.github.com/spec/v1"}')


CONTENTS = st.recursive(
    st.one_of(st.none(), st.integers(), st.text(), st.sampled_from(["m.json", "../x.yaml", "${x}.json"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["metrics", "stages", "do", "wdir", "cache", "m.json"]), inner, max_size=4),
    ),
    max_leaves=20,
)


@given(CONTENTS)
def test_any_content_lists_files_within_the_repository(content: Any) -> None:
    for listed in listed_in_dvc(content, "a/b"):
        assert listed.why_not or not listed.path.startswith(("/", "../"))
