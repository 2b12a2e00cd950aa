"""Trees of pairs and folders of clean pictures: read as their users have them, and refused clearly."""

from __future__ import annotations

import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.errors import InputError, OutputError, UsageError
from filmgrain_codec.media.stills import StillsSink
from filmgrain_codec.train import clean, tree, trees

ROOT = Path(__file__).resolve().parents[2]
NUMBERED = ("000_a_0", "000_a_1", "001_b_0", "003_c_0", "003_c_1")


def colours(rows: int = 40, columns: int = 56, k: int = 0) -> np.ndarray:
    """A smooth picture, (rows, columns, 3) 8-bit codes."""
    y, x = np.mgrid[:rows, :columns]
    waves = [127 + 60 * np.sin(x / (9 + 3 * k + c)) * np.cos(y / (7 + 5 * c)) for c in range(3)]
    return np.stack(waves, -1).astype(np.uint8)


def save(codes: np.ndarray, path: Path) -> Path:
    """Write a picture, RGB of 16 bit too (which Pillow cannot)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if codes.dtype == np.uint8 or codes.ndim == 2:
        Image.fromarray(codes).save(path)
        return path
    planes = tuple((codes[..., c] / 65535).astype(np.float32) for c in range(3))
    fmt = FrameFormat(codes.shape[1], codes.shape[0], "rgb", 0, 0, 16)
    sink = StillsSink(path, path.parent, fmt, None)
    sink.write(Frame(planes, fmt, 0, 0, Fraction(1)))
    return path


def small_tree(root: Path, folders: tuple[str, ...] = ("01", "1"), names: tuple[str, ...] = NUMBERED) -> Path:
    for name in names:
        save(colours(), root / "org" / f"{name}.tiff")
        for folder in folders:
            save(colours(k=1), root / "fg" / folder / f"{name}.png")
    return root


@pytest.fixture(scope="module")
def clean_folder(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("clean")
    for k, name in enumerate(NUMBERED):
        save(colours(160, 200, k), root / "photos" / f"{name}.png")
    return root


@pytest.fixture(scope="module")
def made(clean_folder, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("made") / "tree"
    tree.make(tree.Config(clean_folder, out, seed=3))
    return out


@pytest.mark.parametrize(
    ("names", "levels"),
    [
        (("01", "025", "05", "075", "1"), (0.01, 0.025, 0.05, 0.075, 0.1)),
        (("001", "0025", "005", "0075", "01"), (0.01, 0.025, 0.05, 0.075, 0.1)),
        (("0.01", "0.05", "0.12"), (0.01, 0.05, 0.12)),
        (("005", "03", "15"), (0.005, 0.03, 0.15)),
        (("01",), (0.01,)),
        (("0.033", "05"), (0.033, 0.05)),
    ],
)
def test_folder_names_mean_levels(names, levels):
    assert tuple(trees.levels_of(names).values()) == pytest.approx(levels)


@pytest.mark.parametrize("name", ["level1", "", ".", "0.0", "0.5", "-1", "9"])
def test_other_folder_names_are_refused(name):
    with pytest.raises(InputError, match=r"level"):
        trees.levels_of([name])


def test_folders_made_by_the_tool_mean_what_they_were_made_for():
    levels = (0.004, 0.01, 0.025, 0.033, 0.05, 0.075, 0.1, 0.15)
    names = [tree.folder_name(level) for level in levels]
    assert names[1:3] == ["01", "025"]
    assert tuple(trees.levels_of(names).values()) == pytest.approx(levels)


def test_two_names_of_one_level_are_refused():
    with pytest.raises(InputError, match="same level"):
        trees.levels_of(["05", "0.05"])


@pytest.mark.parametrize("ending", ["tiff", "png"])
@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("gray", [False, True])
def test_pictures_are_read_exactly(tmp_path, ending, deep, gray):
    codes = np.random.default_rng(0).integers(0, 256, (17, 23, 3), dtype=np.uint8)
    codes = codes.astype(np.uint16) * 255 + 7 if deep else codes
    codes = codes[..., 0] if gray else codes
    read = trees.read_picture(save(np.ascontiguousarray(codes), tmp_path / f"a.{ending}"))
    wanted = np.atleast_3d(codes).transpose(2, 0, 1) / (65535 if deep else 255)
    assert read.shape == wanted.shape
    assert np.abs(read - wanted).max() < 1e-6


def test_a_jpeg_is_read_as_rgb(tmp_path):
    Image.fromarray(colours()).save(tmp_path / "a.jpg", quality=98, subsampling=0)
    read = trees.read_picture(tmp_path / "a.jpg")
    assert np.abs(read * 255 - colours().transpose(2, 0, 1)).mean() < 1


def test_channels_follow_the_task():
    rgb = np.stack([np.full((4, 4), v, np.float32) for v in (1, 0.5, 0)])
    assert trees.with_channels(rgb, 1)[0, 0, 0] == pytest.approx(0.2126 + 0.3576)
    assert np.array_equal(trees.with_channels(rgb[:1], 3), np.ones((3, 4, 4)))


def test_a_tree_gives_its_pairs_whatever_the_endings(tmp_path):
    found = trees.read_tree(small_tree(tmp_path))
    assert found.levels == {"01": 0.01, "1": 0.1}
    assert len(found.pairs) == 2 * len(NUMBERED)
    assert all(p.clean.stem == p.grainy.stem and p.clean.parent.name == "org" for p in found.pairs)
    assert {p.grainy.parent.name for p in found.at(0.1)} == {"1"}


def test_a_level_may_lack_pictures_but_not_all_levels(tmp_path):
    root = small_tree(tmp_path)
    (root / "fg/01/000_a_0.png").unlink()
    assert len(trees.read_tree(root).pairs) == 2 * len(NUMBERED) - 1
    (root / "fg/1/000_a_0.png").unlink()
    with pytest.raises(InputError, match=r"org/000_a_0\.tiff has no grainy copy"):
        trees.read_tree(root)


def test_a_grainy_picture_without_a_clean_one_is_named(tmp_path):
    root = small_tree(tmp_path)
    (root / "org/001_b_0.tiff").unlink()
    with pytest.raises(InputError, match=r"fg/01/001_b_0\.png has no clean picture"):
        trees.read_tree(root)


def test_pairs_of_two_sizes_are_named(tmp_path):
    root = small_tree(tmp_path)
    save(colours(40, 48), root / "fg/1/001_b_0.png")
    with pytest.raises(InputError, match=r"fg/1/001_b_0\.png is 48x40, but .* is 56x40"):
        trees.read_tree(root)


def test_unreadable_and_doubled_pictures_are_named(tmp_path):
    root = small_tree(tmp_path)
    (root / "org/001_b_0.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"001_b_0.* same name"):
        trees.read_tree(root)
    (root / "org/001_b_0.tiff").unlink()
    with pytest.raises(InputError, match=r"001_b_0\.png cannot be read"):
        trees.read_tree(root)


@pytest.mark.parametrize(
    ("gone", "said"), [("fg", "no levels"), ("org", "No pictures"), ("fg/01", "No pict")]
)
def test_an_incomplete_tree_is_refused(tmp_path, gone, said):
    root = small_tree(tmp_path)
    shutil.rmtree(root / gone)
    if gone == "fg/01":
        (root / gone).mkdir()
    with pytest.raises(InputError, match=said):
        trees.read_tree(root)


def test_validation_holds_whole_photographs(tmp_path):
    found = trees.read_tree(small_tree(tmp_path))
    held, kept = (trees.split(found, validation=v) for v in (True, False))
    assert {p.clean.stem for p in held} == {"003_c_0", "003_c_1"}
    assert len(held) + len(kept) == len(found.pairs)
    assert not {p.clean for p in held} & {p.clean for p in kept}


def test_plain_names_are_split_by_hash_and_one_is_always_held_out():
    many = [f"BSD-{k}" for k in range(400)]
    assert 20 < trees.held_out(many).sum() < 60
    assert np.array_equal(trees.held_out(many)[:200], trees.held_out(many[:200]))
    for count in (2, 3, 5):
        assert 1 <= trees.held_out(many[:count]).sum() < count


def test_one_photograph_is_not_enough(tmp_path):
    lone = trees.read_tree(small_tree(tmp_path, names=("000_a_0", "000_a_1")))
    with pytest.raises(InputError, match="one photograph"):
        trees.split(lone, validation=True)


def test_a_cut_lies_inside():
    rng = np.random.default_rng(0)
    starts = set()
    for _ in range(80):
        rows, columns = trees.cut(32, 40, 36, rng)
        assert rows.stop - rows.start == columns.stop - columns.start == 32
        starts.add((rows.start, columns.start))
    assert {r for r, _ in starts} == set(range(9))
    assert {c for _, c in starts} == set(range(5))


def test_a_made_tree_is_one_and_keeps_the_clean_pictures(made, clean_folder):
    found = trees.read_tree(made)
    assert list(found.levels.values()) == list(tree.LEVELS)
    assert sorted(p.name for p in (made / "org").iterdir()) == [f"{n}.tiff" for n in NUMBERED]
    for name in NUMBERED:
        source = trees.read_picture(clean_folder / "photos" / f"{name}.png")
        assert np.array_equal(trees.read_picture(made / "org" / f"{name}.tiff"), source)


def test_a_made_tree_holds_grain_of_its_levels(made):
    found = trees.read_tree(made)
    for level in found.levels.values():
        assert 0.6 * level < trees.noise_sigma(found.at(level)) < 1.6 * level + 0.002
    assert [line.split(",")[0] for line in tree.show(made)][1:3] == [
        "fg/01: level 0.01",
        "fg/025: level 0.025",
    ]


def test_the_grain_is_another_at_every_level_and_picture(made):
    fields = []
    for pair in (p for p in trees.read_tree(made).pairs if p.level >= 0.05):
        difference = trees.luma(pair.grainy) - trees.luma(pair.clean)
        fields.append((difference - difference.mean()).ravel() / difference.std())
    products = np.corrcoef(fields) - np.eye(len(fields))
    assert np.abs(products).max() < 0.1


def test_the_same_seed_makes_the_same_tree(made, clean_folder, tmp_path):
    for seed, same in ((3, True), (4, False)):
        out = tmp_path / str(seed)
        tree.make(tree.Config(clean_folder, out, levels=(0.05,), seed=seed))
        name = f"{NUMBERED[2]}.tiff"
        assert ((out / "fg/05" / name).read_bytes() == (made / "fg/05" / name).read_bytes()) == same


def test_patches_and_depth_are_as_asked_for(clean_folder, tmp_path):
    out = tmp_path / "tree"
    config = tree.Config(clean_folder, out, levels=(0.02,), patch=64, bits=16, ending="png", limit=1)
    assert tree.make(config) == 2 * 3
    grainy = trees.read_picture(out / "fg/02/000_a_0_p5.png")
    assert grainy.shape == (3, 64, 64)
    assert len(np.unique(np.rint(grainy * 65535) % 257)) > 200


def test_gray_pictures_make_gray_trees(tmp_path):
    save(colours()[..., 0], tmp_path / "clean/a.png")
    tree.make(tree.Config(tmp_path / "clean", tmp_path / "tree", levels=(0.05,)))
    assert trees.read_picture(tmp_path / "tree/fg/05/a.tiff").shape == (1, 40, 56)


def test_a_tree_is_not_made_over_another_nor_of_nothing(made, clean_folder, tmp_path):
    with pytest.raises(OutputError, match="exists"):
        tree.make(tree.Config(clean_folder, made))
    with pytest.raises(InputError, match="No pictures"):
        tree.make(tree.Config(tmp_path, tmp_path / "out"))
    with pytest.raises(UsageError, match="no level"):
        tree.make(tree.Config(clean_folder, tmp_path / "out", levels=(0.5,)))
    with pytest.raises(UsageError, match="family"):
        tree.make(tree.Config(clean_folder, tmp_path / "out", family="snow"))
    with pytest.raises(UsageError, match="patch"):
        tree.make(tree.Config(clean_folder, tmp_path / "out", patch=512))
    assert not (tmp_path / "out").exists()


def test_clean_folders_hold_pictures_of_one_name_and_videos(tmp_path):
    save(colours(), tmp_path / "a/000_x.png")
    save(colours(k=2), tmp_path / "b/000_x.png")
    shutil.copy(ROOT / "benchmarks/clips/clean/flower_35mm.mkv", tmp_path / "film.mkv")
    found = clean.read_clean(tmp_path)
    assert len({p.name for p in found}) == len(found) >= 3
    film = [p for p in found if p.path.suffix == ".mkv"]
    assert film
    assert all(p.samples().shape[0] == 3 and 0 <= p.samples().min() <= p.samples().max() <= 1 for p in film)
    held = clean.part(found, validation=True)
    assert len({p.path in {h.path for h in held} for p in film}) == 1


def test_material_of_our_own_nets_is_taken_without_what_lies_beside_it(tmp_path):
    for k in range(4):
        save(colours(k=k), tmp_path / f"photos/00{k}_x_0.png")
    save(colours(), tmp_path / "damage_masks/dust.png")
    (tmp_path / "video_clean").mkdir()
    shutil.copy(ROOT / "benchmarks/clips/clean/flower_35mm.mkv", tmp_path / "video_clean/flower.mkv")
    found = clean.read_clean(tmp_path)
    assert {p.path.parent.name for p in found} == {"photos", "video_clean"}
    assert {p.path.stem for p in clean.part(found, validation=True)} == {"003_x_0", "flower"}


def test_grain_on_the_fly_has_its_level_on_gray_and_colour():
    for channels in (1, 3):
        flat = np.full((channels, 128, 128), 0.5, np.float32)
        made = clean.grained(flat, 0.05, "spectral", np.random.default_rng(1))
        assert float(trees.with_channels(made - flat, 1).std()) == pytest.approx(0.05, rel=0.2)
        assert np.allclose(made * 255, np.rint(made * 255), atol=1e-3)


def test_families_kept_for_measuring_are_not_trained_on():
    assert clean.for_training("spectral") == "spectral"
    with pytest.raises(UsageError, match="never trained on"):
        clean.for_training("boolean")
