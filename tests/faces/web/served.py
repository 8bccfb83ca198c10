"""A registry with a remote, served in this process at a real port, and a browser's part of the talk with it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from model_stage_deploy.faces.settings import Settings
from model_stage_deploy.faces.web.serving import Serving, Wished
from tests.standins.registries import GitRepository

MAPPING = """\
version: 1
stages:
  staging:
    environment: staging
    deploy: {run: 'echo "to $MSD_STAGE"; echo "$MSD_VERSION" >> live.txt'}
    verify: [{name: there, run: 'grep -qx "$MSD_VERSION" live.txt'}]
    events: {unassign: fallback}
  prod:
    environment: production
    gates: {needs: [staging]}
    deploy: {run: 'echo "$MSD_VERSION" >> live.txt'}
"""
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)"')


@dataclass
class Place:
    """A clone with its bare remote. Commits are pushed; tags too."""

    path: Path
    clone: GitRepository = field(init=False)
    remote: GitRepository = field(init=False)
    commits: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.remote = GitRepository(self.path / "remote.git", bare=True)
        self.clone = GitRepository(self.path / "clone")
        for name, value in (("user.name", "Ada Model"), ("user.email", "ada@example.com"), ("tag.gpgSign", "false")):
            self.clone.git("config", name, value)
        self.clone.git("remote", "add", "origin", str(self.remote.path))
        self.commit({"model-stages.yml": MAPPING, ".gitignore": "live.txt\n"})

    def commit(self, files: Mapping[str, str | bytes] | None = None) -> str:
        """A commit, pushed."""
        self.commits.append(self.clone.commit(files))
        self.clone.git("push", "--quiet", "origin", "main")
        return self.commits[-1]

    def tag(self, name: str, at: str = "HEAD", message: str | None = None) -> None:
        """A tag, pushed."""
        self.clone.tag(name, at=at, message=message)
        self.clone.git("push", "--quiet", "origin", f"refs/tags/{name}")

    def with_versions(self, count: int = 2, model: str = "churn") -> Place:
        """So many versions, each on a commit of its own: v1.0.0, v2.0.0, …"""
        for number in range(1, count + 1):
            self.commit({"model.txt": f"{number}\n"})
            self.tag(f"{model}@v{number}.0.0")
        return self

    @property
    def live(self) -> list[str]:
        """What the deploy scripts wrote, in order."""
        place = self.clone.path / "live.txt"
        return place.read_text().split() if place.exists() else []


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def words(self) -> str:
        """What a person reads, on one line."""
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", self.text)).split())

    @property
    def hidden(self) -> dict[str, str]:
        """What the form hands back unseen."""
        return {name: unescape(value) for name, value in _HIDDEN.findall(self.text)}


class Reader:
    """One browser. Without `script` it asks as one that has none."""

    def __init__(self, address: str, *, script: bool = True) -> None:
        parts = urlsplit(address)
        self._netloc = parts.netloc
        self._script = script
        self._cookie = ""
        first = self._ask("GET", f"/?{parts.query}")
        self._cookie = first.headers["set-cookie"].partition(";")[0]
        self.csrf = self.get("/do/register").hidden["csrf"]

    def get(self, path: str) -> Answer:
        """Look at something."""
        return self._ask("GET", path)

    def post(self, path: str, **fields: str) -> Answer:
        """Send a form."""
        return self._ask("POST", path, urlencode({"csrf": self.csrf, **fields}))

    def look(self, what: str, **fields: str) -> Answer:
        """What would happen."""
        return self.post(f"/do/{what}/look", **fields)

    def confirm(self, what: str, seen: Answer, **fields: str) -> Answer:
        """Say yes to what was seen."""
        kept = {name: seen.hidden[name] for name in ("promise", "looked", "newest")}
        return self.post(f"/do/{what}", **{**kept, **fields})

    def do(self, what: str, **fields: str) -> Answer:
        """Look, and say yes."""
        return self.confirm(what, self.look(what, **fields), **fields)

    def _ask(self, method: str, path: str, body: str | None = None) -> Answer:
        connection = HTTPConnection(self._netloc, timeout=60)
        headers = {"Cookie": self._cookie} if self._cookie else {}
        if self._script:
            headers["HX-Request"] = "true"
        if body is not None:
            headers |= {
                "Origin": f"http://{self._netloc}",
                "Sec-Fetch-Site": "same-origin",
                "Content-Type": "application/x-www-form-urlencoded",
            }
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, named, answer.read().decode())
        finally:
            connection.close()


@contextmanager
def served(path: Path | str, *, environ: Mapping[str, str] | None = None, **wishes: object) -> Iterator[str]:
    """The address with its token, as the terminal prints it. `wishes` are settings, and sign, dispatch and so on."""
    wished = Wished(
        "127.0.0.1",
        0,
        sign=bool(wishes.pop("sign", False)),
        dispatch=str(wishes.pop("dispatch", "")),
        dispatch_rollback=str(wishes.pop("dispatch_rollback", "")),
    )
    settings = Settings(command="status", repo=str(path), **wishes)  # type: ignore[arg-type]
    known = {**os.environ, **(environ or {}), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    with Serving(settings, wished, known, lambda _line: None) as serving:
        serving.begin()
        yield serving.address
