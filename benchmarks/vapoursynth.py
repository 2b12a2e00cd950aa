"""Frames per second inside VapourSynth at 1080p 10 bit: ``python -m benchmarks vapoursynth [--frames 24]``.

Three ways to the same removal with the same number of threads: the nets alone (ONNX Runtime called directly
on arrays of the right size), the node in our own executor, and ``fg.denoise`` in a script. What the script
adds to the node is the adapter's cost; what the node adds to the nets is motion search and arithmetic. The
same nets as a node that does nothing else with its window of five frames, in a script, show what VapourSynth
and the adapter cost beside ONNX Runtime called directly. Then there are what others offer for the task, where
their wheels are installed (group ``bench``), with settings as their users have them, and vs-mlrt with ours.
Speed only: ``benchmarks removal`` compares the pictures.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from statistics import median
from typing import Any

import numpy as np

from benchmarks.report import save, table
from benchmarks.speed import FORMAT, LEVEL, RATE
from benchmarks.speed import frames as grainy
from filmgrain_codec.core.codes import read_codes, write_codes
from filmgrain_codec.core.executor import process
from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.core.graph import Graph
from filmgrain_codec.core.registry import build_chain
from filmgrain_codec.infer import backend, store
from filmgrain_codec.infer.names import ORT
from filmgrain_codec.nodes.packed import PHASES

LOOP = 8
"""Distinct pictures; they repeat, so that making them costs nothing while the clock runs."""
NETS, NODE = "the nets alone, ONNX Runtime", "the node, our executor"
BARE = "the nets alone, through the adapter"
NATIVE = "vs-mlrt (core.ort), same nets"
PARTS = ("luma", "chroma")
Codes = tuple[np.ndarray, ...]


def pictures() -> list[Codes]:
    """Grainy frames in 10-bit codes."""
    found = []
    for frame in islice(grainy(LOOP), LOOP):
        planes = [np.empty(p.shape, np.uint16) for p in frame.planes]
        for plane, codes in zip(frame.planes, planes, strict=True):
            write_codes(plane, codes, np.float32(FORMAT.peak))
        found.append(tuple(planes))
    return found


def clip(loop: Sequence[Codes], count: int) -> Any:
    """The pictures as a clip of ``count`` frames that is made once and kept."""
    import vapoursynth as vs

    form = vs.core.std.BlankClip(
        format=vs.YUV420P10, width=FORMAT.width, height=FORMAT.height, length=len(loop),
        fpsnum=RATE.numerator, fpsden=RATE.denominator, keep=True,
    )  # fmt: skip

    def fill(n: int, f: Any) -> Any:
        out = f.copy()
        for k, codes in enumerate(loop[n]):
            np.copyto(np.asarray(out[k]), codes)
        return out

    once = form.std.ModifyFrame(form, fill).std.SetFrameProps(_Range=0)
    once.std.SetVideoCache(mode=1, fixedsize=True, maxsize=len(loop))
    return once.std.Loop(-(-count // len(loop)))[:count]


def frames(loop: Sequence[Codes], count: int) -> Iterator[Frame]:
    """The same as frames of the graph."""
    for n in range(count):
        planes = tuple(read_codes(p, np.float32(FORMAT.peak)) for p in loop[n % len(loop)])
        yield Frame(planes, FORMAT, n, n, 1 / RATE, 1)


class Nets:
    """A node of removal's window that runs both nets on arrays of the right size, and lets the frame pass."""

    def __init__(self, model: str) -> None:
        found = store.resolve(model)
        self.radius = found.radius
        self._parts = [(backend.net(found.part(p), 1, ORT), inputs(p, found.radius)) for p in PARTS]

    def configure(self, fmt: FrameFormat) -> FrameFormat:
        return fmt

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        self.run()
        return window[self.radius]

    def run(self) -> None:
        for net, given in self._parts:
            net.run(given)


def nets(model: str, threads: int, count: int) -> None:
    """Run both nets, ``threads`` frames at a time."""
    node = Nets(model)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda _: node.run(), range(count)))


def inputs(part: str, radius: int) -> dict[str, np.ndarray]:
    """Arrays as the node gives them to its nets: packed at half size (see ``nodes.normal``)."""
    planes, guides = (1, 0) if part == "luma" else (2, 2)
    rows, columns = (-(-n // 8) * 4 for n in FORMAT.shape(0 if part == "luma" else 1))
    channels = PHASES * (planes * (2 * radius + 3) + guides)
    given = np.random.default_rng(1).normal(0, 1, (1, channels, rows, columns)).astype(np.float32)
    return {"given": given, "size": np.zeros((1, 1), np.float32)}


def node(text: str, loop: Sequence[Codes], threads: int, count: int) -> None:
    """A filter in our own executor."""
    graph = Graph(build_chain([text]))
    for _ in process(frames(loop, count), graph, workers=threads):
        pass


def script(make: Callable[[Any], Any], loop: Sequence[Codes], threads: int, count: int) -> None:
    """A filter in VapourSynth."""
    import vapoursynth as vs

    vs.core.num_threads = threads
    for _ in make(clip(loop, count)).frames(close=True):
        pass


def ours(model: str) -> dict[str, Callable[[Any], Any]]:
    """Our functions. Without ``cuts`` where the executor is given none either."""
    import vapoursynth as vs

    import vsfgcodec as fg

    removal = partial(fg.denoise, level=LEVEL, model=model, backend=ORT)
    native = {NATIVE: partial(mlrt, model)} if hasattr(vs.core, "ort") else {}
    return {
        BARE: partial(through, Nets(model)),
        "fg.denoise": partial(removal, cuts=None),
        **native,
        "fg.denoise, finding cuts": removal,
        "fg.grain": partial(fg.grain, level=LEVEL),
        "fg.grain of level 0 (the adapter)": partial(fg.grain, level=0),
    }


def through(nets: Nets, given: Any) -> Any:
    """A node in a script, as the adapter of registered ones does it."""
    from vsfgcodec.clips import job
    from vsfgcodec.filters import chained
    from vsfgcodec.stages import Manner

    return chained(job("benchmark", given), [nets], Manner(None, None, None))


def mlrt(model: str, given: Any) -> Any:
    """The same removal by vs-mlrt's native plug-in, as docs/vapoursynth.md has it."""
    import vapoursynth as vs

    import vsfgcodec as fg

    core = vs.core
    told = given.std.SetFrameProps(FGLevel=LEVEL, FGCurve=[1.0] * 8)
    run = partial(core.ort.Model, num_streams=core.num_threads)
    luma = run(fg.mlrt_inputs(told, model=model, cuts=None), network_path=fg.mlrt_model(model=model))
    asked = fg.mlrt_inputs(told, "chroma", luma, model=model, cuts=None)
    chroma = run(asked, network_path=fg.mlrt_model("chroma", model))
    size = (given.width, given.height)
    planes = [luma, *(core.std.ShufflePlanes(chroma, k, vs.GRAY) for k in (0, 1))]
    half = (size[0] // 2, size[1] // 2)
    codes = [
        core.std.Expr(core.std.CropAbs(p, *wh), "x 1023 *", vs.GRAY10)
        for p, wh in zip(planes, (size, half, half), strict=True)
    ]
    return core.std.ShufflePlanes(codes, [0, 0, 0], vs.YUV)


def others() -> dict[str, Callable[[Any], Any]]:
    """Degrainers of others, those that are installed."""
    import vapoursynth as vs

    core, found = vs.core, {}
    if hasattr(core, "dfttest2_cpu"):
        found["dfttest2[cpu], tbsize 3"] = dfttest
    if hasattr(core, "mv"):
        found["mvtools Degrain2"] = degrain
    if hasattr(core, "nlm_ispc"):
        found["nlm-ispc, d 1"] = lambda c: core.nlm_ispc.NLMeans(c, d=1, a=2, s=4, h=2.0, channels="Y")
    if hasattr(core, "bm3d"):
        found["bm3d.Basic, luma"] = bm3d
    return found


def dfttest(given: Any) -> Any:
    import dfttest2

    return dfttest2.DFTTest(given, tbsize=3, sigma=16.0, backend=dfttest2.Backend.CPU())


def degrain(given: Any) -> Any:
    import vapoursynth as vs

    mv = vs.core.mv
    above = mv.Super(given, pel=2)
    steps = [(back, delta) for delta in (1, 2) for back in (1, 0)]
    vectors = [mv.Analyse(above, isb=b, delta=d, blksize=16, overlap=8) for b, d in steps]
    return mv.Degrain2(given, above, *vectors, thsad=300)


def bm3d(given: Any) -> Any:
    import vapoursynth as vs

    luma = given.std.ShufflePlanes(0, vs.GRAY)
    return vs.core.bm3d.Basic(luma, sigma=[3.0], profile="fast")


def speed(run: Callable[[int, int], None], threads: int, count: int, times: int) -> dict[str, float]:
    """Frames and processor seconds, medians of some runs; a short one before loads what is loaded once.

    Processor seconds say more where other programs run on the machine.
    """
    run(threads, 2)
    fps, cpu = [], []
    for _ in range(times):
        began, busy = time.perf_counter(), time.process_time()
        run(threads, count)
        fps.append(count / (time.perf_counter() - began))
        cpu.append((time.process_time() - busy) / count)
    return {"fps": median(fps), "cpu_per_frame": median(cpu)}


def runs(model: str, loop: Sequence[Codes]) -> dict[str, Callable[[int, int], None]]:
    """Everything that is timed, as functions of threads and frames."""
    alone = f"denoise:level={LEVEL},model={model},backend={ORT}"
    scripts = {**ours(model), **others()}
    return {
        NETS: partial(nets, model),
        NODE: partial(node, alone, loop),
        **{name: partial(script, make, loop) for name, make in scripts.items()},
    }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks vapoursynth", description=__doc__)
    parser.add_argument("--frames", type=int, default=24, help="frames of each run")
    parser.add_argument("--times", type=int, default=3, help="runs of each; the median counts")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="numbers of threads")
    parser.add_argument("--model", default="fast", help="removal model")
    parser.add_argument("--dry-run", action="store_true", help="save no results")
    options = parser.parse_args(arguments)
    loop, rows = pictures(), []
    for name, run in runs(options.model, loop).items():
        for threads in options.threads:
            rows.append(
                {"filter": name, "threads": threads, **speed(run, threads, options.frames, options.times)}
            )
            print(f"{name:36} {threads} threads {rows[-1]['fps']:8.2f} fps", flush=True)
    for row in rows:
        row["of_node"] = row["fps"] / _of(rows, NODE, row["threads"])
        row["of_nets"] = row["fps"] / _of(rows, NETS, row["threads"])
    print(table(rows, ("filter", "threads", "fps", "cpu_per_frame", "of_node", "of_nets")))
    if not options.dry_run:
        save("vapoursynth", rows, frames=options.frames, model=store.resolve(options.model).id)


def _of(rows: Sequence[dict[str, Any]], name: str, threads: int) -> float:
    return next(r["fps"] for r in rows if r["filter"] == name and r["threads"] == threads)
