"""The metrics of versions as a page shows them: from real commits, by the rules of the gate that reads them, too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from model_stage_deploy.adapters.documents import read_document
from model_stage_deploy.adapters.git_repository import GitRepository as Reader
from model_stage_deploy.adapters.git_source import GitSource
from model_stage_deploy.adapters.jinja_templates import JinjaTemplates
from model_stage_deploy.adapters.mapping_yaml import load_mapping
from model_stage_deploy.core.errors import Invalid, MachineryFailed, ModelStageError
from model_stage_deploy.core.lifecycle import Lifecycle, Recorded, State
from model_stage_deploy.core.measured import Measured, Threshold
from model_stage_deploy.core.model import Model
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.registry import fold
from model_stage_deploy.deployers import catalogue
from model_stage_deploy.flows.context import Configuration, Context
from model_stage_deploy.flows.measuring import Cache, measure
from model_stage_deploy.flows.status import decided
from tests.adapters.git_clones import isolate
from tests.fakes.announcer import FakeAnnouncer
from tests.fakes.clock import FakeClock
from tests.standins.registries import Files, GitRepository, History

PLAIN = "version: 1\nstages: {prod: {deploy: {run: x}}}\n"
GATED = """\
version: 1
stages:
  dev: {deploy: {run: x}}
  prod: {deploy: {run: x}, gates: {metrics: ["auc >= 0.9", "auc >= live.auc - 0.01"]}}
"""


class Counting(GitSource):
    """Counts how often a file was read by itself."""

    single = 0

    def read_file(self, commit: str, path: str) -> bytes | None:
        self.single += 1
        return super().read_file(commit, path)


class Place:
    """A registry with the files of its versions, and what is measured in it."""

    def __init__(self, path: Path) -> None:
        self.git = GitRepository(path)
        self.source = Counting(Reader.open(path))

    def versions(self, *files: Files, name: str = "m") -> list[str]:
        """Versions v1.0.0, v2.0.0, … with these files; their commits."""
        commits = []
        for number, content in enumerate(files, 1):
            commits.append(self.git.commit(content))
            self.git.tag(f"{name}@v{number}.0.0")
        return commits

    def model(self, name: str = "m") -> Model:
        return fold(self.source.tags(None)).model(name)

    def context(self, mapping: str | ModelStageError = PLAIN) -> Context:
        nobody: Any = None

        def configuration(_: str | None) -> Configuration:
            if isinstance(mapping, ModelStageError):
                raise mapping
            read = load_mapping(mapping.encode(), "model-stages.yml", catalogue.known(), JinjaTemplates())
            return Configuration(read, "model-stages.yml", Path, nobody)

        return Context(
            repository=self.source,
            configuration=configuration,
            deployer=nobody,
            templates=JinjaTemplates(),
            annotation=nobody,
            announcer=FakeAnnouncer(),
            clock=FakeClock(),
            host=None,
            gate=nobody,
            verifier=nobody,
            environ={},
            documents=read_document,
            scrub=lambda text: text.replace("s3cret", "***"),
        )

    def measured(
        self,
        mapping: str | ModelStageError = PLAIN,
        rows: Sequence[Lifecycle] | None = None,
        *,
        name: str = "m",
        **more: Any,
    ) -> Measured | None:
        model = self.model(name)
        return measure(self.context(mapping), model, decided([model]) if rows is None else rows, **more)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    isolate(monkeypatch, tmp_path / "home")
    made = Place(tmp_path / "registry")
    with made.source:
        yield made


def values(found: Measured | None) -> Mapping[str, Mapping[str, float]]:
    assert found is not None
    return {version.version: dict(version.values) for version in found.versions}


def problems(found: Measured | None) -> Mapping[str, str]:
    assert found is not None
    return {version.version: version.problem for version in found.versions if version.problem}


def test_numbers_rules_and_what_is_live(place: Place) -> None:
    commits = place.versions({"metrics.json": '{"auc": 0.9, "n": 7}'}, {"metrics.json": '{"auc": 0.95, "s": "x"}'})
    place.git.tag("m#prod#1", at=commits[0])
    found = place.measured(GATED)
    assert found is not None
    assert values(found) == {"v1.0.0": {"auc": 0.9, "n": 7}, "v2.0.0": {"auc": 0.95}}
    assert [version.commit for version in found.versions] == commits
    assert found.metrics == ("auc", "n")
    assert found.thresholds == (Threshold("auc", "prod", ">=", 0.9, "auc >= 0.9"),)
    assert found.rules == {"prod": ("auc >= 0.9", "auc >= live.auc - 0.01")}
    assert found.live == {"prod": "v1.0.0"}, "nobody knows what runs, so what is decided"
    assert (found.left_out, found.problem, problems(found)) == (0, "", {})


def test_what_runs_is_live(place: Place) -> None:
    commits = place.versions({"metrics.json": '{"auc": 1}'}, {"metrics.json": '{"auc": 2}'})
    running = Recorded("1", "v1.0.0", commits[0], "m#prod#1", "success")
    found = place.measured(rows=[Lifecycle("m", "prod", State.DEPLOYED, running=running)], newest=1)
    assert found is not None
    assert (dict(found.live), list(values(found)), found.left_out) == ({"prod": "v1.0.0"}, ["v1.0.0", "v2.0.0"], 0)


def test_the_files_of_the_pipeline_or_of_the_gate(place: Place) -> None:
    pipeline = "stages: {eval: {cmd: x, metrics: [{out/eval.json: {cache: false}}]}}"
    place.versions(
        {
            "sub/dvc.yaml": pipeline,
            "sub/out/eval.json": '{"f1": 0.5}',
            "sub/metrics.json": '{"no": 1}',
            "g.toml": "g = 1",
        },
        name="sub=m",
    )
    own = "version: 1\nstages: {prod: {deploy: {run: x}, gates: {metrics: {rules: [g > 0], files: [g.toml]}}}}\n"
    both = own.replace("prod: {", "dev: {deploy: {run: x}, gates: {metrics: [f1 > 0]}}, prod: {")
    assert values(place.measured(name="sub:m")) == {"v1.0.0": {"f1": 0.5}}
    assert values(place.measured(own, name="sub:m")) == {"v1.0.0": {"g": 1}}
    assert values(place.measured(both, name="sub:m")) == {"v1.0.0": {"f1": 0.5, "g": 1}}


def test_one_version_that_cannot_be_read_hides_no_other(place: Place) -> None:
    place.versions(
        {"metrics.json": '{"auc": 1}'},
        {"metrics.json": "{"},
        {"metrics.json": "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n"},
        {"metrics.json": '{"auc": 4}', "metrics.yaml": "auc: 5"},
        {"metrics.json": '{"auc": 5, "f1": 1}', "metrics.yaml": "{"},
    )
    (place.git.path / "metrics.yaml").unlink()
    (place.git.path / "metrics.json").unlink()
    (place.git.path / "metrics.json.dvc").write_text("outs: []")
    place.git.commit()
    place.git.tag("m@v6.0.0")
    found = place.measured(GATED)
    assert values(found) == {
        "v1.0.0": {"auc": 1},
        "v2.0.0": {},
        "v3.0.0": {},
        "v4.0.0": {},
        "v5.0.0": {"auc": 5, "f1": 1},
        "v6.0.0": {},
    }
    told = problems(found)
    assert list(told) == [f"v{number}.0.0" for number in range(2, 7)]
    assert "cannot be read at" in told["v2.0.0"]
    assert "kept by Git LFS" in told["v3.0.0"]
    assert told["v4.0.0"] == "auc is in two files, and differs"
    assert told["v5.0.0"].startswith("metrics.yaml cannot be read at")
    assert told["v6.0.0"] == "metrics.json is kept by DVC (metrics.json.dvc), not in Git"


def test_nothing_measured_and_nothing_asked(place: Place) -> None:
    place.versions({"a": "1"})
    assert place.measured() is None
    found = place.measured(GATED)
    assert problems(found) == {"v1.0.0": f"metrics.json is not in Git at {place.model().versions[0].commit[:12]}"}


def test_a_mapping_that_cannot_be_read_hides_no_numbers(place: Place) -> None:
    place.versions({"metrics.json": '{"auc": 1}'})
    found = place.measured(Invalid(Reason.MAPPING_INVALID, "s3cret is wrong\nmore"))
    assert found is not None
    assert values(found) == {"v1.0.0": {"auc": 1}}
    assert found.problem == "the rules of the gates are not known: *** is wrong"


def test_where_there_is_no_mapping_there_are_no_rules_to_be_known(place: Place) -> None:
    place.versions({"metrics.json": '{"auc": 1}'})
    found = place.measured(Invalid(Reason.MAPPING_NOT_FOUND, "there is no mapping in /home/ada/work"))
    assert found is not None
    assert (values(found), found.problem) == ({"v1.0.0": {"auc": 1}}, "")


def test_a_commit_that_is_not_here_is_said_and_asked_for_again(place: Place) -> None:
    place.versions({"metrics.json": '{"auc": 1}'})
    model = place.model()
    tag = model.events[0]
    gone = fold([tag.record, tag.record._replace(name="m@v9.0.0", inner_name="m@v9.0.0", commit="d" * 40)]).model("m")
    cache: Cache = {}
    found = measure(place.context(), gone, [], cache=cache)
    assert values(found) == {"v1.0.0": {"auc": 1}, "v9.0.0": {}}
    assert problems(found) == {"v9.0.0": "its files cannot be read: there is no remote to ask"}
    assert len(cache) == 1


def test_where_git_fails_each_version_says_so(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: object) -> Mapping[tuple[str, str], bytes | None]:
        raise MachineryFailed(Reason.GIT_FAILED, "the remote is gone\nsee there")

    place.versions({"metrics.json": "{}"})
    monkeypatch.setattr(place.source, "read_files", fails)
    cache: Cache = {}
    assert problems(place.measured(GATED, cache=cache)) == {"v1.0.0": "its files cannot be read: the remote is gone"}
    assert cache == {}


def test_what_was_read_is_kept_by_commit_and_by_what_was_asked(place: Place) -> None:
    commits = place.versions({"metrics.json": '{"auc": 1}'}, {"metrics.json": '{"auc": 2}'})
    cache: Cache = {}
    first = place.measured(GATED, cache=cache)
    kept = place.context(GATED)
    without = replace(kept, repository=None)  # type: ignore[arg-type]
    assert measure(without, place.model(), decided([place.model()]), cache=cache) == first
    assert {key[0] for key in cache} == set(commits)
    gate = GATED.replace('["auc >= 0.9"', '{files: [other.json], rules: ["auc >= 0.9"').replace("]}}\n", "]}}}\n")
    assert values(place.measured(gate, cache=cache)) == {"v1.0.0": {}, "v2.0.0": {}}


def test_fifty_of_many_versions_are_read_in_a_few_goes(place: Place) -> None:
    history = History()
    for number in range(1, 121):
        history.tag(f"m@v{number}.0.0", at=history.commit({"metrics.json": f'{{"auc": {number}}}', "dvc.yaml": "{}"}))
    history.write(place.git)
    found = place.measured()
    assert found is not None
    assert [version.values["auc"] for version in found.versions] == list(range(71, 121))
    assert (found.left_out, place.source.single) == (70, 0)
