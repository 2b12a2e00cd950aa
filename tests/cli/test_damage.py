"""``fgcodec damage``: files in, files out, and masks that say what was changed."""

from __future__ import annotations

import numpy as np
import pytest

from filmgrain_codec.errors import UsageError
from filmgrain_codec.media.reader import Reader
from tests.e2e import clips

pytest.importorskip("cv2")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    frames = clips.frames(clips.format_of(128, 96), 5)
    return clips.write(tmp_path_factory.mktemp("damage") / "in.mkv", frames)


def planes(path):
    with Reader(path, threads=1) as frames:
        return [frame.planes for frame in frames]


def test_clip_and_mask_belong_together(fgcodec, source, tmp_path):
    out, mask = tmp_path / "out.mkv", tmp_path / "mask.mkv"
    line = ("damage", str(source), str(out), "--gauge", "8mm", "--severity", "1", "--mask", str(mask), "-q")
    done = fgcodec(*line)
    assert (done.code, done.err) == (0, "")
    clean, dirty, marked = (planes(p) for p in (source, out, mask))
    assert len(clean) == len(dirty) == len(marked) == 5
    for before, after, where in zip(clean, dirty, marked, strict=True):
        assert set(np.unique(where[0])) <= {0.0, 1.0}
        assert np.array_equal(where[0] > 0.5, np.abs(after[0] - before[0]) > 10 / 255)
    assert any(where[0].any() for where in marked)
    again = tmp_path / "again.mkv"
    assert fgcodec("damage", str(source), str(again), "--gauge", "8mm", "--severity", "1", "-q").code == 0
    assert all(
        np.array_equal(a, b)
        for one, other in zip(dirty, planes(again), strict=True)
        for a, b in zip(one, other, strict=True)
    )


def test_the_report_says_what_was_done(fgcodec, source, tmp_path):
    done = fgcodec("damage", str(source), str(tmp_path / "o.mkv"), "--seed", "7", "--json", "-q")
    assert done.code == 0
    assert '"kind": "damage"' in done.out
    assert '"seed": "7"' in done.out


def test_what_cannot_be_done_is_refused(fgcodec, source, tmp_path):
    out = str(tmp_path / "o.mkv")
    for wrong in (("-", out, "--mask", str(tmp_path / "m.mkv")), (str(source), out, "--mask", out)):
        done = fgcodec("damage", *wrong)
        assert done.code == UsageError.exit_code
        assert "--mask" in done.err
    assert fgcodec("damage", str(source), out, "--gauge", "70mm").code == UsageError.exit_code
    assert not (tmp_path / "o.mkv").exists()
