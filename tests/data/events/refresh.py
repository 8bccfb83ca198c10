"""Makes `payloads.json` from GitHub's own example payloads, as npm's `@octokit/webhooks-examples` carries them.

Run it by hand (`python tests/data/events/refresh.py`) where npm works; tests only read what it wrote. Payloads are kept
whole: nothing in them is changed or left out.
"""

from __future__ import annotations

import json
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PACKAGE = "@octokit/webhooks-examples"
SETS = {"api.github.com": "package/api.github.com/index.json", "ghes-3.5": "package/ghes-35/index.json"}
TARGET = Path(__file__).with_name("payloads.json")
STARTING = ("push", "create", "delete", "workflow_dispatch", "repository_dispatch", "release", "deployment")
OTHERS = ("deployment_status", "pull_request", "workflow_run", "issue_comment", "registry_package")
"""Events that are about no tag of ours: one example each is enough."""


def download(folder: Path) -> tuple[dict[str, Any], str]:
    """Fetch the package with the ordinary npm client; the examples by set, and the package's version."""
    packed = subprocess.run(
        ["npm", "pack", "--json", "--pack-destination", str(folder), PACKAGE],
        check=True,
        capture_output=True,
        text=True,
        cwd=folder,
    )
    found: dict[str, Any] = {}
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        for name, path in SETS.items():
            member = archive.extractfile(path)
            if member is None:
                raise FileNotFoundError(f"{PACKAGE} has no file {path}")
            found[name] = json.load(member)
    return found, str(json.loads(packed.stdout)[0]["version"])


def chosen(examples: Any, source: str) -> Iterator[dict[str, Any]]:
    """One example of each kind: by action and ref of the events that can start us, any one of the others."""
    for event in examples:
        name = event["name"]
        seen: set[tuple[object, ...]] = set()
        for payload in event["examples"]:
            told = (payload.get("action"), payload.get("ref"), payload.get("deleted"), "workflow_run" in payload)
            kind = told if name in STARTING else ()
            if name not in (*STARTING, *OTHERS) or kind in seen or (name in OTHERS and source != "api.github.com"):
                continue
            seen.add(kind)
            yield {"event": name, "source": source, "payload": payload}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        sets, version = download(Path(folder))
    payloads = [each for source, examples in sets.items() for each in chosen(examples, source)]
    whole = {"source": f"npm {PACKAGE} {version}", "license": "MIT", "payloads": payloads}
    # A line for each payload: what changed can be seen, and the file stays small.
    lines = [json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in payloads]
    head = json.dumps({key: whole[key] for key in ("source", "license")})[:-1]
    text = f'{head}, "payloads": [\n' + ",\n".join(lines) + "\n]}\n"
    if json.loads(text) != whole:
        raise ValueError("the lines do not make the whole")
    TARGET.write_text(text, encoding="utf-8")
    print(f"{TARGET.name}: {whole['source']}, {len(payloads)} payloads, {len(text) // 1024} KiB")


if __name__ == "__main__":
    main()
