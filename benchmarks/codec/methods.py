"""What is compared: ours told and untold, FFmpeg's deblock, the older post-processors of Debian's ffmpeg, and
VapourSynth's Deblock (H.264's filter) where its wheel is installed.

Peers that must be told a strength get the one of a few that brings each clip nearest to the clean one, which
nobody has in practice.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np

from benchmarks import quality
from benchmarks.codec.cases import Case
from benchmarks.peers.vapour import clip_of, planes_of
from filmgrain_codec.core.frame import Frame
from filmgrain_codec.core.graph import Graph
from filmgrain_codec.nodes.codec_repair import CodecRepair

Frames = list[Frame]
DEBLOCK = (("weak", 4), ("weak", 8), ("strong", 4), ("strong", 8))
QPS = (4, 12, 24)
QUANTS = (15, 25, 35, 45)
_TICK = Fraction(1, 25)


def ours(model: str) -> dict[str, Callable[[Case], Frames]]:
    """With the encoder's own QP, what a reader of the file is told, QP judged; the slider's other end."""
    node, natural = CodecRepair(model=model), CodecRepair(model=model, perceptual=1.0)
    return {
        "told": lambda case: repaired(node, case.coded),
        "as read": lambda case: repaired(node, case.as_read()),
        "judged": lambda case: repaired(node, case.untold()),
        "perceptual": lambda case: repaired(natural, case.as_read()),
    }


def repaired(node: CodecRepair, frames: Sequence[Frame]) -> Frames:
    """A clip through the filter, which sees as many neighbours as its model does."""
    numbered = (replace(f, index=n) for n, f in enumerate(frames))
    return list(Graph([node]).stream(numbered))


def peers() -> dict[str, Callable[[Case], Frames]]:
    """The other methods that are installed here."""
    found: dict[str, Callable[[Case], Frames]] = {"deblock (FFmpeg)": deblock}
    if shutil.which("ffmpeg"):
        found["spp (FFmpeg)"] = lambda case: debian(case, "spp=4:qp={qp}")
        found["fspp (FFmpeg)"] = lambda case: debian(case, "fspp=4:qp={qp}")
        found["pp7 (FFmpeg)"] = lambda case: debian(case, "pp7=qp={qp}")
        found["pp (FFmpeg)"] = lambda case: debian(case, "pp=ha/va/dr/fq|{qp}")
    if _has_deblock():
        found["Deblock (VapourSynth)"] = vapoursynth
    return found


def _has_deblock() -> bool:
    try:
        import vapoursynth as vs
    except ImportError:
        return False
    return hasattr(vs.core, "deblock")


def vapoursynth(case: Case) -> Frames:
    """Deblock on all planes of 16 bits, with the strength that suits the clip best."""
    import vapoursynth as vs

    clip = clip_of([f.planes for f in case.coded])
    tried = []
    for quant in QUANTS:
        made = planes_of(vs.core.deblock.Deblock(clip, quant=quant), 3)
        planes = zip(*made, strict=True)
        tried.append([f.with_planes(p) for f, p in zip(case.coded, planes, strict=True)])
    return nearest(tried, case.clean)


def deblock(case: Case) -> Frames:
    """FFmpeg's deblock on every plane, at its default thresholds."""
    tried = []
    for kind, block in DEBLOCK:
        planes = [_deblocked([f.planes[k] for f in case.coded], kind, block) for k in range(3)]
        tried.append([f.with_planes(tuple(p[n] for p in planes)) for n, f in enumerate(case.coded)])
    return nearest(tried, case.clean)


def _deblocked(planes: Sequence[np.ndarray], kind: str, block: int) -> list[np.ndarray]:
    rows, columns = planes[0].shape
    graph = av.filter.Graph()
    layout = av.VideoFormat("gray10le", columns, rows)
    source = graph.add_buffer(width=columns, height=rows, format=layout, time_base=_TICK)
    steps = [graph.add("deblock", f"filter={kind}:block={block}"), graph.add("buffersink")]
    for a, b in pairwise([source, *steps]):
        a.link_to(b)
    graph.configure()
    made = []
    for n, plane in enumerate(planes):
        codes = np.rint(plane.clip(0, 1) * 1023).astype(np.uint16)
        picture = av.VideoFrame.from_ndarray(codes, "gray10le")
        picture.pts, picture.time_base = n, _TICK
        source.push(picture)
        made.append(steps[-1].pull().to_ndarray().astype(np.float32) / np.float32(1023))
    return made


def debian(case: Case, text: str) -> Frames:
    """A filter of the ffmpeg on the PATH on 8-bit pictures; none where it fails."""
    tried = [t for qp in QPS if (t := piped(case.coded, text.format(qp=qp)))]
    return nearest(tried, case.clean) if tried else []


def piped(frames: Sequence[Frame], text: str) -> Frames:
    fmt = frames[0].fmt
    size = f"{fmt.width}x{fmt.height}"
    raw = ["-f", "rawvideo", "-pix_fmt", "yuv420p"]
    command = ["ffmpeg", "-v", "error", "-threads", "1", *raw, "-s", size, "-i", "-", "-vf", text, *raw, "-"]
    scale = fmt.peak * 2.0 ** (8 - fmt.bits)
    codes = [np.clip(np.rint(p * scale), 0, 255).astype(np.uint8) for f in frames for p in f.planes]
    given = b"".join(c.tobytes() for c in codes)
    done = subprocess.run(command, input=given, capture_output=True, check=False)
    samples = np.frombuffer(done.stdout, np.uint8)
    if samples.size != sum(c.size for c in codes):
        return []
    out = iter(np.split(samples, np.cumsum([c.size for c in codes])[:-1]))
    back = np.float32(1 / scale)
    return [
        replace(f, planes=tuple(next(out).reshape(p.shape).astype(np.float32) * back for p in f.planes))
        for f in frames
    ]


def nearest(tried: Sequence[Frames], clean: Sequence[Frame]) -> Frames:
    """The try whose luma is nearest to the clean one's."""
    truth = [quality.codes(f) for f in clean]
    return max(tried, key=lambda frames: quality.psnr(truth, [quality.codes(f) for f in frames]))
