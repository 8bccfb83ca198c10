"""A registry for tests: the tags of a real public one, on commits of our own, with a mapping and a deploy script."""

from __future__ import annotations

import subprocess
from pathlib import Path

_TAGS = Path(__file__).parent.parent / "data" / "example-gto-tags.tsv"
_PERSON = "Demo <demo@example.com>"
_MODELS = ("churn", "cv-class", "segment")

_MAPPING = """\
version: 1
defaults:
  vars: {{team: ml-platform}}
stages:
  dev:
    environment: development
    deploy: {{run: ./deploy.sh}}
  staging:
    environment: staging
    url: "http://127.0.0.1:{port}/staging/{{{{ model.slug }}}}"
    deploy: {{run: ./deploy.sh}}
  prod:
    environment: production
    secrets: [DEMO_HOOK_SECRET]
    deploy:
      uses: webhook
      with:
        url: "http://127.0.0.1:{port}/models/{{{{ model.name | urlencode }}}}"
        secret: "{{{{ secrets.DEMO_HOOK_SECRET }}}}"
      timeout: 30s
models:
  segment:
    stages:
      dev:
        deploy: {{run: "echo 'loading segment…'; echo 'CUDA out of memory' >&2; exit 1"}}
"""

_SCRIPT = """\
#!/usr/bin/env bash
echo "deploying $MSD_MODEL $MSD_VERSION to $MSD_ENVIRONMENT (was: ${MSD_PREVIOUS_VERSION:-nothing})"
echo "the model's file: $(cat "$MSD_MODEL_DIR/$MSD_MODEL_PATH")"
mkdir -p live && echo "$MSD_VERSION" > "live/$MSD_STAGE.$MSD_MODEL"
"""


def build(directory: Path, port: int) -> None:
    """Make the registry in `directory`; its webhook goes to `port` on this machine.

    Raises subprocess.CalledProcessError where git fails.
    """
    directory.mkdir(parents=True, exist_ok=True)
    _git(directory, "init", "--quiet", "--initial-branch=main", "--template=")
    name, email = _PERSON.rstrip(">").split(" <")
    _git(directory, "config", "user.name", name)
    _git(directory, "config", "user.email", email)
    _git(directory, "fast-import", "--quiet", "--date-format=raw", stdin=_history(port))
    _git(directory, "reset", "--quiet", "--hard", "main")


def _history(port: int) -> bytes:
    """A fast-import stream: one commit for each commit that the real tags point at, then the tags."""
    rows = [line.split("\t") for line in _table().splitlines() if not line.startswith("#")]
    rows.sort(key=lambda row: int(row[3]))
    stream: list[str] = []
    marks: dict[str, int] = {}
    for name, _, commit, when, message in rows:
        if commit not in marks:
            marks[commit] = len(marks) + 1
            stream += _commit(marks[commit], int(when) - 1, port)
        stream.append(f"tag {name}\nfrom :{marks[commit]}\ntagger {_PERSON} {when} +0000\n{_data(message)}")
    return "".join(stream).encode()


def _commit(mark: int, when: int, port: int) -> list[str]:
    annotations = "artifacts:\n" + "".join(
        f"  {name}: {{path: models/{name}.txt, type: model, desc: The {name} model}}\n" for name in _MODELS
    )
    contents = {"dvc.yaml": annotations, ".github/model-stages.yml": _MAPPING.format(port=port)}
    contents |= {f"models/{name}.txt": f"{name}, trained in run {mark}\n" for name in _MODELS}
    lines = [f"commit refs/heads/main\nmark :{mark}\ncommitter {_PERSON} {when} +0000\n{_data(f'Train, run {mark}')}"]
    lines += [f"M 100644 inline {path}\n{_data(text)}" for path, text in contents.items()]
    return [*lines, f"M 100755 inline deploy.sh\n{_data(_SCRIPT)}"]


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"


def _table() -> str:
    return _TAGS.read_text(encoding="utf-8")


def _git(directory: Path, *arguments: str, stdin: bytes = b"") -> None:
    subprocess.run(["git", *arguments], cwd=directory, input=stdin, check=True, capture_output=True)
