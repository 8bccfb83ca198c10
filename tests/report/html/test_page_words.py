"""Flags of the command line become the page's own buttons and fields; what the page cannot do stays a command."""

from __future__ import annotations

import pytest

from model_stage_deploy.report.html.page_words import page_words


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "promote it there first: python -m model_stage_deploy promote 'm' --to dev; or wait",
            "promote it there first: “Assign stage”; or wait",
        ),
        (
            "v1 stays assigned to prod, and comes back if v2 is unassigned; --archive-existing would end it",
            "v1 stays assigned to prod, and comes back if v2 is unassigned; “End what is there” would end it",
        ),
        (
            "one of them runs: python -m model_stage_deploy approve 'm' 'v1' 'prod'; then again. Or leave it out",
            "one of them runs: “Approve”; then again. Or leave it out",
        ),
        (
            "To empty the stage: python -m model_stage_deploy unassign m --stage prod --all",
            "To empty the stage: “Unassign”, with every version that is assigned there",
        ),
        (
            "nothing is to be done; --force makes another tag, which deploys it once more",
            "nothing is to be done",
        ),
        (
            "give it a stage: python -m model_stage_deploy promote m; --force makes another tag of the same version",
            "give it a stage: “Assign stage”",
        ),
        ("when it may go on: python -m model_stage_deploy unlock m prod", "when it may go on: “Unlock”"),
    ],
)
def test_the_page_speaks_of_itself(said: str, shown: str) -> None:
    assert page_words(said) == shown


@pytest.mark.parametrize(
    "text",
    [
        "make a new tag: python -m model_stage_deploy promote 'm' --version 'v1' --to 'prod' --sign --push --force",
        "see what there is with python -m model_stage_deploy show",
        "promotes and locks are fine words",
    ],
)
def test_what_the_page_cannot_do_stays_a_command(text: str) -> None:
    assert page_words(text) == text
