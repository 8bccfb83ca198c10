"""What people read of drift: each kind has its sentence and its advice, and hostile texts stay texts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model_stage_deploy.core.drift import Consent, Kind, not_known
from model_stage_deploy.core.errors import Invalid, MachineryFailed
from model_stage_deploy.core.locks import ALL
from model_stage_deploy.core.outcome import Outcome
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.reconciled import Reconciled, Seen
from model_stage_deploy.core.stored import LockEntry
from model_stage_deploy.faces.arguments import parse
from model_stage_deploy.report.columns import Table
from model_stage_deploy.report.drift import document, headline, page, summary
from model_stage_deploy.report.drift_words import advice, sentence
from tests.core.tag_records import model
from tests.core.test_drift import CASES, V1, V2, deployed, standing
from tests.faces.rendered import assert_harmless, tables
from tests.fakes.plans import HOSTILE

SENTENCES = {
    "all is well": "",
    "the event was lost": "prod should have v2.0.0, but v1.0.0 runs: m#prod#2 was not deployed",
    "nothing was ever deployed": "prod should have v2.0.0, but nothing runs: m#prod#2 was not deployed",
    "failed too often": "prod should have v2.0.0, but its newest deployment failed, 3 times in a row: "
    "nobody tries again by itself; v1.0.0 runs",
    "a rollback by hand failed": "prod should have v2.0.0, but an attempt of v1.0.0 failed; v2.0.0 runs",
    "rolled back by hand": "prod should have v2.0.0, but bob rolled it back to v1.0.0 on purpose at "
    "2023-11-14T22:16:45+00:00",
    "forced back to an older one": "prod should have v2.0.0, but bob forced v1.0.0 on purpose at "
    "2023-11-14T22:16:45+00:00",
    "failed here and rolled back": "prod should have v2.0.0, which failed there and is held; v1.0.0 runs",
    "somebody is at work": "v2.0.0 is being deployed to prod: run 7 has its lock",
    "its run died": "prod should have v2.0.0; an attempt by bob to deploy v2.0.0 was interrupted, and v1.0.0 runs",
    "its verification failed": "prod has v2.0.0, as it should; but its verification failed",
    "its verification came to no end": "prod has v2.0.0, as it should; but its verification came to no end",
    "other settings": "prod has v2.0.0, as it should, but not with the settings that the mapping has now",
    "unassigned, and nobody says what follows": "v2.0.0 runs in prod, and m#prod!#3 took it away: the mapping wants it "
    "left alone",
    "unassigned, fall back": "v2.0.0 runs in prod, and m#prod!#3 took it away: `fallback` wants v1.0.0 back",
    "unassigned, and nothing to fall back to": "v1.0.0 runs in prod, and m#prod!#4 took it away: there is nothing to "
    "fall back to",
    "unassigned, undeploy": "v2.0.0 runs in prod, and m#prod!#3 took it away: `undeploy` wants it gone",
    "unassigned and undeployed": "nothing runs in prod: it was taken away by m#prod!#3, as mapped",
    "undeployed, and the model is in use again": "prod should have v2.0.0, but it was undeployed at "
    "2023-11-14T22:18:35+00:00",
    "its tag was moved": "prod should have v1.0.0, but v2.0.0 runs: m#prod#2 was not deployed; m#prod#2 was moved "
    "since it was deployed",
    "its tag was deleted": "prod should have v1.0.0; v2.0.0 runs, and its tag m#prod#2 is gone: a deleted tag never "
    "deploys",
    "all its tags were deleted": "prod should have nothing; v2.0.0 runs, and its tag m#prod#2 is gone: a deleted tag "
    "never deploys",
}
FROZEN = LockEntry("", "freeze", "m#prod", "c", "bob", "incident 42", "", 0.0, 0.0, 0.0)
UNKNOWN = MachineryFailed(Reason.GITHUB_FAILED, "GitHub answered 502", hint="later")


@pytest.mark.parametrize("name", SENTENCES)
def test_sentence(name: str) -> None:
    case = CASES[name]
    assert sentence(standing(*case.records, **case.more)) == SENTENCES[name]


@pytest.mark.parametrize("name", CASES)
def test_what_is_advised_can_be_typed(name: str) -> None:
    case = CASES[name]
    row = standing(*case.records, **case.more)
    told = advice(row, Consent())
    if row.drifted and not row.heals(Consent(apply=True)) and row.kind is not Kind.UNKNOWN:
        assert told
    for command in told.split("python -m model_stage_deploy ")[1:]:
        words = command.split(";")[0].split(",")[0].split()
        assert parse(words).command == words[0]


def test_a_locked_stage_says_so_and_how_it_ends() -> None:
    row = standing(deployed(V1, 30))._replace(frozen=FROZEN)
    assert "it is locked: the lock of bob since 1970-01-01" in sentence(row)
    assert advice(row, Consent(apply=True)) == "when it may go on: python -m model_stage_deploy unlock m prod"


@pytest.mark.parametrize(("key", "what"), [("m#*", "m"), (ALL, "--all")])
def test_a_wider_lock_is_removed_as_wide_as_it_is(key: str, what: str) -> None:
    row = standing(deployed(V1, 30))._replace(frozen=replace(FROZEN, key=key))
    told = advice(row, Consent(apply=True))
    assert told == f"when it may go on: python -m model_stage_deploy unlock {what}"
    assert parse(told.partition("model_stage_deploy ")[2].split()).command == "unlock"


def found(*seen: Seen, dry_run: bool = False, **consent: bool) -> Reconciled:
    return Reconciled(seen, Consent(**consent), dry_run)


NOTED = Seen(standing(deployed(V2, 110, digest="old")))
BEHIND, FINE = Seen(standing(deployed(V1, 30))), Seen(standing(deployed(V2, 110)))
DARK = Seen(not_known(model("m@v1.0.0 A", "m#prod A"), "prod", UNKNOWN))
UNMAPPED = Seen(not_known(model("m@v1.0.0 A", "m#prod A"), "prod", Invalid(Reason.UNMAPPED_STAGE, "no")))


def ended(reason: Reason) -> Seen:
    return BEHIND._replace(end=Outcome(reason, "so it ended"))


@pytest.mark.parametrize(
    ("of", "reason", "told"),
    [
        (found(FINE, UNMAPPED), Reason.IN_SYNC, "in sync: 1 of 1 stage has what the registry decides"),
        (found(FINE, NOTED), Reason.IN_SYNC, "in sync: 1 of 2 stages has what the registry decides; 1 with a note"),
        (found(), Reason.IN_SYNC, "in sync: 0 of 0 stages have what the registry decides"),
        (found(BEHIND, FINE), Reason.DRIFT, "1 of 2 stages has drifted"),
        (found(BEHIND, DARK), Reason.GITHUB_FAILED, "1 of 2 stages has drifted; 1 cannot be told"),
        (
            found(FINE, DARK),
            Reason.GITHUB_FAILED,
            "in sync: 1 of 2 stages has what the registry decides; 1 cannot be told",
        ),
        (
            found(ended(Reason.DEPLOYED), FINE, apply=True),
            Reason.RECONCILED,
            "1 of 2 stages healed, 0 left as they are",
        ),
        (found(ended(Reason.SUPERSEDED), apply=True), Reason.DRIFT, "0 of 1 stage healed, 1 left"),
        (found(ended(Reason.SUPERSEDED)._replace(settled=True), apply=True), Reason.RECONCILED, "1 of 1 stage healed"),
        (found(ended(Reason.GATES_REFUSED), apply=True), Reason.DRIFT, "0 of 1 stage healed, 1 left"),
        (found(ended(Reason.DEPLOYER_FAILED), ended(Reason.DEPLOYED), apply=True), Reason.NOT_RECONCILED, "1 of 2"),
        (found(ended(Reason.ROLLED_BACK_AFTER_FAILURE), apply=True), Reason.NOT_RECONCILED, "0 of 1"),
        (found(ended(Reason.END_NOT_RECORDED), ended(Reason.DEPLOYER_FAILED)), Reason.END_NOT_RECORDED, "0 of 2"),
        (found(ended(Reason.SECRET_MISSING), apply=True), Reason.SECRET_MISSING, "0 of 1"),
        (found(ended(Reason.CANCELLED), DARK, BEHIND, apply=True), Reason.CANCELLED, "cancelled: 0 healed, 2 of 3"),
        (
            found(ended(Reason.DRY_RUN), apply=True, dry_run=True),
            Reason.DRY_RUN,
            "1 of 1 stage would be healed, 0 would",
        ),
        (found(ended(Reason.DRY_RUN), BEHIND, apply=True, dry_run=True), Reason.DRIFT, "1 of 2 stages would be heal"),
    ],
)
def test_the_end(of: Reconciled, reason: Reason, told: str) -> None:
    assert of.reason is reason
    assert headline(of).startswith(told)
    assert document(of, "github")["exit_code"] == reason.exit_code


def test_the_page_shows_what_is_not_in_sync_and_what_to_type() -> None:
    table, *lines = page(found(BEHIND, FINE), "log")
    assert isinstance(table, Table)
    assert [row[-1] for row in table.rows] == ["DRIFT", "behind"]
    assert lines[-2:] == [
        "  to heal 1: python -m model_stage_deploy reconcile --apply --no-github",
        "  reason: drift (exit code 3)",
    ]
    assert list(page(found(FINE), "github")) == [headline(found(FINE))]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=list(HOSTILE))
def test_hostile_texts_stay_texts_in_the_summary(text: str) -> None:
    record = deployed(V1, 30, version=text, actor=text, tag=text, rollback=True, previous="v2.0.0")
    row = standing(record)
    held = row._replace(frozen=FROZEN.__class__("", "freeze", "m#prod", "c", text, text, text, 0.0, 0.0, 0.0))
    dark = Seen(not_known(model("m@v1.0.0 A", "m#prod A"), "prod", MachineryFailed(Reason.GIT_FAILED, text, hint=text)))
    of = Reconciled(
        (Seen(row, Outcome(Reason.DEPLOYER_FAILED, text, hint=text)), Seen(held), dark),
        Consent(apply=True),
        False,
        (text,),
    )
    shown = assert_harmless(summary(of, lambda plain: plain))
    [table] = tables(shown)
    assert len(table) == 4


def test_a_secret_is_not_in_the_summary() -> None:
    of = found(BEHIND._replace(end=Outcome(Reason.DEPLOYER_FAILED, "it said hunter2", hint="hunter2")), apply=True)
    assert "hunter2" not in summary(of, lambda plain: plain.replace("hunter2", "***"))


def test_a_summary_of_very_many_stages_is_cut_and_stays_below_its_limit() -> None:
    of = found(*([BEHIND] * 3000))
    told = summary(of, lambda plain: plain)
    assert "2500 more" in told
    assert len(told.encode()) < 1024 * 1024
