"""Templates of the mapping file: Jinja2 in a sandbox, strict about names, careful with URLs.

What a template may do at all is next door, in jinja_limits.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, UndefinedError, nodes
from jinja2.exceptions import SecurityError, TemplateError
from jinja2.runtime import Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from model_stage_deploy.adapters import jinja_limits as limits
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.tags import slug
from model_stage_deploy.core.templates import TemplateProblem

_URL_READY_GROUPS = frozenset({"vars", "secrets"})
_REMOVED_FILTERS = ("random", "pprint")  # a plan must come out the same twice; Python's own spelling is no output


class _UrlReady(str):
    """Text that goes into a URL as it is: the author of the mapping vouches for it, or it is encoded already."""

    __slots__ = ()


class _Group(dict[str, Any]):
    """A group of names, such as `model`; `label` is what templates call it."""

    def __init__(self, label: str, values: Mapping[str, Any]) -> None:
        super().__init__({key: value for key, value in values.items() if value is not None})
        self.label = label

    def __str__(self) -> str:  # `~` and `|string` must not spill the values
        raise TemplateProblem(f"`{self.label}` is a group of names; name one, like {self.label}.NAME")

    __repr__ = __str__


class _Missing(StrictUndefined):
    """A name that has no value; says so in the words of the mapping file."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        name = one_line(str(self._undefined_name), 80)
        if not isinstance(self._undefined_obj, _Group):
            below_value = isinstance(self._undefined_obj, (str, int, float, list))
            return f"`{name}` is nothing that a template may ask of a value" if below_value else f"there is no `{name}`"
        return _why_missing(self._undefined_obj.label, name)


def _why_missing(group: str, name: str) -> str:
    said = f"`{group}.{name}` is not defined"
    if group == "secrets":
        return f"{said}: list {name} under `secrets:` of the stage, and set it in the workflow step's `env:`"
    if group == "vars":
        return f"{said}: set it under `vars:`"
    if group == "model" and name in ("path", "type", "description"):
        return (
            f"{said}: the model has no such annotation in dvc.yaml or artifacts.yaml at the tagged commit; "
            f"add one, or write {{{{ {group}.{name} | default('…') }}}}"
        )
    if group == "previous":
        return f"{said}: nothing was in this stage before; write {{% if previous %}}…{{% endif %}}"
    return said


class _Sandbox(ImmutableSandboxedEnvironment):
    """Names come from groups only, Python attributes are a short list of text methods, sums are bounded."""

    intercepted_binops = frozenset(("+", "*", "%", "**"))

    def __init__(self, finalize: Any) -> None:
        super().__init__(undefined=_Missing, autoescape=False, finalize=finalize, keep_trailing_newline=True)
        self.globals.clear()
        self.globals["range"] = limits.short_range
        for name in _REMOVED_FILTERS:
            del self.filters[name]
        for name in list(self.filters):
            self.filters[name] = limits.guarded(name, self.filters[name])
        encode = self.filters["urlencode"]
        self.filters["urlencode"] = lambda value: _UrlReady(encode(value))
        self.filters["slug"] = lambda value: slug(_plain(value))

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`a.b`: a name of a group, never an attribute of a dict; else a permitted method."""
        if isinstance(obj, dict):
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`a["b"]`, `a[0]`: never an attribute."""
        if isinstance(obj, dict):
            known = isinstance(argument, str) and argument in obj
            return obj[argument] if known else self.undefined(obj=obj, name=argument)
        return super().getitem(obj, argument)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether Jinja may hand out an attribute."""
        return limits.may_read(obj, attr) and super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> None:
        """Jinja's stand-in for `str.format`: none, so that it is judged like any attribute (and refused)."""

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002
        """Operators that could make huge values; `context` is Jinja's, not needed here."""
        for value in (left, right):
            if isinstance(value, Undefined):
                value._fail_with_undefined_error()
        return limits.compute(operator, left, right)

    def call(self, context: Any, obj: Any, *arguments: Any, **options: Any) -> Any:
        """Calls: `replace` is measured like the filter."""
        owner, name = getattr(obj, "__self__", None), getattr(obj, "__name__", "")
        if isinstance(owner, str) and name == "replace":
            limits.check_call(name, (str(owner), *arguments, *options.values()))
        return super().call(context, obj, *arguments, **options)


class JinjaTemplates:
    """Fulfils ports.Templates.

    In a URL every value is percent-encoded (`/` stays), but `environment_url`, those of `vars` and `secrets` and what
    `urlencode` returns. Any other filter over them makes plain text again, which is encoded: doubt closes the door.
    """

    def __init__(self) -> None:
        self._text = _Sandbox(_plain)
        self._url = _Sandbox(_encoded)
        self._compiled = lru_cache(maxsize=256)(self._compile)

    def render(self, template: str, variables: Mapping[str, Any], *, url: bool = False) -> str:
        """The text with values filled in, at most 64 KiB; see ports.Templates. Raises TemplateProblem."""
        groups = {name: _wrapped(name, value) for name, value in variables.items() if value is not None}
        groups.setdefault("previous", _Group("previous", {}))
        pieces: list[str] = []
        length = 0
        try:
            for piece in self._compiled(template, url).generate(groups):
                length += len(piece)
                if length > limits.MAX_TEXT:
                    raise TemplateProblem(f"it renders to more than {limits.MAX_TEXT:,} characters")
                pieces.append(piece)
        except (UndefinedError, SecurityError) as problem:
            raise TemplateProblem(one_line(problem.message or "a name is not defined", 500)) from None
        except TemplateProblem:
            raise
        except Exception as problem:  # noqa: BLE001 - any operation may fail on any value; the text could show a secret
            raise TemplateProblem(f"it cannot be computed ({type(problem).__name__})") from None
        text = "".join(pieces)
        if "\0" in text:
            raise TemplateProblem("it renders to a text with a NUL character")
        if url:
            _check_url(text)
        return text

    def names(self, template: str) -> frozenset[str]:
        """Dotted names that the template reads (`model.path`, `secrets.TOKEN`); the bare group where the name in it
        is computed. Raises TemplateProblem."""
        self._compiled(template, False)  # finds filters that do not exist
        tree = self._parse(template)
        found: set[str] = set()
        below: set[int] = set()
        accesses: list[tuple[nodes.Expr, str | None]] = [
            (node.node, node.attr) for node in tree.find_all(nodes.Getattr)
        ]
        accesses += [(node.node, _constant(node.arg)) for node in tree.find_all(nodes.Getitem)]
        for group, key in accesses:
            if isinstance(group, nodes.Name):
                found.add(f"{group.name}.{key}" if key is not None else group.name)
                below.add(id(group))
        found |= {node.name for node in tree.find_all(nodes.Name) if id(node) not in below}
        return frozenset(found - set(self._text.globals))

    def _parse(self, template: str) -> nodes.Template:
        if len(template) > limits.MAX_TEXT:
            raise TemplateProblem(f"it has {len(template):,} characters; {limits.MAX_TEXT:,} are allowed")
        try:
            tree = self._text.parse(template)
        except TemplateSyntaxError as problem:
            line = f" (line {problem.lineno} of the text)" if "\n" in template.rstrip("\n") else ""
            raise TemplateProblem(one_line(problem.message or "syntax error", 300) + line) from None
        except (RecursionError, MemoryError, ValueError, OverflowError) as problem:
            raise TemplateProblem(f"it cannot be read ({type(problem).__name__})") from None
        limits.check_statements(tree)
        return tree

    def _compile(self, template: str, url: bool) -> Template:
        self._parse(template)
        environment = self._url if url else self._text
        try:
            return environment.from_string(template)
        except TemplateError as problem:  # an unknown filter or test
            raise TemplateProblem(one_line(problem.message or "syntax error", 300)) from None
        except (SyntaxError, RecursionError, MemoryError, ValueError, OverflowError) as problem:
            raise TemplateProblem(f"it cannot be read ({type(problem).__name__})") from None


def _constant(node: nodes.Node) -> str | None:
    return node.value if isinstance(node, nodes.Const) and isinstance(node.value, str) else None


def _wrapped(name: str, value: Any) -> Any:
    if not isinstance(value, Mapping):
        # `environment_url` was checked to be a URL, when it was rendered or when the deployer reported it.
        return _UrlReady(value) if name == "environment_url" and isinstance(value, str) else value
    if name in _URL_READY_GROUPS:
        return _Group(name, {key: _UrlReady(item) if isinstance(item, str) else item for key, item in value.items()})
    return _Group(name, value)


def _plain(value: Any) -> str:
    """A value as text: text and numbers as they are, true and false as in YAML; anything else is a mistake."""
    if isinstance(value, Undefined):
        return str(value)  # raises, with our message
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    if isinstance(value, _Group):
        return str(value)  # raises
    raise TemplateProblem("it gives no text; for a list use `| join(…)` or `| tojson`")


def _encoded(value: Any) -> str:
    return str(value) if isinstance(value, _UrlReady) else quote(_plain(value), safe="/")


def _check_url(text: str) -> None:
    """Raise TemplateProblem unless `text` is an http(s) URL with a host that says just what it seems to say."""
    if any(character <= " " or not character.isprintable() for character in text) or "\\" in text:
        raise TemplateProblem("the URL holds spaces, backslashes or control characters")
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise TemplateProblem("it is not a URL") from None
    if parts.scheme not in ("http", "https") or not host:
        raise TemplateProblem("it must be a URL with a host, beginning with https:// or http://")
    if "@" in parts.netloc:
        raise TemplateProblem("the URL must not hold a user or password")
    if "%" in parts.netloc:
        raise TemplateProblem("the URL's host must not be computed from a value with special characters")
    if any(unquote(segment) in (".", "..") for segment in parts.path.split("/")):
        raise TemplateProblem("the URL's path must not hold `.` or `..` as a part")
