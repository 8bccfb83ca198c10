"""lock, unlock and locks: who may deploy what at the moment, by hand."""

from __future__ import annotations

import argparse
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from model_stage_deploy.core.locks import ALL, freezes_over, key_of, locked_by
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import require_model_name, require_stage_name
from model_stage_deploy.core.writing import PROGRAM, usage
from model_stage_deploy.faces.opening import open_source
from model_stage_deploy.faces.printing import print_page
from model_stage_deploy.report import locks as view

if TYPE_CHECKING:
    from model_stage_deploy.core.stored import LockEntry
    from model_stage_deploy.ports import LockStore, Repository


def _lock_arguments(command: argparse.ArgumentParser) -> None:
    _what(command)
    command.add_argument("-m", "--message", default="", metavar="REASON", help="why; whoever is refused reads it")


def _unlock_arguments(command: argparse.ArgumentParser) -> None:
    _what(command)
    command.add_argument("--run", action="store_true", help="also remove the lock of a deployment whose run is dead")
    command.add_argument("--force", action="store_true", help="with --run: even if that run may be alive")


def _locks_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", nargs="?", default="", help="one model only")


def _what(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", nargs="?", default="", help="the model: churn, fraud/eu, dir:churn")
    command.add_argument("stage", nargs="?", default="", help="its stage: prod (default: all its stages)")
    command.add_argument("--all", dest="every", action="store_true", help="everything, instead of a model")


def _lock(given: argparse.Namespace) -> int:
    """Freeze. Raises Invalid (usage), Refused (locked, unknown-model), MachineryFailed."""
    from model_stage_deploy.adapters.system_clock import SystemClock
    from model_stage_deploy.faces.event import read_event
    from model_stage_deploy.flows.freezing import doubts, require_reason
    from model_stage_deploy.flows.locking import Wanted, freeze

    key = _key(given)
    why = require_reason(given.message, f"{PROGRAM} lock {locked_by(key).words} -m 'why'")

    run, clock = read_event(os.environ).run, SystemClock()
    with _opened(given) as (source, store, owner):
        notes = [] if given.every else doubts(source, given.model, given.stage)
        wanted = Wanted(key, uuid.uuid4().hex, run.actor or owner or "somebody unknown", why, run.url, 0.0)
        entry, working = freeze(store, clock, wanted)
    message = f"{locked_by(key)} is locked: nothing is deployed{'' if key == ALL else ' there'} until it is unlocked"
    lines = [message, *(f"note: {note}" for note in notes)]
    lines += [f"note: at work already, and not stopped by this: {view.who(one)}" for one in working]
    lines.append(f"to end it: {PROGRAM} unlock {locked_by(key).words}")
    document = view.changed(Reason.STAGE_LOCKED, message, [entry], clock.now(), working=working, notes=notes)
    return _printed(given, Reason.STAGE_LOCKED, document, lines)


def _unlock(given: argparse.Namespace) -> int:
    """Remove a freeze. Raises Invalid (usage), Refused (not-locked, locked), MachineryFailed."""
    key = _key(given)
    if given.run and (given.every or not given.stage):
        raise usage("--run is for the lock of one deployment", "name the model and the stage")
    if given.force and not given.run:
        raise usage("--force goes with --run", "a person's lock needs none")
    from model_stage_deploy.adapters.system_clock import SystemClock
    from model_stage_deploy.flows.locking import unlock

    clock = SystemClock()
    with _opened(given) as (_, store, _owner):
        removed = unlock(store, clock, key, run=given.run, force=given.force)
        others = freezes_over(key, store.entries())
    message = f"{locked_by(key)} is unlocked"
    if others:
        message = f"that lock is gone, but {locked_by(key)} is still locked by another"
    lines = [message, *(f"removed: {'the lock of ' * (one.kind == 'run')}{view.who(one)}" for one in removed)]
    lines += [f"still there: {view.who(one)}" for one in others]
    document = view.changed(Reason.STAGE_UNLOCKED, message, removed, clock.now())
    return _printed(given, Reason.STAGE_UNLOCKED, document, lines)


def _locks(given: argparse.Namespace) -> int:
    """Every lock, or those that stop deployments of one model. Raises Invalid (usage), MachineryFailed."""
    from model_stage_deploy.adapters.system_clock import SystemClock

    model = require_model_name(given.model) if given.model else ""
    with _opened(given) as (_, store, _owner):
        entries: Sequence[LockEntry] = store.entries()
    if model:
        entries = [one for one in entries if locked_by(one.key).model in ("", model)]
    now = SystemClock().now()
    print_page(view.document(entries, now), view.page(entries, now), as_json=given.json)
    return 0


def _printed(given: argparse.Namespace, reason: Reason, document: Mapping[str, Any], lines: Sequence[str]) -> int:
    print_page(document, lines, as_json=given.json)
    return reason.exit_code


def _key(given: argparse.Namespace) -> str:
    if given.every:
        if given.model:
            raise usage("--all is everything: it takes no model", f"{PROGRAM} {given.command} {given.model}")
        return ALL
    if not given.model:
        raise usage("say which model, or --all", f"for example: {PROGRAM} {given.command} churn prod")
    model = require_model_name(given.model)
    return key_of(model, require_stage_name(given.stage)) if given.stage else key_of(model)


@contextmanager
def _opened(given: argparse.Namespace) -> Iterator[tuple[Repository, LockStore, str]]:
    """The registry, its locks, and whom git knows here."""
    from model_stage_deploy.faces.wiring import open_locks

    with open_source(given.repo, os.environ, lambda _: None) as source:
        yield source, open_locks(source), source.identity()


ARGUMENTS = {"lock": _lock_arguments, "unlock": _unlock_arguments, "locks": _locks_arguments}
RUN = {"lock": _lock, "unlock": _unlock, "locks": _locks}
