"""Runs the action on the runner itself: gets the locked libraries once, then goes on as the action, in this process.

`host/action.yml` starts it as `python3 -I -S`: nothing of the workspace, of the runner's site-packages or of PYTHONPATH
can be imported. The runner's signals reach the action because no other process stands between them (T44).
Until the libraries are there, only the standard library is used, and those modules of ours that need no more.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from model_stage_deploy.adapters.runner_announcer import RunnerAnnouncer
    from model_stage_deploy.core.errors import ModelStageError
    from model_stage_deploy.core.outcome import Outcome

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements/runtime.lock"
POSIX = os.name == "posix"  # process groups, by which deploy scripts are ended, are not known elsewhere
TRY_SECONDS = 150.0  # for one run of pip; there are two
STALE_SECONDS = 3600.0  # a half-made environment as old as this belongs to a job that was killed
# pip may be told where packages are and how to get there; other settings would change what is installed, or where.
PIP_SETTINGS = frozenset(
    f"PIP_{name}"
    for name in (
        *("INDEX_URL", "EXTRA_INDEX_URL", "FIND_LINKS", "NO_INDEX", "TRUSTED_HOST", "PROXY", "CERT", "CLIENT_CERT"),
        *("CACHE_DIR", "NO_CACHE_DIR", "CONFIG_FILE", "KEYRING_PROVIDER", "DEFAULT_TIMEOUT", "TIMEOUT", "RETRIES"),
    )
)


def main() -> int:
    """Set up, then be the action; the exit code, 4 where the set-up failed."""
    sys.path.append(str(ROOT / "src"))
    from model_stage_deploy.core.errors import Cancelled, ModelStageError
    from model_stage_deploy.core.outcome import Journal, Outcome, from_error
    from model_stage_deploy.core.reasons import Reason

    announcer = _announcer(os.environ)
    try:
        if not POSIX:
            raise _failed("the action needs Linux or macOS, and this runner has neither", "`runs-on: ubuntu-latest`")
        from model_stage_deploy.faces.signals import cancellable

        with cancellable():
            sys.path.append(str(libraries(os.environ, announcer)))
            from model_stage_deploy.faces.action import main as act
    except Cancelled:
        return _told(Outcome(Reason.CANCELLED, "cancelled before anything was deployed"), announcer)
    except (ModelStageError, OSError) as problem:
        known = problem if isinstance(problem, ModelStageError) else _failed(f"the set-up failed: {problem}")
        return _told(from_error(known, Journal(lambda: 0.0)), announcer)
    return act()


def libraries(environ: Mapping[str, str], announcer: RunnerAnnouncer) -> Path:
    """The directory that holds what `runtime.lock` lists, made where there is none yet.

    It is in the runner's tool cache, which self-hosted runners keep, else with the job's temporary files.
    Raises MachineryFailed (setup-failed).
    """
    here = f"Python {platform.python_version()}"
    given = filter(None, map(environ.get, ("RUNNER_TOOL_CACHE", "RUNNER_TEMP")))
    places = [Path(root, "model-stage-deploy") for root in given]
    name = fingerprint(LOCK.read_bytes())
    for place in places:
        if os.access(place / name, os.R_OK | os.X_OK):
            announcer.say(f"model-stage-deploy runs on this runner: {here}, set up before")
            return place / name
    begun = time.monotonic()
    writable = next(filter(_writable, places), None)
    if writable is None:
        raise _failed("neither RUNNER_TOOL_CACHE nor RUNNER_TEMP names a directory that can be written to")
    _make(writable / name, environ, announcer)
    announcer.say(f"model-stage-deploy runs on this runner: {here}, set up in {time.monotonic() - begun:.1f} s")
    return writable / name


def fingerprint(lock: bytes) -> str:
    """One name for all that decides which files are installed: the lock, and what wheels are chosen by.

    A job's container can share the tool cache with its host, and has another C library: so that counts as well.
    """
    wheels = (
        sys.implementation.cache_tag,
        sysconfig.get_config_var("EXT_SUFFIX"),
        sysconfig.get_platform(),
        platform.machine(),
        *platform.libc_ver(),
    )
    return hashlib.sha256(lock + "\0".join(map(str, wheels)).encode()).hexdigest()[:32]


def _writable(place: Path) -> bool:
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(place, os.W_OK | os.X_OK)


def _make(directory: Path, environ: Mapping[str, str], announcer: RunnerAnnouncer) -> None:
    """Install beside `directory` and rename when all is there, so that it is whole or absent, whoever else tries."""
    for part in directory.parent.glob("part-*"):
        with contextlib.suppress(FileNotFoundError):  # its job has ended since we listed it
            if time.time() - part.stat().st_mtime > STALE_SECONDS:
                shutil.rmtree(part, ignore_errors=True)
    part = Path(tempfile.mkdtemp(prefix="part-", dir=directory.parent))
    try:
        _install(part, environ, announcer)
        # Other users of the runner may use it, too, where they can read what is in it.
        (part / "libraries").chmod(0o777 & ~_umask() & ~0o022)
        try:
            (part / "libraries").rename(directory)
        except OSError:
            if not directory.is_dir():
                raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _credentials(environ: Mapping[str, str]) -> Iterator[str]:
    """Who signs in at a proxy or package index, and how: pip shows that where it cannot understand the address."""
    for name, value in environ.items():
        if name in PIP_SETTINGS or name.lower().endswith("_proxy"):
            for found in re.findall(r"//([^/\s]+)@", value):
                yield found
                yield found.partition(":")[2]


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _install(part: Path, environ: Mapping[str, str], announcer: RunnerAnnouncer) -> None:
    """Two tries of pip, for networks have bad moments. What arrives is what the lock's hashes say, or nothing."""
    own = {
        name: value
        for name, value in environ.items()
        if name in PIP_SETTINGS or not name.startswith(("PIP_", "INPUT_"))
    } | {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0", "TMPDIR": str(part)}  # what pip leaves when killed goes, too
    for secret in _credentials(own):
        announcer.mask(secret)
    pip = [sys.executable, "-I", "-m", "pip"]
    said: str | None = ""
    for _ in range(2):
        said = _run([*pip, *_wishes(part / "libraries")], own, part)
        if said is None:
            return
        if "No module named pip" in said and pip[0] == sys.executable:
            said = _run([sys.executable, "-I", "-m", "venv", str(part / "pip")], own, part)
            if said is not None:
                raise _failed(
                    "python3 on this runner has neither pip nor venv",
                    "add a step with actions/setup-python before this one, or install python3-venv",
                )
            pip[0] = str(part / "pip/bin/python")
        shutil.rmtree(part / "libraries", ignore_errors=True)
    announcer.begin("What pip said")
    announcer.output(said or "")
    announcer.end()
    telling = next((line for line in (said or "").splitlines() if line.startswith("ERROR:")), "it said nothing of use")
    raise _failed(
        f"pip did not install the locked libraries: {telling.removeprefix('ERROR:').strip()}",
        "see whether the runner reaches a package index; PIP_INDEX_URL names another one",
    )


def _wishes(into: Path) -> list[str]:
    """What pip is asked for: the lock and no more, wheels only, so that no code of a package runs."""
    return [
        *("install", "--quiet", "--no-input", "--disable-pip-version-check", "--root-user-action=ignore"),
        *("--require-hashes", "--only-binary", ":all:", "--no-compile"),
        *("--target", str(into), "--requirement", str(LOCK)),
    ]


def _run(command: list[str], environ: Mapping[str, str], directory: Path) -> str | None:
    """None where the command did its work in time, else what it said."""
    try:
        done = subprocess.run(
            command,
            cwd=directory,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=TRY_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"ERROR: it was not done after {TRY_SECONDS:g} s"
    return None if done.returncode == 0 else done.stdout


def _failed(words: str, hint: str = "") -> ModelStageError:
    from model_stage_deploy.core.errors import MachineryFailed
    from model_stage_deploy.core.reasons import Reason

    return MachineryFailed(Reason.SETUP_FAILED, words, hint=hint)


def _announcer(environ: Mapping[str, str]) -> RunnerAnnouncer:
    from model_stage_deploy.adapters.runner_announcer import RunnerAnnouncer
    from model_stage_deploy.core.redaction import Scrubber

    if hasattr(sys.stdout, "reconfigure"):  # pip's words may need more letters than the runner's locale has
        sys.stdout.reconfigure(encoding="utf-8", errors="replace", line_buffering=True)
    file = environ.get("GITHUB_OUTPUT")
    return RunnerAnnouncer(sys.stdout, Scrubber(), output_file=Path(file) if file else None)


def _told(outcome: Outcome, announcer: RunnerAnnouncer) -> int:
    """Log lines, annotation and outputs as the action itself gives them; its summary needs the libraries."""
    from model_stage_deploy.core.outcome import document, outputs
    from model_stage_deploy.report.text import annotation, describe

    for line in describe(outcome):
        announcer.say(line)
    note = annotation(outcome)
    if note is not None:
        announcer.note(*note, title="model-stage-deploy")
    announcer.outputs(outputs(outcome, json.dumps(document(outcome), indent=2)))
    return outcome.exit_code


if __name__ == "__main__":
    raise SystemExit(main())
