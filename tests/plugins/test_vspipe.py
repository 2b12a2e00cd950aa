"""Every function in the vspipe of the wheel: the bytes of the command line for any threads and requests."""

from __future__ import annotations

import hashlib
from textwrap import dedent

import numpy as np
import pytest

import vsfgcodec as fg
from tests.plugins.clips import FRAMES, HEIGHT, WIDTH, filtered, sums, vs_clip

SCRIPT = """
    import vapoursynth as vs
    import vsfgcodec as fg
    vs.core.num_threads = int(threads)
    clip = vs.core.bs.VideoSource(source, cachemode=0)
    told = fg.analyze(clip, sidecar)
    ramp = clip.std.BlankClip(format=vs.GRAYS, color=0.03)
    vs.core.std.StackVertical([
        fg.denoise(clip, 0.03),
        fg.denoise(clip, blind=True, tile=64),
        fg.grain(clip, 0.03, seed=5),
        fg.chain(clip, "denoise:level=0.03", "grain:level=0.03,seed=5"),
        fg.deflicker(clip, mode="safe", radius=5),
        fg.codec_repair(clip, qp=36.0, codec="x264"),
        fg.repair(clip),
        fg.dust(clip, sensitivity=4.0, max_coverage=100.0),
        fg.denoise(told),
        fg.grain(fg.denoise(told)),
        fg.grain(fg.estimate(clip, every=14, tr=1)),
        fg.denoise(clip, ramp),
    ]).set_output()
"""
TEXTS = (
    ("denoise:level=0.03",),
    ("denoise:tile=64",),
    ("grain:level=0.03,seed=5",),
    ("denoise:level=0.03", "grain:level=0.03,seed=5"),
    ("deflicker:mode=safe,radius=5",),
    ("codec_repair:qp=36,codec=x264",),
    ("dust", "scratches"),
    ("dust:sensitivity=4,max_coverage=100",),
)
COUNT = 12
REQUESTS = [(1, 1), (2, 2), (4, 7)]


def bands(data: bytes) -> list[list[str]]:
    """Checksums of every frame of each of the clips that lie on one another in a y4m stream of 10 bits."""
    head, _, body = data.partition(b"\n")
    assert f"W{WIDTH} H{HEIGHT * COUNT} ".encode() in head
    luma = WIDTH * HEIGHT * COUNT
    size = len(b"FRAME\n") + 3 * luma
    assert len(body) == FRAMES * size
    found: list[list[str]] = [[] for _ in range(COUNT)]
    for at in range(0, len(body), size):
        samples = np.frombuffer(body[at + size - 3 * luma : at + size], np.uint16)
        planes = np.split(samples, [luma, luma + luma // 4])
        for k, sums_ in enumerate(found):
            sums_.append(hashlib.md5(b"".join(p.reshape(COUNT, -1)[k].tobytes() for p in planes)).hexdigest())
    return found


@pytest.fixture(scope="module")
def streams(tmp_path_factory, source, vspipe):
    """What vspipe writes, by numbers of threads and of requests."""
    folder = tmp_path_factory.mktemp("vspipe")
    script, sidecar = folder / "all.vpy", folder / "clip.fg.json"
    script.write_text(dedent(SCRIPT))
    fg.analyze(vs_clip(), sidecar)
    given = ("-c", "y4m", "-a", f"source={source}", "-a", f"sidecar={sidecar}")
    made = {
        (many, ahead): vspipe(script, *given, "-a", f"threads={many}", "-r", str(ahead))
        for many, ahead in REQUESTS
    }
    return made, sidecar


def test_threads_and_requests_change_no_byte(streams):
    made, _ = streams
    assert len({hashlib.md5(data).hexdigest() for data in made.values()}) == 1


def test_every_function_gives_the_bits_of_the_command_line(streams, source):
    made, _ = streams
    found = bands(made[4, 7])
    for k, texts in enumerate(TEXTS):
        assert found[k] == filtered(source, *texts), texts


def test_grain_that_was_measured_gives_the_same_bits_in_process(streams):
    made, sidecar = streams
    told = fg.apply_levels(vs_clip(), sidecar)
    off = fg.denoise(told)
    wanted = [sums(c, reversed(range(FRAMES))) for c in (off, fg.grain(off))]
    assert bands(made[4, 7])[len(TEXTS) : len(TEXTS) + 2] == wanted
