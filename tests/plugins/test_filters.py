"""A filter gives the same bits in a script as on the command line, however its frames are asked for."""

from __future__ import annotations

import random
import threading
from functools import partial
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
import vapoursynth as vs

import vsfgcodec as fg
from filmgrain_codec.core.frame import Frame
from filmgrain_codec.core.registry import NODES, NodeSpec, Param
from filmgrain_codec.grain.profile import DEFAULT_CURVE, Chroma, GrainSegment
from filmgrain_codec.grain.properties import of_segment
from filmgrain_codec.media.reader import Reader
from filmgrain_codec.pipeline.shots import CutDetector
from tests.plugins.clips import CUT, FRAMES, HEIGHT, WIDTH, filtered, pictures, sums, vs_clip

CASES = {
    "grain": (("grain:level=0.04,seed=3",), lambda c: fg.grain(c, 0.04, seed=3)),
    "grain-shaped": (
        ("grain:level=0.02,size=1.4,chroma=0",),
        lambda c: fg.grain(c, 0.02, size=1.4, chroma=0),
    ),
    "denoise": (("denoise:level=0.03",), lambda c: fg.denoise(c, 0.03)),
    "denoise-tiles": (("denoise:level=0.03,tile=64",), lambda c: fg.denoise(c, 0.03, tile=64)),
    "denoise-blind": (("denoise",), lambda c: fg.denoise(c, blind=True)),
    "deflicker": (("deflicker:mode=safe,radius=5",), lambda c: fg.deflicker(c, mode="safe", radius=5)),
    "codec-repair": (
        ("codec_repair:qp=36,codec=x265,tile=64",),
        lambda c: fg.codec_repair(c, qp=36.0, codec="x265", tile=64),
    ),
    "codec-repair-judged": (("codec_repair:least=0",), lambda c: fg.codec_repair(c, least=0.0)),
    "dust": (
        ("dust:sensitivity=4,max_coverage=100",),
        lambda c: fg.dust(c, sensitivity=4.0, max_coverage=100.0),
    ),
    "scratches": (("scratches:show=mask",), lambda c: fg.scratches(c, show="mask")),
    "repair": (("dust", "scratches"), fg.repair),
    "dust-twice": (("dust:passes=2,max_coverage=20",), lambda c: fg.dust(c, passes=2, max_coverage=20.0)),
    "deband": (("deband:step=2,bits=12",), lambda c: fg.deband(c, step=2.0, bits=12)),
    "depth": (("depth:bits=12",), lambda c: fg.depth(c, bits=12)),
    "chain": (
        ("grain:level=0.01", "denoise:level=0.03", "grain:seed=4", "denoise:level=0.05"),
        lambda c: fg.chain(c, "grain:level=0.01", "denoise:level=0.03", "grain:seed=4", "denoise:level=0.05"),
    ),
}


def test_codec_repair_reads_the_frames_properties():
    stated = fg.codec_repair(vs_clip(), qp=37.0, codec="x265")
    told = fg.codec_repair(vs_clip(FGQP=37.0, FGCodec="x265"))
    assert sums(told) == sums(stated)
    assert told.get_frame(0).props["FGRepairQP"] == 37
    assert sums(fg.codec_repair(vs_clip(FGQP=18.0))) == sums(vs_clip())


@pytest.fixture(scope="module", params=list(CASES))
def case(request, source):
    texts, function = CASES[request.param]
    return function, filtered(source, *texts)


def test_the_clip_has_a_cut_that_matters(source):
    with Reader(source) as reader:
        detector = CutDetector(reader.info.video.fmt)
        for frame in reader:
            detector.observe(frame)
    assert detector.finish() == (CUT,)
    there = sums(fg.denoise(vs_clip(), 0.03))
    without = sums(fg.denoise(vs_clip(), 0.03, cuts=None))
    assert {n for n in range(FRAMES) if there[n] != without[n]} == {CUT - 2, CUT - 1, CUT, CUT + 1}
    assert sums(fg.denoise(vs_clip(), 0.03, cuts=[CUT])) == there


def test_same_bits_as_the_command_line(case, threads):
    function, wanted = case
    assert sums(function(vs_clip())) == wanted


def test_same_bits_in_any_order(case, threads):
    function, wanted = case
    order = list(range(FRAMES))
    random.Random(threads).shuffle(order)
    assert sums(function(vs_clip()), order) == wanted


def test_same_bits_for_part_of_the_clip(case):
    function, wanted = case
    assert sums(function(vs_clip())[5:9]) == wanted[5:9]


@pytest.mark.parametrize("plugin", ["bs", "lsmas"])
def test_sources_from_wheels(core, source, plugin):
    if not hasattr(core, plugin):
        pytest.skip(f"the source plug-in {plugin} is not installed")
    read = {
        "bs": lambda: core.bs.VideoSource(str(source), cachemode=0),
        "lsmas": lambda: core.lsmas.LWLibavSource(str(source), cache=0),
    }[plugin]
    order = list(range(FRAMES))
    random.Random(3).shuffle(order)
    assert sums(fg.denoise(read(), 0.03), order) == filtered(source, "denoise:level=0.03")


class Sum:
    """A node that is none of ours: the mean of its window, with a property of its own."""

    radius = 1

    def __init__(self, *, weight: float, wide: bool) -> None:
        self.weight, self.wide = np.float32(weight), wide

    def configure(self, fmt):
        return fmt

    def process(self, window, n: int) -> Frame:
        before, here, after = (w.planes for w in window)
        mixed = (
            h + self.weight * (a - b if self.wide else a - h)
            for b, h, a in zip(before, here, after, strict=True)
        )
        return window[1].with_planes(tuple(mixed), Mean=np.float32(here[0].mean()))


@pytest.fixture
def sum_filter():
    spec = NodeSpec(
        "sum", Sum, "A sum.", (Param("weight", float, 0.5, low=0.0, high=1.0), Param("wide", bool, False))
    )
    NODES.register(spec)
    yield spec
    del NODES._specs["sum"]


@pytest.mark.usefixtures("sum_filter")
def test_any_registered_filter_becomes_a_function(source, threads):
    clip = fg.sum(vs_clip(), weight=0.25, wide=True)
    assert sums(clip) == filtered(source, "sum:weight=0.25,wide")
    assert sums(fg.node(vs_clip(), "sum", weight=0.25, wide=True)) == sums(clip)
    assert isinstance(clip.get_frame(0).props["Mean"], float)
    assert "weight" in str(fg.sum.__doc__)
    assert "sum" in dir(fg)


def test_properties_are_kept(core):
    given = {"_ChromaLocation": 2, "_Matrix": 9, "Mine": [1, 2], "_PictType": "P", "Name": "abc"}
    for made in (fg.denoise(vs_clip(**given), 0.03, planes=0), fg.grain(vs_clip(**given), 0.03)):
        props = made.get_frame(3).props
        assert {k: props[k] for k in given} == given
        assert props["_Range"] == 0
        assert "FGCut" not in props
    assert fg.denoise(vs_clip(), 0.03).get_frame(3).props["FGLevel"] == 0.03
    assert fg.denoise(vs_clip(), 0.03).get_frame(3).props["FGModel"].startswith("removal-fast")
    assert "FGModel" not in fg.grain(fg.denoise(vs_clip(), 0.03)).get_frame(3).props


def test_planes_not_chosen_stay_as_they_are():
    whole, clip = fg.denoise(vs_clip(), 0.03), vs_clip()
    luma, chroma = (fg.denoise(clip, 0.03, planes=p) for p in (0, [1, 2]))
    for n in (0, CUT):
        was, all_, y, c = (x.get_frame(n) for x in (clip, whole, luma, chroma))
        assert np.array_equal(y[0], all_[0])
        assert np.array_equal(y[1], was[1])
        assert np.array_equal(c[0], was[0])
        assert np.array_equal(c[2], all_[2])


def test_level_nothing_is_the_identity():
    assert sums(fg.denoise(vs_clip(), 0)) == sums(fg.grain(vs_clip(), 0)) == sums(vs_clip())


def test_fewer_neighbours():
    some = {tr: sums(fg.denoise(vs_clip(), 0.03, tr=tr)) for tr in (0, 1, 2)}
    assert some[2] == sums(fg.denoise(vs_clip(), 0.03))
    assert some[1] != some[2]
    # without neighbours every frame is a shot of its own
    assert some[0] == sums(fg.denoise(vs_clip(), 0.03, cuts=range(1, FRAMES)))


def test_tiles_do_not_change_bits():
    odd = vs_clip().resize.Point(format=vs.YUV444P10).std.Crop(right=13, bottom=5)
    for told in (0.03, odd.std.SetFrameProps(FGLevel=0.02)):
        whole, tiled = (sums(fg.denoise(odd, told, backend="onnxruntime", tile=t)) for t in (None, 72))
        assert tiled == whole


def test_streams_do_not_change_bits():
    assert sums(fg.denoise(vs_clip(), 0.03, num_streams=1)) == sums(fg.denoise(vs_clip(), 0.03))


def test_level_from_properties_is_that_of_a_number():
    told = vs_clip(FGLevel=0.03)
    assert sums(fg.denoise(told)) == sums(fg.denoise(vs_clip(), 0.03))
    assert sums(fg.grain(told, seed=2)) == sums(fg.grain(vs_clip(), 0.03, seed=2))
    assert sums(fg.grain(vs_clip(), told, seed=2)) == sums(fg.grain(vs_clip(), 0.03, seed=2))


def level_map(*levels: float, **props):
    """Levels side by side, as a clip."""
    width = WIDTH // len(levels)
    form = vs.core.std.BlankClip(format=vs.GRAYS, width=width, height=HEIGHT, length=FRAMES, keep=True)
    return vs.core.std.StackHorizontal([form.std.BlankClip(color=v) for v in levels]).std.SetFrameProps(
        **props
    )


@pytest.mark.parametrize("function", [fg.denoise, partial(fg.grain, seed=2)], ids=["denoise", "grain"])
def test_a_clip_maps_the_level(function):
    """0.03125 is the same number in a float clip."""
    usual = sums(function(vs_clip(), 0.03125))
    assert sums(function(vs_clip(), level_map(0.03125))) == usual
    assert sums(function(vs_clip(), level_map(0.0))) == sums(vs_clip())
    made = function(vs_clip(), level_map(0, 0.03125))
    assert sums(made, reversed(range(FRAMES))) == sums(made)
    for n in (0, CUT):
        frames = [c.get_frame(n) for c in (made, vs_clip(), function(vs_clip(), 0.03125))]
        got, was, whole = ([np.asarray(f[k]) for k in range(3)] for f in frames)
        for k in range(3):
            middle = got[k].shape[1] // 2
            assert np.array_equal(got[k][:, :middle], was[k][:, :middle])
            missing, all_of_it = (
                np.abs(np.subtract(x, whole[k], dtype=np.float64))[:, middle:].mean()
                for x in (got[k], was[k])
            )
            assert missing < 0.15 * all_of_it
        assert frames[0].props["FGLevel"] == 0.03125
        assert not {"FGShare", "FGSegment"} & set(frames[0].props)


def test_grain_on_the_dark_half_only():
    """The example of docs/vapoursynth.md."""
    clip = vs_clip(FGLevel=0.02)
    y = clip.resize.Point(format=vs.GRAYS).std.RemoveFrameProps("FGLevel")
    made = fg.grain(clip, y.std.Expr("x 0.5 < 0.04 0 ?"))
    was, now, dark = (c.get_frame(2)[0] for c in (clip, made, y.std.Expr("x 0.5 <")))
    changed, dark = np.not_equal(was, now), np.asarray(dark) > 0
    assert not changed[~dark].any()
    assert changed[dark].mean() > 0.9


def test_a_map_leaves_all_else_to_the_properties():
    """A gray float clip with FGLevel is no map; what a map does not tell is the clip's own."""
    segment = GrainSegment(0, FRAMES, 0.0625, DEFAULT_CURVE, chroma=Chroma(0.5, 0.4, 0.7), seed=77)
    told, weaker = vs_clip(**of_segment(segment)), vs_clip(**{**of_segment(segment), "FGLevel": 0.03125})
    for function in (fg.denoise, fg.grain):
        assert sums(function(told, level_map(0.03125))) == sums(function(weaker))
        assert sums(function(told, level_map(0.01, FGLevel=0.03125))) == sums(function(vs_clip(), 0.03125))
        assert sums(function(told, level_map(0.01), zones="0-:level=0.03125")) == sums(
            function(vs_clip(), 0.03125)
        )


def test_a_whole_segment_from_properties():
    from filmgrain_codec.core.graph import Graph
    from filmgrain_codec.nodes.denoise import Denoise
    from filmgrain_codec.nodes.synth import Grain

    segment = GrainSegment(0, FRAMES, 0.03, DEFAULT_CURVE, chroma=Chroma(0.5, 0.4, 0.7), seed=77)
    told = vs_clip(**of_segment(segment))
    assert made_by(Graph([Denoise(segment)], cuts=[CUT])) == sums(fg.denoise(told))
    assert made_by(Graph([Grain(segment)])) == sums(fg.grain(told))
    assert made_by(Graph([Grain(segment, gain=0.5, seed=9)])) == sums(fg.grain(told, gain=0.5, seed=9))


def made_by(graph) -> list[str]:
    """Checksums of what a graph makes of the pictures."""
    import hashlib
    from fractions import Fraction

    from filmgrain_codec.core.codes import read_codes
    from filmgrain_codec.core.frame import FrameFormat
    from filmgrain_codec.media.convert import to_bytes

    fmt = FrameFormat(WIDTH, HEIGHT, bits=10)
    frames = (
        Frame(tuple(read_codes(p, np.float32(1023)) for p in planes), fmt, n, n, Fraction(1, 24))
        for n, planes in enumerate(pictures())
    )
    return [hashlib.md5(to_bytes(frame)).hexdigest() for frame in graph.stream(frames)]


@pytest.mark.parametrize(
    "zones", ["0-3:level=0.02;10-:off", [((None, 3), 0.02), ((10, None), 0)]], ids=["text", "pairs"]
)
def test_zones(zones):
    made, low, usual, source = (
        sums(c)
        for c in (
            fg.denoise(vs_clip(), 0.04, zones=zones),
            fg.denoise(vs_clip(), 0.02),
            fg.denoise(vs_clip(), 0.04),
            vs_clip(),
        )
    )
    assert made == [*low[:4], *usual[4:10], *source[10:]]


def test_importing_the_module_does_no_work():
    import subprocess
    import sys

    names = ("vapoursynth", "onnxruntime", "numpy")
    code = f"import sys, vsfgcodec; print([m for m in {names} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_finding_a_function_makes_no_core():
    """Where scripts are embedded, the host makes it, after its own policy was registered."""
    import subprocess
    import sys

    code = "import vsfgcodec as fg, vapoursynth as vs; fg.denoise, fg.analyze, fg.depth, dir(fg); "
    done = subprocess.run(
        [sys.executable, "-c", code + "print(vs.has_policy(), vs.core.std is None, vs.has_policy())"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["False", "False", "True"]


def test_no_video_library_is_loaded(tmp_path: Path):
    """Scripts run in mastering tools: the module brings no second FFmpeg with it."""
    import subprocess
    import sys

    code = """
    import sys, vapoursynth as vs, vsfgcodec as fg
    clip = vs.core.std.BlankClip(format=vs.YUV420P8, width=64, height=64, length=3)
    fg.grain(fg.denoise(clip, 0.02)).get_frame(1)
    print([m for m in ('av', 'torch', 'click') if m in sys.modules])
    """
    done = subprocess.run([sys.executable, "-c", dedent(code)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_grain_by_a_synthesis_model(source):
    from filmgrain_codec.errors import ModelError
    from filmgrain_codec.infer import store

    try:
        store.resolve("fast", "synthesis")
    except ModelError:
        pytest.skip("no synthesis model is installed")
    made = sums(fg.grain(vs_clip(), 0.04, synthesis="fast"))
    assert made == filtered(source, "grain:level=0.04,synthesis=fast")
    assert made == sums(fg.grain(vs_clip(), 0.04, synthesis="fast"), reversed(range(FRAMES)))
    assert made != sums(fg.grain(vs_clip(), 0.04))


class Meeting:
    """A node that waits until as many threads are in it as it was told, and counts how many there are."""

    radius = 0
    barrier = threading.Barrier(1)
    inside, most = 0, 0
    lock = threading.Lock()

    def configure(self, fmt):
        return fmt

    def process(self, window, n: int) -> Frame:
        with Meeting.lock:
            Meeting.inside += 1
            Meeting.most = max(Meeting.most, Meeting.inside)
        Meeting.barrier.wait(timeout=20)
        with Meeting.lock:
            Meeting.inside -= 1
        return window[0]


@pytest.fixture
def meeting(core):
    NODES.register(NodeSpec("meeting", Meeting, "Waits."))
    before, core.num_threads = core.num_threads, 4
    Meeting.most = 0
    yield Meeting
    core.num_threads = before
    del NODES._specs["meeting"]


def test_frames_are_made_at_the_same_time(meeting):
    """Two frames cannot leave the node before both are in it."""
    meeting.barrier = threading.Barrier(2)
    assert len(list(fg.meeting(vs_clip()).frames(prefetch=4, close=True))) == FRAMES
    assert meeting.most >= 2


def test_num_streams_limits_them(meeting):
    meeting.barrier = threading.Barrier(1)
    assert len(list(fg.meeting(vs_clip(), num_streams=1).frames(prefetch=4, close=True))) == FRAMES
    assert meeting.most == 1
