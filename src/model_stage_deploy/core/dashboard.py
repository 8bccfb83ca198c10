"""What the pages of the registry show, as values: the table of models, and one model with all that is known of it.

Pure. Gathering it is a flow's (flows/browsing.py), drawing it report/html/'s, for the server and for the static report.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple

from model_stage_deploy.core.lifecycle import Lifecycle

if TYPE_CHECKING:
    from model_stage_deploy.core.annotations import Annotation
    from model_stage_deploy.core.measured import Measured
    from model_stage_deploy.core.model import Model
    from model_stage_deploy.core.registry import Finding
    from model_stage_deploy.core.stored import LockEntry
    from model_stage_deploy.core.timeline import Span

SORTS = ("name", "newest", "latest")
"""By what the table of models can be sorted: the name, the time of the newest event, the latest version."""
PAGE_SIZE = 50
"""Models on one page of the table."""
PAST = 20
"""Deployments of each stage that a model's page shows."""


class Query(NamedTuple):
    """What a person asks of the table of models.

    `text` is to be found in the name or the type, without regard to case. `stage` names one that must have a version,
    "" for any. `page` counts from 1.
    """

    text: str = ""
    stage: str = ""
    type: str = ""
    sort: Literal["name", "newest", "latest"] = "name"
    descending: bool = False
    deprecated: bool = False
    page: int = 1


class Cell(NamedTuple):
    """What a stage of a model has. `version` is "" where it is empty; `since` in unix seconds, `zone` as Git wrote it.

    `who` and `message` are the tag's. `row` joins it with its deployments: None as long as nobody asked for them.
    """

    stage: str
    version: str = ""
    commit: str = ""
    tag: str = ""
    since: int = 0
    zone: str = "+0000"
    who: str = ""
    message: str = ""
    registered: bool = True
    row: Lifecycle | None = None


class ModelRow(NamedTuple):
    """One model in the table. `newest` is the time of its newest event, in unix seconds. `latest` is "" for none.

    `ambiguous` says that its stages cannot be known (R25); they are absent then. `stages` has those that tags name.
    """

    name: str
    type: str
    deprecated: bool
    ambiguous: bool
    latest: str
    versions: int
    newest: int
    stages: Mapping[str, Cell]


class Overview(NamedTuple):
    """One page of the table of models. `stages` are its columns, of all models, in order.

    `total` counts all models, `deprecated` those of them that are, `matching` those that the query fits. `asked` says
    whether deployments are known of at all; `stages_asked` whether the cells have them already (else they are fetched
    afterwards). `recorded_in` is where deployments are recorded (report/books.py), "" where nobody can be asked, and
    `unasked` says why, in one sentence.
    """

    query: Query
    rows: tuple[ModelRow, ...]
    stages: tuple[str, ...]
    types: tuple[str, ...]
    total: int
    matching: int
    deprecated: int
    pages: int
    findings: tuple[Finding, ...] = ()
    recorded_in: str = ""
    unasked: str = ""
    stages_asked: bool = False


class ModelPage(NamedTuple):
    """One model with all that is known of it.

    `stages` are in the order in which a version goes through them: the mapping's, then those that only tags name.
    `rows` joins those with their deployments, in that order; without a code host they are the decided side alone and
    `unasked` says why. `mapped` are the stages that the mapping has. `problems` are what could not be read, a sentence
    each. `findings` are about this model's tags.
    """

    model: Model
    annotation: Annotation | None
    stages: tuple[str, ...]
    mapped: tuple[str, ...]
    rows: tuple[Lifecycle, ...]
    decided: tuple[Span, ...]
    ran: tuple[Span, ...]
    measured: Measured | None
    locks: tuple[LockEntry, ...] = ()
    findings: tuple[Finding, ...] = ()
    recorded_in: str = ""
    unasked: str = ""
    problems: tuple[str, ...] = ()
    now: float = 0.0
