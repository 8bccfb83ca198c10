"""What the places are called in which deployments are recorded: `recorded_in` of the documents, in words."""

from __future__ import annotations

NAMED = {
    "github": "GitHub",
    "gitlab": "GitLab",
    "git": "the log in Git",
    "log": "the log of this repository",
}
PLACED = {
    "github": "on GitHub",
    "gitlab": "on GitLab",
    "git": "in the log in Git",
    "log": "in this repository's log",
}
FLAGS = {"log": " --no-github", "git": " --records git"}
"""What a command needs so that it finds the same place again; nothing where it does so by itself."""
