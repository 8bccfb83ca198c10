"""What flows say of the command line, in the words of the page: its buttons and fields instead of flags.

What is not known here stays as it is: a command that can be pasted is never wrong, only less near.
"""

from __future__ import annotations

import re

from model_stage_deploy.core.proposal import Proposal, Refusal

_BUTTONS = {
    "promote": "“Assign stage”",
    "register": "“Register version”",
    "unassign": "“Unassign”",
    "approve": "“Approve”",
    "lock": "“Lock”",
    "unlock": "“Unlock”",
}
_SAID = (
    ("--version and --bump-… say two things", "“Version” and “Or its name” say two things"),
    ("; --archive-existing would end it", "; “End what is there” would end it"),
    ("; --force makes another tag, which deploys it once more", ""),
    ("; --force makes another tag of the same version", ""),
    (
        "to try this one again, run it by hand with --force",
        "to try this one again, deploy its tag at a terminal, with --force",
    ),
    (", use --force", ", do it at a terminal, with --force"),
    ("name a version with --to (with --force, one that was never in this stage)", "choose a version under “Back to”"),
    (
        "name the first one with --version v1.0.0, or none for",
        "write v1.0.0 into “Or its name”, or raise no number for",
    ),
    ("To empty the stage: “Unassign”", "To empty the stage: “Unassign”, with every version that is assigned there"),
)
_COMMAND = re.compile(
    rf"python -m model_stage_deploy ({'|'.join(_BUTTONS)})\b(?:(?!; |\. Or |, or )[^\n])*?(?=; |\. Or |, or |\)|$)"
)


def page_words(text: str) -> str:
    """The text with the page's words where there are some for it. A command with `--sign` is one that it cannot do."""
    text = _COMMAND.sub(_button, text)
    for said, instead in _SAID:
        text = text.replace(said, instead)
    return text


def _button(found: re.Match[str]) -> str:
    return found[0] if "--sign" in found[0] else _BUTTONS[found[1]]


def in_page_words(proposal: Proposal) -> Proposal:
    """All that it says; what it promises is the same."""
    plan = proposal.plan
    if plan is not None:
        gates = tuple(verdict._replace(hint=page_words(verdict.hint)) for verdict in plan.gates)
        plan = plan._replace(gates=gates, problem=_refusal(plan.problem))
    return proposal._replace(
        plan=plan, notes=tuple(map(page_words, proposal.notes)), refusal=_refusal(proposal.refusal)
    )


def _refusal(refusal: Refusal | None) -> Refusal | None:
    if refusal is None:
        return None
    return refusal._replace(message=page_words(refusal.message), hint=page_words(refusal.hint))
