"""Workflow files as they are written: what is understood, and hostile ones that are told in one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.adapters.workflow_files_yaml import LARGEST, UnreadableWorkflow, read_workflow
from model_stage_deploy.core.permissions import DEPLOYS, READS
from model_stage_deploy.core.workflow_filters import TagFilter
from model_stage_deploy.core.workflows import Workflow, those_that_use_us

BROKEN = {
    "bracket": "on: [push\njobs:",
    "empty": "",
    "list": "- a",
    "no jobs": "on: push\n",
    "jobs that are none": "on: push\njobs: []\n",
    "job that is none": "on: push\njobs: {a: b}\n",
    "patterns that are none": "on: {push: {tags: [{a: 1}]}}\njobs: {}",
    "alias of itself": "a: &a [*a]",
    "key that is no text": "? {a: b}\n: c\n",
    "tag": "a: !!python/object:os.system x\n",
    "two documents": "--- a\n--- b\n",
    "latin": "\xff\xfe",
    "deep": "[" * 200,
    "bomb": "a: &a [x,x]\nb: &b [" + "*a," * 500 + "]\nc: &c [" + "*b," * 500 + "]\n",
}


def read(text: str, path: str = ".github/workflows/a.yml") -> Workflow:
    return read_workflow(path, text.encode())


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_what_is_no_workflow_is_told_in_one_line(text: str) -> None:
    with pytest.raises(UnreadableWorkflow) as told:
        read_workflow("a.yml", text.encode("latin-1"))
    assert str(told.value).startswith("a.yml:")
    assert str(told.value).isprintable()


def test_a_file_that_is_too_large() -> None:
    with pytest.raises(UnreadableWorkflow):
        read_workflow("a.yml", b"#" * (LARGEST + 1))


@given(st.text(max_size=60) | st.binary(max_size=60))
def test_any_file_is_a_workflow_or_unreadable(data: str | bytes) -> None:
    try:
        read_workflow("a.yml", data.encode(errors="surrogatepass") if isinstance(data, str) else data)
    except UnreadableWorkflow as problem:
        assert str(problem)


@pytest.mark.parametrize(
    ("on", "tags"),
    [
        ("push", TagFilter(None)),
        ("[pull_request, push]", TagFilter(None)),
        ("create", TagFilter(None)),
        ("{push: }", TagFilter(None)),
        ("{push: {paths: [a]}}", TagFilter(None)),
        ("{push: {tags: ['**#**', '!x']}}", TagFilter(("**#**", "!x"))),
        ("{push: {tags: v1}}", TagFilter(("v1",))),
        ("{push: {tags: [1.0, yes]}}", TagFilter(("1.0", "yes"))),
        ("{push: {tags: []}}", TagFilter(())),
        ("{push: {branches: [main], tags: ['*']}}", TagFilter(("*",))),
        ("{push: {tags-ignore: ['v*']}}", TagFilter(("v*",), ignore=True)),
        ("{push: {branches: [main]}}", None),
        ("{push: {branches-ignore: [main]}}", None),
        ("workflow_dispatch", None),
        ("{workflow_call: }", None),
    ],
)
def test_what_starts_it(on: str, tags: TagFilter | None) -> None:
    for key in ("on", "'on'", '"on"'):  # YAML 1.1 takes the plain one for a boolean
        assert read(f"{key}: {on}\njobs: {{}}\n").tags == tags


@pytest.mark.parametrize(
    ("step", "deploys", "needs"),
    [
        ("{uses: org/model-stage-deploy@v1}", True, DEPLOYS),
        ("{uses: org/model-stage-deploy@0123456789abcdef}", True, DEPLOYS),
        ("{uses: 'docker://ghcr.io/org/model-stage-deploy:1.0'}", True, DEPLOYS),
        ("{uses: org/model-stage-deploy@v1, with: {command: rollback}}", True, DEPLOYS),
        ("{uses: org/model-stage-deploy@v1, with: {command: '${{ inputs.command }}'}}", True, DEPLOYS),
        ("{uses: org/model-stage-deploy@v1, with: {command: resolve}}", False, READS),
        ("{uses: org/model-stage-deploy@v1, with: {command: promote}}", False, {"contents": "write"}),
        ("{uses: org/model-stage-deploy@v1, with: {command: promote, token: '${{ secrets.APP }}'}}", False, {}),
        ("{uses: org/model-stage-deploy@v1, with: {no-github: true}}", True, READS),
        ("{uses: org/model-stage-deploy@v1, with: {token: '${{ secrets.APP }}'}}", True, {}),
        ("{uses: org/model-stage-deploy@v1, with: {token: '${{ github.token }}'}}", True, DEPLOYS),
        ("{uses: iterative/gto-action@v2}", False, READS),
    ],
)
def test_what_a_job_uses(step: str, deploys: bool, needs: dict[str, str]) -> None:
    [job] = read(f"on: push\njobs: {{a: {{steps: [{{run: x}}, {step}]}}}}\n").jobs
    assert (job.deploys, job.needs, job.permissions) == (deploys, needs, None)


@pytest.mark.parametrize(
    "step", ["{uses: actions/checkout@v6}", "{uses: org/my-model-stage-deployer@v1}", "{run: gto}"]
)
def test_what_is_not_ours(step: str) -> None:
    assert read(f"on: push\njobs: {{a: {{steps: [{step}]}}}}\n").jobs == ()


def test_reusable_workflows() -> None:
    called = read("on: workflow_call\njobs: {a: {steps: [{uses: iterative/gto-action@v2}]}}\n", "b.yml")
    caller = read("on: push\njobs: {a: {uses: ./b.yml}}\n", "c.yml")
    outer = read("on: push\njobs: {a: {uses: ./c.yml}, b: {uses: ./d.yml}}\n", "d.yml")
    other = read("on: push\njobs: {a: {uses: ./e.yml}}\n", "e.yml")
    assert those_that_use_us([outer, other, caller, called]) == [outer, caller, called]
    [job] = read("on: push\njobs: {a: {uses: org/model-stage-deploy/.github/workflows/deploy.yml@v1}}\n").jobs
    assert job.needs == DEPLOYS


def test_anchors_are_followed() -> None:
    text = "on: {push: {tags: &t ['**']}, x: *t}\njobs:\n  a: &a {steps: [{uses: o/gto-action@v2}]}\n  b: *a\n"
    assert [job.name for job in read(text).jobs] == ["a", "b"]
