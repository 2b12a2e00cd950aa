"""The house keeps its order: who imports whom, what stays light, and how long a file may be."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "filmgrain_codec"
TIERS = {"core": 0, "grain": 1, "infer": 1, "nodes": 2, "media": 2, "pipeline": 3, "dist": 3, "cli": 4}
TRAIN_MAY = {"train", "core", "grain", "infer", "nodes", "media"}
PLUGINS_MAY = {"core", "grain", "infer", "nodes"}
PLUGINS_MAY_OF_PIPELINE = {"analyse", "levels", "progress", "shots", "zones"}
"""What finds cuts, measures shots and reads zones: a plugin must not have its own. It opens no files."""
EVERYWHERE = {"errors", "__init__"}
HOMES = {
    "torch": {"train"},
    "onnx": {"train"},
    "onnxscript": {"train"},
    "PIL": {"train"},
    "scipy": set(),
    "vapoursynth": {"media"},
    "av": {"media"},
    "onnxruntime": {"infer"},
    "openvino": {"infer"},
    "click": {"cli"},
    "rich": {"cli"},
}
NUMPY_ONLY = {"core", "grain"}
HEAVY = ("torch", "onnxruntime", "openvino", "vapoursynth", "av")
LONGEST = 400

FILES = sorted(PACKAGE.rglob("*.py"))
PLUGINS = sorted((ROOT / "plugins").rglob("*.py"))


def area(path: Path) -> str:
    """The part of the house a file belongs to: its folder, or its own name at the top."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported(path: Path) -> Iterator[str]:
    """Dotted names a file imports anywhere in it, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own(path: Path) -> set[str]:
    """Areas of the package that a file imports."""
    names = (name.split(".") for name in imported(path))
    return {n[1] for n in names if n[0] == "filmgrain_codec" and len(n) > 1 and not n[1].startswith("__")}


def of_pipeline(path: Path) -> set[str]:
    """Modules of the pipeline that a file imports."""
    names = (name.split(".") for name in imported(path) if name.startswith("filmgrain_codec.pipeline."))
    return {n[2] for n in names}


def may(here: str) -> set[str]:
    if here == "train":
        return TRAIN_MAY
    reach = {name for name, tier in TIERS.items() if tier <= TIERS[here]}
    return reach | {"train"} if here == "cli" else reach


def third_party(path: Path) -> set[str]:
    roots = {name.partition(".")[0] for name in imported(path)}
    return roots - sys.stdlib_module_names - {"filmgrain_codec"}


def test_every_folder_has_a_tier():
    folders = {p.parent.relative_to(PACKAGE).parts[0] for p in FILES if p.parent != PACKAGE}
    assert folders <= set(TIERS) | {"train"}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_file_imports_only_its_own_tier_and_below(path):
    here = area(path)
    if here == "__init__":
        return  # the front door: hands out names lazily
    if here in ("errors", "__main__"):
        assert own(path) <= ({"cli"} if here == "__main__" else set())
        return
    assert own(path) <= may(here) | EVERYWHERE


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_each_library_is_imported_in_its_home_only(path):
    here, libraries = area(path), third_party(path)
    assert {lib for lib in libraries if here not in HOMES.get(lib, {here})} == set()
    if here in NUMPY_ONLY:
        assert libraries <= {"numpy"}


@pytest.mark.parametrize("path", PLUGINS, ids=lambda p: p.name)
def test_plugins_use_the_lower_tiers_only(path):
    assert own(path) <= PLUGINS_MAY | EVERYWHERE | {"pipeline"}
    assert of_pipeline(path) <= PLUGINS_MAY_OF_PIPELINE
    assert third_party(path).isdisjoint({"torch", "av", "click"})


def test_importing_the_package_loads_nothing_heavy():
    code = f"import sys, filmgrain_codec; print([m for m in {HEAVY} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert out.stdout.strip() == "[]"


def test_core_and_grain_load_no_library_but_numpy():
    modules = [".".join(p.relative_to(ROOT).with_suffix("").parts) for p in FILES if area(p) in NUMPY_ONLY]
    code = f"import sys, {', '.join(modules)}; print([m for m in {HEAVY} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert out.stdout.strip() == "[]"


def test_no_file_is_too_long():
    assert {
        p.name for p in FILES + PLUGINS if len(p.read_text(encoding="utf-8").splitlines()) > LONGEST
    } == set()
