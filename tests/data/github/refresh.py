"""Makes the subsets of GitHub's own OpenAPI descriptions, as npm's `@octokit/openapi` carries them.

`openapi-subset.json` is of github.com, `ghes-subset.json` of the oldest Enterprise Server that the package describes.

Run it by hand (`python tests/data/github/refresh.py`) where npm works; tests only read what it wrote.
"""

from __future__ import annotations

import json
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

PACKAGE = "@octokit/openapi"
HERE = Path(__file__).parent
SUBSETS: dict[str, Path] = {
    "package/generated/api.github.com.json": HERE / "openapi-subset.json",
    "package/generated/ghes-3.17.json": HERE / "ghes-subset.json",
}

_REPO = "/repos/{owner}/{repo}"
OPERATIONS: tuple[tuple[str, str], ...] = (
    ("get", "/orgs/{org}/teams/{team_slug}"),
    ("get", "/orgs/{org}/teams/{team_slug}/memberships/{username}"),
    ("get", "/rate_limit"),
    ("get", _REPO),
    ("get", f"{_REPO}/branches/{{branch}}"),
    ("get", f"{_REPO}/collaborators/{{username}}/permission"),
    ("post", f"{_REPO}/check-runs"),
    ("patch", f"{_REPO}/check-runs/{{check_run_id}}"),
    ("get", f"{_REPO}/commits/{{ref}}/check-runs"),
    ("get", f"{_REPO}/commits/{{ref}}/status"),
    ("get", f"{_REPO}/commits/{{ref}}/statuses"),
    ("get", f"{_REPO}/deployments"),
    ("post", f"{_REPO}/deployments"),
    ("get", f"{_REPO}/deployments/{{deployment_id}}"),
    ("get", f"{_REPO}/deployments/{{deployment_id}}/statuses"),
    ("post", f"{_REPO}/deployments/{{deployment_id}}/statuses"),
    ("get", f"{_REPO}/rules/branches/{{branch}}"),
    ("post", f"{_REPO}/statuses/{{sha}}"),
    ("post", f"{_REPO}/actions/workflows/{{workflow_id}}/dispatches"),
    ("post", f"{_REPO}/dispatches"),
)

_PROSE = frozenset({"description", "example", "examples", "summary", "tags", "title"})
# Below these keys stand names that somebody chose (a property may well be called "description").
_NAME_MAPS = frozenset({"content", "headers", "parameters", "properties", "responses", "schemas", "securitySchemes"})
# Says that a path parameter may hold slashes, which the router of the stand-in needs to know.
_KEPT_EXTENSION = "x-multi-segment"


def download(folder: Path) -> tuple[dict[str, dict[str, Any]], str]:
    """Fetch the package with the ordinary npm client; return the descriptions by name and the package's version."""
    packed = subprocess.run(
        ["npm", "pack", "--json", "--pack-destination", str(folder), PACKAGE],
        check=True,
        capture_output=True,
        text=True,
        cwd=folder,
    )
    report = json.loads(packed.stdout)[0]
    found: dict[str, dict[str, Any]] = {}
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        for name in SUBSETS:
            member = archive.extractfile(name)
            if member is None:
                raise FileNotFoundError(f"{PACKAGE} {report['version']} has no file {name}")
            found[name] = json.load(member)
    return found, str(report["version"])


def subset(document: dict[str, Any], version: str, source: str) -> dict[str, Any]:
    """Keep `OPERATIONS` and every component that they reach, without prose and examples."""
    paths: dict[str, Any] = {}
    for method, path in OPERATIONS:
        paths.setdefault(path, {})[method] = slim(document["paths"][path][method])
    components: dict[str, dict[str, Any]] = {}
    waiting = references(paths)
    while waiting:
        section, name = waiting.pop()
        if name in components.get(section, {}):
            continue
        kept = slim(document["components"][section][name], response=section == "responses")
        components.setdefault(section, {})[name] = kept
        waiting |= references(kept)
    info = document["info"]
    return {
        "openapi": document["openapi"],
        "info": {
            "title": f"{info['title']}: the operations that the stand-in answers",
            "version": version,
            "license": info["license"],
            "x-source": f"npm {PACKAGE} {version}, {source}",
        },
        "paths": paths,
        "components": components,
    }


def slim(node: Any, *, names: bool = False, parent: str = "", response: bool = False) -> Any:
    """Drop prose, examples and vendor extensions; a response keeps its (mandatory) description.

    Arguments: `names` says that the keys of `node` are chosen names, `parent` is the key above it.
    """
    if isinstance(node, list):
        return [slim(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept: dict[str, Any] = {}
    for key, value in node.items():
        if not names and is_noise(key) and not (response and key == "description"):
            continue
        chosen = not names and key in _NAME_MAPS
        kept[key] = slim(value, names=chosen, parent=key, response=names and parent == "responses")
    if not names and kept.get("nullable") and None not in kept.get("enum", [None]):
        kept["enum"] = [*kept["enum"], None]  # GitHub answers null there; a list of values that lacks it forbids it
    return kept


def is_noise(key: str) -> bool:
    return key in _PROSE or (key.startswith("x-") and key != _KEPT_EXTENSION)


def references(node: Any) -> set[tuple[str, str]]:
    """All `#/components/SECTION/NAME` pointers below `node`."""
    if isinstance(node, list):
        return set().union(*(references(item) for item in node))
    if not isinstance(node, dict):
        return set()
    found = set().union(*(references(value) for value in node.values()))
    pointer = node.get("$ref")
    if isinstance(pointer, str):
        section, name = pointer.removeprefix("#/components/").split("/")
        found.add((section, name))
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        documents, version = download(Path(folder))
    for name, target in SUBSETS.items():
        text = json.dumps(subset(documents[name], version, name), indent=1, sort_keys=True, ensure_ascii=False)
        target.write_text(text + "\n", encoding="utf-8")
        print(f"{target.name}: {PACKAGE} {version}, {name}, {len(text) // 1024} KiB")


if __name__ == "__main__":
    main()
