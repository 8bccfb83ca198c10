"""Many objects at once: tags with their words as for-each-ref has them, and annotation files of a commit."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_stage_deploy.adapters.git_annotations import annotations_at
from model_stage_deploy.adapters.git_batch import Stored, read_objects, tag_words
from model_stage_deploy.adapters.git_process import Git
from model_stage_deploy.adapters.git_repository import GitRepository as Reader
from model_stage_deploy.core.annotations import Annotation
from model_stage_deploy.core.browsing import Words
from tests.adapters.git_clones import isolate
from tests.standins.registries import GitRepository, History


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitRepository:
    isolate(monkeypatch, tmp_path / "home")
    made = GitRepository(tmp_path / "clone")
    made.commit({"a file": "one", "empty": "", "large": "x" * 2000})
    return made


def test_what_is_missing_or_large_is_left_out(clone: GitRepository) -> None:
    names = ["HEAD:a file", "HEAD:large", "HEAD:no such file", "HEAD:empty", "refs/tags/none", "HEAD:a file"]
    assert read_objects(Git(clone.path), names, largest=1000) == {
        "HEAD:a file": Stored("blob", b"one"),
        "HEAD:empty": Stored("blob", b""),
    }
    assert read_objects(Git(clone.path), []) == {}


def test_words_of_tags(clone: GitRepository) -> None:
    clone.tag("m#prod#1", message="two\n\nparagraphs\n", tagger=("Émile <3 Étage", "e@example.com"))
    clone.tag("m#light#1", annotated=False)
    clone.tag("m#outer#1", at="m#prod#1", message="a tag of a tag")
    told = tag_words(Git(clone.path), ["m#prod#1", "m#light#1", "m#outer#1", "m#none#1"])
    assert told == {
        "m#prod#1": Words("Émile 3 Étage", "two\n\nparagraphs"),
        "m#outer#1": Words("Ada Model", "a tag of a tag"),
    }


SIGNED = """\
because

-----BEGIN PGP SIGNATURE-----
in the middle
-----END PGP SIGNATURE-----
of the message
-----BEGIN SSH SIGNATURE-----
abc
-----END SSH SIGNATURE-----
"""


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("tagger Ada <a@b.c> 1700000000 +0000\n", SIGNED),
        ("tagger  <> 1700000000 +0000\n", "no name"),
        ("", "no tagger"),
        ("tagger Ada <a@b.c> 1700000000 +0000\n", ""),
        ("tagger Ada <a@b.c> 1700000000 +0000\n", "\n\n  tagger Eve <e@f.g> 1 +0000\n"),
    ],
)
def test_words_are_those_of_for_each_ref(clone: GitRepository, head: str, message: str) -> None:
    commit = clone.git("rev-parse", "HEAD")
    text = f"object {commit}\ntype commit\ntag m#prod#1\n{head}\n{message}"
    made = clone.git("hash-object", "-t", "tag", "-w", "--literally", "--stdin", stdin=text.encode())
    clone.git("update-ref", "refs/tags/m#prod#1", made)
    (record,) = Reader(Git(clone.path)).tags("m")
    assert tag_words(Git(clone.path), ["m#prod#1"]) == {"m#prod#1": Words(record.tagger, record.message)}


printable = st.characters(blacklist_categories=["Cs"], blacklist_characters="\0")
people = st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="<>\n"), max_size=12)


def test_words_of_any_tags_are_those_of_for_each_ref(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(monkeypatch, tmp_path / "home")
    number = iter(range(10_000))

    @settings(max_examples=15)
    @given(st.lists(st.tuples(people, st.text(printable, max_size=60)), min_size=1, max_size=20))
    def holds(tags: list[tuple[str, str]]) -> None:
        clone = GitRepository(tmp_path / f"clone-{next(number)}")
        history = History()
        at = history.commit()
        for index, (person, message) in enumerate(tags):
            history.tag(f"m#prod#{index}", at=at, tagger=(person, "x@y.z"), message=message)
        history.write(clone)
        git = Git(clone.path)
        records = Reader(git).tags("m")
        told = tag_words(git, [record.name for record in records])
        assert told == {record.name: Words(record.tagger, record.message) for record in records}

    holds()


def test_annotations_of_many_models_in_many_folders(clone: GitRepository) -> None:
    clone.commit(
        {
            "dvc.yaml": "artifacts:\n  churn: {path: models/churn, type: model, desc: Who leaves}\n  odd: [1]\n",
            "artifacts.yaml": "churn: {type: other}\nprices: {type: dataset}\n",
            "eu/dvc.yaml": "artifacts: {fraud: {type: 2024}}\n",
            "broken/dvc.yaml": "artifacts: [unclosed\n",
            "broken/artifacts.yaml": "m: {type: model}\n",
        }
    )
    head = clone.git("rev-parse", "HEAD")
    models = ["churn", "odd", "prices", "eu:fraud", "broken:m", "broken:n", "none:m", "nowhere"]
    found = annotations_at(Git(clone.path), head, models)
    assert found.found == {
        "churn": Annotation("models/churn", "model", "Who leaves"),
        "prices": Annotation(type="dataset"),
        "eu:fraud": Annotation(type="2024"),
        "broken:m": Annotation(type="model"),
    }
    assert [problem.partition(":")[0] for problem in found.problems] == ["dvc.yaml", "broken/dvc.yaml"]
