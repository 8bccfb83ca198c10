"""`python -m release`: each step of .github/workflows/release.yml that is more than a line."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from release import image, papers, tags, wheel

ROOT = Path(__file__).resolve().parents[1]


def _check(given: argparse.Namespace) -> None:
    papers.check(given.root, given.version)


def _notes(given: argparse.Namespace) -> None:
    sys.stdout.write(papers.check(given.root, given.version))


def _build(given: argparse.Namespace) -> None:
    papers.parsed(given.version)
    given.into.mkdir(parents=True)
    epoch = int(tags.git(given.root, "show", "--no-patch", "--format=%ct", "HEAD"))
    built = wheel.build(given.root, given.into, epoch)
    runtime = (given.root / "requirements/runtime.lock").read_text(encoding="utf-8")
    lock = given.into / f"model-stage-deploy-{given.version}.lock"
    lock.write_text(wheel.lock(given.version, built, runtime), encoding="utf-8")
    files = {path.name: wheel.digest(path) for path in [*built, lock]}
    (given.into / "SHA256SUMS").write_text(wheel.sums(files), encoding="utf-8")


def _pin(given: argparse.Namespace) -> None:
    path = given.root / "action.yml"
    path.write_text(image.pinned(path.read_text(encoding="utf-8"), given.image, given.digest), encoding="utf-8")


def _tag(given: argparse.Namespace) -> None:
    print(tags.tag_release(given.root, given.version, given.image, given.digest))


def _major(given: argparse.Namespace) -> None:
    moved = tags.move_major(given.root, given.version)
    print("moved" if moved else "not moved: a newer release is there")


_STEPS = {
    "check": (_check, "does the code have this version, and the changelog its notes?"),
    "notes": (_notes, "print the notes of this version"),
    "build": (_build, "build wheel, source archive, lock and checksums"),
    "pin": (_pin, "let action.yml name the image by digest"),
    "tag": (_tag, "commit that, tag it vVERSION and push the tag"),
    "major": (_major, "let the floating tag follow"),
}
_NAMED = {
    "version": {"check", "notes", "build", "tag", "major"},
    "into": {"build"},
    "image": {"pin", "tag"},
    "digest": {"pin", "tag"},
}


def main(arguments: list[str] | None = None) -> int:
    """Do one step. Exit code 1, with a sentence, where no release can be made."""
    parser = argparse.ArgumentParser(prog="python -m release", description=__doc__)
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout (default: this one)")
    steps = parser.add_subparsers(required=True, metavar="STEP")
    for name, (run, about) in _STEPS.items():
        step = steps.add_parser(name, help=about)
        step.set_defaults(run=run)
        for argument, takers in _NAMED.items():
            if name in takers:
                step.add_argument(argument, type=Path if argument == "into" else str)
    given = parser.parse_args(arguments)
    try:
        given.run(given)
    except papers.NotReleasable as why:
        print(f"error: {why}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
