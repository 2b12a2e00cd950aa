"""The store hands out the recorded bytes or nothing."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from filmgrain_codec.errors import ModelError
from filmgrain_codec.infer import store

ROOT = Path(__file__).resolve().parents[2]
ENTRY = """
[[model]]
id = "{id}"
role = "removal"
tier = "{tier}"
license = "Apache-2.0"
radius = 1
opset = 17
train_commit = "0"
[[model.part]]
name = "luma"
file = "{file}"
sha256 = "{sha}"
size = 3
multiple = 8
halo = 48
kmac = 4.5
"""


def folder(tmp_path: Path, *entries: tuple[str, str], file: str = "a.onnx", schema: int = 1) -> Path:
    (tmp_path / "a.onnx").write_bytes(b"abc")
    sha = hashlib.sha256(b"abc").hexdigest()
    text = "".join(ENTRY.format(id=i, tier=t, file=file, sha=sha) for i, t in entries)
    (tmp_path / "manifest.toml").write_text(f"schema = {schema}\n{text}")
    return tmp_path


def test_the_shipped_models_are_what_the_manifest_records():
    models = store.catalogue(ROOT / "models")
    assert models
    for model in models:
        model.verify()
        assert all(p.path.stat().st_size == p.size for p in model.parts)
        assert (ROOT / "models" / "cards" / f"{model.id}.md").exists()


def test_no_file_lies_beside_the_models_that_the_manifest_does_not_name():
    named = {p.path.name for m in store.catalogue(ROOT / "models") for p in m.parts}
    assert {p.name for p in (ROOT / "models").glob("*.onnx")} == named


def test_a_changed_file_is_refused_and_named(tmp_path):
    model = store.resolve("one", where=folder(tmp_path, ("one", "fast")))
    model.verify()
    (tmp_path / "a.onnx").write_bytes(b"abd")
    with pytest.raises(ModelError, match=r"a\.onnx is not the one recorded") as raised:
        model.part("luma").verified()
    assert raised.value.exit_code == 7


def test_a_missing_file_is_refused(tmp_path):
    model = store.resolve("one", where=folder(tmp_path, ("one", "fast")))
    (tmp_path / "a.onnx").unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        model.verify()


def test_an_unknown_id_is_refused_with_what_there_is(tmp_path):
    with pytest.raises(ModelError, match=r"'two'.*fast.*one"):
        store.resolve("two", where=folder(tmp_path, ("one", "fast")))


def test_a_part_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ModelError, match="no part 'chroma'"):
        store.resolve("one", where=folder(tmp_path, ("one", "fast"))).part("chroma")


def test_an_alias_without_a_model_stands_for_the_next_cheaper_and_says_so(tmp_path):
    where = folder(tmp_path, ("f1", "fast"), ("b1", "balanced"))
    assert store.resolve("fast", where=where).id == "f1"
    assert not store.resolve("fast", where=where).note
    best = store.resolve("best", where=where)
    assert best.id == "b1"
    assert "'best' is not trained yet" in best.note


def test_the_latest_model_of_a_tier_answers_its_alias_and_ids_stay(tmp_path):
    where = folder(tmp_path, ("f1", "fast"), ("f2", "fast"))
    assert store.resolve("fast", where=where).id == "f2"
    assert store.resolve("f1", where=where).id == "f1"


def test_the_folder_can_be_named_by_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("FGCODEC_MODELS", str(folder(tmp_path, ("one", "fast"))))
    assert store.resolve("fast").id == "one"


@pytest.mark.parametrize("text", ["", "schema = 1\n[[model]]\nid = 'x'\n", "not toml ["])
def test_a_broken_manifest_is_refused(tmp_path, text):
    (tmp_path / "manifest.toml").write_text(text)
    with pytest.raises(ModelError, match="cannot be used"):
        store.catalogue(tmp_path)


def test_no_manifest_and_a_later_schema_are_refused(tmp_path):
    with pytest.raises(ModelError, match="There is no"):
        store.catalogue(tmp_path)
    with pytest.raises(ModelError, match="schema 2"):
        store.catalogue(folder(tmp_path, ("one", "fast"), schema=2))


def test_a_manifest_cannot_reach_outside_its_folder(tmp_path):
    with pytest.raises(ModelError, match="must lie beside it"):
        store.catalogue(folder(tmp_path, ("one", "fast"), file="../a.onnx"))
