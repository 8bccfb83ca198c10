"""What an approval, a lock, or the end of a lock would mean, before a person says yes to it. Nothing is done here.

Changes of the registry and deployments are next door, in proposing.py.
"""

from __future__ import annotations

from model_stage_deploy.core.errors import ModelStageError
from model_stage_deploy.core.locks import ALL, find, freezes_over, key_of, locked_by
from model_stage_deploy.core.mapping import unmapped_stage
from model_stage_deploy.core.model import Model
from model_stage_deploy.core.proposal import Proposal, refused
from model_stage_deploy.core.shortcuts import Shortcut
from model_stage_deploy.core.shortcuts import find as find_shortcut
from model_stage_deploy.core.tags import require_model_name, require_stage_name
from model_stage_deploy.core.writing import usage
from model_stage_deploy.flows.context import Context
from model_stage_deploy.flows.freezing import doubts
from model_stage_deploy.ports import LockStore, Repository
from model_stage_deploy.report.books import NAMED
from model_stage_deploy.report.locks import already_locked, not_locked, who


def propose_approval(context: Context, model: Model, version: str, stage: str, *, recorded_in: str) -> Proposal:
    """What an approval would say, and whether anything waits for it."""
    try:
        require_stage_name(stage)
        if not version:
            raise usage("say which version is approved")
        found = find_shortcut(Shortcut(f"{model.name}@{version}", model.name, version=version), model).version
        configuration = context.configuration(found.commit)
        settings = configuration.mapping.settings(model.name, stage)
        if settings is None:
            raise unmapped_stage(configuration.mapping, model.name, stage)
        if context.host is None and context.hostless is not None:
            raise context.hostless
    except ModelStageError as problem:
        return Proposal(refusal=refused(problem, context.scrub))
    yes = f"{context.owner or 'Somebody unknown'} says yes to {model.name} {found.name} in {stage}"
    told = (
        f"{yes} (commit {found.commit[:12]}).",
        f"It is recorded in {NAMED[recorded_in]}. No tag is made, and nothing is deployed by it.",
    )
    notes: tuple[str, ...] = ()
    if settings.gates.approval is None:
        notes = (f"the mapping asks for no approval in {stage}, so nothing waits for it",)
    return Proposal(notes=notes, told=told, state=f"{found.name} {found.commit} {stage}")


def propose_lock(repository: Repository, store: LockStore, model: str, stage: str) -> Proposal:
    """What a lock would stop, and what is at work already and goes on."""
    try:
        key = _key(model, stage)
        notes = doubts(repository, model, stage)
        entries = store.entries()
        there = find("freeze", key, entries)
        if there is not None:
            raise already_locked(key, there)
    except ModelStageError as problem:
        return Proposal(refusal=refused(problem))
    told = [f"Nothing is deployed for {locked_by(key)} until somebody unlocks it. Tags can still be made."]
    notes += [
        f"at work already, and not stopped by this: {who(one)}"
        for one in entries
        if one.kind == "run" and (one.key == key or one.key.startswith(f"{key}@") or _is_of_all(key, one.key))
    ]
    return Proposal(notes=tuple(notes), told=tuple(told), state=f"lock {key}")


def propose_unlock(store: LockStore, model: str, stage: str) -> Proposal:
    """Whose lock would end, and what stays locked all the same."""
    try:
        key = _key(model, stage)
        entries = store.entries()
        there = find("freeze", key, entries)
        if there is None:
            raise not_locked(key, freezes_over(key, entries), find("run", key, entries))
    except ModelStageError as problem:
        return Proposal(refusal=refused(problem))
    others = [one for one in freezes_over(key, entries) if one != there]
    told = [f"{locked_by(key)} is unlocked: {who(there)} is removed."]
    notes = [f"still locked by another: {who(one)}" for one in others]
    return Proposal(notes=tuple(notes), told=tuple(told), state=f"unlock {key} {there.version}")


def _key(model: str, stage: str) -> str:
    if not model:
        raise usage("say which model")
    return key_of(require_model_name(model), require_stage_name(stage)) if stage else key_of(model)


def _is_of_all(key: str, other: str) -> bool:
    """Whether a lock of all stages of a model covers that of a deployment."""
    return key.endswith(f"#{ALL}") and locked_by(other).model == locked_by(key).model
