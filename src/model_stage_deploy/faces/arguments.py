"""The command line's grammar (argparse: a start costs a tenth of a richer library's).

The table of commands is here; what each takes is in commands/, and only the one that was asked for is built.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import NamedTuple, NoReturn

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.reasons import Reason

Run = Callable[[argparse.Namespace], int]


class Command(NamedTuple):
    """One command. `module` is its home in commands/; `group` its heading in the help; `also` its other names."""

    group: str
    module: str
    summary: str
    examples: tuple[str, ...]
    also: tuple[str, ...] = ()


_LOOK, _CHANGE, _DEPLOY, _BEGIN = "look", "change the registry", "deploy", "begin"
COMMANDS: Mapping[str, Command] = {
    "show": Command(_LOOK, "reading", "Which version is in which stage.", ("show", "show churn --json")),
    "which": Command(
        _LOOK, "reading", "The version in one stage of one model.", ("which churn prod", "which churn prod --at 7d")
    ),
    "history": Command(
        _LOOK,
        "reading",
        "Every event of the registry, or with --deployments every attempt to deploy, newest first.",
        ("history churn --limit 5", "history --since 7d", "history churn prod --deployments"),
    ),
    "versions": Command(_LOOK, "reading", "Every version of one model, with its stages.", ("versions churn",)),
    "status": Command(
        _LOOK,
        "status",
        "What was decided beside what is running.",
        ("status", "status churn", "status churn prod --ask", "status churn --exit-code --json"),
    ),
    "targets": Command(
        _LOOK,
        "targets",
        "What each target of a stage has.",
        ("targets churn prod", "targets churn prod --failed --json"),
    ),
    "serve": Command(
        _LOOK,
        "serving",
        "Show the registry as pages on this machine, and change it there.",
        ("serve", "serve --read-only", "serve --port 0 --json"),
    ),
    "parse": Command(_LOOK, "reading", "Parse a GTO tag; no repository is needed.", ("parse 'churn#prod#4' --json",)),
    "report": Command(
        _LOOK,
        "publishing",
        "Write the pages of the registry as a folder or one HTML file, or a badge.",
        ("report --out site", "report --file registry.html", "report --badge 'churn#prod' --out prod.svg"),
    ),
    "doctor": Command(
        _LOOK,
        "doctor",
        "Find what is wrong with the registry, and say what to do about it.",
        ("doctor", "doctor churn --json"),
    ),
    "resolve": Command(
        _LOOK,
        "reading",
        "Say which version a shortcut names, or what a tag means.",
        ("resolve 'churn#prod'", "resolve churn@latest", "resolve 'churn#prod#4' --show --history"),
    ),
    "register": Command(
        _CHANGE,
        "writing",
        "Register a commit as a version of a model.",
        ("register churn", "register churn --version v3.2.0 -m 'less noise' --push"),
    ),
    "promote": Command(
        _CHANGE,
        "writing",
        "Give a version a stage; register it first if need be.",
        ("promote churn --version v3.1.0 --to prod --push", "promote churn --from staging --to prod --dry-run"),
        also=("assign",),
    ),
    "unassign": Command(
        _CHANGE, "writing", "Take a version out of a stage.", ("unassign churn --stage prod --version v3.0.0",)
    ),
    "archive": Command(
        _CHANGE, "writing", "Take a version out of every stage.", ("archive churn --version v3.0.0 --push",)
    ),
    "deregister": Command(
        _CHANGE, "writing", "Take a version out of the registry.", ("deregister churn --version v3.0.0",)
    ),
    "deprecate": Command(_CHANGE, "writing", "Say that nobody should use a model any more.", ("deprecate churn",)),
    "import-mlflow": Command(
        _CHANGE,
        "importing",
        "Register and assign as tags what an MLflow registry holds.",
        (
            "import-mlflow --alias-map champion=prod",
            "import-mlflow churn --stage-map Production=prod --apply --push",
        ),
    ),
    "deploy": Command(
        _DEPLOY,
        "delivering",
        "Deploy the version that a stage tag names.",
        (
            "deploy 'churn#prod#4' --dry-run",
            "deploy 'churn#prod#4' --no-github",
            "deploy 'churn#prod#4' --target eu-west",
        ),
    ),
    "rollback": Command(
        _DEPLOY,
        "delivering",
        "Bring an earlier version back into a stage.",
        ("rollback churn prod --dry-run", "rollback churn prod --to v3.0.0 --no-github"),
    ),
    "finish": Command(
        _DEPLOY,
        "delivering",
        "Join what many jobs deployed to the targets of one stage, and record it.",
        ("finish 'churn#prod#4'", "finish --rollback churn prod --to v3.0.0"),
    ),
    "plan": Command(
        _DEPLOY,
        "planning",
        "Say what a tag or a rollback would deploy, as a matrix for the jobs of a workflow.",
        ("plan 'churn#prod#4' --json", "plan 'churn#prod#4' --spread 4", "plan --rollback churn prod --to v3.0.0"),
    ),
    "approve": Command(
        _DEPLOY,
        "upkeep",
        "Say yes to a version in a stage, where the mapping asks for that.",
        ("approve churn v3.1.0 prod -m 'as agreed on Monday'",),
    ),
    "sweep": Command(
        _DEPLOY,
        "upkeep",
        "Close what killed runs left behind: records without an end, locks without an owner.",
        ("sweep --dry-run", "sweep churn --json"),
    ),
    "reconcile": Command(
        _DEPLOY,
        "reconciling",
        "Find where what runs is not what the registry decides, and with --apply deploy that.",
        ("reconcile", "reconcile churn prod --apply --dry-run", "reconcile --apply --json"),
    ),
    "mirror": Command(
        _DEPLOY,
        "mirroring",
        "Tell the registries that follow this one (MLflow) what is live in a stage; deploy nothing.",
        ("mirror churn prod --dry-run", "mirror churn prod --json"),
    ),
    "relay-mlflow": Command(
        _DEPLOY,
        "relaying",
        "Take MLflow's webhooks, and ask a repository's workflow to promote what an alias was given to.",
        ("relay-mlflow --repository org/models --alias-map champion=prod --tracking-uri https://mlflow.example.com",),
    ),
    "lock": Command(
        _DEPLOY,
        "locking",
        "Let nothing be deployed to a stage until somebody unlocks it.",
        ("lock churn prod -m 'incident 42'", "lock --all -m 'the cluster moves'"),
    ),
    "unlock": Command(_DEPLOY, "locking", "End a lock.", ("unlock churn prod", "unlock churn prod --run")),
    "locks": Command(_DEPLOY, "locking", "Who has which stage, and since when.", ("locks", "locks churn --json")),
    "check": Command(
        _DEPLOY,
        "starting",
        "Check the mapping, and say what each model and stage would do.",
        ("check", "check churn --json"),
    ),
    "init": Command(_BEGIN, "starting", "Write a commented mapping file and a workflow.", ("init", "init --force")),
    "schema": Command(
        _BEGIN, "starting", "Print the mapping's JSON Schema, for editors.", ("schema > model-stages.schema.json",)
    ),
    "demo": Command(
        _BEGIN,
        "starting",
        "Tell the promotion story on a throw-away registry.",
        ("demo", "demo --keep ./demo-registry", "demo --serve ./demo-registry"),
    ),
}

_EXIT_CODES = """\
exit codes: 0 done or nothing to do, 1 deployment failed, 2 usage or mapping, 3 refused, 4 git or GitHub failed,
            130 cancelled

help on one command: python -m model_stage_deploy COMMAND --help"""
_PROGRAM = "model_stage_deploy"


class _Help(argparse.RawDescriptionHelpFormatter):
    """Finds the terminal's width without the libraries that argparse loads for it on every start."""

    def __init__(self, prog: str) -> None:
        try:
            width = os.get_terminal_size().columns
        except (OSError, ValueError):
            width = 0
        columns = os.environ.get("COLUMNS", "")
        super().__init__(prog, width=(int(columns) if columns.isdecimal() else 0 or width or 100) - 2)


class Parser(argparse.ArgumentParser):
    """Complains through our own error family, so that --json and exit codes hold for usage too."""

    def error(self, message: str) -> NoReturn:
        raise Invalid(Reason.USAGE, message, hint=f"see: {self.prog} --help")


def parse(arguments: list[str]) -> argparse.Namespace:
    """What was asked for; `command` is None where no command was. Raises Invalid (usage), SystemExit after --help."""
    name = _named(arguments[0]) if arguments else None
    if name is None:
        return _top().parse_args(arguments)
    return command_parser(name).parse_args(arguments[1:], argparse.Namespace(command=name, version=False))


def print_help() -> None:
    """The list of commands, on standard output."""
    _top().print_help()


def run_of(name: str) -> Run:
    """What carries the command out: the namespace in, the exit code out."""
    run: Run = _home(name).RUN[name]
    return run


def command_parser(name: str) -> Parser:
    """The grammar of one command."""
    about = COMMANDS[name]
    command = Parser(
        prog=f"{_PROGRAM} {name}",
        description=about.summary,
        epilog="examples:\n" + "\n".join(f"  python -m model_stage_deploy {example}" for example in about.examples),
        formatter_class=_Help,
        allow_abbrev=False,
    )
    _home(name).ARGUMENTS[name](command)
    command.add_argument(
        "--repo", default="", metavar="PATH", help="the repository: a path, or a URL to look at (default: here)"
    )
    command.add_argument("--json", action="store_true", help="print a JSON document instead of text")
    return command


def _named(text: str) -> str | None:
    """The command of that name, its main one."""
    if text in COMMANDS:
        return text
    return next((name for name, command in COMMANDS.items() if text in command.also), None)


def _home(name: str) -> _Home:
    return import_module(f"{__package__}.commands.{COMMANDS[name].module}")  # type: ignore[return-value]


class _Home:
    """What a module of commands/ has."""

    ARGUMENTS: Mapping[str, Callable[[argparse.ArgumentParser], None]]
    RUN: Mapping[str, Run]


def _top() -> Parser:
    top = Parser(
        prog=_PROGRAM,
        description="Push a GTO stage tag and the right model version is running in the right place.",
        epilog="\n\n".join([*map(_listed, dict.fromkeys(about.group for about in COMMANDS.values())), _EXIT_CODES]),
        formatter_class=_Help,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="store_true", help="print the version and exit")
    top.add_argument("command", nargs="?", choices=list(COMMANDS), metavar="COMMAND", help="one of those below")
    return top


def _listed(group: str) -> str:
    rows = [(name, about.summary) for name, about in COMMANDS.items() if about.group == group]
    return "\n".join([f"{group}:", *(f"  {name:<12} {summary}" for name, summary in rows)])


def positive(text: str) -> int:
    """A whole number above 0, for `type=`. Raises ArgumentTypeError."""
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 10**9:
        message = f"{text[:40]!r} is not a whole number above 0"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def mapping_arguments(command: argparse.ArgumentParser) -> None:
    """Where the mapping is."""
    command.add_argument("--config", default="", metavar="FILE", help="the mapping file")
    command.add_argument(
        "--config-ref",
        default="",
        metavar="REF",
        help="read it at a branch, tag, commit, or `tag` (default: the files here)",
    )


def records_arguments(command: argparse.ArgumentParser, without: str) -> None:
    """Where deployments are recorded; `without` says what `--no-github` does."""
    command.add_argument("--no-github", action="store_true", help=without)
    command.add_argument(
        "--records",
        choices=("auto", "github", "gitlab", "git", "log"),
        default="auto",
        help="where deployments are recorded: the code host, git (refs of the remote), log (a file in `.git`)",
    )
