"""Codec repair on the way: the reader tells QP where it can, the filter and decode use it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from filmgrain_codec.errors import FgcodecError
from filmgrain_codec.media.reader import Reader
from filmgrain_codec.pipeline.clip import opened
from filmgrain_codec.pipeline.codec_repair import checked, node_of
from filmgrain_codec.pipeline.decode import decode
from filmgrain_codec.pipeline.encode_plan import resolve
from filmgrain_codec.pipeline.filter import filter_clip
from filmgrain_codec.pipeline.request import DecodeRequest, EncodeRequest, FilterRequest
from tests.e2e.clips import BASE, times, write
from tests.nodes.test_codec_repair import scene


@pytest.fixture(scope="module", params=["x264", "x265", "svtav1"])
def coarse(request, tmp_path_factory) -> Path:
    """Four frames at a low rate, in 8 bit."""
    path = tmp_path_factory.mktemp("coarse") / f"{request.param}.mkv"
    told = zip(scene(4), times(4, False), strict=True)
    frames = [replace(f, pts=pts, time_base=BASE) for f, pts in told]
    return write(path, frames, request.param, 58 if request.param == "svtav1" else 38)


def luma(path: Path) -> np.ndarray:
    with Reader(path) as reader:
        return np.stack([f.planes[0] for f in reader])


def test_the_reader_tells_what_the_decoder_knows(coarse):
    with Reader(coarse, quantisers=True) as reader:
        props = [f.props for f in reader]
    assert {p["FGCodec"] for p in props} == {coarse.stem}
    assert all(30 < p["FGQP"] < 51 for p in props)
    assert all(("FGSliceQP" in p) == (coarse.stem == "x265") for p in props)
    for _ in range(6):  # H.264's decoder has a say while it still decodes, if its threads work by frames
        with Reader(coarse, quantisers=True) as reader:
            assert [f.props["FGQP"] for f in reader] == [p["FGQP"] for p in props]
    for start in (0, 2):
        with Reader(coarse, start=start, quantisers=True) as reader:
            assert {f.props["FGKeyQP"] for f in reader} == {props[0]["FGQP"]}
    with Reader(coarse) as reader:
        assert all("FGCodec" not in f.props for f in reader)


def test_filter_and_decode_repair_alike_and_for_the_better(coarse, tmp_path):
    clean = np.stack([f.planes[0] for f in scene(4)])
    filter_clip(FilterRequest(source=coarse, output=tmp_path / "f.mkv", filters=("codec_repair",)))
    for word in ("off", "codec", "auto"):
        decode(DecodeRequest(source=coarse, output=tmp_path / f"{word}.mkv", grain=False, repair=word))
    before, filtered = luma(coarse), luma(tmp_path / "f.mkv")
    off, codec, auto = (luma(tmp_path / f"{word}.mkv") for word in ("off", "codec", "auto"))
    assert np.array_equal(off, before)
    assert np.array_equal(codec, filtered)
    assert np.mean((codec - clean) ** 2) < np.mean((before - clean) ** 2)
    assert np.mean((auto - clean) ** 2) < np.mean((before - clean) ** 2)


def test_the_best_model_repairs_alike_in_a_stream_and_by_itself(coarse, tmp_path):
    clean = np.stack([f.planes[0] for f in scene(4)])
    filter_clip(FilterRequest(source=coarse, output=tmp_path / "f.mkv", filters=("codec_repair:model=best",)))
    request = DecodeRequest(source=coarse, output=tmp_path / "d.mkv", grain=False, repair="codec:model=best")
    decode(request)
    before, filtered, decoded = (luma(p) for p in (coarse, tmp_path / "f.mkv", tmp_path / "d.mkv"))
    assert np.array_equal(filtered, decoded)
    assert np.mean((decoded - clean) ** 2) < np.mean((before - clean) ** 2)


def test_encode_reads_the_quantisers_for_its_filters(coarse, tmp_path):
    for filters, told in ((("codec_repair",), True), ((), False)):
        with opened(coarse, tmp_path) as clip:
            job = resolve(EncodeRequest(source=coarse, filters=filters), tmp_path / "x.mkv", clip, None)
            assert all(("FGQP" in f.props) is told for f in job.clip.frames())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("strong", "repair is one of off, codec, auto"),
        ("off:strength=1", "repair is one of off, codec, auto"),
        ("codec:strength=2", "strength"),
        ("codec:loudness=1", "loudness"),
        ("codec:model=none", "no codec-repair model 'none'"),
    ],
)
def test_another_word_is_refused(coarse, tmp_path, text, words):
    with pytest.raises(FgcodecError, match=words):
        decode(DecodeRequest(source=coarse, output=tmp_path / "x.mkv", repair=text))
    assert not list(tmp_path.iterdir())


def test_values_of_the_filter_may_follow():
    assert node_of("off") is None
    assert checked("auto:strength=0.5") == "codec_repair:least=24.0,strength=0.5"
    assert checked("codec:least=10,qp=30") == "codec_repair:least=10.0,qp=30.0"
