"""Looks at the templates of a mapping file before any is rendered: syntax, and whether the names exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from model_stage_deploy.core.mapping import VERBATIM, Complaint, StageMap, TemplateText
from model_stage_deploy.core.mapping_places import split
from model_stage_deploy.core.mapping_targets import Targeted
from model_stage_deploy.core.templates import TemplateProblem, Templates

NAMES: dict[str, frozenset[str] | None] = {
    "model": frozenset({"name", "slug", "dir", "path", "type", "description"}),
    "previous": frozenset({"version", "tag", "commit"}),
    "run": frozenset({"id", "attempt", "url", "actor"}),
    "vars": None,
    "secrets": None,
    "version": frozenset(),
    "stage": frozenset(),
    "environment": frozenset(),
    "tag": frozenset(),
    "commit": frozenset(),
    "target": frozenset({"name"}),
    "repository": frozenset(),
}
"""What templates may read. A set holds the names below a group, None stands for names of the user's own choice."""

NAMES_AFTER: dict[str, frozenset[str] | None] = {"environment_url": frozenset(), "attempt": frozenset()}
"""What templates of `verify:` may read besides, as they are rendered when something was deployed."""


def check_templates(stages: StageMap, templates: Templates, verbatim: frozenset[str] = VERBATIM) -> Iterator[Complaint]:
    """A complaint for every template that cannot be read, or that reads a name which never exists.

    `verbatim` as for StageMap.templates; the file may have other mistakes.
    """
    targeted = Targeted.of(stages.document.value)
    for template in stages.templates(verbatim):
        try:
            read = templates.names(template.text)
        except TemplateProblem as problem:
            yield stages.complaint(template.path, f"template: {problem}")
            continue
        for name in sorted(read):
            yield from _check_name(stages, template, name, targeted)


def _check_name(stages: StageMap, template: TemplateText, name: str, targeted: Targeted) -> Iterator[Complaint]:
    root, _, below = name.partition(".")
    names = NAMES | NAMES_AFTER if template.after else NAMES
    known = names.get(root, frozenset())
    if root not in names:
        near = difflib.get_close_matches(root, names, n=1)
        hint = f"did you mean {near[0]}?" if near else "there are: " + ", ".join(names)
        if root in NAMES_AFTER:
            hint = "it is known below `verify:` only"
        yield stages.complaint(template.path, f"template: there is no `{root}`", hint)
    elif known and below and below not in known:
        near = difflib.get_close_matches(below, sorted(known), n=1)
        hint = f"did you mean {root}.{near[0]}?" if near else f"{root} has: " + ", ".join(sorted(known))
        yield stages.complaint(template.path, f"template: there is no `{name}`", hint)
    elif root == "target":
        yield from _check_target(stages, template, targeted)


def _check_target(stages: StageMap, template: TemplateText, targeted: Targeted) -> Iterator[Complaint]:
    _, at, rest = split(template.path)
    if rest == ("environment",):
        hint = "write `url`, or what the deployer is told, with it; all targets of a stage have one environment"
        yield stages.complaint(template.path, "template: there is no `target` here", hint)
    elif not targeted.may_be(at):
        hint = "add `targets: [NAME, …]`" if at[0] == "defaults" else f"add `targets: [NAME, …]` to {at[-1]}"
        yield stages.complaint(template.path, "template: there is no `target`, as the stage has no targets", hint)
