"""The pages of the registry as HTML: the table of models, one model, a message, a dialog as a page.

What they show is made ready in table_view.py and model_view.py; the templates lie beside this file.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from model_stage_deploy.core.dashboard import Cell, ModelPage, Overview
from model_stage_deploy.report.html.chrome import Chrome
from model_stage_deploy.report.html.model_view import view_of
from model_stage_deploy.report.html.table_view import standing_key, table_of
from model_stage_deploy.report.html.templates import render


def models_page(overview: Overview, chrome: Chrome) -> str:
    """The table of models as a whole page."""
    return render("models.html.j2", chrome=chrome, overview=overview, table=table_of(overview, chrome))


def models_table(overview: Overview, chrome: Chrome) -> str:
    """The table alone, `<div id="models">`: what changes when a person filters, sorts or turns the page."""
    return render("models_table.html.j2", chrome=chrome, overview=overview, table=table_of(overview, chrome))


def state_cells(cells: Sequence[tuple[str, Cell]], chrome: Chrome) -> str:
    """How stages stand, as pieces that find their places in the table by themselves (htmx, out of band)."""
    found = [(standing_key(model, cell.stage), cell) for model, cell in cells]
    return render("states.html.j2", chrome=chrome, cells=found)


def model_page(page: ModelPage, chrome: Chrome) -> str:
    """One model."""
    return render("model.html.j2", chrome=chrome, page=page, view=view_of(page, chrome))


def message_page(title: str, sentences: Sequence[str], chrome: Chrome, *, hint: str = "") -> str:
    """A page that only says something: what was not found, not allowed, or went wrong. `hint` is what to do."""
    return render("message.html.j2", chrome=chrome, title=title, sentences=sentences, hint=hint)


def dialog_page(title: str, body: Markup, chrome: Chrome) -> str:
    """The content of a dialog as a page of its own, for a reader without scripts. It has its own `<h2>`."""
    return render("dialog.html.j2", chrome=chrome, title=title, body=body)
