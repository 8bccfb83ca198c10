"""Real git repositories with dated annotated tags: small ones step by step, large ones in one process."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

FIRST_MOMENT = 1_700_000_000  # seconds since 1970: where the clock of a repository starts
STEP = 60  # seconds between two undated events
AUTHOR = ("Ada Model", "ada@example.com")

Files = Mapping[str, str | bytes]
Person = tuple[str, str]


def isolated_environment(home: Path, *, person: Person = AUTHOR, when: int = FIRST_MOMENT) -> dict[str, str]:
    """The whole environment of a git process: nobody's own configuration, a fixed person and a fixed time.

    `when` is in seconds since 1970. `home` need not hold anything; git looks there and finds nothing.
    """
    name, mail = person
    date = f"{when} +0000"
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_TEST_FSYNC": "0",  # git's own tests use it: what we make need not outlive a loss of power
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": mail,
        "GIT_AUTHOR_DATE": date,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": mail,
        "GIT_COMMITTER_DATE": date,
    }


class _Dated:
    """Something with a clock of its own, that only its events move."""

    moment: int

    def _moment(self, when: int | None) -> int:
        """The time of the event at hand; later undated events come after it."""
        moment = self.moment if when is None else when
        self.moment = max(self.moment, moment) + STEP
        return moment


@dataclass
class GitRepository(_Dated):
    """A git repository in a directory of its own; it is made there if there is none yet.

    Undated commits and tags follow each other a minute apart, so that no order depends on luck.
    """

    path: Path
    bare: bool = False
    moment: int = FIRST_MOMENT

    def __post_init__(self) -> None:
        if not (self.path / ("HEAD" if self.bare else ".git")).exists():
            self.path.mkdir(parents=True, exist_ok=True)
            self.git("init", "--quiet", "--initial-branch=main", *(["--bare"] if self.bare else []))

    def git(
        self,
        *args: str,
        stdin: bytes = b"",
        person: Person = AUTHOR,
        when: int | None = None,
        env: Mapping[str, str] | None = None,
    ) -> str:
        """Runs git here and gives its standard output without the closing newline.

        Raises AssertionError with git's own words when git ends with anything but 0.
        """
        moment = self.moment if when is None else when
        whole = isolated_environment(self.path, person=person, when=moment) | dict(env or {})
        command = ["git", *args]
        done = subprocess.run(
            ["git", *args],
            check=False,
            cwd=self.path,
            input=stdin,
            capture_output=True,
            env=whole | dict(env or {}),
        )
        if done.returncode:
            words = done.stderr.decode(errors="replace")
            raise AssertionError(f"{' '.join(command)} ended with {done.returncode}: {words}")
        return done.stdout.decode(errors="surrogateescape").removesuffix("\n")

    def commit(self, files: Files | None = None, *, message: str = "a change", when: int | None = None) -> str:
        """Writes `files` (path -> content) into the working tree, commits them, and gives the commit's id."""
        moment = self._moment(when)
        for name, content in (files or {}).items():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.encode() if isinstance(content, str) else content)
        self.git("add", "--all", "--force")
        self.git("-c", "commit.gpgSign=false", "commit", "--quiet", "--allow-empty", "-m", message, when=moment)
        return self.git("rev-parse", "HEAD")

    def tag(
        self,
        name: str,
        *,
        at: str = "HEAD",
        when: int | None = None,
        tagger: Person = AUTHOR,
        message: str | None = None,
        annotated: bool = True,
        force: bool = False,
    ) -> str:
        """Tags `at`, and gives the id that the ref now holds: of the tag object, or of the commit itself."""
        args = ["tag", *(["--force"] if force else [])]
        if annotated:
            words = name if message is None else message
            args += ["--annotate", "--no-sign", "--cleanup=verbatim", "-m", words]
        self.git(*args, name, at, person=tagger, when=self._moment(when))
        return self.git("rev-parse", f"refs/tags/{name}")

    def tags(self) -> dict[str, str]:
        """Every tag's name and the commit that it comes down to."""
        rows = self.git("for-each-ref", "--format=%(refname:strip=2) %(objectname) %(*objectname)", "refs/tags")
        cells = (row.split(" ") for row in rows.splitlines())
        return {name: peeled or own for name, own, peeled in cells}


@dataclass
class History(_Dated):
    """Commits and tags gathered first and written by one `git fast-import`: 10,000 tags take a second.

    Each commit follows the one before it on `main`, with its own files on top of the earlier ones.
    """

    branch: str = "main"
    moment: int = FIRST_MOMENT
    _stream: list[bytes] = field(default_factory=list)
    _commits: int = 0

    def commit(self, files: Files | None = None, *, message: str = "a change", when: int | None = None) -> int:
        """Adds a commit; the number given back stands for it in `tag(at=…)` and `write()`'s answer."""
        self._commits += 1
        self._line(f"commit refs/heads/{self.branch}")
        self._line(f"mark :{self._commits}")
        self._line(f"committer {_signature(AUTHOR, self._moment(when))}")
        self._data(message.encode())
        for name, content in (files or {}).items():
            self._line(f"M 100644 inline {_quoted(name)}")
            self._data(content.encode() if isinstance(content, str) else content)
        return self._commits

    def tag(
        self,
        name: str,
        *,
        at: int,
        when: int | None = None,
        tagger: Person = AUTHOR,
        message: str | None = None,
        annotated: bool = True,
    ) -> None:
        """Adds a tag on the commit `at`."""
        moment = self._moment(when)
        if not annotated:
            self._line(f"reset refs/tags/{name}")
            self._line(f"from :{at}\n")
            return
        self._line(f"tag {name}")
        self._line(f"from :{at}")
        self._line(f"tagger {_signature(tagger, moment)}")
        self._data((name if message is None else message).encode())

    def write(self, repository: GitRepository) -> dict[int, str]:
        """Writes everything into `repository` (refs packed, working tree brought along).

        Gives the commit ids by the numbers that `commit` gave.
        """
        stream = b"".join(self._stream)
        marks = repository.path / "fast-import.marks"
        repository.git(
            "fast-import",
            "--quiet",
            "--date-format=raw",
            f"--export-marks={marks}",
            stdin=stream,
        )
        ids = dict(re.findall(r"^:(\d+) (\w+)$", marks.read_text(), flags=re.MULTILINE))
        marks.unlink()
        repository.git("pack-refs", "--all")
        if not repository.bare:
            repository.git("reset", "--quiet", "--hard")
        repository.moment = max(repository.moment, self.moment)
        return {int(mark): commit for mark, commit in ids.items()}

    def _line(self, text: str) -> None:
        self._stream.append(text.encode() + b"\n")

    def _data(self, content: bytes) -> None:
        self._stream.append(b"data %d\n%b\n" % (len(content), content))


@dataclass(frozen=True)
class ExampleTag:
    """One row of the real registry whose facts are in tests/data."""

    name: str
    commit: str
    when: int
    message: str

    @property
    def artifact(self) -> str:
        """The model that the tag speaks of."""
        return re.split(r"[@#]", self.name)[0]


def example_tags() -> tuple[ExampleTag, ...]:
    """The tags of the real registry, oldest first; `commit` is the id that they have in that registry."""
    text = (Path(__file__).parent.parent / "data" / "example-gto-tags.tsv").read_text("utf-8")
    rows = (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
    tags = (ExampleTag(name, commit, int(when), words) for name, _kind, commit, when, words in rows)
    return tuple(sorted(tags, key=lambda tag: tag.when))


def artifacts_file(names: list[str]) -> str:
    """A `dvc.yaml` that annotates each name as a model kept under `models/`."""
    entries = (
        f"  {name}:\n    path: models/{name}.pkl\n    type: model\n    desc: The {name} model\n" for name in names
    )
    return "artifacts:\n" + "".join(entries)


def example_registry(path: Path) -> GitRepository:
    """Makes the real registry's tags anew in `path`: same names, times and words, commits of our own.

    The distinct commits of the real registry become as many fresh ones, each with a `dvc.yaml` and model
    files that say which commit they stand for.
    """
    rows = example_tags()
    names = sorted({row.artifact for row in rows})
    history = History()
    commits: dict[str, int] = {}
    for row in rows:
        if row.commit not in commits:
            models = {f"models/{name}.pkl": f"{name} as of {row.commit}\n" for name in names}
            commits[row.commit] = history.commit(
                {"dvc.yaml": artifacts_file(names), **models},
                message=f"Train at {row.commit}",
                when=row.when - 1,
            )
        history.tag(row.name, at=commits[row.commit], when=row.when, message=row.message)
    repository = GitRepository(path)
    history.write(repository)
    return repository


def _signature(person: Person, when: int) -> str:
    name, mail = person
    return f"{name} <{mail}> {when} +0000"


def _quoted(path: str) -> str:
    """A path as fast-import reads it whatever it holds."""
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
