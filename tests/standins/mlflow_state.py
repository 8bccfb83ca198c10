"""What MLflow's model registry holds and answers, as a real `mlflow server` 3.17 was seen to; mlflow.py serves it."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from typing import Any

STAGES = {stage.lower(): stage for stage in ("None", "Staging", "Production", "Archived")}
MOST = 1000  # items of a page, of registered models
_TERM = re.compile(r"""(name|tag\.`[^`]+`)\s*=\s*('[^']*'|"[^"]*")""")


class Problem(Exception):
    """An error of MLflow's own, as JSON."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error_code": code, "message": message, "sqlstate": "KAM00", "error_class": code}


class Plain(Exception):
    """An error that is no JSON."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass
class Fault:
    """An answer in place of the right one, for the next request of that path ("" for any)."""

    status: int
    body: str = ""
    path: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class State:
    """What the server holds. `users` maps names to passwords; only `admin` may write."""

    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    runs: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    """Method, path below the root, and the query or body of each request."""
    clock: int = 1_795_292_943_000

    def tick(self) -> int:
        self.clock += 1000
        return self.clock

    def model(self, name: object) -> dict[str, Any]:
        if not isinstance(name, str) or not name.strip():
            raise Problem(400, "INVALID_PARAMETER_VALUE", "Missing value for required parameter 'name'.")
        if name not in self.models:
            raise Problem(404, "RESOURCE_DOES_NOT_EXIST", f"Registered Model with name={name} not found")
        return self.models[name]

    def version(self, asked: dict[str, Any]) -> dict[str, Any]:
        number = _string(asked, "version")
        if not number.isdigit():
            message = f"Parameter 'version' must be an integer, got '{number}'."
            raise Problem(400, "INVALID_PARAMETER_VALUE", message)
        found: dict[str, Any] | None = self.models.get(asked["name"], {"versions": {}})["versions"].get(number)
        if found is None:
            message = f"Model Version (name={asked['name']}, version={number}) not found"
            raise Problem(404, "RESOURCE_DOES_NOT_EXIST", message)
        return found


def create_model(state: State, asked: dict[str, Any]) -> dict[str, Any]:
    name = asked.get("name")
    if not isinstance(name, str) or not name.strip():
        raise Problem(400, "INVALID_PARAMETER_VALUE", "Missing value for required parameter 'name'.")
    if "/" in name or ":" in name:
        message = f"Invalid model name '{name}'. Names cannot contain '/' or ':'."
        raise Problem(400, "INVALID_PARAMETER_VALUE", message)
    if name in state.models:
        raise Problem(400, "RESOURCE_ALREADY_EXISTS", f"Registered Model (name={name}) already exists.")
    state.models[name] = {"name": name, "created": state.tick(), "versions": {}, "aliases": {}, "tags": {}}
    return {"registered_model": _shown_model(state.models[name])}


def create_version(state: State, asked: dict[str, Any]) -> dict[str, Any]:
    model = state.model(asked.get("name"))
    number = str(len(model["versions"]) + 1)
    tags = {tag["key"]: tag["value"] for tag in asked.get("tags", [])}
    model["versions"][number] = {
        "name": model["name"],
        "version": number,
        "creation_timestamp": state.tick(),
        "current_stage": "None",
        "description": "",
        "source": asked["source"],
        "run_id": asked.get("run_id", ""),
        "status": "READY",
        "tags": tags,
        "run_link": "",
    }
    return {"model_version": _shown(model, number)}


def get_version(state: State, asked: dict[str, Any]) -> dict[str, Any]:
    found = state.version(asked)
    return {"model_version": _shown(state.models[asked["name"]], found["version"])}


def search_versions(state: State, asked: dict[str, Any]) -> dict[str, Any]:
    terms = _terms(asked.get("filter", ""))
    found = [
        {key: value for key, value in _shown(model, number).items() if key != "aliases"}  # a search tells of none
        for model in state.models.values()
        for number, version in model["versions"].items()
        if all(_holds(key, value, model["name"], version) for key, value in terms)
    ]
    order = asked.get("order_by", "")
    if order == "version_number DESC":
        found.sort(key=lambda one: -int(one["version"]))
    elif order:
        raise Problem(400, "INVALID_PARAMETER_VALUE", f"Invalid order_by clause '{order}'")
    return _paged("model_versions", found, asked, most=200_000)


def search_models(state: State, asked: dict[str, Any]) -> dict[str, Any]:
    terms = _terms(asked.get("filter", ""))
    found = [
        _shown_model(model)
        for name, model in sorted(state.models.items())
        if all(key == "name" and value == name for key, value in terms)
    ]
    return _paged("registered_models", found, asked, most=MOST)


def get_alias(state: State, asked: dict[str, Any]) -> dict[str, Any]:
    model = state.model(asked.get("name"))
    alias = asked["alias"]
    _alias(alias)
    if alias not in model["aliases"]:
        raise Problem(400, "INVALID_PARAMETER_VALUE", f"Registered model alias {alias} not found.")
    return {"model_version": _shown(model, model["aliases"][alias])}


def set_alias(state: State, asked: dict[str, Any]) -> dict[str, Any]:
    alias = _string(asked, "alias")
    _alias(alias)
    found = state.version(asked)
    state.models[asked["name"]]["aliases"][alias] = found["version"]
    return {}


def delete_alias(state: State, asked: dict[str, Any]) -> dict[str, Any]:
    state.model(asked.get("name"))["aliases"].pop(_string(asked, "alias"), None)
    return {}


def transition(state: State, asked: dict[str, Any]) -> dict[str, Any]:
    archive = asked.get("archive_existing_versions", False)
    if not isinstance(archive, bool):
        raise _invalid("archive_existing_versions", archive)
    _string(asked, "version")
    stage = STAGES.get(_string(asked, "stage").lower())
    if stage is None:
        message = f"Invalid Model Version stage: {asked['stage']}. Value must be one of {', '.join(STAGES.values())}."
        raise Problem(400, "INVALID_PARAMETER_VALUE", message)
    if archive and stage not in ("Staging", "Production"):
        message = f"Model version transition cannot archive existing model versions because '{stage}' is not an Active"
        raise Problem(500, "INTERNAL_ERROR", message)
    found = state.version(asked)
    model = state.models[asked["name"]]
    for other in model["versions"].values():
        if archive and other["current_stage"] == stage and other is not found:
            other["current_stage"] = "Archived"
    found["current_stage"] = stage
    return {"model_version": _shown(model, found["version"])}


def set_tag(state: State, asked: dict[str, Any]) -> dict[str, Any]:
    state.version(asked)["tags"][asked["key"]] = asked["value"]
    return {}


def delete_tag(state: State, asked: dict[str, Any]) -> dict[str, Any]:
    state.version(asked)["tags"].pop(asked["key"], None)
    return {}


def create_experiment(state: State, asked: dict[str, Any]) -> dict[str, Any]:
    return {"experiment_id": str(state.tick() if asked["name"] else 0)}


def create_run(state: State, asked: dict[str, Any]) -> dict[str, Any]:
    identity = f"{state.tick():032x}"
    state.runs[identity] = asked.get("tags", [])
    return {"run": {"info": {"run_id": identity}, "data": {"tags": state.runs[identity]}}}


def get_run(state: State, asked: dict[str, Any]) -> dict[str, Any]:
    if asked["run_id"] not in state.runs:
        raise Problem(404, "RESOURCE_DOES_NOT_EXIST", f"Run with id={asked['run_id']} not found")
    return {"run": {"info": {"run_id": asked["run_id"]}, "data": {"tags": state.runs[asked["run_id"]]}}}


ROUTES = {
    ("POST", "registered-models/create"): create_model,
    ("GET", "registered-models/search"): search_models,
    ("GET", "registered-models/alias"): get_alias,
    ("POST", "registered-models/alias"): set_alias,
    ("DELETE", "registered-models/alias"): delete_alias,
    ("POST", "model-versions/create"): create_version,
    ("GET", "model-versions/get"): get_version,
    ("GET", "model-versions/search"): search_versions,
    ("POST", "model-versions/transition-stage"): transition,
    ("POST", "model-versions/set-tag"): set_tag,
    ("DELETE", "model-versions/delete-tag"): delete_tag,
    ("GET", "runs/get"): get_run,
    ("POST", "runs/create"): create_run,
    ("POST", "experiments/create"): create_experiment,
}


def _shown(model: dict[str, Any], number: str) -> dict[str, Any]:
    version = model["versions"][number]
    aliases = [alias for alias, at in model["aliases"].items() if at == number]
    shown = {**version, "tags": [{"key": key, "value": value} for key, value in version["tags"].items()]}
    return {**shown, **({"aliases": aliases} if aliases else {})}


def _shown_model(model: dict[str, Any]) -> dict[str, Any]:
    aliases = [{"alias": alias, "version": at} for alias, at in sorted(model["aliases"].items())]
    shown = {"name": model["name"], "creation_timestamp": model["created"], "last_updated_timestamp": model["created"]}
    return {**shown, **({"aliases": aliases} if aliases else {})}


def _paged(key: str, found: list[dict[str, Any]], asked: dict[str, Any], *, most: int) -> dict[str, Any]:
    count = int(asked.get("max_results", 100))
    if count > most:
        raise _invalid("max_results", asked["max_results"])
    token = asked.get("page_token", "")
    begin = json.loads(base64.b64decode(token))["offset"] if token else 0
    page: dict[str, Any] = {key: found[begin : begin + count]} if found else {}
    if begin + count < len(found):
        page["next_page_token"] = base64.b64encode(json.dumps({"offset": begin + count}).encode()).decode()
    return page


def _terms(text: str) -> list[tuple[str, str]]:
    left, terms = text.strip(), []
    while left:
        match = _TERM.match(left)
        if match is None:
            raise Problem(400, "INVALID_PARAMETER_VALUE", f"Invalid clause(s) in filter string: {left}")
        terms.append((match[1], match[2][1:-1]))
        left = re.sub(r"^\s*and\s+", "", left[match.end() :])
    return terms


def _holds(key: str, value: str, name: str, version: dict[str, Any]) -> bool:
    return bool(name == value if key == "name" else version["tags"].get(key[5:-1]) == value)


def _alias(alias: str) -> None:
    if alias.lower() == "latest":
        raise Problem(400, "INVALID_PARAMETER_VALUE", "'latest' alias name (case insensitive) is reserved.")
    if re.fullmatch(r"[vV][0-9]+", alias):
        raise Problem(400, "INVALID_PARAMETER_VALUE", f"Version alias name '{alias}' is reserved.")
    if not re.fullmatch(r"[\w-]+", alias) or len(alias) > 255:
        raise Problem(400, "INVALID_PARAMETER_VALUE", f"Invalid alias name: '{alias}'.")


def _string(asked: dict[str, Any], key: str) -> str:
    value = asked[key]
    if not isinstance(value, str):
        raise _invalid(key, value)
    return value


def _invalid(key: str, value: object) -> Problem:
    message = (
        f"Invalid value {json.dumps(value)} for parameter '{key}' supplied:  Hint: Value was of type "
        f"'{type(value).__name__}'. See the API docs for more information about request parameters."
    )
    return Problem(400, "INVALID_PARAMETER_VALUE", message)
