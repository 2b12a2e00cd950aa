"""Every format that is promised, and clear words for what is not."""

from __future__ import annotations

import numpy as np
import pytest
import vapoursynth as vs

import vsfgcodec as fg
from tests.plugins.clips import sums, vs_clip

INTEGER = (
    "GRAY8",
    "GRAY10",
    "GRAY16",
    "YUV420P8",
    "YUV420P10",
    "YUV422P12",
    "YUV444P16",
    "YUV411P8",
    "YUV440P8",
)
FLOAT = ("GRAYS", "YUV420PS", "YUV444PS", "RGBS")


def clip(name: str, full: int = 0):
    """The grainy clip in another format."""
    made = vs_clip(_Matrix=1)[:6]
    form = getattr(vs, name)
    if name.startswith("RGB"):
        return made.resize.Point(format=form)
    return made.resize.Point(format=form, range=full)


def planes(frame) -> list[np.ndarray]:
    return [np.array(frame[k], np.float64) for k in range(frame.format.num_planes)]


@pytest.mark.parametrize("name", INTEGER)
@pytest.mark.parametrize("full", [0, 1], ids=["limited", "full"])
def test_integer_formats(name, full):
    given = clip(name, full)
    cleaned = fg.denoise(given, 0.03)
    assert cleaned.format.id == given.format.id
    assert cleaned.get_frame(2).props["_Range"] == full
    before, after = (np.std(np.diff(planes(c.get_frame(2))[0], axis=0)) for c in (given, cleaned))
    assert after < 0.6 * before


@pytest.mark.parametrize("name", ["RGB24", "RGB48", "YUV420P8", "GRAY16"])
def test_grain_has_the_level_in_every_depth(name):
    flat = vs.core.std.BlankClip(format=getattr(vs, name), width=256, height=128, length=1)
    peak = (1 << flat.format.bits_per_sample) - 1
    grey = flat.std.BlankClip(color=[peak // 2] * flat.format.num_planes)
    made = planes(fg.grain(grey, 0.04, chroma=0).get_frame(0))[0]
    assert made.std() / peak == pytest.approx(0.04, rel=0.1)


@pytest.mark.parametrize("name", ["YUV444PS", "RGBS", "GRAYS"])
def test_float_means_the_same_as_integers(name):
    """In 16 bits and in float a level is the same share of the codes, so the pictures agree."""
    whole = {"YUV444PS": "YUV444P16", "RGBS": "RGB48", "GRAYS": "GRAY16"}[name]
    given = clip(whole)
    exact = fg.grain(given, 0.04, seed=1)
    real = fg.grain(given.resize.Point(format=getattr(vs, name)), 0.04, seed=1)
    back = real.resize.Point(format=getattr(vs, whole), dither_type="none")
    for n in (0, 3):
        for a, b in zip(planes(exact.get_frame(n)), planes(back.get_frame(n)), strict=True):
            assert np.abs(a - b).max() <= 1


@pytest.mark.parametrize("name", FLOAT)
def test_float_that_is_not_touched_keeps_its_bits(name):
    given = clip(name)
    assert sums(fg.grain(given, 0)) == sums(given)


def test_float_is_never_clipped():
    white = vs.core.std.BlankClip(format=vs.GRAYS, width=128, height=64, length=1, color=1.0)
    assert planes(fg.grain(white, 0.05, curve="flat").get_frame(0))[0].max() > 1.02
    black = white.std.BlankClip(color=0.0)
    assert planes(fg.grain(black, 0.05, curve="flat").get_frame(0))[0].min() < -0.02


def test_range_of_float_is_read_from_the_frame():
    grey = vs.core.std.BlankClip(format=vs.GRAYS, width=256, height=128, length=1, color=0.5)
    limited, full = (
        planes(fg.grain(grey.std.SetFrameProps(_Range=r), 0.05, curve="flat").get_frame(0))[0].std()
        for r in (0, 1)
    )
    assert full == pytest.approx(0.05, rel=0.1)
    assert limited / full == pytest.approx(65535 / (219 * 256), rel=1e-3)


def test_odd_sizes():
    given = clip("YUV444P16").std.Crop(right=13, bottom=5)
    made = fg.denoise(given, 0.03)
    assert (made.width, made.height) == (147, 91)
    made.get_frame(1)


@pytest.mark.parametrize("name", ["GRAYH", "YUV444PH", "GRAY32", "YUV444P18"])
def test_other_depths_are_refused(name):
    form = getattr(vs, name, None) or vs.core.query_video_format(vs.YUV, vs.INTEGER, 18, 0, 0).id
    given = vs.core.std.BlankClip(format=form, width=64, height=64, length=1)
    with pytest.raises(vs.Error, match=r"^fg\.grain: only GRAY, YUV and RGB clips of 8 to 16 bit"):
        fg.grain(given, 0.03)


@pytest.mark.parametrize("name", ["denoise", "estimate", "analyze", "mlrt_inputs"])
def test_rgb_is_refused_by_removal_and_measuring(name):
    with pytest.raises(vs.Error, match=rf"^fg\.{name}: .*(RGB|YCbCr)"):
        FUNCTIONS[name](clip("RGB24"))


def varying(**sizes):
    a = vs.core.std.BlankClip(format=vs.YUV420P8, width=64, height=64, length=2)
    return vs.core.std.Splice([a, a.std.BlankClip(**sizes)], mismatch=True)


FUNCTIONS = {
    "denoise": fg.denoise,
    "grain": fg.grain,
    "estimate": fg.estimate,
    "analyze": lambda c: fg.analyze(c, "none.json"),
    "apply_levels": lambda c: fg.apply_levels(c, "none.json"),
    "mlrt_inputs": fg.mlrt_inputs,
    "depth": fg.depth,
    "deflicker": fg.deflicker,
    "codec_repair": fg.codec_repair,
    "dust": fg.dust,
    "repair": fg.repair,
    "node": lambda c: fg.node(c, "grain"),
    "chain": lambda c: fg.chain(c, "grain"),
}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "clip must be a video clip, not NoneType"),
        ("clip.mkv", "clip must be a video clip, not str"),
        ({"format": vs.YUV420P10}, "clip changes its format on the way"),
        ({"width": 32}, "clip changes its size on the way"),
    ],
)
def test_no_clip_of_one_format(given, words):
    given = varying(**given) if isinstance(given, dict) else given
    for name, function in FUNCTIONS.items():
        with pytest.raises(vs.Error, match=rf"^fg\.{name}: {words}"):
            function(given)


@pytest.mark.parametrize("sizes", [{"format": vs.YUV420P10}, {"height": 32}], ids=["format", "size"])
def test_clips_beside_the_clip_are_of_one_format_too(sizes):
    clip, beside = vs_clip()[:4], varying(**sizes)
    for call, what in (
        (lambda: fg.denoise(clip, beside), "denoise: level"),
        (lambda: fg.grain(clip, beside), "grain: level"),
        (lambda: fg.estimate(clip, ref=beside), "estimate: ref"),
        (lambda: fg.analyze(clip, "none.json", ref=beside), "analyze: ref"),
        (lambda: fg.apply_levels(clip, beside), "apply_levels: source"),
        (lambda: fg.mlrt_inputs(clip, "chroma", beside), "mlrt_inputs: luma"),
    ):
        with pytest.raises(vs.Error, match=rf"^fg\.{what} changes its"):
            call()


def test_no_clip_is_empty():
    """VapourSynth itself knows no clip without frames; the shortest has one."""
    with pytest.raises(vs.Error):
        fg.grain(vs_clip()[0:0], 0.03)
    one = vs_clip()[:1]
    assert len(sums(fg.denoise(one, 0.03))) == 1


@pytest.mark.parametrize(
    "name", ["denoise", "grain", "estimate", "depth", "deflicker", "codec_repair", "dust", "chain"]
)
def test_interlaced_frames_are_refused(name):
    """_FieldBased belongs to a frame, so it is known when that frame is there."""
    made = FUNCTIONS[name](vs_clip(_FieldBased=2, FGLevel=0.03))
    with pytest.raises(vs.Error, match=rf"fg\.{name}: frame \d+ is interlaced \(_FieldBased=2\)"):
        made.get_frame(1)


@pytest.mark.parametrize("function", [fg.denoise, fg.grain])
def test_missing_properties(function):
    with pytest.raises(vs.Error, match=rf"fg\.{function.__name__}: frame 1: the property FGLevel is missing"):
        function(vs_clip()).get_frame(1)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"FGLevel": "much"}, "FGLevel is 'much', not a number"),
        ({"FGLevel": 7.0}, "level is 0.0 to 0.15, not 7.0"),
        ({"FGLevel": 0.03, "FGCurve": [1.0, 2.0]}, '"curve" with 8 values'),
        ({"FGLevel": 0.03, "FGCurve": "high"}, "FGCurve is 'high'"),
    ],
)
def test_properties_that_make_no_sense(wrong, words):
    with pytest.raises(vs.Error, match=r"fg\.denoise: frame 1: .*") as caught:
        fg.denoise(vs_clip(**wrong)).get_frame(1)
    assert words.split()[-1] in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"level": 0.5}, "level is 0.0 to 0.15, not 0.5"),
        ({"level": -0.1}, "level is 0.0 to 0.15"),
        ({"level": float("nan")}, "level must be a number"),
        ({"level": "0.03"}, "level must be a number, a clip with properties or None, not '0.03'"),
        ({"level": True}, "level must be a number"),
        ({"model": "huge"}, "There is no removal model 'huge'"),
        ({"model": 3}, "model must be text, not 3"),
        ({"blind": 1}, "blind must be true or false"),
        ({"tr": 9}, "tr must be from 0 to 2, the model's radius, not 9"),
        ({"planes": 3}, "planes must be one or more of 0 to 2, not 3"),
        ({"planes": []}, "planes must be one or more"),
        ({"zones": "5"}, "zones: expected ':'"),
        ({"zones": [((5, 2), 0.03)]}, "ends before it starts"),
        ({"zones": [((0, 9), 0.03), (4, 0.02)]}, "overlaps"),
        ({"zones": [3]}, "zones must be text like"),
        ({"cuts": [99]}, "cuts must be frame numbers from 1 to 13"),
        ({"cuts": "all"}, "cuts must be 'auto'"),
        ({"num_streams": 0}, "num_streams must be at least 1"),
        ({"threads": 0}, "threads is 1 to 256"),
        ({"tile": 32}, "tile is 64 to 65536 samples, not 32"),
        ({"tile": 256.0}, "tile must be a whole number, not 256.0"),
        ({"backend": "abacus"}, "backend is one of"),
        ({"device": "tpu"}, "device must be 'cpu' or 'cuda', not 'tpu'"),
        ({"device": "cuda"}, "CUDA"),
        ({"device": "cuda", "backend": "openvino"}, "backend 'openvino' does not run on device 'cuda'"),
        ({"device": "cpu", "backend": "cuda"}, "backend 'cuda' does not run on device 'cpu'"),
    ],
)
def test_wrong_arguments_are_refused_at_construction(options, words):
    options = {"level": 0.03} | options
    with pytest.raises(vs.Error) as caught:
        fg.denoise(vs_clip(), options.pop("level"), **options)
    assert str(caught.value).startswith("fg.denoise: ")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"level": 0.03, "sise": 1.0}, "has no parameter 'sise'; did you mean size"),
        ({"level": 0.03, "seed": -1}, "seed is 0 to"),
        ({"level": 0.03, "seed": 1.5}, "seed must be a whole number"),
        ({"size": 1.0}, "'size' needs a level or a preset"),
        ({"level": 0.03, "gain": 2.0}, "gain multiplies levels of properties"),
        ({"gain": -1.0}, "gain"),
    ],
)
def test_wrong_arguments_of_grain(options, words):
    with pytest.raises(vs.Error, match=r"^fg\.grain: ") as caught:
        fg.grain(vs_clip(), **options)
    assert words in str(caught.value)


def test_wrong_names_of_filters():
    with pytest.raises(vs.Error, match=r"^fg\.node|^fg\.denose: there is no filter 'denose'"):
        fg.node(vs_clip(), "denose")
    with pytest.raises(AttributeError, match="denose"):
        _ = fg.denose
    with pytest.raises(vs.Error, match=r"^fg\.chain: there is no filter 'grian'"):
        fg.chain(vs_clip(), "grian:level=0.1")
    with pytest.raises(vs.Error, match=r"^fg\.chain: name at least one filter"):
        fg.chain(vs_clip())
    with pytest.raises(vs.Error, match=r"^fg\.depth: .*has no parameter 'bit'"):
        fg.depth(vs_clip(), bit=8)


def test_a_clip_that_lends_its_properties_must_be_as_long():
    with pytest.raises(vs.Error, match=r"^fg\.grain: level must have the length of the clip \(14\), not 3"):
        fg.grain(vs_clip(), vs_clip()[:3])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"color": 0.2}, "a map of levels has values from 0.2 to 0.2: give 0 to 0.15"),
        ({"color": -0.1}, "a map of levels has values from -0.1 to -0.1"),
        ({"color": 0.03, "width": 64}, "a map of levels of 64x96 cannot serve a picture of 160x96"),
        ({"format": vs.GRAY16}, "the property FGLevel is missing"),
    ],
)
@pytest.mark.parametrize("function", [fg.denoise, fg.grain])
def test_maps_that_cannot_be(function, given, words):
    form = vs_clip().std.BlankClip(**{"format": vs.GRAYS, **given})
    with pytest.raises(vs.Error, match=rf"fg\.{function.__name__}: frame 1: ") as caught:
        function(vs_clip(), form).get_frame(1)
    assert words in str(caught.value)
