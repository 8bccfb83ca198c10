"""Reads what Prometheus' HTTP API answers to an instant query: one number, no data, or why neither. Pure.

The shapes are those of https://prometheus.io/docs/prometheus/latest/querying/api/ (`/api/v1/query`).
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from model_stage_deploy.core.inert import one_line
from model_stage_deploy.ports import WebResponse

PATH = "/api/v1/query"
_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?Inf|NaN")
_ALL, _LONGEST = 1_000_000, 500
_BAD_QUERY = "bad_data"


class Reading(NamedTuple):
    """A number as Prometheus writes it, "" for no data. `warnings` are its own, each on one line."""

    text: str
    warnings: tuple[str, ...] = ()

    @property
    def value(self) -> float:
        """The number; NaN for no data."""
        return float(self.text or "nan")


class Unreadable(Exception):
    """The answer gives neither a number nor no data. `final`: asking again cannot help."""

    def __init__(self, why: str, *, final: bool = False) -> None:
        super().__init__(why)
        self.final = final


def read(answer: WebResponse) -> Reading:
    """The one number of an answer. Raises Unreadable."""
    if answer.truncated:
        raise Unreadable(
            f"the answer is longer than {len(answer.body):,} bytes: the query gives far more than a number"
        )
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict) or told.get("status") not in ("success", "error"):
        raise Unreadable(f"status {answer.status}, and no answer as Prometheus gives it")
    if told["status"] == "error":
        kind, why = (_shown(told.get(key)) for key in ("errorType", "error"))
        raise Unreadable(f"Prometheus says {kind}: {why}", final=kind == _BAD_QUERY)
    data = told.get("data")
    warnings = told.get("warnings")
    return Reading(
        _number(data if isinstance(data, dict) else {}),
        tuple(map(_shown, warnings)) if isinstance(warnings, list) else (),
    )


def _shown(text: object) -> str:
    """What Prometheus says, whole or not at all: it repeats the query, and half a secret is not known for one."""
    told = one_line(str(text), _ALL)
    return told if len(told) <= _LONGEST else f"(something of {len(told):,} characters)"


def _number(data: dict[str, Any]) -> str:
    kind, result = data.get("resultType"), data.get("result")
    if kind == "scalar":
        return _text(result)
    if kind != "vector":
        shown = one_line(str(kind), 40)
        raise Unreadable(f"the query gives a {shown}, not a number", final=kind in ("matrix", "string"))
    if not isinstance(result, list):
        raise Unreadable("the answer has no list of series")
    if not result:
        return ""
    if len(result) > 1:
        raise Unreadable(f"the query gives {len(result)} series, not one; put sum(…) or max(…) around it")
    series = result[0] if isinstance(result[0], dict) else {}
    if "value" not in series and "histogram" in series:
        raise Unreadable("the query gives a histogram, not a number", final=True)
    return _text(series.get("value"))


def _text(sample: Any) -> str:
    """The number of a `[time, "number"]`."""
    text = sample[1] if isinstance(sample, list) and len(sample) == 2 else None
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise Unreadable("the answer holds no number where one belongs")
    return text
