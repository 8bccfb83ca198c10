"""The container engine, asked over its own HTTP API: is it there, run this, and what is left over."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit


class _SocketConnection(HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("engine", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@dataclass(frozen=True)
class Engine:
    """A Docker-compatible engine at `address`, a DOCKER_HOST value (`unix://…` or `tcp://…`)."""

    address: str

    def ask(self, method: str, path: str, *, body: Any = None, timeout: float = 30) -> tuple[int, bytes]:
        """One request, answered within `timeout` seconds: status and body. Raises OSError when it is not."""
        sent = (None, {}) if body is None else (json.dumps(body), {"Content-Type": "application/json"})
        parts = urlsplit(self.address)
        connection = (
            _SocketConnection(parts.path, timeout)
            if parts.scheme == "unix"
            else HTTPConnection(parts.hostname or "", parts.port or 2375, timeout=timeout)
        )
        try:
            connection.request(method, path, *sent)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except HTTPException as error:
            raise OSError(f"{self.address} is no container engine: {error!r}") from error
        finally:
            connection.close()

    def has_image(self, name: str) -> bool:
        """Whether the image is there already."""
        return self.ask("GET", f"/images/{quote(name, safe='/:')}/json")[0] == 200

    def start(self, image: str, name: str, *, env: Mapping[str, str], files: Mapping[Path, str]) -> None:
        """Starts a container on the host's network; `files` are mounted read-only, place here -> place there."""
        host = {"NetworkMode": "host", "Binds": [f"{here}:{there}:ro" for here, there in files.items()]}
        wish = {"Image": image, "Env": [f"{key}={value}" for key, value in env.items()], "HostConfig": host}
        self._done("POST", f"/containers/create?name={quote(name)}", wish)
        self._done("POST", f"/containers/{quote(name)}/start")

    def signal(self, name: str, signal: str) -> None:
        """Sends a signal such as SIGINT to a container's first process."""
        self._done("POST", f"/containers/{quote(name)}/kill?signal={signal}")

    def wait(self, name: str, *, timeout: float) -> int:
        """A container's exit status once it has ended, at most `timeout` seconds from now, else OSError."""
        answer: dict[str, int] = self._done("POST", f"/containers/{quote(name)}/wait", timeout=timeout)
        return answer["StatusCode"]

    def names(self, prefix: str) -> tuple[list[str], list[str]]:
        """The containers (running or not) and the volumes whose names begin with `prefix`."""
        containers = self._done("GET", "/containers/json?all=true")
        volumes = self._done("GET", "/volumes")["Volumes"] or []
        return (
            [name for row in containers for name in (n.lstrip("/") for n in row["Names"]) if name.startswith(prefix)],
            [row["Name"] for row in volumes if row["Name"].startswith(prefix)],
        )

    def clear(self, prefix: str) -> None:
        """Ends and removes every container, then every volume, whose name begins with `prefix`."""
        containers, volumes = self.names(prefix)
        for name in containers:
            self.ask("DELETE", f"/containers/{quote(name)}?force=true&v=true", timeout=60)
        for name in volumes:
            self.ask("DELETE", f"/volumes/{quote(name)}?force=true", timeout=60)

    def _done(self, method: str, path: str, body: Any = None, *, timeout: float = 30) -> Any:
        status, answer = self.ask(method, path, body=body, timeout=timeout)
        if status >= 300:
            raise OSError(f"{self.address} answered {status} for {method} {path}: {answer.decode(errors='replace')}")
        return json.loads(answer) if answer.strip() else None


def engine_at(address: str) -> Engine | None:
    """The engine at a DOCKER_HOST value, or None when nothing answers there within five seconds."""
    found = Engine(address)
    try:
        status, _ = found.ask("GET", "/_ping", timeout=5)
    except OSError:
        return None
    return found if status == 200 else None
