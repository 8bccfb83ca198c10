"""import-mlflow: what an MLflow registry holds, as GTO tags."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from model_stage_deploy.core.errors import ModelStageError
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.tags import require_model_name, require_stage_name
from model_stage_deploy.core.versions import is_version
from model_stage_deploy.core.writing import usage
from model_stage_deploy.faces.printing import print_page
from model_stage_deploy.report.columns import Block, Table

if TYPE_CHECKING:
    from model_stage_deploy.flows.importing import Imported, Manner
    from model_stage_deploy.mirrors.mlflow_import import Rules

_COMMIT_TAG, _TEMPLATE = "git_commit", "v{version}.0.0"


def _arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("models", nargs="*", metavar="MODEL", help="models by MLflow's names (default: all)")
    command.add_argument("--tracking-uri", default="", metavar="URI", help="the server (default: MLFLOW_TRACKING_URI)")
    for name, theirs, ours in (("alias", "ALIAS", "STAGE"), ("stage", "STAGE", "STAGE"), ("model", "NAME", "MODEL")):
        words = {"alias": "the stage here that an alias means", "stage": "the stage here that a stage of MLflow means"}
        command.add_argument(
            f"--{name}-map",
            action="append",
            default=[],
            metavar=f"{theirs}={ours}",
            help=words.get(name, "the name here of a model of MLflow"),
        )
    command.add_argument(
        "--commit-tag",
        default=_COMMIT_TAG,
        metavar="KEY",
        help=f"the tag of a version that holds its commit (default: {_COMMIT_TAG}; else its run tells)",
    )
    command.add_argument("--ref", default="", help="the commit of every version that names none: branch, tag or id")
    command.add_argument(
        "--version-template",
        default=_TEMPLATE,
        metavar="TEXT",
        help="the version here of one without the tag gto_version (default: v{version}.0.0)",
    )
    command.add_argument("--apply", action="store_true", help="make the tags (else: show them and make none)")
    command.add_argument("--dry-run", action="store_true", help="make none: what happens anyway without --apply")
    command.add_argument("--push", action="store_true", help="push the tags, each model's all or none")
    command.add_argument("--may-deploy", action="store_true", help="push even so few tags that workflows may start")
    command.add_argument("--skip-conflicts", action="store_true", help="import what is left of a model with conflicts")
    command.add_argument("--tag-versions", action="store_true", help="with --push: set gto_version in MLflow, too")
    command.add_argument("--sign", action="store_true", help="sign the tags, as git tag -s does")


def _run(given: argparse.Namespace) -> int:
    manner = _manner(given)
    from model_stage_deploy.core.redaction import Scrubber
    from model_stage_deploy.report.importing import document, page

    scrubber, told = Scrubber(), list[str]()
    try:
        found = _imported(given, manner, scrubber.add, told)
    except ModelStageError as failure:  # a server may repeat what it was sent
        failure.message, failure.hint = scrubber.text(failure.message), scrubber.text(failure.hint)
        failure.args = (failure.message,)
        raise
    for text in dict.fromkeys(told):
        print(f"note: {one_line(scrubber.text(text))}", file=sys.stderr)
    whole = scrubber.value(document(found, wrote=manner.write, pushed=manner.push))
    print_page(whole, _scrubbed(page(found, wrote=manner.write), scrubber.text), as_json=given.json)
    problem = found.problem
    if problem is not None:
        print(f"error: {one_line(scrubber.text(problem.message))}", file=sys.stderr)
        if problem.hint:
            print(f"  what to do: {one_line(scrubber.text(problem.hint))}", file=sys.stderr)
    return found.result.exit_code


def _imported(given: argparse.Namespace, manner: Manner, mask: Callable[[str], None], told: list[str]) -> Imported:
    from model_stage_deploy.faces.mlflow import open_mlflow
    from model_stage_deploy.faces.opening import is_url
    from model_stage_deploy.faces.wiring import changing
    from model_stage_deploy.flows.importing import import_models

    rules = _rules(given)
    server, access = open_mlflow(given.tracking_uri, os.environ, mask)
    if access.is_open:
        told.append(f"the credentials for {access.place} travel unencrypted, because its address is http://")
    push = manner.push or is_url(given.repo)
    with changing(given.repo, os.environ, push=push, tell=told.append) as world:
        if given.ref:
            rules = rules._replace(fallback=world.store.commit_of(given.ref))
        # An address with a path may give away more than a host does, and the messages of tags are there for ever.
        page = access.uri if access.uri.partition("://")[2] == access.place else ""
        return import_models(world, server, given.models, rules, manner, page=page)


def _manner(given: argparse.Namespace) -> Manner:
    from model_stage_deploy.faces.opening import is_url
    from model_stage_deploy.flows.importing import Manner

    if given.apply and given.dry_run:
        raise usage("--apply and --dry-run say two things", "give one of them")
    if is_url(given.repo) and given.apply and not given.push:
        raise usage("--repo names a remote: there is no clone to make tags in", "say that with --push")
    if given.tag_versions and not given.push:
        raise usage("--tag-versions names versions in MLflow by tags that others can see", "add --push, or do it later")
    return Manner(
        write=given.apply,
        push=given.push,
        skip_conflicts=given.skip_conflicts,
        may_deploy=given.may_deploy,
        sign=given.sign,
        name_versions=given.tag_versions,
    )


def _rules(given: argparse.Namespace) -> Rules:
    from model_stage_deploy.core.mlflow_names import STAGES
    from model_stage_deploy.mirrors.mlflow_import import Rules

    if not given.commit_tag:
        raise usage("--commit-tag is empty", "name the tag that holds the commit")
    template = given.version_template
    if "{version}" not in template or not is_version(template.replace("{version}", "1")):
        raise usage(
            f"--version-template {template[:80]!r} makes no version",
            "write {version} for MLflow's number: v{version}.0.0",
        )
    stages = pairs_of("--stage-map", given.stage_map, require_stage_name)
    for stage in stages:
        if stage not in STAGES or stage == "None":
            raise usage(f"{stage[:80]!r} is no stage of MLflow", f"it has {', '.join(STAGES[1:])}")
    return Rules(
        commit_tag=given.commit_tag,
        template=template,
        aliases=pairs_of("--alias-map", given.alias_map, require_stage_name),
        stages=stages,
        models=pairs_of("--model-map", given.model_map, require_model_name),
    )


def pairs_of(option: str, given: list[str], require: Callable[[str], str]) -> dict[str, str]:
    """`THEIRS=OURS` as often as it was given. Raises Invalid (usage)."""
    found: dict[str, str] = {}
    for text in given:
        theirs, equals, ours = text.rpartition("=")
        if not equals or not theirs or not ours:
            raise usage(f"{option} {text[:120]!r} has not the form THEIRS=OURS", "for example: champion=prod")
        try:
            require(ours)
        except ModelStageError as problem:
            raise usage(f"{option}: {problem.message}", problem.hint) from problem
        if found.setdefault(theirs, ours) != ours:
            raise usage(f"{option} says two things of {theirs[:120]!r}", "give it once")
    return found


def _scrubbed(blocks: Iterator[Block], scrub: Callable[[str], str]) -> Iterator[Block]:
    for block in blocks:
        if isinstance(block, Table):
            yield Table([tuple(map(scrub, row)) for row in block.rows])
        else:
            yield scrub(block)


ARGUMENTS: Mapping[str, Callable[[argparse.ArgumentParser], None]] = {"import-mlflow": _arguments}
RUN = {"import-mlflow": _run}
