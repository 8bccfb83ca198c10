"""Writes the golden summaries anew: `python -m tests.report.golden`. Look at what changed before you commit it."""

from __future__ import annotations

from tests.report.golden.ends import ends
from tests.report.golden.files import DIRECTORY, rendered


def main() -> None:
    """Write every file, and remove those of ends that are no more."""
    outcomes = ends()
    for file in DIRECTORY.glob("*.md"):
        if file.stem not in outcomes:
            file.unlink()
    for name, outcome in outcomes.items():
        (DIRECTORY / f"{name}.md").write_text(rendered(outcome), encoding="utf-8")


if __name__ == "__main__":
    main()
