"""`report` as a process: a folder, one file, badges; what it refuses to write over; what a workflow gets."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tests.faces.command_lines import run, tree
from tests.standins.example_registry import build
from tests.standins.registries import GitRepository

pytestmark = pytest.mark.thorough  # processes, one after the other


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("report") / "registry"
    build(directory, 9)
    return directory


def names_in(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def test_a_folder_has_a_page_for_each_model_and_is_replaced(registry: Path, tmp_path: Path) -> None:
    out = tmp_path / "site"
    first = run(registry, "report", "--out", str(out))
    assert first.exit_code == 0, first.err
    assert first.out.endswith(f"files to {out}: begin with {out / 'index.html'}\n")
    assert {"index.html", "newest.html", "m", "assets", "badges", ".nojekyll"} <= names_in(out)
    assert "churn" in (out / "index.html").read_text(encoding="utf-8")

    (out / "CNAME").write_text("models.example.com\n")  # somebody's own
    again = run(registry, "report", "churn", "--out", str(out), "--json")
    assert again.exit_code == 0, again.err
    assert again.json["schema"] == "model-stage-deploy/report/v1"
    assert [path for path in again.json["written"] if path.startswith("m/")] == ["m/churn.html"]
    there = {path for path in tree(out) if path not in ("CNAME", ".model-stage-deploy-report")}
    assert there == set(again.json["written"])  # what the first one had besides is gone, what is no report's is not
    assert (out / "CNAME").exists()


def test_it_writes_into_no_folder_of_others(registry: Path, tmp_path: Path) -> None:
    out = tmp_path / "work"
    out.mkdir()
    (out / "index.html").write_text("mine")
    refused = run(registry, "report", "--out", str(out))
    assert (refused.exit_code, refused.out) == (2, "")
    assert "is not empty, and no report of ours is in it" in refused.err
    assert tree(out) == {"index.html": tree(out)["index.html"]}

    forced = run(registry, "report", "--out", str(out), "--force")
    assert forced.exit_code == 0
    assert (out / "index.html").read_text(encoding="utf-8") != "mine"


def test_what_lies_elsewhere_is_neither_written_nor_taken_away(registry: Path, tmp_path: Path) -> None:
    out, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "keep").write_text("keep")
    assert run(registry, "report", "--out", str(out)).exit_code == 0
    with (out / ".model-stage-deploy-report").open("a") as marker:
        marker.write("../elsewhere/keep\n/etc/hostname\nlink/keep\n")
    (out / "link").symlink_to(elsewhere)
    assert run(registry, "report", "--out", str(out)).exit_code == 0
    assert (elsewhere / "keep").read_text() == "keep"

    (out / "m").rename(out / "gone")
    (out / "m").symlink_to(elsewhere)
    refused = run(registry, "report", "--out", str(out))
    assert refused.exit_code == 2
    assert "leads out of" in refused.err
    assert names_in(elsewhere) == {"keep"}


def test_one_file(registry: Path, tmp_path: Path) -> None:
    file = tmp_path / "registry.html"
    done = run(registry, "report", "--file", str(file))
    assert (done.exit_code, done.out) == (0, f"wrote {file}\n")
    assert run(registry, "report", "--file", str(file)).exit_code == 0  # ours is replaced
    assert names_in(tmp_path) == {"registry.html"}

    file.write_text("<p>mine</p>")
    refused = run(registry, "report", "--file", str(file))
    assert (refused.exit_code, file.read_text()) == (2, "<p>mine</p>")
    assert run(registry, "report", "--file", str(file), "--force").exit_code == 0
    assert run(registry, "report", "--file", str(tmp_path)).exit_code == 2


def test_badges(registry: Path, tmp_path: Path) -> None:
    shown = run(registry, "report", "--badge", "churn#prod")
    assert ElementTree.fromstring(shown.out).attrib["aria-label"].startswith("churn in prod: v")
    latest = run(registry, "report", "--badge", "churn", "--label", "newest churn", "--json")
    assert latest.json["schemaVersion"] == 1
    assert latest.json["label"] == "newest churn"

    file = tmp_path / "badges" / "prod.svg"
    done = run(registry, "report", "--badge", "churn#prod", "--out", str(file))
    assert done.exit_code == 0, done.err
    assert file.read_text(encoding="utf-8") == shown.out
    assert run(registry, "report", "--badge", "churn#prod", "--out", str(file), "--json").json["written"] == [str(file)]
    assert run(registry, "report", "--badge", "churn#prod", "--out", str(tmp_path / "prod.json")).exit_code == 0
    assert json.loads((tmp_path / "prod.json").read_text())["label"] == "prod"
    assert run(registry, "report", "--badge", "churn#prod", "--out", str(tmp_path / "prod.json")).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "either --out or --file"),
        (("--out", "a", "--file", "b"), 2, "either --out or --file"),
        (("--badge", "churn#nowhere"), 2, "churn has no stage 'nowhere'"),
        (("--badge", "nobody#prod"), 3, "nobody"),
        (("--badge", "churn#prod#4"), 2, "no model and stage"),
        (("--badge", "churn#"), 2, "no model and stage"),
        (("--badge", "churn#prod", "--file", "b"), 2, "a badge alone"),
        (("--label", "x", "--out", "a"), 2, "--label is for a badge"),
        (("nobody", "--out", "a"), 3, "there is no model 'nobody'"),
    ],
)
def test_mistakes_are_said(registry: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = run(registry, "report", *arguments)
    assert (done.exit_code, done.out) == (code, "")
    assert said in done.err
    assert not (registry / "a").exists()


def test_outside_a_repository(tmp_path: Path) -> None:
    done = run(tmp_path, "report", "--out", "site")
    assert done.exit_code == 2
    assert not (tmp_path / "site").exists()


def test_a_registry_without_a_clone(registry: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare.git"
    GitRepository(registry).git("clone", "--quiet", "--bare", registry.as_uri(), str(bare))
    done = run(tmp_path, "report", "--repo", bare.as_uri(), "--out", "site")
    assert done.exit_code == 0, done.err
    assert (tmp_path / "site" / "m" / "churn.html").is_file()


def test_an_empty_registry(tmp_path: Path) -> None:
    GitRepository(tmp_path / "empty").git("commit", "--quiet", "--allow-empty", "--message", "nothing yet")
    done = run(tmp_path / "empty", "report", "--out", str(tmp_path / "site"))
    assert done.exit_code == 0, done.err
    assert "No models yet" in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
