"""What `doctor` may find: every code with its weight and meaning, and the words that a finding is made of.

The checks themselves are next door: health_tags.py, health_stages.py, health_clone.py, health_workflows.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from model_stage_deploy.core.model import Model
from model_stage_deploy.core.tags import tag_artifact

SHOWN = 3
"""How many names a sentence lists; the rest is counted."""


class Severity(StrEnum):
    """`error`: the registry or a deployment is wrong already. `warning`: it misleads, or will be wrong."""

    ERROR = "error"
    WARNING = "warning"


class Ailment(NamedTuple):
    """One thing that `doctor` looks for. `check` is the name of the check that finds it."""

    check: str
    severity: Severity
    meaning: str


class HealthFinding(NamedTuple):
    """One thing that is wrong. `tag` and `model` are empty where it is about neither; `fix` says what to do."""

    code: str
    severity: Severity
    tag: str
    model: str
    message: str
    fix: str


class Checked(NamedTuple):
    """One check: whether it was made, and a word on what was looked at or why not."""

    check: str
    done: bool
    note: str


class Examination(NamedTuple):
    """All that was found, errors first, and what was looked at."""

    findings: tuple[HealthFinding, ...]
    checked: tuple[Checked, ...]

    @property
    def errors(self) -> int:
        """How many findings are errors."""
        return sum(finding.severity is Severity.ERROR for finding in self.findings)


class NotChecked(Exception):
    """There is nothing to look at, so a check has nothing to say; `why` goes into the report."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


_ERROR, _WARNING = Severity.ERROR, Severity.WARNING
AILMENTS: Mapping[str, Ailment] = {
    "lightweight-tag": Ailment("tags", _ERROR, "The tag was made without `-a`: it holds no time and does not count."),
    "mismatched-tag": Ailment(
        "tags", _ERROR, "The tag object names another tag than the ref that points at it: it does not count."
    ),
    "unusable-tag": Ailment("tags", _ERROR, "The tag points at no commit, or has no tagger: it does not count."),
    "ambiguous-version": Ailment(
        "tags", _ERROR, "A commit with a stage has several versions, so the stage names none of them."
    ),
    "nested-tag": Ailment("tags", _WARNING, "The tag points at another tag. GTO reads the wrong commit from it."),
    "reserved-tag": Ailment("tags", _WARNING, "`@created` means nothing, and every command of GTO fails on it."),
    "near-miss": Ailment("tags", _WARNING, "The tag looks like one of GTO's and is none: nothing comes of it."),
    "unregistered-commit": Ailment("tags", _WARNING, "A stage was given to a commit without a registered version."),
    "clock-ahead": Ailment(
        "times", _ERROR, "The tag's time is more than 5 minutes ahead: it wins over every tag that is made till then."
    ),
    "back-dated": Ailment(
        "commit-times",
        _WARNING,
        "The stage tag's time is more than an hour before that of its own commit, and no tag of the stage is newer.",
    ),
    "counter-order": Ailment(
        "times", _WARNING, "The stage tag with the greatest number is not the newest one: times decide, not numbers."
    ),
    "ambiguous-order": Ailment(
        "times", _WARNING, "The newest tags of a stage, version or model were made in the same second."
    ),
    "fell-back": Ailment(
        "stages", _WARNING, "The newest version of a stage was taken away, and an older one has it again, unasked."
    ),
    "dead-assignment": Ailment(
        "stages", _WARNING, "A stage was given to a version that was deregistered before: it is not in it."
    ),
    "deprecated-in-stage": Ailment("stages", _WARNING, "A deprecated model still has versions in stages."),
    "revived": Ailment(
        "stages", _WARNING, "A deprecated model is active again, though nobody registered or assigned a version."
    ),
    "moved-tag": Ailment("clone", _ERROR, "The tag is another object here than on the remote: somebody moved it."),
    "not-pushed": Ailment("clone", _WARNING, "Tags are in this clone only."),
    "not-fetched": Ailment("clone", _WARNING, "The remote has tags that this clone lacks: what it shows is old."),
    "gto-config": Ailment("gto", _ERROR, "`.gto` cannot be read or is wrong: every command of GTO fails."),
    "stage-not-allowed": Ailment("gto", _WARNING, "A stage has a version and `.gto` does not allow that stage."),
    "mapping-invalid": Ailment("mapping", _ERROR, "The mapping file is wrong: nothing can be deployed."),
    "unmapped-stage": Ailment("mapping", _WARNING, "A stage has a version, and the mapping does not know the stage."),
    "workflow-unreadable": Ailment("workflows", _ERROR, "A workflow file is no YAML, or no workflow."),
    "no-tag-trigger": Ailment("workflows", _ERROR, "Workflows use the action, and a pushed tag starts none of them."),
    "filter-misses-tags": Ailment(
        "workflows", _ERROR, "The patterns under `on.push.tags` leave out stage tags of this registry."
    ),
    "filter-unclear": Ailment(
        "workflows", _WARNING, "GitHub's documentation does not say what a pattern under `on.push.tags` means."
    ),
    "permissions-missing": Ailment("workflows", _ERROR, "A job that deploys lacks a permission that it needs."),
    "permissions-unset": Ailment(
        "workflows", _WARNING, "A job that deploys has no `permissions:`: the repository's settings decide."
    ),
    "concurrency-cancels": Ailment("workflows", _ERROR, "`cancel-in-progress` ends a deployment in its midst."),
    "concurrency-drops": Ailment(
        "workflows", _WARNING, "A `concurrency` group lets one run wait; another one that waits is dropped."
    ),
    "no-workflow-at-commit": Ailment(
        "commits", _WARNING, "No workflow of a version's commit starts for a stage tag on it."
    ),
    "check-failed": Ailment("all", _WARNING, "A check could not be made, so what it looks for may be there."),
}
"""Every code. docs/reference/doctor.md is generated from this table."""


def found(code: str, message: str, fix: str, *, tag: str = "", model: str = "") -> HealthFinding:
    """A finding with the weight of its code."""
    return HealthFinding(code, AILMENTS[code].severity, tag, model, message, fix)


def quoted(text: str) -> str:
    """`text` as one word of a shell, whatever is in it: `#` and `!` mean something there."""
    return "'" + text.replace("'", "'\\''") + "'"


def listed(names: Iterable[str]) -> str:
    """The first few names, and how many more there are."""
    every = list(names)
    more = len(every) - SHOWN
    return ", ".join(every[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def new_tag(name: str, target: str) -> str:
    """The commands that make an annotated tag and push it."""
    return f"git tag -a {quoted(name)} -m MESSAGE {quoted(target)} && git push origin {quoted(name)}"


def deleted(name: str) -> str:
    """The commands that delete a tag here and on the remote."""
    return f"git tag -d {quoted(name)} && git push --delete origin {quoted(f'refs/tags/{name}')}"


def next_stage_tag(model: Model, stage: str, *, negated: bool = False) -> str:
    """A stage tag with the model's next number (R48)."""
    number = 1 + max((event.tag.counter or 0 for event in model.events), default=0)
    return f"{tag_artifact(model.name)}#{stage}{'!' if negated else ''}#{number}"
