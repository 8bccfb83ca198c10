"""Papers agree with the code and with each other: examples, docs, versions, tables."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import model_stage_deploy
from model_stage_deploy.adapters.jinja_templates import JinjaTemplates
from model_stage_deploy.adapters.mapping_yaml import load_mapping
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.deployers import catalogue
from model_stage_deploy.faces.arguments import parse
from model_stage_deploy.faces.settings import INPUTS, OUTPUTS
from tests.contract.generate import DEPLOYER_PAGES, ROOT

DOCS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
EXAMPLES = sorted((ROOT / "workflows-examples").glob("*.yml"))
CI = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
MAPPINGS = [path for path in EXAMPLES if path.name.startswith("model-stages")]
GITLAB = [path for path in EXAMPLES if path.name.startswith("gitlab")]
WORKFLOWS = [path for path in EXAMPLES if path not in (*MAPPINGS, *GITLAB)]
ACTION = "org/model-stage-deploy"

# What each example may do, as its documentation says.
PERMISSIONS = {
    "deploy-on-tag.yml": {"contents": "write", "deployments": "write", "statuses": "write"},
    "deploy-with-reusable.yml": {"contents": "write", "deployments": "write", "statuses": "write"},
    "deploy-by-hand.yml": {"contents": "write", "deployments": "write", "statuses": "write"},
    "deploy-with-kubectl.yml": {
        "contents": "write",
        "deployments": "write",
        "statuses": "write",
        "id-token": "write",
    },
    "deploy-by-api.yml": {"contents": "write", "deployments": "write", "statuses": "write"},
    "promote-by-hand.yml": {"contents": "write", "deployments": "write", "statuses": "write", "checks": "read"},
    "promote.yml": {"contents": "write", "deployments": "write", "statuses": "write"},
    "reconcile.yml": {"contents": "write", "deployments": "write", "statuses": "write"},
    "sweep.yml": {"contents": "write", "deployments": "write", "statuses": "write"},
    "publish-report.yml": {"contents": "read", "deployments": "read", "pages": "write", "id-token": "write"},
    "resolve-only.yml": {"contents": "read"},
}

_OUTPUT = re.compile(r"steps\.\w+\.outputs\.([\w-]+)")

by_doc = pytest.mark.parametrize("path", DOCS, ids=lambda path: str(path.relative_to(ROOT)))
by_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def fenced(path: Path, language: str) -> Iterator[str]:
    """Fenced blocks of one language, without the indent of a list around them."""
    pattern = re.compile(rf"^( *)```{language}\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
    for indent, text in pattern.findall(path.read_text(encoding="utf-8")):
        yield re.sub(rf"^{indent}", "", text, flags=re.MULTILINE)


def mappings() -> Iterator[Any]:
    """Every mapping that the docs show."""
    for path in DOCS:
        for number, text in enumerate(block for block in fenced(path, "yaml") if block.startswith("version: 1")):
            yield pytest.param(text, id=f"{path.name}-{number}")


def workflow(path: Path) -> dict[Any, Any]:
    """A workflow; YAML 1.1 reads the key `on` as true."""
    read: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return read


def steps(path: Path) -> list[dict[str, Any]]:
    """All steps of all jobs; a job that calls a reusable workflow has none."""
    return [step for job in workflow(path)["jobs"].values() for step in job.get("steps", [])]


def test_action_yml_is_the_table_of_settings() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    assert {name: given["default"] for name, given in action["inputs"].items()} == {
        entry.name: entry.default for entry in INPUTS
    }
    assert list(action["outputs"]) == [output.name for output in OUTPUTS]
    image = action["runs"].pop("image")
    assert action["runs"] == {"using": "docker"}
    assert re.fullmatch(r"Dockerfile|docker://\S+@sha256:[0-9a-f]{64}", image)  # built on main, pulled in a release


def test_versions_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["dynamic"] == ["version"]  # it has one place; tests/contract/test_release.py builds with it
    heading = rf"^##+ {re.escape(model_stage_deploy.__version__)}\b"
    assert re.search(heading, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("path", [ROOT / "workflows-examples/gitlab-ci.yml", ROOT / "docs/howto/use-gitlab.md"])
def test_the_image_that_is_to_be_used_is_one_that_a_release_makes(path: Path) -> None:
    named = re.findall(r"name: ghcr\.io/org/model-stage-deploy:(\S+)", path.read_text(encoding="utf-8"))
    assert named == [model_stage_deploy.__version__]


def test_the_image_is_the_one_that_the_docs_name() -> None:
    [image] = re.findall(r"^FROM (\S+)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert image == "python:3.13-slim"
    assert f"`{image}`" in (ROOT / "docs/howto/use-github-enterprise.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", catalogue.BUILT_IN)
def test_every_deployer_has_a_page(name: str) -> None:
    page = (ROOT / "docs/howto" / DEPLOYER_PAGES[name]).read_text(encoding="utf-8")
    shown = [
        load_mapping(text.encode(), "doc", catalogue.known())
        for text in re.findall(r"```yaml\n(version.*?)```", page, re.S)
    ]
    used = {
        settings.deployer
        for mapping in shown
        for stage in mapping.stages()
        for model in ("churn", "fraud/eu")
        if (settings := mapping.settings(model, stage)) is not None
    }
    assert name in used


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_in_the_troubleshooting(reason: Reason) -> None:
    page = (ROOT / "docs/howto/troubleshoot.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert [row for row in rows if f"`{reason.value}`" in row.split("|")[1]], f"no row for {reason.value}"


@pytest.mark.parametrize("text", list(mappings()))
def test_every_mapping_in_the_docs_loads(text: str) -> None:
    mapping = load_mapping(text.encode(), "doc", catalogue.known(), JinjaTemplates())
    assert mapping.stages()
    assert mapping.notes == ()


@pytest.mark.parametrize("path", MAPPINGS, ids=lambda path: path.name)
def test_the_example_mappings_load(path: Path) -> None:
    mapping = load_mapping(path.read_bytes(), path.name, catalogue.known(), JinjaTemplates())
    assert set(mapping.stages()) >= {"staging", "prod"}
    assert mapping.notes == ()


@by_doc
def test_every_yaml_block_is_yaml_and_uses_what_exists(path: Path) -> None:
    for text in fenced(path, "yaml"):
        assert yaml.safe_load(text) is not None
        assert set(_OUTPUT.findall(text)) <= {output.name for output in OUTPUTS}


@by_doc
def test_every_command_line_is_one_that_the_parser_takes(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for line in re.findall(r"(?:python|model-stage-deploy) -m model_stage_deploy ([^`\n]+)", text):
        words = shlex.split(line.split("  #")[0].split(" | ")[0])
        if words[0] != "COMMAND":
            assert parse(words).command == words[0]


@pytest.mark.parametrize("path", sorted((ROOT / "src").rglob("*.py")), ids=lambda path: path.name)
def test_docs_that_the_code_names_exist(path: Path) -> None:
    named = set(re.findall(r"\bdocs/[\w/.-]+\.md", path.read_text(encoding="utf-8")))
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_the_readme_shows_the_example_workflow() -> None:
    shown = [yaml.safe_load(text) for text in fenced(ROOT / "README.md", "yaml") if "jobs:" in text]
    assert shown == [workflow(ROOT / "workflows-examples/deploy-on-tag.yml")]


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 150


@pytest.mark.parametrize(
    ("schema", "paths"),
    [
        ("github-workflows", [*WORKFLOWS, *CI]),
        ("github-actions", [ROOT / "action.yml", ROOT / "host/action.yml"]),
        ("gitlab-ci", GITLAB),
    ],
    ids=["workflows", "action", "gitlab"],
)
def test_the_schemas_of_the_platforms_hold(schema: str, paths: list[Path]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", *map(str, paths)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@by_workflow
def test_examples_ask_for_what_they_need_and_no_more(path: Path) -> None:
    read = workflow(path)
    assert read["permissions"] == PERMISSIONS[path.name]
    assert all("permissions" not in job for job in read["jobs"].values())
    ours = [step for step in steps(path) if step.get("uses", "").startswith((f"{ACTION}@", f"{ACTION}/host@"))]
    installed = re.findall(
        rf"pip install .*git\+https://github.com/{ACTION}@(.*)$", path.read_text("utf-8"), re.MULTILINE
    )
    called = [job["uses"] for job in read["jobs"].values() if job.get("uses", "").startswith(f"{ACTION}/.github/")]
    named = [*(uses.partition("@")[2] for uses in [*(step["uses"] for step in ours), *called]), *installed]
    assert set(named) == {f"v{model_stage_deploy.__version__.split('.')[0]}"}
    assert all(set(step.get("with", {})) <= {entry.name for entry in INPUTS} for step in ours)


@by_workflow
def test_examples_listen_to_tags_with_slashes(path: Path) -> None:
    pushed = workflow(path)[True].get("push", {}).get("tags", ["**"])
    assert all(pattern.startswith("**") for pattern in pushed)


@by_workflow
def test_examples_paste_nothing_into_a_shell(path: Path) -> None:
    assert [step["run"] for step in steps(path) if "${{" in step.get("run", "")] == []


@by_workflow
def test_examples_read_outputs_that_exist(path: Path) -> None:
    assert set(_OUTPUT.findall(path.read_text(encoding="utf-8"))) <= {output.name for output in OUTPUTS}


@by_doc
def test_links_lead_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]*)(?:#[^)]*)?\)", text):
        if target and not target.startswith(("https://", "mailto:")):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


@by_doc
def test_anchors_lead_somewhere(path: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#([^)]+)\)", path.read_text(encoding="utf-8")):
        if not target.startswith("https://"):
            page = (path.parent / target if target else path).read_text(encoding="utf-8")
            titles = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
            assert anchor in anchors, f"{path.name} links to {target}#{anchor}"


@by_doc
def test_nothing_of_a_workplace(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"(?:^|[\s`\"'(=])(/(?:work|home|root|tmp)/\S*)", text) == []


def test_every_trap_is_closed_by_a_test_or_explained() -> None:
    page = (ROOT / "docs/reference/traps.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| T(\d+) \|[^|]+\| (.+) \|$", page, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 62))
    for number, told in rows:
        named = re.findall(r"`(tests/[\w/.]+)(?:::(\w+))?`", told)
        for file, test in named:
            assert f"\ndef {test}(" in (ROOT / file).read_text(encoding="utf-8"), f"T{number} names {file}::{test}"
        assert told.startswith(("Closed", "Explained", "Not needed")), f"T{number}"
        assert named or not told.startswith("Closed"), f"T{number} is closed by no test"


def test_every_rule_of_the_tags_is_told() -> None:
    page = (ROOT / "docs/reference/tags.md").read_text(encoding="utf-8")
    told = {int(number) for line in re.findall(r"\*\*(R[^*]+)\*\*", page) for number in re.findall(r"R(\d+)", line)}
    assert told == set(range(1, 64))
