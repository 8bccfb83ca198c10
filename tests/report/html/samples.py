"""A rich registry as values: models that went from stage to stage, with deployments, metrics and locks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from model_stage_deploy.core.annotations import Annotation
from model_stage_deploy.core.dashboard import ModelPage
from model_stage_deploy.core.lifecycle import Judged, Lifecycle, Recorded, Records, lifecycle
from model_stage_deploy.core.locks import key_of
from model_stage_deploy.core.measured import Measured, Threshold, VersionMetrics
from model_stage_deploy.core.model import Model, TagRecord
from model_stage_deploy.core.registry import Registry, fold
from model_stage_deploy.core.stored import LockEntry
from model_stage_deploy.core.timeline import decided_spans, ran_spans

NOW = 1_795_000_000
DAY = 86_400
WHO = ("Ada Model", "Grace Hopper", "Jürgen Müller", "release-bot[bot]")
MESSAGE = "Retrained on the October data\n\nPrecision is up by two points; recall is as before.\nReviewed by Grace."


def sha(text: str) -> str:
    """An id that looks like Git's."""
    return hashlib.sha1(text.encode("utf-8", "surrogatepass")).hexdigest()


def tag(name: str, commit: str, time: int, who: str = WHO[0], message: str = "") -> TagRecord:
    """An annotated tag."""
    return TagRecord(name, sha(name), True, sha(commit), time, "+0100", who, "who@example.com", message, name)


def registry(model: str = "churn", versions: int = 9) -> Registry:
    """A model that went through dev, staging and prod, version by version."""
    return fold(_tags(model, versions))


def _tags(model: str, versions: int) -> Iterator[TagRecord]:
    text = model.replace(":", "=")
    begin = NOW - 40 * DAY * versions
    for number in range(1, versions + 1):
        commit, at = f"{model}{number}", begin + 40 * DAY * (number - 1)
        who = WHO[number % len(WHO)]
        yield tag(f"{text}@v{number}.0.0", commit, at, who, MESSAGE if number % 2 else f"Register v{number}.0.0")
        yield tag(f"{text}#dev#{number}", commit, at + 3600, who, "to dev")
        if number > 1:
            yield tag(f"{text}#staging#{number}", commit, at + 5 * DAY, who, "looks good in dev")
        if number > 2 and number % 2:
            yield tag(f"{text}#prod#{number}", commit, at + 12 * DAY, WHO[0], "two weeks in staging, no complaints")
    yield tag(f"{text}#shadow#1", f"{model}1", begin + 4000, WHO[1], "try it beside the old one")
    yield tag(f"{text}#shadow!#2", f"{model}1", begin + 9 * DAY, WHO[1], "tried enough")
    yield tag(f"{text}#canary#1", f"{model}{versions}", NOW - DAY, WHO[2], "5 % of the traffic")


def recorded(version: str, at: float, model: str = "churn", **changes: Any) -> Recorded:
    """A deployment that went well and was verified; `changes` replace single fields."""
    number = version.removeprefix("v").split(".")[0]
    plain = Recorded(
        id=f"d{int(at)}",
        version=version,
        commit=sha(f"{model}{number}"),
        tag=f"{model}#prod#{number}",
        state="success",
        created=iso(at),
        updated=iso(at + 190),
        outcome="success",
        ended=iso(at + 190),
        environment_url="https://churn.example.com/",
        log_url="https://ci.example.com/runs/1",
        attempt=f"run-{int(at)}",
        placed=True,
        checks=2,
        actor="grace",
        summary=f"{version} is in prod and passed 2 checks",
        environment="prod",
        previous="v5.0.0",
        previous_tag=f"{model}#prod#5",
        tagger="Ada Model <ada@example.com>",
        gates=GATES,
    )
    return plain._replace(**changes)


def iso(at: float) -> str:
    """ISO 8601, UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat()


GATES = (
    Judged("needs", "passed", "needs-passed", "v9.0.0 was verified in staging 26 days ago", {}),
    Judged("metrics", "passed", "metrics-passed", "accuracy is 0.94, which is at least 0.9", {}),
    Judged("window", "failed", "window-closed", "it is Saturday; prod is deployed to from Monday to Thursday", {}),
    Judged("approvals", "unknown", "approvals-unknown", "GitHub did not answer", {}),
)


def rows_of(model: Model) -> tuple[Lifecycle, ...]:
    """Every state that a stage can be in, of a model of `registry`."""
    newest = model.versions[-1].name
    given = {stage: held.event.time for stage in model.stages if (held := model.holder(stage))}
    prod = given.get("prod", NOW)
    of = {
        "dev": [recorded(newest, NOW - 2 * DAY, model.name, checks=0)],
        "canary": [
            recorded(newest, NOW - 600, model.name, state="in_progress", outcome="", ended="", placed=False),
            recorded("v7.0.0", NOW - 40 * DAY, model.name),
        ],
        "staging": [
            recorded(
                newest,
                NOW - 8 * DAY,
                model.name,
                state="failure",
                outcome="failure",
                placed=False,
                summary="the deployer ended with exit code 3: no space left on device",
            ),
            recorded("v8.0.0", NOW - 60 * DAY, model.name),
        ],
        "prod": [
            recorded("v7.0.0", prod + 5000, model.name, rollback=True, automatic=True, previous=newest),
            recorded(
                newest,
                prod + 300,
                model.name,
                state="failure",
                outcome="failure",
                override="the window is wrong",
                forced=True,
            ),
            *[recorded(f"v{2 * back + 1}.0.0", NOW - (9 - 2 * back) * 40 * DAY, model.name) for back in (3, 2, 1)],
        ],
        "shadow": [],
    }
    order = [stage for stage in ("dev", "staging", "canary", "prod", "shadow") if stage in model.stages]
    return tuple(lifecycle(model, stage, Records(tuple(of[stage])), stage) for stage in order)


def lock(
    stage: str, kind: Literal["run", "freeze"] = "freeze", model: str = "churn", reason: str = "the black Friday freeze"
) -> LockEntry:
    """A lock of a stage, or of all of them ("")."""
    url = "https://ci.example.com/runs/7" if kind == "run" else ""
    lease = 600.0 if kind == "run" else 0.0
    return LockEntry("1", kind, key_of(model, stage), "run-7", "Grace Hopper", reason, url, NOW - DAY, NOW - 60, lease)


def measured(model: Model, live: Mapping[str, str]) -> Measured:
    """Three metrics, two of which a gate asks for."""
    registered = [version for version in model.versions if version.registered]
    values = [
        {
            "accuracy": 0.8 + 0.018 * at - (0.03 if at == 4 else 0),
            "latency_ms": 40.0 - at * (-1) ** at,
            "rows": 1e6 + at,
        }
        for at in range(len(registered))
    ]
    return Measured(
        ("accuracy", "latency_ms", "rows"),
        tuple(
            VersionMetrics(version.name, version.commit, found)
            if version is not registered[1]
            else VersionMetrics(version.name, version.commit, {}, "metrics.json is not JSON at that commit")
            for version, found in zip(registered, values, strict=True)
        ),
        (
            Threshold("accuracy", "prod", ">=", 0.9, "accuracy >= 0.9"),
            Threshold("accuracy", "staging", ">=", 0.85, "accuracy >= 0.85"),
            Threshold("latency_ms", "prod", "<", 50.0, "latency_ms < 50"),
        ),
        {
            "prod": ("accuracy >= 0.9", "latency_ms < 50", "accuracy >= live.accuracy - 0.01"),
            "staging": ("accuracy >= 0.85",),
        },
        live,
        left_out=0,
    )


def page(name: str = "churn", versions: int = 9, **changes: Any) -> ModelPage:
    """A model with all that can be known of it."""
    model = registry(name, versions).models[name]
    rows = rows_of(model)
    stages = tuple(row.stage for row in rows)
    live = {row.stage: row.running.version for row in rows if row.running}
    plain = ModelPage(
        model=model,
        annotation=Annotation(
            "models/churn.pkl", "classifier", "Says which customers are about to leave.\nRetrained monthly."
        ),
        stages=stages,
        mapped=tuple(stage for stage in stages if stage != "shadow"),
        rows=rows,
        decided=decided_spans(model),
        ran=ran_spans(rows),
        measured=measured(model, live),
        locks=(lock("prod"), lock("canary", "run")),
        recorded_in="github",
        now=float(NOW),
    )
    return plain._replace(**changes)
