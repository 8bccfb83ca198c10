"""MLflow's model registry over its REST API (2.0): the calls that a mirror and an import need, each sent once.

Whoever asks decides about retries, by `MlflowProblem.retryable`. What each call answers was measured against MLflow
2.22 and 3.17; shapes of values are next door, in mlflow_values.py.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, TypeVar
from urllib.parse import urlencode

from model_stage_deploy import __version__
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.mlflow_names import STAGES, wrong_alias, wrong_model
from model_stage_deploy.mirrors.mlflow_access import Access
from model_stage_deploy.mirrors.mlflow_values import (
    ModelVersion,
    RegisteredModel,
    Strange,
    comparison,
    read_model,
    read_run_tags,
    read_version,
)
from model_stage_deploy.ports import Web, WebProblem, WebRequest, WebResponse

ANSWER_BYTES = 8 * 1024 * 1024
"""How long an answer may be: give the web that many (a page of 100 versions with long descriptions)."""
PAGE = 100
MOST = 10_000
"""Items that a list may have; beyond it the list is refused, as half a list may say the opposite of the whole."""
_ROOT = "/api/2.0/mlflow/"
# 500 is not among them: MLflow answers it to requests that are wrong, and will be wrong the next time, too.
_RETRYABLE = frozenset({429, 502, 503, 504})
_T = TypeVar("_T")
_LONGEST = 10_000  # characters; a short cut could halve a secret before it is scrubbed


class MlflowProblem(Exception):
    """MLflow did not do as it was asked; the text says what it answered, and holds no credential.

    `status` is that of its answer, 0 where none came; `code` is MLflow's error_code, "" where the answer has none.
    `retryable`: the same once more may well succeed, after `after` seconds where the server said so. `hint` says what
    to do, "" where nothing is known.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        code: str = "",
        retryable: bool = False,
        after: float | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.retryable = retryable
        self.after = after
        self.hint = hint


class Mlflow:
    """The model registry of one tracking server. `timeout` in seconds is for one request, `left` for all from now on.

    Every method raises MlflowProblem. Names of models and aliases that MLflow cannot have are refused before anything
    is sent.
    """

    def __init__(
        self, web: Web, access: Access, *, timeout: float = 20.0, left: Callable[[], float] = lambda: math.inf
    ) -> None:
        self._web = web
        self._access = access
        self._timeout = timeout
        self._left = left

    @property
    def place(self) -> str:
        """Host and port of the server, for messages."""
        return self._access.place

    def versions(self, model: str, tags: Mapping[str, str] | None = None) -> list[ModelVersion]:
        """Versions of a model that have all these tags, newest first; none where there is no such model."""
        _require_model(model)
        wanted = dict(tags or {})
        try:
            terms = [comparison("name", model), *(comparison(f"tag.`{key}`", text) for key, text in wanted.items())]
        except ValueError as problem:
            raise MlflowProblem(str(problem)) from None
        asked = {"filter": " and ".join(terms), "order_by": "version_number DESC"}
        found = [_read(read_version, item) for item in self._pages("model-versions/search", "model_versions", asked)]
        # What is found decides what is moved, so it is not left to the server's idea of equality alone.
        return [one for one in found if one.model == model and all(one.tags.get(key) == wanted[key] for key in wanted)]

    def version(self, model: str, version: str) -> ModelVersion | None:
        """One version by MLflow's own number; None where there is none."""
        _require_model(model)
        try:
            answer = self._get("model-versions/get", {"name": model, "version": str(version)})
        except MlflowProblem as problem:
            if problem.code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise
        return _read(read_version, answer.get("model_version"))

    def alias(self, model: str, alias: str) -> ModelVersion | None:
        """The version that an alias points to; None where the model has no such alias.

        MLflow answers 400 to an alias that is not there, as it does to a wrong one: those are refused here first.
        """
        _require_model(model)
        _require_alias(alias)
        try:
            answer = self._get("registered-models/alias", {"name": model, "alias": alias})
        except MlflowProblem as problem:
            if problem.status == 400 and problem.code == "INVALID_PARAMETER_VALUE":
                return None
            raise
        return _read(read_version, answer.get("model_version"))

    def set_alias(self, model: str, alias: str, version: str) -> None:
        """Point an alias at a version, wherever it pointed before. Once more does no harm."""
        _require_model(model)
        _require_alias(alias)
        self._send("POST", "registered-models/alias", {"name": model, "alias": alias, "version": str(version)})

    def delete_alias(self, model: str, alias: str) -> None:
        """Take an alias away; where it is not there, nothing happens."""
        _require_model(model)
        _require_alias(alias)
        self._send("DELETE", "registered-models/alias", {"name": model, "alias": alias})

    def transition(self, model: str, version: str, stage: str, *, archive_existing: bool = False) -> ModelVersion:
        """Move a version to one of MLflow's fixed (and deprecated) stages. Once more does no harm.

        `archive_existing` archives what else is in that stage; MLflow takes it for Staging and Production only, and
        answers 500 otherwise, so it is refused here.
        """
        _require_model(model)
        if stage not in STAGES:
            raise MlflowProblem(f"{one_line(stage, 80)} is no stage of MLflow; there are {', '.join(STAGES)}")
        if archive_existing and stage not in ("Staging", "Production"):
            raise MlflowProblem(f"MLflow cannot archive what else is in the stage {stage}")
        body = {
            "name": model,
            "version": str(version),
            "stage": stage,
            "archive_existing_versions": bool(archive_existing),
        }
        answer = self._send("POST", "model-versions/transition-stage", body)
        return _read(read_version, answer.get("model_version"))

    def set_version_tag(self, model: str, version: str, key: str, value: str) -> None:
        """Set a tag of a version. Once more does no harm."""
        _require_model(model)
        body = {"name": model, "version": str(version), "key": key, "value": value}
        self._send("POST", "model-versions/set-tag", body)

    def delete_version_tag(self, model: str, version: str, key: str) -> None:
        """Take a tag of a version away. MLflow answers 404 where the version is not there."""
        _require_model(model)
        self._send("DELETE", "model-versions/delete-tag", {"name": model, "version": str(version), "key": key})

    def models(self, name: str = "") -> Iterator[RegisteredModel]:
        """Registered models (the one of that name, or all), by name, page after page as they are needed."""
        asked = {"order_by": "name ASC"}
        if name:
            _require_model(name)
            asked["filter"] = comparison("name", name)
        for item in self._pages("registered-models/search", "registered_models", asked):
            found = _read(read_model, item)
            if name in ("", found.name):
                yield found

    def run_tags(self, run_id: str) -> Mapping[str, str] | None:
        """Tags of a run (`mlflow.source.git.commit` among them); None where there is no such run (any more)."""
        try:
            answer = self._get("runs/get", {"run_id": run_id})
        except MlflowProblem as problem:
            if problem.code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise
        return _read(read_run_tags, answer.get("run"))

    def _pages(self, path: str, key: str, asked: Mapping[str, str]) -> Iterator[Any]:
        """Items of a list, page after page. A list that never ends, or is too long, is refused."""
        token, count = "", 0
        while True:
            page = {**asked, "max_results": str(PAGE)} | ({"page_token": token} if token else {})
            answer = self._get(path, page)
            items = answer.get(key, [])
            if not isinstance(items, list):
                raise _strange(f"GET {path}", self.place, f"has no list of {key}")
            yield from items
            following = answer.get("next_page_token") or ""
            count += len(items)
            if not following:
                return
            if following == token or not items or count >= MOST:
                raise _strange(f"GET {path}", self.place, f"goes on after {count} items")
            token = str(following)

    def _get(self, path: str, query: Mapping[str, str]) -> Mapping[str, Any]:
        return self._exchange("GET", path, f"?{urlencode(query, errors='surrogatepass')}", b"")

    def _send(self, method: Literal["POST", "DELETE"], path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._exchange(method, path, "", json.dumps(body).encode())

    def _exchange(self, method: str, path: str, query: str, body: bytes) -> Mapping[str, Any]:
        """One request, one answer as JSON. Raises MlflowProblem."""
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",  # MLflow answers 400 to a body without it
            "User-Agent": f"model-stage-deploy/{__version__}",
        }
        if self._access.authorization is not None:
            headers["Authorization"] = self._access.authorization.reveal()
        url = f"{self._access.uri}{_ROOT}{path}{query}"
        request = f"{method} {path}"
        try:
            answer = self._web.send(WebRequest(method, url, headers, body, max(0.1, min(self._timeout, self._left()))))
        except WebProblem as problem:
            raise _unreachable(problem, self.place, request) from None
        return _understood(answer, request, self.place)


def _require_model(model: str) -> None:
    why_not = wrong_model(model)
    if why_not:
        raise MlflowProblem(f"{one_line(model, 200)!r} cannot be the name of a model in MLflow: it {why_not}")


def _require_alias(alias: str) -> None:
    why_not = wrong_alias(alias)
    if why_not:
        raise MlflowProblem(f"{one_line(alias, 200)!r} cannot be an alias in MLflow: it {why_not}")


def _read(read: Callable[[object], _T], value: object) -> _T:
    try:
        return read(value)
    except Strange as problem:
        raise MlflowProblem(f"MLflow's answer is not understood: {problem}") from None


def _unreachable(problem: WebProblem, place: str, request: str) -> MlflowProblem:
    hint = ""
    if problem.kind == "redirect":
        hint = "name the final address as tracking URI; a page to log in cannot be followed"
    elif problem.kind == "tls":
        hint = "for a private authority set REQUESTS_CA_BUNDLE to its certificate; checks cannot be turned off"
    message = f"MLflow at {place} gave no answer to {request}: {problem}"
    return MlflowProblem(message, retryable=problem.retryable, hint=hint)


def _understood(answer: WebResponse, request: str, place: str) -> Mapping[str, Any]:
    """The document of a good answer. 401, 403, and routes that do not exist, answer with text or HTML."""
    try:
        told = None if answer.truncated else json.loads(answer.body)
    except (ValueError, RecursionError):
        told = None
    if 200 <= answer.status < 300:
        if isinstance(told, dict):
            return told
        what = "is longer than we read" if answer.truncated else "is no JSON"
        raise _strange(request, place, what)
    raise _explained(answer, told if isinstance(told, dict) else {}, request, place)


def _explained(answer: WebResponse, told: Mapping[str, Any], request: str, place: str) -> MlflowProblem:
    code = told.get("error_code")
    code = one_line(code, 100) if isinstance(code, str) else ""
    said = told.get("message")
    if not isinstance(said, str):
        said = "" if _is_page(answer) else answer.body[: _LONGEST + 1].decode("utf-8", errors="replace").strip()
    if len(said) > _LONGEST:
        said = f"(something of more than {_LONGEST:,} characters)"
    shown = ": ".join(filter(None, (code, one_line(said, _LONGEST))))
    return MlflowProblem(
        f"MLflow at {place} answered {answer.status} to {request}{f': {shown}' if shown else ''}",
        status=answer.status,
        code=code,
        retryable=answer.status in _RETRYABLE,
        after=_seconds(answer.headers.get("retry-after", "")),
        hint=_hint(answer.status, code),
    )


def _is_page(answer: WebResponse) -> bool:
    """Whether the body is HTML; MLflow calls plain text so, too, in its Content-Type."""
    return answer.body.lstrip()[:1] == b"<"


def _hint(status: int, code: str) -> str:
    if status == 401:
        return (
            "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD (or MLFLOW_TRACKING_TOKEN, where something in "
            "front of MLflow takes it) for this step"
        )
    if status == 403:
        return (
            "the user may not do this (MLflow: EDIT on the model); or, behind a proxy, see `--allowed-hosts` of MLflow"
        )
    if status in (404, 405) and not code:
        return "is the tracking URI the address of an MLflow server, up to where its `/api` begins?"
    return ""


def _strange(request: str, place: str, what: str) -> MlflowProblem:
    hint = "is the tracking URI the address of an MLflow server, up to where its `/api` begins?"
    return MlflowProblem(f"the answer of {place} to {request} {what}", hint=hint)


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else None
