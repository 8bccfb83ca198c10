"""What a template may do: expressions and `{% if %}`, in bounded time and memory.

Without loops, assignments and macros each node runs once, so a template's cost is bounded by its length times what
one operation can blow up; the few operations that multiply are measured before they run.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import nodes

from model_stage_deploy.core.templates import TemplateProblem

MAX_TEXT = 64 * 1024
"""Characters of a template, and of what it renders to."""
_MAX_WORK = 1024 * 1024
_MAX_RANGE = 1000
_MAX_NUMBER = 10**18

_STATEMENTS = {
    nodes.For: "for",
    nodes.Assign: "set",
    nodes.AssignBlock: "set",
    nodes.Macro: "macro",
    nodes.CallBlock: "call",
    nodes.FilterBlock: "filter",
    nodes.With: "with",
    nodes.Block: "block",
    nodes.Extends: "extends",
    nodes.Include: "include",
    nodes.Import: "import",
    nodes.FromImport: "import",
    nodes.ScopedEvalContextModifier: "autoescape",
}
_TEXT_METHODS = frozenset(
    "capitalize casefold count endswith find isalnum isalpha isascii isdigit islower isnumeric isupper lower lstrip "  # noqa: SIM905
    "partition removeprefix removesuffix replace rfind rpartition rsplit rstrip split splitlines startswith strip "
    "swapcase title upper".split()
)
_MULTIPLYING = frozenset(
    ("batch", "center", "indent", "join", "replace", "slice", "tojson", "urlize", "wordwrap", "xmlattr")
)
_WIDTH = re.compile(r"%[^%a-zA-Z]*(?:\d{4}|\*)")


def check_statements(tree: nodes.Template) -> None:
    """Raise TemplateProblem for statements other than `{% if %}`."""
    for kind, word in _STATEMENTS.items():
        if isinstance(kind, type) and next(iter(tree.find_all(kind)), None) is not None:
            raise TemplateProblem(f"`{{% {word} %}}` is not allowed: a template is text, {{{{ … }}}} and {{% if %}}")


def may_read(value: Any, attribute: str) -> bool:
    """Whether a template may read an attribute of a Python value: some methods of text, nothing else."""
    return isinstance(value, str) and attribute in _TEXT_METHODS


def short_range(*arguments: int) -> range:
    """Jinja's `range`, with a thousand numbers at most."""
    made = range(*arguments)
    if len(made) > _MAX_RANGE:
        raise TemplateProblem(f"range() gives {_MAX_RANGE} numbers at most")
    return made


def guarded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that measures its arguments before it runs, where it could blow up; else the filter itself."""
    if name == "format":
        return _guarded_format(function)
    if name not in _MULTIPLYING:
        return function

    @functools.wraps(function)  # keeps Jinja's marks for filters that want the environment as first argument
    def measured(*arguments: Any, **options: Any) -> Any:
        check_call(name, (*arguments, *options.values()))
        return function(*arguments, **options)

    return measured


def check_call(name: str, arguments: tuple[Any, ...]) -> None:
    """Raise TemplateProblem where the sizes of all arguments multiply to more than a megabyte."""
    work = 1
    for argument in arguments:
        work *= max(1, _size(argument))
    if work > _MAX_WORK:
        raise TemplateProblem(f"`{name}` would make too long a text")


def compute(operator: str, left: Any, right: Any) -> Any:
    """`+ * % **` for templates: numbers of a sane size, and text put together by `+`."""
    if operator == "+" and isinstance(left, str) and isinstance(right, str):
        return left + right
    if operator == "+" and isinstance(left, list) and isinstance(right, list):
        return left + right
    if not all(isinstance(value, (int, float)) and abs(value) <= _MAX_NUMBER for value in (left, right)):
        raise TemplateProblem(f"`{operator}` is for numbers only; `~` puts texts together")
    if operator == "**":
        raise TemplateProblem("`**` is not allowed")
    return {"+": lambda: left + right, "*": lambda: left * right, "%": lambda: left % right}[operator]()


def _guarded_format(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def measured(value: Any, *arguments: Any, **options: Any) -> Any:
        if _WIDTH.search(str(value)):
            raise TemplateProblem("`format` with so great a width would make too long a text")
        return function(value, *arguments, **options)

    return measured


def _size(value: Any) -> int:
    if isinstance(value, bool) or value is None:
        return 1
    if isinstance(value, int):
        return abs(value)
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return sum(_size(item) + len(str(key)) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return sum(_size(item) for item in value)
    return 1
