"""Reads the metrics of a model's versions from Git, with what the gates ask of them: for the pages that show them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import Any, NamedTuple

from model_stage_deploy.core.errors import MachineryFailed, ModelStageError
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.lifecycle import Lifecycle
from model_stage_deploy.core.measured import Measured, VersionMetrics, live_in, measured, to_look_at
from model_stage_deploy.core.metric_files import usual
from model_stage_deploy.core.metric_values import Metrics, numbers
from model_stage_deploy.core.model import Model
from model_stage_deploy.core.policy import Metrics as MetricsGate
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import split_model
from model_stage_deploy.flows.context import Context
from model_stage_deploy.gates.metric_reading import MetricReader, pipeline_of
from model_stage_deploy.ports import Documents, Repository

Files = tuple[str, ...]
"""The files that a gate names; none for those that are the model's by default."""
Key = tuple[str, str, tuple[Files, ...]]
"""Commit, directory of the model, and the files of each gate: what the numbers depend on, and nothing else."""
NEWEST = 50
_SENTENCE = 500  # characters


class Found(NamedTuple):
    """What the files of a commit say; it never changes."""

    values: Mapping[str, float]
    problem: str


Cache = MutableMapping[Key, Found]
"""For whoever asks often, and keeps what was read. It may lose entries at any time."""


def measure(
    context: Context,
    model: Model,
    rows: Sequence[Lifecycle],
    *,
    newest: int = NEWEST,
    cache: Cache | None = None,
) -> Measured | None:
    """The metrics of the newest registered versions, and of all that a stage of `rows` has or runs.

    They are read where the gate `metrics` reads them: from the files that the stages' gates name, or else those of
    dvc.yaml, or metrics.json; a name of which two of them say different things means no number. None where there is
    neither a number nor a rule. Never raises for a mapping or for files that cannot be read: then it says so.
    """
    gates, problem = _gates(context, model.name)
    sources = tuple(dict.fromkeys(tuple(gate.files or ()) for gate in gates.values())) or ((),)
    live = live_in(model, rows)
    versions, left_out = to_look_at(model, live, rows, newest)
    found = _read(
        context, model.name, sources, [version.commit for version in versions], {} if cache is None else cache
    )
    told = [
        VersionMetrics(version.name, version.commit, one.values, context.scrub(one.problem))
        for version in versions
        for one in (found[version.commit],)
    ]
    return measured(
        told,
        {stage: gate.rules for stage, gate in gates.items()},
        {stage: version.name for stage, version in live.items()},
        left_out=left_out,
        problem=context.scrub(problem),
    )


def _gates(context: Context, model: str) -> tuple[dict[str, MetricsGate], str]:
    """The metrics gate of each stage that the mapping has for the model, and why one is not known."""
    found: dict[str, MetricsGate] = {}
    try:
        mapping = context.configuration(None).mapping
        for stage in mapping.mapped_stages(model):
            settings = mapping.settings(model, stage)
            if settings is not None and settings.gates.metrics is not None:
                found[stage] = settings.gates.metrics
    except ModelStageError as problem:
        if problem.reason is Reason.MAPPING_NOT_FOUND:  # then there are none
            return found, ""
        return found, f"the rules of the gates are not known: {_first_line(problem)}"
    return found, ""


def _read(
    context: Context, model: str, sources: tuple[Files, ...], commits: Sequence[str], cache: Cache
) -> dict[str, Found]:
    """What the files say at each of the commits; what is not in the cache is read at once, and kept."""
    directory, _ = split_model(model)
    keys: dict[str, Key] = {commit: (commit, directory, sources) for commit in commits}
    found = {commit: kept for commit, key in keys.items() if (kept := cache.get(key)) is not None}
    missing = [commit for commit in keys if commit not in found]
    if not missing:
        return found
    if context.documents is None:
        return found | dict.fromkeys(missing, Found({}, "there is nobody to read documents"))
    try:
        files = _Files(context.repository, context.documents)
        files.gather(missing, model, sources)
    except MachineryFailed as problem:
        return found | dict.fromkeys(missing, _unread(problem))
    for commit in missing:
        try:
            found[commit] = cache[keys[commit]] = _found(files.reader, commit, model, sources)
        except MachineryFailed as problem:
            found[commit] = _unread(problem)  # not kept: it may be there the next time
    return found


class _Files:
    """Files of many commits, brought in two goes instead of one by one; what they missed is read by itself."""

    def __init__(self, repository: Repository, documents: Documents) -> None:
        self._repository = repository
        self._here: dict[tuple[str, str], bytes | None] = {}
        self.reader = MetricReader(self._read, documents)

    def gather(self, commits: Sequence[str], model: str, sources: tuple[Files, ...]) -> None:
        """Bring what the reader will ask for: first what is known by name, then what the pipelines list."""
        first = [path for files in sources for path in files]
        if () in sources:
            directory, _ = split_model(model)
            first += [pipeline_of(model), *(file.path for file in usual(directory))]
        self._bring((commit, path) for commit in commits for path in first)
        self._bring(self._listed(commits, model, sources))

    def _listed(self, commits: Sequence[str], model: str, sources: tuple[Files, ...]) -> Iterator[tuple[str, str]]:
        for commit in commits:
            for files in sources:
                try:
                    listed, _ = self.reader.listed(commit, model, files)
                except MachineryFailed:
                    continue  # of this commit alone, and told when it is read
                for path in (one.path for one in listed if not one.why_not):
                    yield from ((commit, path), (commit, f"{path}.dvc"))

    def _bring(self, asked: Iterator[tuple[str, str]]) -> None:
        missing = [one for one in dict.fromkeys(asked) if one not in self._here]
        if missing:
            self._here.update(self._repository.read_files(missing))

    def _read(self, commit: str, path: str) -> bytes | None:
        if (commit, path) in self._here:
            return self._here[commit, path]
        return self._repository.read_file(commit, path)


def _found(reader: MetricReader, commit: str, model: str, sources: tuple[Files, ...]) -> Found:
    files: dict[str, Any] = {}
    problems: dict[str, None] = {}
    for source in sources:
        one = reader.at(commit, model, source)
        files |= one.files
        problems |= dict.fromkeys((*one.broken, *one.absent))
    values, torn = numbers(Metrics(commit, files))
    problems |= {f"{name} is in two files, and differs": None for name in torn[:3]}
    return Found(values, one_line("; ".join(problems), _SENTENCE))


def _unread(problem: ModelStageError) -> Found:
    return Found({}, one_line(f"its files cannot be read: {_first_line(problem)}", _SENTENCE))


def _first_line(problem: ModelStageError) -> str:
    return problem.message.split("\n")[0]
