"""Writes what is generated from the code: `python -m tests.contract.generate` (or `make reference`).

Whole files: action.yml, host/action.yml and the mapping's JSON Schema. In the docs only the tables between
`<!-- generated: NAME -->` and `<!-- end of NAME -->`; the words around them are written by hand.
test_generated.py holds the committed files to this.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from model_stage_deploy.adapters.mapping_yaml import schema
from model_stage_deploy.core.health import AILMENTS
from model_stage_deploy.core.mapping_templates import NAMES, NAMES_AFTER
from model_stage_deploy.core.permissions import FEATURES, yaml_lines
from model_stage_deploy.core.reasons import Reason, Result
from model_stage_deploy.core.targets import TARGET_RESULTS
from model_stage_deploy.deployers.environment import DROPPED, VARIABLES
from model_stage_deploy.faces.arguments import COMMANDS, command_parser
from model_stage_deploy.faces.event_payloads import CLIENT_PAYLOAD
from model_stage_deploy.faces.settings import INPUTS, OUTPUTS
from tests.contract.action_files import action, host_action
from tests.contract.deployer_tables import PAGES, index
from tests.contract.preset_pages import presets
from tests.contract.tables import table as _table

ROOT = Path(__file__).resolve().parents[2]
DEPLOYER_PAGES = {
    "shell": "run-a-script.md",
    "webhook": "send-a-webhook.md",
    "mlem": "use-mlem.md",
    "preset": "use-a-preset.md",
}
"""The page of docs/howto that tells about each registered deployer."""

_SHAPES = {
    "SettingsPart": "A stage's settings: `defaults`, `stages.S`, `models.GLOB.stages.S`",
    "DeployPart": "`deploy`",
    "Gates": "`gates`",
    "Needed": "`gates.needs[]`",
    "Metrics": "`gates.metrics`",
    "Signed": "`gates.signed`",
    "People": "`gates.people`",
    "Window": "`gates.window`",
    "Freeze": "`gates.window.freezes[]`",
    "Approval": "`gates.approval`",
    "Override": "`gates.override`",
    "Check": "`verify[]`",
    "HttpCheck": "`verify[].http`",
    "MetricCheck": "`verify[].metric`",
    "Rollback": "`rollback`",
    "Events": "`events`",
    "Lock": "`lock`",
    "Mirror": "`mirrors[]`",
    "TargetItem": "`targets[]`",
    "TargetsFile": "`targets`, in a file",
    "Strategy": "`strategy`",
    "ModelPart": "`models.GLOB`",
}
"""Shapes of the mapping, and what the reference calls them."""
_TEMPLATE_WORDS = {
    "model": "`name` (`fraud/eu`, `dir:churn`), `slug` (the name as a DNS label), `dir` (the part before `:`), and "
    "from the annotation at the tagged commit: `path`, `type`, `description`",
    "previous": "what was in the stage before; nothing for the first: `{% if previous %}…{% endif %}`",
    "run": "the workflow run",
    "vars": "your `vars`",
    "secrets": "the environment variables that the stage lists under `secrets`",
    "version": "such as `v3.1.0`; the commit id where an unregistered commit is allowed",
    "stage": "such as `prod`",
    "environment": "the rendered `environment`",
    "tag": "such as `churn#prod#4`",
    "target": "the one of the stage's `targets` that is deployed to; its `vars` are read as `vars`",
    "commit": "of the version",
    "repository": "`owner/name`; empty on a machine of your own",
    "environment_url": "below `verify:` only: where the model can be reached now, as the deployer says, else `url`",
    "attempt": "below `verify:` only: the id of this deployment attempt",
}


def generated() -> dict[str, str]:
    """Path below the repository -> what the file must hold."""
    files = {
        "action.yml": action(),
        "host/action.yml": host_action(),
        ".github/workflows/deploy-on-host.yml": reusable_on_host(),
        "src/model_stage_deploy/mapping.schema.json": json.dumps(schema(), indent=2, ensure_ascii=False) + "\n",
    }
    for path, blocks in _PAGES.items():
        text = (ROOT / path).read_text(encoding="utf-8")
        for name, make in blocks.items():
            text = _with_block(path, text, name, make())
        files[path] = text
    return files


def reusable_on_host() -> str:
    """The reusable workflow with the action that runs on the runner itself in place of the container."""
    text = (ROOT / ".github/workflows/deploy.yml").read_text(encoding="utf-8")
    note = "# deploy.yml with org/model-stage-deploy/host in place of the container. Generated: change that one.\n#\n"
    return note + text.replace("deploy.yml@v1", "deploy-on-host.yml@v1").replace(
        "uses: org/model-stage-deploy@v1\n", "uses: org/model-stage-deploy/host@v1\n"
    )


def _inputs() -> str:
    options = _command_line()
    rows = [
        (f"`{entry.name}`", entry.help, f"`{entry.default}`" if entry.default else "", options.get(entry.name, ""))
        for entry in INPUTS
    ]
    return _table(("Input", "Meaning", "Default", "On the command line"), rows)


def _command_line() -> dict[str, str]:
    """How each input is given on the command line: an option, a place, or the environment."""
    found = {"command": "`COMMAND`", "token": "`GITHUB_TOKEN` in the environment"}
    for command in _commands().values():
        for given in command._actions:
            name = next((text for text in given.option_strings if text.startswith("--")), "")
            found.setdefault(given.dest.replace("_", "-"), f"`{name or given.dest.upper()}`")
    return found


def _commands() -> Mapping[str, argparse.ArgumentParser]:
    return {name: command_parser(name) for name in COMMANDS}


def _command_table() -> str:
    rows = [
        (f"`{name}`", command.description or "", " ".join(filter(None, map(_taken, command._actions))))
        for name, command in _commands().items()
    ]
    return _table(("Command", "What it does", "Takes, besides `--repo PATH` and `--json`"), rows)


def _taken(given: argparse.Action) -> str:
    """An argument as usage lines write it; nothing for those that every command has."""
    if given.dest in ("help", "repo", "json"):
        return ""
    if not given.option_strings:
        name = str(given.metavar or given.dest).upper()
        return f"`[{name}]`" if given.nargs == "?" else f"`{name}`"
    value = given.metavar or ("|".join(given.choices) if given.choices else "")
    return f"`{given.option_strings[-1]}{f' {value}' if value else ''}`"


def _outputs() -> str:
    return _table(("Output", "Meaning"), [(f"`{output.name}`", output.help) for output in OUTPUTS])


def _results() -> str:
    parts = []
    for code in sorted({result.exit_code for result in Result}):
        parts.append(f"### Exit code {code}\n")
        rows = [
            (f"`{reason.value}`", f"`{reason.result.value}`", reason.meaning)
            for reason in Reason
            if reason.exit_code == code
        ]
        parts.append(_table(("Reason", "Result", "Meaning"), rows))
    return "\n".join(parts)


def _ailments() -> str:
    rows = [(f"`{code}`", of.severity.value, f"`{of.check}`", of.meaning) for code, of in AILMENTS.items()]
    return _table(("Code", "Severity", "Found by", "Meaning"), rows)


def _target_results() -> str:
    rows = [(f"`{result}`", meaning) for result, meaning in TARGET_RESULTS.items()]
    return _table(("Result", "Meaning"), rows)


def _fields() -> str:
    whole = schema()
    parts = [_field_table("The file", whole)]
    parts += [_field_table(title, whole["$defs"][shape]) for shape, title in _SHAPES.items()]
    return "\n".join(parts)


def _field_table(title: str, part: Mapping[str, Any]) -> str:
    """The keys of one shape; with an example each where there are any."""
    fields = part["properties"].items()
    head: tuple[str, ...] = ("Key", "Type", "Meaning")
    rows: list[tuple[str, ...]] = [(f"`{key}`", _type(of), of.get("description", "")) for key, of in fields]
    words = ""
    if any("examples" in of and title != "`deploy`" for _, of in fields):
        head = (*head, "Example")
        rows = [(*row, f"`{flow(key, of['examples'][0])}`") for row, (key, of) in zip(rows, fields, strict=True)]
        words = part["description"] + "\n\n"
    return f"### {title}\n\n{words}" + _table(head, rows)


def flow(key: str, value: Any) -> str:
    """A key and its value on one line of YAML."""
    return yaml.safe_dump({key: value}, default_flow_style=True, width=10_000, sort_keys=False).strip()[1:-1]


_LISTED = {"integer": "whole numbers"}


def _type(of: Mapping[str, Any]) -> str:
    """A JSON Schema type in words."""
    if "$ref" in of:
        return _SHAPES[of["$ref"].rsplit("/", 1)[1]].split(":")[0].replace("A stage's", "a stage's")
    if "anyOf" in of:
        if any(one.get("pattern", "").endswith("s?)?\\s*$") for one in of["anyOf"]):
            return "duration"
        kinds = [_type(one) for one in of["anyOf"] if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if "const" in of:
        return f"`{of['const']}`"
    if "enum" in of:
        return " or ".join(f"`{value}`" for value in of["enum"])
    kind = of.get("type", "any")
    if isinstance(kind, list):
        return "text, number or boolean"
    if kind == "array":
        items = of.get("items", {})
        if "$ref" in items or "anyOf" in items:
            return f"list of {_type(items)}"
        return "list of names" if "pattern" in items else f"list of {_LISTED.get(str(items['type']), 'texts')}"
    if kind == "object":
        below = of.get("additionalProperties")
        if "patternProperties" in of:
            return "names to texts"
        return f"names to {_type(below)}" if isinstance(below, Mapping) and below else "mapping"
    return {"string": "text", "integer": "whole number"}.get(kind, str(kind))


def _templates() -> str:
    rows = []
    for name, below in (NAMES | NAMES_AFTER).items():
        shown = f"`{name}`" if below == frozenset() else f"`{name}.NAME`" if below is None else f"`{name}.…`"
        extra = "" if not below or name == "model" else f" ({', '.join(f'`{one}`' for one in sorted(below))})"
        rows.append((shown, _TEMPLATE_WORDS[name] + extra))
    return _table(("Name", "What it is"), rows)


def _variables() -> str:
    return _table(("Variable", "Holds"), [(f"`{name}`", words) for name, words in VARIABLES.items()])


def _client_payload() -> str:
    rows = [
        (
            f"`{key.name}`",
            "true or false" if key.switch else "text",
            ", ".join(f"`{one}`" for one in key.commands),
            key.help,
        )
        for key in CLIENT_PAYLOAD
    ]
    return _table(("Key", "Type", "For", "Meaning"), rows)


def _dropped() -> str:
    return _table(("Name", "Why not"), [(f"`{name}`", words) for name, words in DROPPED.items()])


def _permissions() -> str:
    rows = [
        (
            feature.name[0].upper() + feature.name[1:] if feature.beside else feature.name,
            "<br>".join(f"`{line}`" for line in yaml_lines(feature.needs)) or "nothing more",
            feature.what,
        )
        for feature in FEATURES
    ]
    return _table(("Feature", "`permissions:`", "For"), rows)


def _with_block(path: str, text: str, name: str, block: str) -> str:
    """`text` with what stands between the markers of `name` replaced. Raises ValueError where there are none."""
    pattern = re.compile(rf"(<!-- generated: {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
    if len(pattern.findall(text)) != 1:
        message = f"{path} must hold the markers of {name!r} just once"
        raise ValueError(message)
    return pattern.sub(lambda found: f"{found[1]}\n{block}\n{found[2]}", text)


_PAGES: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "docs/reference/inputs.md": {"inputs": _inputs, "outputs": _outputs, "commands": _command_table},
    "docs/reference/results.md": {"results": _results},
    "docs/reference/doctor.md": {"ailments": _ailments},
    "docs/reference/targets.md": {"target-results": _target_results},
    "docs/reference/mirrors.md": {"mirrors": lambda: _field_table("`mlflow`", schema()["$defs"]["Mirror"])},
    "docs/reference/permissions.md": {"permissions": _permissions},
    "docs/reference/events.md": {"client-payload": _client_payload},
    "docs/reference/mapping.md": {"fields": _fields, "with": index, "templates": _templates},
    "docs/howto/run-a-script.md": {"variables": _variables, "dropped": _dropped},
    "docs/reference/presets.md": {"presets": lambda: presets(_table)},
    **PAGES,
}


def main() -> None:
    """Write every generated file that differs."""
    for path, text in generated().items():
        file = ROOT / path
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
            print(f"wrote {path}")


if __name__ == "__main__":
    main()
