"""Our reading of a registry against the real `gto` package's, over generated repositories.

Where table 1.7 of the rules says that we differ (B1–B8), the difference itself is asserted. MSD_LONG=1 tries more.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model_stage_deploy.adapters.git_repository import GitRepository as Reader
from model_stage_deploy.core.model import Model, TagRecord
from model_stage_deploy.core.registry import Registry, fold
from model_stage_deploy.core.tags import Event, NotGtoTag, parse_tag
from tests.core.gto_oracle import OracleBroke, OracleModel, Told, ask, parse
from tests.core.tag_records import current
from tests.core.tag_texts import GRAMMATICAL, TAGS
from tests.standins.registries import FIRST_MOMENT, GitRepository, History, example_registry

LONG = os.environ.get("MSD_LONG") == "1"
EXAMPLES = 2000 if LONG else 100
REPOSITORIES = settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
pytestmark = pytest.mark.timeout(3600 if LONG else 120)

MODELS = ("m", "n/x", "a/b=m")
VERSIONS = ("v1.0.0", "v1.0.0-rc.1", "v2.0.0", "v2.0.0+a", "v2.0.0+b", "v10.0.0")
STAGES = ("prod", "dev", "eu/prod")
COMMITS = 4


@dataclass(frozen=True)
class Line:
    """One tag to make: its name, the commit it is on (1 to COMMITS), its second, whether it is annotated."""

    name: str
    at: int
    second: int
    annotated: bool = True


_WHAT = st.one_of(
    st.sampled_from([f"@{version}" for version in VERSIONS]),
    st.sampled_from([f"@{version}" for version in VERSIONS]),
    st.sampled_from([f"#{stage}" for stage in STAGES]),
    st.sampled_from([f"#{stage}" for stage in STAGES[:1]]),
    st.sampled_from([f"#{stage}!" for stage in STAGES]),
    st.sampled_from([f"@{version}!" for version in VERSIONS[:3]]),
    st.just("@deprecated"),
)
_STEP = st.tuples(
    st.sampled_from((*MODELS, "m", "m", "m")),
    _WHAT,
    st.integers(1, COMMITS),
    st.sampled_from((0, 0, 1, 60)),
    st.booleans(),
    st.integers(0, 9),
)
_STEPS = st.integers(2, 16).flatmap(lambda count: st.lists(_STEP, min_size=count, max_size=count))


@st.composite
def registries(draw: st.DrawFn) -> list[Line]:
    """Tags of several models: all events, ties within a second, simple and counted names, some lightweight."""
    lines: dict[str, Line] = {}
    second = 0
    homes: dict[tuple[str, str], int] = {}
    for model, what, commit, wait, simple, dice in draw(_STEPS):
        second += wait
        # Mostly a version is deregistered, or taken out of a stage, where it was put.
        at = homes.get((model, what.rstrip("!")), commit) if what.endswith("!") and dice else commit
        homes[model, what] = at
        name = f"{model}{what}" if simple and f"{model}{what}" not in lines else f"{model}{what}#{len(lines) + 1}"
        lines[name] = Line(name, at, second, annotated=dice != 1)
    return list(lines.values())


def build(lines: list[Line], path: Path) -> GitRepository:
    """The repository, in one process; commits are older than all tags."""
    history = History(moment=FIRST_MOMENT - 1000)
    commits = [history.commit({"n": str(number)}, when=FIRST_MOMENT - 1000 + number) for number in range(COMMITS)]
    for line in lines:
        history.tag(line.name, at=commits[line.at - 1], when=FIRST_MOMENT + line.second, annotated=line.annotated)
    repository = GitRepository(path)
    history.write(repository)
    return repository


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nobody's own git or GTO configuration."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        yield


def read(repository: GitRepository) -> list[TagRecord]:
    return Reader.open(repository.path).tags(None)


def answers(model: Model, events: Model) -> OracleModel:
    """Our answers in the oracle's words: stages from `model`, the rest from `events`."""
    rows: set[Told] = set()
    for event in events.events:
        version = events.version_of(event)
        name = None if version is None else version.name
        rows.add((event.tag.text, event.tag.event.value, name, event.tag.stage, event.commit))
    latest = events.latest()
    by_time = {stage: current(model, stage) for stage in model.stages}
    by_semver = {stage: current(model, stage, sort="semver") for stage in model.stages}
    return OracleModel(
        by_time={stage: held for stage, held in by_time.items() if held},
        by_semver={stage: held for stage, held in by_semver.items() if held},
        latest=latest.name if latest is not None and latest.registered else None,
        latest_or_commit=None if latest is None else latest.name,
        deprecated=events.deprecated,
        events=frozenset(rows),
    )


def lost_by_gto(registry: Registry) -> set[str]:
    """Tags without effect in GTO: unassignments of commits that nobody registered (B4)."""
    return {
        event.tag.text
        for model in registry
        for event in model.events
        if event.tag.event is Event.UNASSIGNMENT
        and (version := model.version_of(event)) is not None
        and not version.registered
    }


def compare(lines: list[Line], path: Path) -> str:
    """Ours against GTO's; says which of the cases of table 1.7 it was."""
    repository = build(lines, path)
    records = read(repository)
    ours = fold(records)
    if any(model.ambiguous for model in ours):
        with pytest.raises(OracleBroke, match="ManyVersions"):
            ask(path)
        alone = [model for model in ours if not model.ambiguous]
        assert all(current(model, stage) != "" for model in alone for stage in model.stages)
        return "B2"
    lost = lost_by_gto(ours)
    effective = fold([record for record in records if record.name not in lost])
    stageless = Model("")
    expected = {model.name: answers(effective.models.get(model.name, stageless), model) for model in ours}
    assert ask(path) == expected
    return "B4" if any(_differs(m, effective) for m in ours) else ""


@REPOSITORIES
@given(registries())
def test_agrees_with_gto(lines: list[Line]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        hypothesis.event(compare(lines, Path(folder, "registry")) or "agrees")


def _differs(model: Model, effective: Registry) -> bool:
    other = effective.models.get(model.name, Model(""))
    return any(current(model, stage) != current(other, stage) for stage in model.stages)


@pytest.fixture
def registry(tmp_path: Path) -> GitRepository:
    """v1.0.0 and v2.0.0 on commits of their own, the first one in prod."""
    repository = GitRepository(tmp_path / "registry")
    repository.commit({"n": "1"})
    repository.tag("m@v1.0.0")
    repository.tag("m#prod#1")
    repository.commit({"n": "2"})
    repository.tag("m@v2.0.0")
    assert in_prod(repository) == ask(repository.path)["m"].by_time.get("prod") == "v1.0.0"
    return repository


def in_prod(repository: GitRepository) -> str | None:
    return current(fold(read(repository)).model("m"))


def raw_tag(repository: GitRepository, ref: str, *, inner: str, target: str = "HEAD", tagger: bool = True) -> None:
    """A tag object as no porcelain would make it."""
    target = repository.git("rev-parse", target)
    kind = repository.git("cat-file", "-t", target)
    who = f"tagger Eve <eve@example.com> {FIRST_MOMENT + 9999} +0000\n" if tagger else ""
    body = f"object {target}\ntype {kind}\ntag {inner}\n{who}\nwords\n"
    made = repository.git("hash-object", "-t", "tag", "-w", "--stdin", "--literally", stdin=body.encode())
    repository.git("update-ref", f"refs/tags/{ref}", made)


def test_b01_created_breaks_gto_only(registry: GitRepository) -> None:
    registry.tag("x@created")
    with pytest.raises(OracleBroke, match="KeyError"):
        ask(registry.path)
    assert in_prod(registry) == "v1.0.0"


def test_b04_unassigning_a_bare_commit_is_lost_by_gto_only(registry: GitRepository) -> None:
    bare = registry.commit({"n": "3"})
    registry.tag("m#prod#2")
    registry.tag("m#prod!#3")
    assert ask(registry.path)["m"].by_time["prod"] == bare
    assert in_prod(registry) == "v1.0.0"


def test_b05_nested_tags_are_followed(registry: GitRepository) -> None:
    registry.tag("m#prod#2", at="m@v2.0.0")
    assert ask(registry.path)["m"].by_time["prod"] == registry.git("rev-parse", "refs/tags/m@v2.0.0")
    assert in_prod(registry) == "v2.0.0"


def test_b06_names_inside_tag_objects_do_not_count(registry: GitRepository) -> None:
    raw_tag(registry, "other#prod#9", inner="m#prod#9")
    assert ask(registry.path)["m"].by_time["prod"] == "v2.0.0", "GTO books it under the name inside"
    assert in_prod(registry) == "v1.0.0"


@pytest.mark.parametrize("how", ["no-tagger", "blob"])
def test_b07_broken_tags_break_gto_only(registry: GitRepository, how: str) -> None:
    raw_tag(registry, "m#prod#2", inner="m#prod#2", target="HEAD:n" if how == "blob" else "HEAD", tagger=how == "blob")
    with pytest.raises(OracleBroke):
        ask(registry.path)
    assert in_prod(registry) == "v1.0.0"


def test_b08_annotations_are_not_read_for_a_version(registry: GitRepository) -> None:
    registry.commit({"artifacts.yaml": "m: [not, a, mapping\n"})
    registry.tag("m@v3.0.0")
    registry.tag("m#prod#2")
    with pytest.raises(OracleBroke):
        ask(registry.path)
    assert in_prod(registry) == "v3.0.0"


def test_r40_an_annotated_head_does_not_undo_a_deprecation_here(registry: GitRepository) -> None:
    registry.tag("m@deprecated")
    registry.commit({"artifacts.yaml": "m:\n  type: model\n  path: m.pkl\n"})
    assert not ask(registry.path)["m"].deprecated
    assert fold(read(registry)).model("m").deprecated, "tags alone are events (B8)"


def test_real_registry(tmp_path: Path) -> None:
    repository = example_registry(tmp_path / "example")
    ours = fold(read(repository))
    assert ask(repository.path) == {model.name: answers(model, model) for model in ours}
    churn = ours.model("churn")
    stages = {stage: current(churn, stage) for stage in churn.stages}
    assert stages == {"dev": "v3.1.0", "staging": "v3.1.0", "prod": "v3.0.0"}
    assert current(ours.model("segment"), "dev") == "v0.4.1"


@settings(max_examples=3000 if LONG else 300)
@given(st.one_of(GRAMMATICAL, TAGS.map(lambda tag: tag.text), st.text("am#@=!v1.0-/_ \n", max_size=14)))
def test_grammar_is_that_of_gto(text: str) -> None:
    """R1–R17: we read what GTO reads, but for @created, a trailing newline, other digits and what git cannot store."""
    theirs = parse(text)
    try:
        tag = parse_tag(text)
    except NotGtoTag as refusal:
        narrower = "created" in text or text.endswith("\n") or not text.isascii() or "Git cannot" in refusal.why
        assert not theirs or narrower
        return
    assert theirs["name"] == tag.model
    assert (theirs.get("version"), theirs.get("stage"), theirs.get("counter")) == (tag.version, tag.stage, tag.counter)
    actions = dict(zip(Event, ("register", "deregister", "assign", "unassign", "deprecate"), strict=True))
    assert theirs["action"].value == actions[tag.event]
