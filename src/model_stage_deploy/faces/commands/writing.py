"""register, promote, unassign, deregister, deprecate, archive: changing the registry by annotated tags."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from typing import NoReturn

from model_stage_deploy.core.errors import ModelStageError
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.versions import is_version
from model_stage_deploy.core.writing import How, Written, usage
from model_stage_deploy.core.writing_stages import Archive, Promote, Unassign
from model_stage_deploy.core.writing_versions import Deprecate, Deregister, Register
from model_stage_deploy.faces.printing import print_page
from model_stage_deploy.flows.change import Asked, Start, carry_out
from model_stage_deploy.report.changes import document, page

_VERSION, _REF = "the version, such as v1.2.3", "its commit: a branch, tag or commit id"


def _register_arguments(command: argparse.ArgumentParser) -> None:
    _model(command, ref="the commit (default: HEAD)")
    command.add_argument("--version", dest="named", default="", metavar="VERSION", help="its name (default: the next)")
    bumps = command.add_mutually_exclusive_group()
    for part in ("major", "minor", "patch"):
        words = f"raise the {part} number of the greatest version"
        bumps.add_argument(f"--bump-{part}", dest="bump", action="store_const", const=part, help=words)
    _how(command)


def _promote_arguments(command: argparse.ArgumentParser) -> None:
    _model(command, ref="a commit, instead of --version")
    command.add_argument("--to", default="", metavar="STAGE", help="the stage that gets it")
    command.add_argument("--stage", default="", help="the same as --to")
    command.add_argument("--version", dest="named", default="", metavar="VERSION", help=_VERSION)
    command.add_argument("--from", dest="source", default="", metavar="STAGE", help="the version that this stage has")
    command.add_argument(
        "--register-as", default="", metavar="VERSION", help="with --ref: register the commit first, by this name"
    )
    command.add_argument(
        "--skip-registration", action="store_true", help="with --ref: leave a commit without version as it is"
    )
    command.add_argument(
        "--archive-existing",
        "--archive-existing-versions",
        action="store_true",
        help="take every other version out of the stage",
    )
    command.add_argument(
        "--dispatch", default="", metavar="WORKFLOW", help="after the push start this workflow with the input `tag`"
    )
    _how(command)


def _unassign_arguments(command: argparse.ArgumentParser) -> None:
    _model(command, ref="a commit, instead of --version")
    command.add_argument("--stage", "--from", default="", help="the stage")
    command.add_argument("--version", dest="named", default="", metavar="VERSION", help="default: what the stage has")
    command.add_argument("--all", dest="every", action="store_true", help="every version that is in the stage")
    _how(command, delete=True)


def _deregister_arguments(command: argparse.ArgumentParser) -> None:
    _model(command, ref="a commit, instead of --version")
    command.add_argument("--version", dest="named", default="", metavar="VERSION", help=_VERSION)
    _how(command, delete=True)


def _deprecate_arguments(command: argparse.ArgumentParser) -> None:
    _model(command, ref="the commit that gets the tag (default: that of the newest event)")
    _how(command, delete=True)


def _archive_arguments(command: argparse.ArgumentParser) -> None:
    _model(command)
    command.add_argument("--version", dest="named", default="", metavar="VERSION", help=_VERSION)
    command.add_argument("--deregister", action="store_true", help="and take it out of the registry")
    _how(command, delete=True)


def _model(command: argparse.ArgumentParser, *, ref: str = "") -> None:
    command.add_argument("model", nargs="?", default="", help="the model: churn, fraud/eu, dir:churn")
    command.add_argument("--model-name", default="", metavar="MODEL", help="the same, by MLflow's name for it")
    if ref:
        command.add_argument("place", nargs="?", default="", metavar="REF", help=ref)
        command.add_argument("--ref", default="", help=_REF)


def _how(command: argparse.ArgumentParser, *, delete: bool = False) -> None:
    command.add_argument("-m", "--message", default="", help="why (default: a sentence that says what)")
    command.add_argument("--sign", action="store_true", help="sign the tags, as git tag -s does")
    command.add_argument("--push", action="store_true", help="push the tags, all or none (else: make them here)")
    names = command.add_mutually_exclusive_group()
    names.add_argument("--simple", action="store_const", const=True, help="tag names without a counter")
    names.add_argument("--counter", dest="simple", action="store_const", const=False, help="tag names with a counter")
    command.add_argument("--force", action="store_true", help="make the tags even if they change nothing")
    command.add_argument("--dry-run", action="store_true", help="show the tags and make none")
    if delete:
        command.add_argument("--delete", action="store_true", help=argparse.SUPPRESS)


def _run(ask: Callable[[argparse.Namespace], Asked]) -> Callable[[argparse.Namespace], int]:
    """What carries a command out, given how its arguments become what is asked for."""

    def run(given: argparse.Namespace) -> int:
        if vars(given).get("delete"):
            _refuse_to_delete()
        asked = ask(given).check()
        told: list[str] = []
        try:
            written = _carry_out(given, asked, told)
        except ModelStageError:
            for text in dict.fromkeys(told):
                print(f"note: {one_line(text)}", file=sys.stderr)
            raise
        written = written._replace(notes=(*dict.fromkeys(told), *written.notes))
        print_page(document(written), page(written), as_json=given.json)
        if written.message:
            print(f"error: {one_line(written.message)}", file=sys.stderr)
            if written.hint:
                print(f"  what to do: {one_line(written.hint)}", file=sys.stderr)
        return written.reason.exit_code

    return run


def _carry_out(given: argparse.Namespace, asked: Asked, told: list[str]) -> Written:
    from model_stage_deploy.faces.opening import is_url
    from model_stage_deploy.faces.wiring import changing

    without_clone = is_url(given.repo)
    if without_clone and not (given.push or given.dry_run):
        raise usage(
            "--repo names a remote: there is no clone to make tags in, so the change goes straight to the remote",
            "say that with --push, or look at it first with --dry-run",
        )
    start = _start(given)
    push = given.push or without_clone
    with changing(given.repo, os.environ, push=push, tell=told.append) as world:
        return carry_out(world, asked, push=push, dry_run=given.dry_run, sign=given.sign, start=start)


def _start(given: argparse.Namespace) -> Start | None:
    """The workflow to start, checked before any tag is made. Raises Invalid (usage)."""
    workflow: str = vars(given).get("dispatch", "")
    if not workflow:
        return None
    name = require_workflow(workflow)
    if not (given.push or given.dry_run):
        raise usage("--dispatch starts a workflow for a tag that is pushed", "add --push")
    from model_stage_deploy.core.redaction import Secret
    from model_stage_deploy.faces.event import read_event
    from model_stage_deploy.faces.hosting import workflow_starter
    from model_stage_deploy.faces.settings import Settings

    token = os.environ.get("GITHUB_TOKEN", "")
    settings = Settings(command="promote", token=Secret(token) if token else None)
    return Start(name, workflow_starter(settings, read_event(os.environ)))


def require_workflow(workflow: str) -> str:
    """The name of a workflow's file. Raises Invalid (usage)."""
    name = workflow.removeprefix(".github/workflows/")
    if not name or "/" in name or name in (".", ".."):
        raise usage(f"{workflow[:120]!r} is not the name of a workflow file", "name it as in .github/workflows")
    return name


def _register(given: argparse.Namespace) -> Register:
    return Register(_name(given), _place(given) or "HEAD", given.named, given.bump, _habit(given))


def _promote(given: argparse.Namespace) -> Promote:
    to = _agreed("--to", given.to, "--stage", given.stage)
    if not to:
        raise usage("say which stage gets the version", "--to STAGE")
    ref = _place(given)
    if given.named and ref:
        raise usage(
            "--version and --ref each say which version", f"to register the commit first: --register-as {given.named}"
        )
    return Promote(
        model=_name(given),
        to=to,
        version=given.named,
        ref=ref,
        source=given.source,
        register_as=given.register_as,
        bare=given.skip_registration,
        archive=given.archive_existing,
        how=_habit(given),
    )


def _unassign(given: argparse.Namespace) -> Unassign:
    if not given.stage:
        raise usage("say which stage it leaves", "--stage STAGE")
    return Unassign(_name(given), given.stage, given.named, _place(given), given.every, _habit(given))


def _deregister(given: argparse.Namespace) -> Deregister:
    return Deregister(_name(given), given.named, _place(given), _habit(given))


def _deprecate(given: argparse.Namespace) -> Deprecate:
    return Deprecate(_name(given), _place(given), _habit(given))


def _archive(given: argparse.Namespace) -> Archive:
    return Archive(_name(given), given.named, given.deregister, _habit(given))


def _habit(given: argparse.Namespace) -> How:
    return How(given.message, given.simple, given.force)


def _name(given: argparse.Namespace) -> str:
    name = _agreed("MODEL", given.model, "--model-name", given.model_name)
    if not name:
        raise usage("say which model", f"for example: {given.command} churn")
    return name


def _place(given: argparse.Namespace) -> str:
    """The commit that is named, as REF or with --ref; what looks like a version is not taken for one."""
    if is_version(given.place):
        raise usage(
            f"is {given.place} a version of the model, or a tag of the repository?",
            f"write --version {given.place}, or --ref {given.place}",
        )
    return _agreed("REF", given.place, "--ref", given.ref)


def _agreed(one: str, first: str, other: str, second: str) -> str:
    """What was given by either of two names. Raises Invalid (usage) where they differ."""
    if first and second and first != second:
        raise usage(f"{one} says {first[:120]!r} and {other} says {second[:120]!r}", "give one of them")
    return first or second


def _refuse_to_delete() -> NoReturn:
    raise usage(
        "--delete is not offered: tags are the record of who decided what, and when",
        "without --delete a tag is added that ends what the others say; a tag that was made by mistake: "
        "git push --delete origin 'TAG' && git tag -d 'TAG'",
    )


ARGUMENTS: Mapping[str, Callable[[argparse.ArgumentParser], None]] = {
    "register": _register_arguments,
    "promote": _promote_arguments,
    "unassign": _unassign_arguments,
    "deregister": _deregister_arguments,
    "deprecate": _deprecate_arguments,
    "archive": _archive_arguments,
}
RUN = {
    "register": _run(_register),
    "promote": _run(_promote),
    "unassign": _run(_unassign),
    "deregister": _run(_deregister),
    "deprecate": _run(_deprecate),
    "archive": _run(_archive),
}
