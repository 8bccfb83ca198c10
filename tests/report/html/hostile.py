"""Pages all of whose texts are hostile: nothing of them may become more than text."""

from __future__ import annotations

from dataclasses import replace

from model_stage_deploy.core.annotations import Annotation
from model_stage_deploy.core.dashboard import ModelPage, Overview, Query
from model_stage_deploy.core.lifecycle import Judged, Records, lifecycle
from model_stage_deploy.core.measured import Measured, Threshold, VersionMetrics
from model_stage_deploy.core.registry import Finding, fold
from model_stage_deploy.core.timeline import decided_spans, ran_spans
from tests.report.html.sample_tables import STAGES, model_row
from tests.report.html.samples import DAY, NOW, lock, page, recorded, sha, tag

SCRIPT = "<script>window.__hacked=1</script>"
BROKEN_OUT = '"><img src=x onerror="window.__hacked=1">'
TURNED = "harmless\u202egnp.exe\u2066"
LONG = "a" * 180
HOSTILE = (SCRIPT, BROKEN_OUT, TURNED, "javascript:alert(1)", "{{ 7*7 }}", "\x1b[31mred\x00\x07", "🦄" * 40, LONG)


def hostile_page() -> ModelPage:
    """Every text that may be foreign is."""
    records = [
        tag("churn@v1.0.0", "1", NOW - 9 * DAY, SCRIPT, "\n".join(HOSTILE) + "x" * 10_000),
        *(
            tag(f"churn#prod#{number}", "1", NOW - DAY * (8 - number), text, text)
            for number, text in enumerate(HOSTILE)
        ),
        tag("churn#" + "s" * 150, "1", NOW - 100, BROKEN_OUT, TURNED),
    ]
    model = fold(records).models["churn"]
    every = SCRIPT + BROKEN_OUT + TURNED
    bad = dict.fromkeys(("actor", "summary", "environment", "tagger", "signer", "override"), every)
    bad |= {"id": SCRIPT, "previous": BROKEN_OUT, "tag": SCRIPT, "environment_url": "javascript:alert(1)"}
    attempts = tuple(
        recorded(text, NOW - 50, log_url=url, gates=(Judged(text, text, text, text, {}),), **bad)
        for text, url in zip(
            HOSTILE, ("javascript:alert(1)", 'https://x/"onclick=', "data:text/html,x", "//x", *HOSTILE), strict=False
        )
    )
    rows = tuple(lifecycle(model, stage, Records(attempts if stage == "prod" else ())) for stage in model.stages)
    return page()._replace(
        model=model,
        annotation=Annotation("javascript:alert(1)", SCRIPT, BROKEN_OUT + "\n" + TURNED),
        stages=tuple(model.stages),
        mapped=("prod",),
        rows=rows,
        decided=decided_spans(model),
        ran=ran_spans(rows),
        measured=Measured(
            (SCRIPT, BROKEN_OUT),
            (VersionMetrics("v1.0.0", sha("1"), {SCRIPT: float("nan"), BROKEN_OUT: 1e300}),),
            (Threshold(SCRIPT, BROKEN_OUT, ">=", 1.0, TURNED),),
            {BROKEN_OUT: (SCRIPT, TURNED)},
            {SCRIPT: "v1.0.0"},
        ),
        locks=(
            replace(lock("prod", reason=SCRIPT), owner=BROKEN_OUT, url="javascript:alert(1)"),
            replace(lock("prod", "run"), url="javascript:alert(1)"),
            replace(lock(""), owner=SCRIPT),
        ),
        findings=tuple(Finding("odd", text, text) for text in HOSTILE),
        problems=HOSTILE,
    )


def wide_overview() -> Overview:
    """Fifty models with hostile or very long names, and twelve stages."""
    stages = (*STAGES, *(f"region-{number}" for number in range(6)), "s" * 120, SCRIPT)
    rows = []
    for number in range(50):
        name = f"model-{number:02}"
        row = model_row(name, stages)
        cells = {
            **row.stages,
            **{f"region-{at}": row.stages["prod"]._replace(stage=f"region-{at}") for at in range(number % 6)},
        }
        rows.append(row._replace(stages=cells))
    for at, text in enumerate(HOSTILE):
        cells = {
            stage: cell._replace(version=text, tag=text, who=text, message=text)
            for stage, cell in rows[at].stages.items()
        }
        rows[at] = rows[at]._replace(name=text, type=text, latest=text, stages=cells)
    query = Query(text=BROKEN_OUT, stage="prod", type=SCRIPT, sort="newest", descending=True, page=2)
    return Overview(
        query,
        tuple(rows),
        stages,
        HOSTILE,
        1203,
        1200,
        3,
        24,
        findings=tuple(Finding("lightweight-tag", text, text) for text in HOSTILE),
        recorded_in="github",
        unasked=SCRIPT,
        stages_asked=True,
    )
