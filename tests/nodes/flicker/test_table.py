"""Tables of corrections: there and back, applied, and everything that is no table."""

from __future__ import annotations

import io
import zipfile
from fractions import Fraction

import numpy as np
import pytest

import filmgrain_codec.nodes  # noqa: F401  (fills the registry)
from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.core.graph import Graph
from filmgrain_codec.core.registry import build_chain
from filmgrain_codec.errors import InputError, OutputError, UsageError
from filmgrain_codec.nodes.flicker import table
from filmgrain_codec.nodes.flicker.correction import COLUMNS, DEPTHS, ROWS, Correction, knots

FMT = FrameFormat(48, 32)
GAINS = (0.8, 1.0, 1.25)


def clip() -> list[Frame]:
    """Three frames of one picture, brighter from frame to frame."""
    rng = np.random.default_rng(3)
    planes = [rng.uniform(0.3, 0.6, FMT.shape(k)).astype(np.float32) for k in range(3)]
    return [
        Frame((planes[0] * np.float32(gain), *planes[1:]), FMT, n, n, Fraction(1, 24))
        for n, gain in enumerate(GAINS)
    ]


@pytest.fixture
def made() -> table.Table:
    """What makes the three frames equal: the first by its curve, the last by its field."""
    fixes = [Correction.none(3) for _ in GAINS]
    fixes[0].curves[0] = knots() / np.float32(GAINS[0])
    fixes[2] = Correction(fixes[2].curves, np.full((DEPTHS, ROWS, COLUMNS), np.log(GAINS[2]), np.float32))
    return table.Table.of(fixes, [table.mean_luma(f) for f in clip()], "yuv", "0123")


def test_a_table_comes_back_as_it_was_written(made, tmp_path):
    made.write(tmp_path / "t.npz")
    back = table.read(tmp_path / "t.npz")
    assert (back.digest, back.family, len(back)) == ("0123", "yuv", 3)
    for name in ("means", "curves", "field"):
        np.testing.assert_array_equal(getattr(back, name), getattr(made, name))
    assert [p.name for p in tmp_path.iterdir()] == ["t.npz"]


def test_the_filter_does_to_each_frame_what_the_table_says(made, tmp_path):
    made.write(tmp_path / "t.npz")
    frames = clip()

    def run(text):
        return list(Graph(build_chain([text]), debug=True).stream(frames))

    whole = run(f"deflicker_table:file={tmp_path / 't.npz'}")
    means = [float(f.planes[0].mean()) for f in whole]
    assert np.ptp([f.planes[0].mean() for f in frames]) > 0.15
    assert np.ptp(means) < 0.01
    half = run(f"deflicker_table:file={tmp_path / 't.npz'},strength=0.5")
    assert means[0] > half[0].planes[0].mean() > frames[0].planes[0].mean()
    none = run(f"deflicker_table:file={tmp_path / 't.npz'},strength=0")
    for a, b in zip(none, frames, strict=True):
        np.testing.assert_array_equal(a.planes[0], b.planes[0])


@pytest.mark.parametrize("version", [1, 2])
def test_a_table_of_an_older_version_does_the_same(made, tmp_path, version):
    field = np.zeros((3, DEPTHS, *table.FIELDS[version]), np.float32)
    field[2] = made.field[2, 0, 0, 0]
    values = {"means": made.means, "curves": made.curves, "field": field}
    np.savez(tmp_path / "t.npz", version=version, digest="", family="yuv", **values)
    old, frame = table.Corrected(table.read(tmp_path / "t.npz")), clip()[2]
    now = table.Corrected(made).process([frame], 2)
    np.testing.assert_allclose(old.process([frame], 2).planes[0], now.planes[0], atol=1e-6)


def test_frames_out_of_order_come_out_the_same(made):
    node, frames = table.Corrected(made), clip()
    in_order = [node.process([f], f.index).planes[0] for f in frames]
    for n in (2, 0, 1):
        np.testing.assert_array_equal(node.process([frames[n]], n).planes[0], in_order[n])


def test_another_clip_is_refused(made):
    node, frames = table.Corrected(made), clip()
    with pytest.raises(UsageError, match="yuv clip and this one is gray"):
        node.configure(FrameFormat(48, 32, "gray", 0, 0))
    with pytest.raises(InputError, match="3 frames and the clip more"):
        node.process([frames[0]], 3)
    with pytest.raises(InputError, match="Frame 1 is not the one"):
        node.process([frames[2]], 1)
    with pytest.raises(UsageError, match="3 frames and the clip 4"):
        made.check_length(4)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": table.VERSION + 1}, "known are 1 to"),
        ({"version": 1}, "18, 24"),
        ({"family": "cmyk"}, "cmyk"),
        ({"curves": np.zeros((2, 3, 257), np.float32)}, "float32 of"),
        ({"curves": np.zeros((3, 3, 257), np.float64)}, "float64"),
        ({"field": np.full((3, DEPTHS, ROWS, COLUMNS), np.nan, np.float32)}, "out of range"),
        ({"means": np.float32(0.5)}, "float32"),
        ({"means": np.zeros(0, np.float32)}, "float32"),
        ({"digest": np.array([{"a": 1}], object)}, "allow_pickle"),
    ],
)
def test_a_file_with_odd_contents_is_refused(made, tmp_path, change, says):
    values = {"version": table.VERSION, "digest": "", "family": "yuv"}
    values |= {"means": made.means, "curves": made.curves, "field": made.field}
    np.savez(tmp_path / "t.npz", **(values | change))
    with pytest.raises(InputError, match=says):
        table.read(tmp_path / "t.npz")


@pytest.mark.parametrize("damage", ["text", "half", "other", "void", "missing", "folder", "bits"])
def test_a_file_that_is_no_table_is_refused(made, tmp_path, damage):
    path = tmp_path / "t.npz"
    made.write(path)
    whole = path.read_bytes()
    rng = np.random.default_rng(1)
    wrong = {
        "text": b"hello",
        "half": whole[: len(whole) // 2],
        "void": b"",
        "bits": bytes(b ^ (int(k) % 997 == 0) * 255 for k, b in enumerate(whole)),
        "other": zipped({"a.npy": rng.bytes(99)}),
    }
    if damage in ("missing", "folder"):
        path.unlink()
    else:
        path.write_bytes(wrong[damage])
    if damage == "folder":
        path.mkdir()
    with pytest.raises(InputError, match=r"t\.npz"):
        table.read(path)


def test_a_table_that_unpacks_to_too_much_is_refused(made, tmp_path, monkeypatch):
    made.write(tmp_path / "t.npz")
    monkeypatch.setattr(table, "LIMIT", 1000)
    with pytest.raises(InputError, match="too large"):
        table.read(tmp_path / "t.npz")


def test_no_file_and_no_folder_are_said(made, tmp_path):
    with pytest.raises(UsageError, match="file=NAME"):
        build_chain(["deflicker_table"])
    with pytest.raises(OutputError, match="cannot be written"):
        made.write(tmp_path / "nowhere" / "t.npz")


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    return out.getvalue()
