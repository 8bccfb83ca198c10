"""Deployers found by name: built in, installed, and the user's own files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.deployers import catalogue
from model_stage_deploy.deployers.catalogue import BUILT_IN, FreeOptions, build, known, load, options_of
from model_stage_deploy.deployers.contract import Job
from tests.fakes.clock import FakeClock
from tests.fakes.plans import a_plan
from tests.fakes.process import FakeProcess
from tests.fakes.web import FakeWeb

PORTS: dict[str, object] = {"process": FakeProcess(), "web": FakeWeb(), "clock": FakeClock()}

SMALLEST = """
from model_stage_deploy.deployers.contract import Receipt

class Deployer:
    def describe(self, plan, options):
        return [f"ship {plan.decision.version}"]

    def deploy(self, job, options):
        job.output(f"shipping with {options['tool-name']}\\n")
        return Receipt(url="https://models.example.com")
"""

TYPED = """
from __future__ import annotations
from dataclasses import dataclass
from model_stage_deploy.deployers.contract import Options, Receipt

class Mine(Options):
    cluster_name: str
    replicas: int = 1

@dataclass
class Deployer:
    clock: object
    web: object
    options = Mine
    needs_files = False
    url_options = frozenset({"endpoint"})

    def describe(self, plan, options):
        return [options.cluster_name]

    def deploy(self, job, options):
        return Receipt(facts={"now": self.clock.now()})
"""


def _file(files: Path, text: str, name: str = "own.py") -> str:
    path = files / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return f"./{name}"


def _refusal(name: str, files: Path | None = None) -> Invalid:
    with pytest.raises(Invalid) as caught:
        load(name, files)
    assert caught.value.reason is Reason.MAPPING_INVALID
    assert "\n" not in caught.value.message
    return caught.value


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_deployer_loads_and_is_built_with_what_it_names(name: str) -> None:
    deployer = build(load(name), PORTS)
    assert callable(deployer.deploy)
    for attribute in ("options", "needs_files", "url_options", "verbatim_options"):
        assert hasattr(deployer, attribute)


def test_names_are_known_without_importing_any() -> None:
    program = (
        "import sys\n"
        "from model_stage_deploy.deployers.catalogue import known\n"
        "print(known()[:3], 'model_stage_deploy.deployers.webhook' in sys.modules, 'requests' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "['shell', 'webhook', 'mlem'] False False\n"


def test_an_unknown_name_gets_the_nearest() -> None:
    problem = _refusal("webhok")
    assert "'webhok'" in problem.message
    assert "did you mean 'webhook'?" in problem.hint
    assert "\x1b" not in _refusal("\x1b[2J\n").message


def test_the_smallest_deployer_of_ones_own(tmp_path: Path) -> None:
    name = _file(tmp_path, SMALLEST, "deploy/own.py")
    cls = load(name, tmp_path)
    assert (cls.needs_files, cls.url_options, cls.verbatim_options, cls.options) == (
        True,
        frozenset(),
        frozenset(),
        FreeOptions,
    )
    deployer = build(cls, PORTS)
    options = options_of(cls, {"tool-name": "rsync", "more": [1]})
    said: list[str] = []
    assert deployer.describe(a_plan(), options) == ["ship v3.1.0"]
    assert deployer.deploy(Job(a_plan(), "a", {}, 5, said.append), options).url == "https://models.example.com"
    assert said == ["shipping with rsync\n"]
    assert not list(tmp_path.rglob("__pycache__"))


def test_a_typed_deployer_of_ones_own(tmp_path: Path) -> None:
    cls = load(_file(tmp_path, TYPED), tmp_path)
    assert (cls.needs_files, cls.url_options, cls.verbatim_options) == (
        False,
        frozenset({"endpoint"}),
        frozenset(),
    )
    deployer = build(cls, PORTS)
    options = options_of(cls, {"cluster-name": "eu"})
    assert deployer.deploy(Job(a_plan(), "a", {}, 5, print), options).facts == {"now": FakeClock().now()}
    with pytest.raises(Invalid, match=r"deploy\.with\.cluster_name: unknown setting, did you mean `cluster-name`"):
        options_of(cls, {"cluster_name": "eu"})


def test_two_files_of_one_name_are_two_deployers(tmp_path: Path) -> None:
    first = load(_file(tmp_path, SMALLEST, "a/own.py"), tmp_path)
    second = load(_file(tmp_path, SMALLEST.replace("ship {", "send {"), "b/own.py"), tmp_path)
    assert build(first, PORTS).describe(a_plan(), None) == ["ship v3.1.0"]
    assert build(second, PORTS).describe(a_plan(), None) == ["send v3.1.0"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("class Deployer:\n    def deploy(self", "SyntaxError"),
        ("import no_such_module_anywhere", "No module named 'no_such_module_anywhere'"),
        ("raise RuntimeError('first\\nsecond')", "RuntimeError: first"),
        ("import sys; sys.exit('bye')", "SystemExit: bye"),
        ("class Other: pass", "no class `Deployer`"),
        ("Deployer = 5", "is not a class"),
        ("class Deployer: pass", "is not a class with a method 'describe'"),
        (SMALLEST.replace("class Deployer:", "class Deployer:\n    options = dict"), "not a class of settings"),
        ("\0", "null bytes"),
    ],
)
def test_files_that_are_no_deployers(text: str, words: str, tmp_path: Path) -> None:
    assert words in _refusal(_file(tmp_path, text), tmp_path).message


def test_a_file_never_comes_from_outside_the_checkout(tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    _file(tmp_path, "raise SystemExit('executed')", "outside.py")
    (files / "link.py").symlink_to(tmp_path / "outside.py")
    (files / "dir").symlink_to(tmp_path)
    for name in ("./../outside.py", "./link.py", "./dir/outside.py"):
        assert "leads out" in _refusal(name, files).message
    assert "no file" in _refusal("./none.py", files).message
    assert "usable path" in _refusal("./a\0.py", files).message
    assert "no checkout" in _refusal("./own.py", None).message


def test_a_link_inside_the_checkout_is_fine(tmp_path: Path) -> None:
    _file(tmp_path, SMALLEST, "real.py")
    (tmp_path / "own.py").symlink_to("real.py")
    assert load("./own.py", tmp_path).__name__ == "Deployer"


def test_a_constructor_may_ask_for_ports_only() -> None:
    class Greedy:
        def __init__(self, web: Any, github_token: str, level: int = 3) -> None: ...

    class Broken:
        def __init__(self, web: Any) -> None:
            raise KeyError("x")

    with pytest.raises(Invalid, match="Greedy asks for github_token"):
        build(Greedy, PORTS)  # type: ignore[arg-type]
    with pytest.raises(Invalid, match="Broken cannot be built: KeyError"):
        build(Broken, PORTS)  # type: ignore[arg-type]


def test_installed_deployers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site"
    _file(site, SMALLEST, "their_deployer.py")
    _file(
        site,
        "[model_stage_deploy.deployers]\n"
        "theirs = their_deployer:Deployer\nbroken = their_deployer:None_\nshell = their_deployer:Deployer\n",
        "theirs-1.0.dist-info/entry_points.txt",
    )
    _file(site, "Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n", "theirs-1.0.dist-info/METADATA")
    monkeypatch.syspath_prepend(str(site))
    assert known() == ["shell", "webhook", "mlem", "preset", "broken", "theirs"]
    assert build(load("theirs"), PORTS).describe(a_plan(), None) == ["ship v3.1.0"]
    assert "AttributeError" in _refusal("broken").message
    assert load("shell").__module__ == "model_stage_deploy.deployers.shell"
    assert catalogue.is_own_file("./a.py")
    assert not catalogue.is_own_file("a.py")
