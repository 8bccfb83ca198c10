"""Why an attempt was allowed, and on whose behalf: what the record of a deployment holds besides its plan."""

from __future__ import annotations

from dataclasses import dataclass

from model_stage_deploy.core.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Evidence:
    """Facts for the record. Empty texts where a thing is unknown or was not asked for.

    `tag_object` is the id of the tag object that decided, `tagger` who made it, `signer` whose good signature it
    carries. `actor` pushed the tag or started the run. `override` is the reason given for going past the gates.
    `forced` says that `--force` was used. `automatic` marks a rollback that nobody asked for, `answers` the attempt
    that it answers. `action` is what was done.
    """

    tag_object: str = ""
    tagger: str = ""
    signer: str = ""
    actor: str = ""
    gates: tuple[Verdict, ...] = ()
    override: str = ""
    forced: bool = False
    automatic: bool = False
    answers: str = ""
    action: str = "deploy"


@dataclass(frozen=True, slots=True)
class Approved:
    """An approval that was recorded: who said yes, when (unix seconds), and why ("" where nobody said)."""

    by: str
    time: float
    message: str = ""
