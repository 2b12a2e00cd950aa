"""Profiles that are damaged, oversized, stale or absent: never wrong grain, never a crash."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest

from filmgrain_codec.media.carriage.ident import RECORD_UUID
from filmgrain_codec.media.reader import Reader
from tests.clients import run
from tests.reliability.command import fgcodec, one_sentence, refused, together, untouched


def tagged(base: Path, name: str, text: str | None, codec: str = "copy") -> Path:
    """A copy of ``base`` by another program, with its profile tags replaced."""
    path = base.with_name(name)
    run("ffmpeg", "-v", "error", "-i", base, "-c:v", codec, *metadata(text), path)
    return path


def metadata(text: str | None) -> list[str]:
    if text is None:
        return []
    return ["-metadata", f"FILMGRAIN={text}", "-metadata:s:v", f"FILMGRAIN={text}"]


def without_records(base: Path) -> Path:
    """A copy whose SEI units are gone, so that only the tags are left."""
    path = base.with_name("bare.mkv")
    run("ffmpeg", "-v", "error", "-i", base, "-c", "copy", "-bsf:v", "filter_units=remove_types=39", path)
    return path


def tag(path: Path) -> str:
    with av.open(str(path)) as container:
        return container.metadata["FILMGRAIN"]


def pictures(path: Path) -> list[np.ndarray]:
    with Reader(path, native_grain="export") as reader:
        return [f.planes[0] for f in reader]


def decoded(path: Path, *more: object) -> list[np.ndarray]:
    out = path.with_name("decoded.mkv")
    done = fgcodec("decode", path, "-o", out, "-y", "-q", *more)
    assert done.code == 0, done.err
    return pictures(out)


def same(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    return len(a) == len(b) and all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_damaged_records_leave_the_tag_in_charge(base: Path) -> None:
    whole = decoded(base)
    data = bytearray(base.read_bytes())
    at = data.index(RECORD_UUID) + 40
    data[at] ^= 0x10
    base.write_bytes(data)
    assert same(decoded(base), whole)


def test_records_win_over_a_tag_that_lies(base: Path) -> None:
    profile = json.loads(tag(base))
    profile["segments"][0]["level"] = 0.1
    assert same(decoded(tagged(base, "lies.mkv", json.dumps(profile))), decoded(base))


CORRUPT = [
    "{", "null", "[]", '{"filmgrain": 1}', '{"filmgrain": 99, "segments": []}', "x" * 10_000,
    '{"filmgrain":1,"segments":[{"frames":[0,8],"level":NaN}]}',
    '{"filmgrain":1,"segments":[{"frames":[8,0],"level":0.1}]}',
]  # fmt: skip


def test_corrupt_tags_are_refused(base: Path, tmp_path: Path) -> None:
    bare = without_records(base)
    paths = [tagged(bare, f"corrupt{n}.mkv", text) for n, text in enumerate(CORRUPT)]
    with untouched(tmp_path):
        outcomes = together([["decode", path, "-q"] for path in paths])
    assert [o.code for o in outcomes] == [7] * len(paths)
    for path, outcome in zip(paths, outcomes, strict=True):
        assert path.name in one_sentence(outcome)


def test_a_corrupt_tag_does_not_stop_who_needs_none(base: Path) -> None:
    path = tagged(without_records(base), "corrupt.mkv", CORRUPT[0])
    clean, grainy = decoded(path, "--no-grain"), decoded(path, "--level", "0.03")
    assert same(clean, pictures(path))
    assert not same(clean, grainy)


def test_an_oversized_tag_is_refused(base: Path, tmp_path: Path) -> None:
    """Five megabytes of well-formed shots."""
    shots = [{"frames": [n, n + 1], "level": 0.05, "curve": [1.0] * 8} for n in range(60_000)]
    words = tmp_path / "words.txt"
    words.write_text(f";FFMETADATA1\nFILMGRAIN={json.dumps({'filmgrain': 1, 'segments': shots})}\n")
    bare = without_records(base)
    run("ffmpeg", "-v", "error", "-i", bare, "-i", words, "-map_metadata", "1", "-map_metadata:s:v", "1:g",
        "-c", "copy", tmp_path / "big.mkv")  # fmt: skip
    refused(tmp_path, 7, "decode", tmp_path / "big.mkv", "-q")


def test_a_transcode_is_not_grained_twice(base: Path, tmp_path: Path) -> None:
    """Its tag is stale: the pictures are no longer ours."""
    stale = tagged(base, "stale.mkv", None, codec="libx264")
    found = fgcodec("inspect", stale, "--json").report["grain"]
    assert found["stale"]
    assert "stale" in refused(tmp_path, 7, "decode", stale, "-q")
    assert same(decoded(stale, "--no-grain"), pictures(stale))


def test_a_file_without_a_profile(source: Path, tmp_path: Path) -> None:
    found = refused(tmp_path, 7, "decode", source, "-q")
    assert "--level" in found
    assert "--no-grain" in found
    plain = decoded(source, "--no-grain")
    assert same(plain, pictures(source))
    more = decoded(source, "--level", "0.02")
    added = np.stack([a - b for a, b in zip(more, plain, strict=True)]).std()
    assert added == pytest.approx(0.02, rel=0.3)


def test_no_profile_means_no_y4m_either(source: Path) -> None:
    done = fgcodec("decode", source, "-o", "-", "-q")
    assert done.code == 7
    assert done.out == b""
