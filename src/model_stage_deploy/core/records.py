"""What the record of an attempt says of its plan and its evidence: one document for every host of deployments.

Pure. GitHub keeps it as a Deployment's payload, the local log as the first event of an attempt. What became of the
attempt (placed, ended, closed) is told by each host in its own way; lifecycle.py reads both.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from model_stage_deploy.core.evidence import Evidence
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.lifecycle import Judged, Recorded
from model_stage_deploy.core.plan import Plan
from model_stage_deploy.core.verdict import Verdict

PAYLOAD_SCHEMA = "model-stage-deploy/deployment/v1"
MOST_BYTES = 8000
"""What gates said is left out of a payload that would be larger, as ASCII JSON: a list of a hundred deployments must
still be quick to read. Without it a payload has about 1.5 KB, and more only for very long names and reasons."""
_SENTENCE = 200  # characters of a gate's sentence
_TEXT = 400  # characters of any other free text
_SHORTER = (_SENTENCE, 80, 0)

Scrub = Callable[[str], str]


def payload_of(plan: Plan, attempt: str, evidence: Evidence, scrub: Scrub = str) -> dict[str, Any]:
    """The document of an attempt: what is deployed, why that was allowed, and on whose behalf.

    What names the deployment (model, version, stage, tag, commits, environment, attempt, digest) is kept as it is, so
    that it is found again; every free text goes through `scrub`, and is cut. Options and variables are not in it: they
    may hold secrets. Where it would be too large, the gates' facts go first, then their sentences.
    """
    decision, previous, run = plan.decision, plan.decision.previous, plan.run

    def text(value: str) -> str:
        return _cut(scrub(value), _TEXT)

    payload = {
        "schema": PAYLOAD_SCHEMA,
        "attempt": attempt,
        "action": evidence.action,
        "model": decision.model,
        "version": decision.version,
        "stage": decision.stage,
        "tag": decision.tag,
        "tag_object": evidence.tag_object,
        "commit": decision.commit,
        "environment": plan.environment,
        "rollback": decision.rollback,
        "automatic": evidence.automatic,
        "forced": evidence.forced,
        "answers": evidence.answers,
        "previous": {"version": previous.version, "tag": previous.tag, "commit": previous.commit} if previous else None,
        "tagger": text(evidence.tagger),
        "signer": text(evidence.signer),
        "actor": text(evidence.actor or run.actor),
        "override": text(evidence.override),
        "deployer": text(plan.deployer),
        "digest": plan.digest,
        "config": text(plan.config),
        "checks": len(plan.verify),
        "kinds": [check.kind for check in plan.verify],
        "run": {"id": text(run.id), "attempt": text(run.attempt), "url": text(run.url), "actor": text(run.actor)},
    }
    return payload | {"gates": _gates(evidence.gates, scrub, MOST_BYTES - _size(payload))}


def recorded_from(id_: str, payload: Mapping[str, Any]) -> Recorded:
    """What a payload says, older ones and odd ones too, as a record without states and times: the host adds those."""
    previous = payload.get("previous")
    before: Mapping[str, Any] = previous if isinstance(previous, dict) else {}
    run = payload.get("run")
    checks = payload.get("checks")
    return Recorded(
        id=id_,
        version=_text(payload, "version"),
        commit=_text(payload, "commit"),
        tag=_text(payload, "tag"),
        rollback=payload.get("rollback") is True,
        attempt=_text(payload, "attempt"),
        digest=_text(payload, "digest"),
        checks=checks if isinstance(checks, int) and not isinstance(checks, bool) else 0,
        automatic=payload.get("automatic") is True,
        previous=_text(before, "version"),
        previous_tag=_text(before, "tag"),
        actor=_text(payload, "actor") or (_text(run, "actor") if isinstance(run, dict) else ""),
        action=_text(payload, "action") or "deploy",
        environment=_text(payload, "environment"),
        forced=payload.get("forced") is True,
        override=_text(payload, "override"),
        answers=_text(payload, "answers"),
        tag_object=_text(payload, "tag_object"),
        tagger=_text(payload, "tagger"),
        signer=_text(payload, "signer"),
        config=_text(payload, "config"),
        gates=tuple(_judged(payload.get("gates"))),
    )


def _gates(verdicts: tuple[Verdict, ...], scrub: Scrub, room: int) -> list[dict[str, Any]]:
    """The gates' answers, as much of them as there is room for; each gate's answer and code are always there."""
    gates = [_gate(verdict, scrub, _SENTENCE) | {"facts": _plain(verdict.facts, scrub)} for verdict in verdicts]
    for sentence in _SHORTER:
        if _size(gates) <= room:
            break
        gates = [_gate(verdict, scrub, sentence) for verdict in verdicts]
    return gates


def _gate(verdict: Verdict, scrub: Scrub, sentence: int) -> dict[str, Any]:
    return {
        "gate": verdict.gate,
        "answer": verdict.answer.value,
        "code": verdict.code,
        "sentence": _cut(scrub(verdict.sentence), sentence),
    }


def _plain(value: object, scrub: Scrub) -> Any:
    """A JSON value without secrets. NaN and infinity are none in JSON, and metrics may be such: they become texts."""
    if isinstance(value, str):
        return _cut(scrub(value), _TEXT)
    if isinstance(value, Mapping):
        return {_cut(scrub(str(key)), _TEXT): _plain(item, scrub) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, scrub) for item in value]
    if value is None or isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return _cut(scrub(str(value)), _TEXT)


def _size(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=True))


def _cut(text: str, most: int) -> str:
    plain = one_line(text)
    if len(plain) <= most:
        return plain
    return plain[: most - 1] + "…" if most else ""


def _judged(gates: object) -> Iterator[Judged]:
    """What the gates said, as far as it can be read."""
    for gate in gates if isinstance(gates, list) else ():
        if isinstance(gate, dict):
            facts = gate.get("facts")
            yield Judged(
                gate=_text(gate, "gate"),
                answer=_text(gate, "answer"),
                code=_text(gate, "code"),
                sentence=_text(gate, "sentence"),
                facts=facts if isinstance(facts, dict) else {},
            )


def _text(facts: Mapping[str, Any], key: str) -> str:
    value = facts.get(key)
    return value if isinstance(value, str) else ""
