"""deploy and rollback, and `resolve` of a tag: the same road as the action's."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import suppress
from typing import TextIO

from model_stage_deploy.core.redaction import Scrubber, Secret
from model_stage_deploy.faces.arguments import mapping_arguments, records_arguments
from model_stage_deploy.faces.opening import require_path, token_in
from model_stage_deploy.faces.settings import AUTO, Settings, wait_of
from model_stage_deploy.ports import Announcer


def _deploy(command: argparse.ArgumentParser) -> None:
    command.add_argument("tag", nargs="?", default="", help="the stage tag, quoted: 'churn#prod#4'")
    command.add_argument(
        "--force", action="store_true", help="even if a newer tag superseded it, or the version is live, or is held"
    )
    command.add_argument("--stage", default="", help="this stage alone, where the tag concerns several")
    _delivering(command)
    _targets(command)


def _rollback(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", help="the model: churn, fraud/eu, dir:churn")
    command.add_argument("stage", help="the stage: prod")
    command.add_argument("--to", default="", metavar="VERSION", help="the version (default: the one before)")
    command.add_argument("--force", action="store_true", help="even one that was never in the stage, or deregistered")
    tags = command.add_mutually_exclusive_group()
    tags.add_argument("--tag", dest="write_tag", action="store_const", const=True, help="write a GTO tag that says so")
    tags.add_argument("--no-tag", dest="write_tag", action="store_const", const=False, help="write none")
    _delivering(command)
    _targets(command)


def _finish(command: argparse.ArgumentParser) -> None:
    what = command.add_mutually_exclusive_group()
    what.add_argument("tag", nargs="?", default="", help="the stage tag, quoted: 'churn#prod#4'")
    what.add_argument("--rollback", nargs=2, metavar=("MODEL", "STAGE"), help="a rollback instead of a tag")
    command.add_argument("--to", default="", metavar="VERSION", help="of a rollback (default: the one before)")
    command.add_argument("--stage", default="", help="this stage alone, where the tag concerns several")
    command.add_argument("--force", action="store_true", help="as the jobs of the targets had it")
    _delivering(command)


def _targets(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--target", action="append", metavar="NAME", help="only this of the stage's targets; may be given again"
    )
    command.add_argument("--wave", default="", metavar="NUMBER", help="only this wave of its targets, from 1")
    command.add_argument("--shard", default="", metavar="I/N", help="only this part of its targets: 2/8")


def _delivering(command: argparse.ArgumentParser) -> None:
    mapping_arguments(command)
    command.add_argument("--dry-run", action="store_true", help="show the whole plan and touch nothing")
    records_arguments(command, "record it in `.git` here, not on the code host")
    command.add_argument("--override", default="", metavar="REASON", help="go past the gates, if the mapping lets you")
    command.add_argument(
        "--planned", default="", metavar="PROMISE", help="nothing but what a plan promised: `planned` of its matrix"
    )
    command.add_argument("--wait", default="", metavar="TIME", help="for another deployment: 10m, or 0 for not at all")
    command.add_argument("--no-lock", action="store_true", help="take no lock: nothing else can deploy meanwhile")


def settings_of(given: argparse.Namespace) -> Settings:
    """The command line as the settings that the action has, too. `--rollback MODEL STAGE` names what a tag would."""
    token = token_in(os.environ)
    taken = vars(given)
    model, stage = taken.get("rollback") or (taken.get("model", ""), taken.get("stage", ""))
    return Settings(
        command=given.command,
        tag=taken.get("tag", ""),
        model=model,
        stage=stage,
        to=taken.get("to", ""),
        target=",".join(taken.get("target") or ()),
        wave=taken.get("wave", ""),
        shard=taken.get("shard", ""),
        spread=taken.get("spread", 0),
        shards=taken.get("shards", 0),
        planned=taken.get("planned", ""),
        force=taken.get("force", False),
        config=taken.get("config", ""),
        config_ref=taken.get("config_ref", ""),
        dry_run=taken.get("dry_run", False),
        no_github=taken.get("no_github", False),
        records=taken.get("records", AUTO),
        override=taken.get("override", ""),
        wait=wait_of(taken.get("wait", ""), "--wait"),
        no_lock=taken.get("no_lock", False),
        write_tag=taken.get("write_tag"),
        repo=given.repo,
        token=Secret(token) if token else None,
    )


def announcer_on(stream: TextIO, scrubber: Scrubber) -> Announcer:
    """Who tells what happens: in a job the runner's way, else a terminal's."""
    from model_stage_deploy.adapters.runner_announcer import RunnerAnnouncer
    from model_stage_deploy.adapters.terminal_announcer import TerminalAnnouncer
    from model_stage_deploy.faces.wiring import on_actions

    return (RunnerAnnouncer if on_actions(os.environ) else TerminalAnnouncer)(stream, scrubber)


def deliver(given: argparse.Namespace) -> int:
    """Carry the command out; the exit code. Raises Invalid (usage)."""
    from model_stage_deploy.faces.conduct import conduct, to_json
    from model_stage_deploy.faces.signals import undisturbed
    from model_stage_deploy.report.text import describe

    require_path(given.repo, given.command)
    scrubber = Scrubber()
    announcer = announcer_on(sys.stderr if given.json else sys.stdout, scrubber)
    outcome = conduct(settings_of(given), os.environ, announcer, scrubber)
    with undisturbed(), suppress(BrokenPipeError):  # whoever reads: the exit code tells
        if given.json:
            print(to_json(outcome, scrubber))
        else:
            for line in describe(outcome):
                announcer.say(line)
    return outcome.exit_code


ARGUMENTS = {"deploy": _deploy, "rollback": _rollback, "finish": _finish}
RUN = {"deploy": deliver, "rollback": deliver, "finish": deliver}
