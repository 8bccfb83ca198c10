"""Whether an HTTP answer, or that there was none, is what an `http` check wants. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator

from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.json_paths import BadPath, NotThere, is_same, parse_path, read_document, told, value_at
from model_stage_deploy.core.policy import HttpCheck
from model_stage_deploy.core.verdict import Finding
from model_stage_deploy.ports import WebProblem, WebResponse
from model_stage_deploy.verifiers.sampling import Look

OURS = frozenset({401, 403, 407, 429})
"""Statuses that say something about who asks and nothing about what serves, unless they are listed as good."""
SILENT = frozenset({"connect", "reset", "timeout"})
"""Kinds of WebProblem that say: the server does not serve. All others say that it could not be asked."""
HOPELESS = frozenset({"invalid-url", "invalid-header"})
"""Kinds of WebProblem that stay, however often one asks."""
_LONGEST = 200  # characters; what is longer is not shown at all: half a secret would not be known for one


def mistake(check: HttpCheck) -> str:
    """Why the check can never be made; "" where it can."""
    if check.method == "HEAD" and (check.json_ is not None or check.contains is not None):
        return "the answer to HEAD has no body for `json` and `contains` to look at; use GET"
    for path in check.json_ or ():
        try:
            parse_path(path)
        except BadPath as problem:
            return f"the JSON path {one_line(path, 100)} is wrong: {problem}"
    return ""


def good_statuses(check: HttpCheck) -> list[int]:
    """Statuses that are good."""
    return check.status or [200]


def of_problem(problem: WebProblem) -> Look:
    """What it means that there is no answer."""
    finding = Finding.FAILED if problem.kind in SILENT else Finding.INCONCLUSIVE
    return Look(finding, one_line(str(problem), 300), final=problem.kind in HOPELESS)


def of_answer(check: HttpCheck, answer: WebResponse) -> Look:
    """What an answer means. The check has no mistake."""
    status = f"status {answer.status}"
    if answer.status not in good_statuses(check):
        finding = Finding.INCONCLUSIVE if answer.status in OURS else Finding.FAILED
        return Look(finding, f"{status}, wanted {' or '.join(map(str, good_statuses(check)))}")
    looks = [*_headers(check, answer), *_json(check, answer), *_contained(check, answer)]
    for finding in (Finding.FAILED, Finding.INCONCLUSIVE):
        wrong = [look.seen for look in looks if look.finding is finding]
        if wrong:
            return Look(finding, "; ".join([status, *wrong]))
    return Look(Finding.PASSED, ", ".join([status, *(look.seen for look in looks)]))


def _headers(check: HttpCheck, answer: WebResponse) -> Iterator[Look]:
    for name, wanted in (check.header or {}).items():
        found = answer.headers.get(name.lower())
        shown = one_line(name, 100)
        if found == wanted:
            yield Look(Finding.PASSED, f"{shown} is {_shown(json.dumps(wanted))}")
        else:
            is_what = "is not there" if found is None else f"is {_shown(json.dumps(found))}"
            yield Look(Finding.FAILED, f"{shown} {is_what}, wanted {_shown(json.dumps(wanted))}")


def _json(check: HttpCheck, answer: WebResponse) -> Iterator[Look]:
    if check.json_ is None:
        return
    if answer.truncated:
        yield Look(Finding.INCONCLUSIVE, f"the answer is longer than the {len(answer.body):,} bytes that are read")
        return
    try:
        document = read_document(answer.body)
    except ValueError:
        yield Look(Finding.FAILED, "the answer is no JSON")
        return
    for path, wanted in check.json_.items():
        shown = one_line(path, 100)
        try:
            found = value_at(document, parse_path(path))
        except NotThere:
            yield Look(Finding.FAILED, f"{shown} is not there, wanted {_shown(told(wanted))}")
            continue
        if is_same(wanted, found):
            yield Look(Finding.PASSED, f"{shown} is {_shown(told(found))}")
        else:
            yield Look(Finding.FAILED, f"{shown} is {_shown(told(found))}, wanted {_shown(told(wanted))}")


def _contained(check: HttpCheck, answer: WebResponse) -> Iterator[Look]:
    if check.contains is None:
        return
    shown = _shown(json.dumps(check.contains))
    if check.contains.encode("utf-8", "surrogatepass") in answer.body:
        yield Look(Finding.PASSED, f"it contains {shown}")
    elif answer.truncated:
        yield Look(Finding.INCONCLUSIVE, f"its first {len(answer.body):,} bytes do not contain {shown}")
    else:
        yield Look(Finding.FAILED, f"it does not contain {shown}")


def _shown(text: str) -> str:
    """JSON in ASCII as it is, or how long it is."""
    return text if len(text) <= _LONGEST else f"something of {len(text):,} characters"
