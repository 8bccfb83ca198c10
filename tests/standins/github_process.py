"""The stand-in as a process of its own, for clients that live in a container or another program."""

from __future__ import annotations

import argparse
import json
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

from tests.standins.github import GitHubStandIn


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the first line on stdout is the base address."""
    options = _parser().parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    standin = GitHubStandIn(
        repository=options.repository,
        token=options.token,
        permissions=dict(options.permission) if options.permission else None,
        prefix=options.prefix,
        host=options.host,
        port=options.port,
        known_commits=options.known_commit,
        refs=dict(options.ref),
        state_file=options.state_file,
    )
    for order in options.fault:
        standin.fail_next(**order)
    with standin:
        print(standin.url, flush=True)
        stop.wait()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.standins.github", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to bind (0.0.0.0: all)")
    parser.add_argument("--port", type=int, default=0, help="port to bind (0: any free one)")
    parser.add_argument("--state-file", type=Path, help="where to write everything, as JSON, on each change")
    parser.add_argument("--repository", default="org/models", metavar="OWNER/NAME")
    parser.add_argument("--token", help="the token that requests must carry (default: not checked)")
    parser.add_argument("--prefix", default="", help="path before the API, /api/v3 as on GHES")
    parser.add_argument("--permission", action="append", type=_pair, metavar="SCOPE=LEVEL", default=[])
    parser.add_argument("--known-commit", action="append", metavar="SHA", help="(default: any)")
    parser.add_argument("--ref", action="append", type=_last_pair, metavar="NAME=SHA", default=[])
    parser.add_argument("--fault", action="append", type=json.loads, default=[], help="arguments of fail_next, as JSON")
    return parser


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _last_pair(text: str) -> tuple[str, str]:
    # A stage tag may be called model=stage#4, so the commit is what follows the last sign.
    name, separator, value = text.rpartition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=SHA")
    return name, value
