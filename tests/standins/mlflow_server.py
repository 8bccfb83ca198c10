"""A real `mlflow server` on SQLite, installed from PyPI and started by a long test."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.standins.installed import install

PASSWORD = "correct-horse-77"
START = 120.0


def installed(directory: Path) -> Path:
    """MLflow in an environment of its own; gives its `bin`."""
    return install(directory, "mlflow[auth]>=3,<4")


@contextmanager
def running(bin_: Path, place: Path, *, auth: bool = False, **environ: str) -> Iterator[str]:
    """A server that keeps its data in `place`; gives its address.

    With `auth` it asks for a user: `admin`, whose password is PASSWORD. `environ` adds variables. One worker and no
    jobs: half a gigabyte less, and it starts in a third of the time.
    """
    place.mkdir(parents=True, exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        str(bin_ / "mlflow"),
        "server",
        *("--workers", "1", "--host", "127.0.0.1", "--port", str(port)),
        *("--backend-store-uri", f"sqlite:///{place}/mlflow.db", "--artifacts-destination", str(place / "artifacts")),
        *(("--app-name", "basic-auth") if auth else ()),
    ]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MLFLOW"))}
    env = {
        **inherited,
        "PATH": f"{bin_}:{os.environ['PATH']}",
        "HOME": str(place),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "of-a-test",
        "MLFLOW_AUTH_ADMIN_USERNAME": "admin",
        "MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD,
        **environ,
    }
    log = place / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, cwd=place, env=env, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(url, server, log)
        yield url
    finally:
        _end(server)


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START
    while time.monotonic() < until:
        # Another server on that port would answer just as well, so ours must be alive, too.
        assert server.poll() is None, log.read_text(errors="replace")[-3000:]
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
                if answer.read() == b"OK":
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"MLflow did not start within {START:g} s: {log.read_text(errors='replace')[-3000:]}")


def _end(server: subprocess.Popen[bytes]) -> None:
    """End the whole group: workers outlive the first seconds."""
    for number, patience in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 10.0)):
        try:
            os.killpg(server.pid, number)
        except ProcessLookupError:
            break
        until = time.monotonic() + patience
        while time.monotonic() < until and _alive(server):
            time.sleep(0.1)
    server.wait(10)


def _alive(server: subprocess.Popen[bytes]) -> bool:
    server.poll()
    try:
        os.killpg(server.pid, 0)
    except ProcessLookupError:
        return False
    return True
