"""The command line's grammar (argparse: a start costs a tenth of a richer library's)."""

from __future__ import annotations

import argparse
from typing import NoReturn

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.reasons import Reason

_EXAMPLES = """\
examples:
  python -m model_stage_deploy demo                             try it: a registry, deployments, a rollback
  python -m model_stage_deploy init                             write a mapping file and a workflow
  python -m model_stage_deploy check                            is the mapping right, and what would it do?
  python -m model_stage_deploy deploy 'churn#prod#4' --dry-run  show the whole plan, touch nothing
  python -m model_stage_deploy rollback churn prod              bring the version before back
  python -m model_stage_deploy show                             which version is in which stage

exit codes: 0 done or nothing to do, 1 deployment failed, 2 usage or mapping, 3 refused, 4 git or GitHub failed,
            130 cancelled"""


class _Parser(argparse.ArgumentParser):
    """Complains through our own error family, so that --json and exit codes hold for usage too."""

    def error(self, message: str) -> NoReturn:
        raise Invalid(Reason.USAGE, message, hint=f"see: {self.prog} --help")


def parser() -> argparse.ArgumentParser:
    """The whole grammar."""
    top = _Parser(
        prog="model_stage_deploy",
        description="Push a GTO stage tag and the right model version is running in the right place.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="store_true", help="print the version and exit")
    commands: Commands[argparse.ArgumentParser] = top.add_subparsers(
        dest="command", metavar="COMMAND", parser_class=_Parser
    )
    _deploy(commands)
    _rollback(commands)
    _resolve(commands)
    _reading(commands)
    _making(commands)
    return top


Commands = argparse._SubParsersAction  # argparse has no public name for it


def _command(
    commands: Commands[argparse.ArgumentParser], name: str, text: str, *examples: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=text,
        description=text,
        epilog="examples:\n" + "\n".join(f"  python -m model_stage_deploy {example}" for example in examples),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add_argument("--repo", default="", metavar="PATH", help="the repository (default: here)")
    command.add_argument("--json", action="store_true", help="print a JSON document instead of text")
    return command


def _delivering(command: argparse.ArgumentParser) -> None:
    _mapping(command)
    command.add_argument("--dry-run", action="store_true", help="show the whole plan and touch nothing")
    command.add_argument("--no-github", action="store_true", help="record nothing on GitHub")


def _mapping(command: argparse.ArgumentParser) -> None:
    command.add_argument("--config", default="", metavar="FILE", help="the mapping file")
    command.add_argument(
        "--config-ref",
        default="",
        metavar="REF",
        help="read it at a branch, tag, commit, or `tag` (default: the files here)",
    )


def _deploy(commands: Commands[argparse.ArgumentParser]) -> None:
    command = _command(
        commands,
        "deploy",
        "Deploy the version that a stage tag names.",
        "deploy 'churn#prod#4' --dry-run",
        "deploy 'churn#prod#4' --no-github",
    )
    command.add_argument("tag", nargs="?", default="", help="the stage tag, quoted: 'churn#prod#4'")
    _delivering(command)


def _rollback(commands: Commands[argparse.ArgumentParser]) -> None:
    command = _command(
        commands,
        "rollback",
        "Bring an earlier version back into a stage.",
        "rollback churn prod --dry-run",
        "rollback churn prod --to v3.0.0 --no-github",
    )
    command.add_argument("model", help="the model: churn, fraud/eu, dir:churn")
    command.add_argument("stage", help="the stage: prod")
    command.add_argument("--to", default="", metavar="VERSION", help="the version (default: the one before)")
    command.add_argument("--force", action="store_true", help="even one that was never in the stage, or deregistered")
    _delivering(command)


def _resolve(commands: Commands[argparse.ArgumentParser]) -> None:
    command = _command(
        commands, "resolve", "Say what a tag means: event, model, version, stage, annotation.", "resolve 'churn#prod#4'"
    )
    command.add_argument("tag", nargs="?", default="", help="the tag, quoted")


def _reading(commands: Commands[argparse.ArgumentParser]) -> None:
    command = _command(commands, "parse", "Parse a GTO tag; no repository is needed.", "parse 'churn#prod#4' --json")
    command.add_argument("tag", help="the tag, quoted")
    command = _command(commands, "show", "Which version is in which stage.", "show", "show churn --json")
    command.add_argument("model", nargs="?", default="", help="one model only")
    _sort(command)
    command = _command(commands, "which", "The version in one stage of one model.", "which churn prod")
    command.add_argument("model")
    command.add_argument("stage")
    _sort(command)
    command = _command(commands, "history", "Every event of the registry, newest first.", "history churn --limit 5")
    command.add_argument("model", nargs="?", default="", help="one model only")
    command.add_argument("--limit", type=_positive, default=0, metavar="N", help="the newest N only")
    command = _command(
        commands,
        "check",
        "Check the mapping, and say what each model and stage would do.",
        "check",
        "check churn --json",
    )
    command.add_argument("model", nargs="?", default="", help="one model only")
    _mapping(command)


def _sort(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--sort", choices=("time", "semver"), default="time", help="newest assignment, or greatest version"
    )


def _making(commands: Commands[argparse.ArgumentParser]) -> None:
    _command(commands, "schema", "Print the mapping's JSON Schema, for editors.", "schema > model-stages.schema.json")
    command = _command(commands, "init", "Write a commented mapping file and a workflow.", "init", "init --force")
    command.add_argument("--force", action="store_true", help="replace files that are there")
    command = _command(
        commands, "demo", "Run the main job on a throw-away registry.", "demo", "demo --keep ./demo-registry"
    )
    command.add_argument("--keep", default="", metavar="DIR", help="leave the demo registry there to play with")


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 10**9:
        message = f"{text[:40]!r} is not a whole number above 0"
        raise argparse.ArgumentTypeError(message)
    return int(text)
