"""The wheel and the source archive: built twice to the same bytes, looked into, and locked with what they need."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from release.papers import NotReleasable

_PACKAGE = "model_stage_deploy"


def build(root: Path, into: Path, epoch: int) -> list[Path]:
    """Build both into an empty directory, with `epoch` (Unix seconds) for every time in them.

    Raises NotReleasable where a second build differs or the wheel lacks a file.
    """
    built = _built(root, into, epoch)
    with tempfile.TemporaryDirectory() as other:
        again = {path.name: digest(path) for path in _built(root, Path(other), epoch)}
    if again != {path.name: digest(path) for path in built}:
        raise NotReleasable("two builds of the same commit differ: what they say proves nothing")
    [wheel] = [path for path in built if path.suffix == ".whl"]
    if said := differences(root, wheel):
        raise NotReleasable(f"the wheel is not what src/ holds: {', '.join(said)}")
    return built


def _built(root: Path, into: Path, epoch: int) -> list[Path]:
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(into)]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotReleasable(f"hatchling failed: {done.stderr.strip()}")
    return sorted(path for path in into.iterdir() if path.name.endswith((".whl", ".tar.gz")))


def differences(root: Path, wheel: Path) -> list[str]:
    """What is in src/ and not in the wheel (`-`), or the other way round (`+`): schema and templates count as well."""
    source = root / "src"
    ours = {
        path.relative_to(source).as_posix()
        for path in (source / _PACKAGE).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        theirs = {name for name in archive.namelist() if ".dist-info/" not in name}
    return [*(f"-{name}" for name in sorted(ours - theirs)), *(f"+{name}" for name in sorted(theirs - ours))]


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def lock(version: str, built: list[Path], runtime: str) -> str:
    """A requirements file for `pip install --require-hashes`: this release, and everything that it needs."""
    hashes = " \\\n".join(f"    --hash=sha256:{digest(path)}" for path in built)
    return f"model-stage-deploy=={version} \\\n{hashes}\n{runtime}"


def sums(files: Mapping[str, str]) -> str:
    """Digests by file name, as `sha256sum --check` reads them."""
    return "".join(f"{value}  {name}\n" for name, value in sorted(files.items()))
