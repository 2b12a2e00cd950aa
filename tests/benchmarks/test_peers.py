"""The peers: their settings, and what FFmpeg's and SVT-AV1's make of a small clip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from benchmarks import material
from benchmarks.peers import ffmpeg, svt, tuned
from benchmarks.peers.case import LENGTH, MIDDLE, Case, Planes, told
from benchmarks.peers.peer import Settings, made
from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.grain.removal_metrics import psnr

LEVEL = 0.05


def small(name: str, gain: float = 1.0) -> Case:
    """A smooth moving clip with spectral grain."""
    fmt = FrameFormat(128, 96, bits=10)
    y, x = np.mgrid[:96, :128] / 96
    clean = []
    for n in range(LENGTH):
        luma = (0.5 + gain * 0.2 * np.sin(4 * x + 0.1 * n) * np.cos(3 * y)).astype(np.float32)
        half = np.full((48, 64), 0.5, np.float32)
        clean.append(Frame((luma, half, half), fmt, n, n, 1 / material.RATE))
    grain = material.Grain("spectral", LEVEL, 0.8, tone="boolean")
    grainy = tuple(material.grained(clean, grain))
    return Case(name, "spectral", 0.8, LEVEL, tuple(clean), grainy, told("spectral", 0.8, LEVEL))


@dataclass(frozen=True)
class Shift(tuned.PlaneWise):
    """Adds a constant: the best is the one that undoes what a case has been shifted by."""

    name: str = "shift"
    package: str = "numpy"
    frames: tuple[int, ...] = (MIDDLE,)
    reach: int = 1

    def candidates(self, sigma: float, chroma: bool = False) -> Iterator[Settings]:
        return iter([{"by": by} for by in (-0.2, -0.1, 0.0)])

    def run(self, frames: Sequence[Planes], luma: Settings, chroma: Settings | None) -> list[Planes]:
        count = 3 if chroma else 1
        return [tuple(p + (chroma or luma)["by"] for p in f[:count]) for f in frames]


def shifted(case: Case, by: float) -> Case:
    frames = tuple(f.with_planes(tuple(p + np.float32(by) for p in f.planes)) for f in case.grainy)
    return replace(case, grainy=frames)


def test_settings_for_a_clip_are_those_of_the_other_clips():
    odd, *others = shifted(small("odd"), 0.2), shifted(small("a"), 0.1), shifted(small("b"), 0.1)
    settings = tuned.best(Shift(), [odd, *others])["settings"]
    assert settings["odd"] == {"luma": {"by": -0.1}, "chroma": {"by": -0.1}}
    assert settings[tuned.ALL]["luma"] == {"by": -0.1}


@pytest.mark.parametrize(
    ("peer", "options"),
    [
        (ffmpeg.Nlmeans(), {"s": 8.9, "p": 7, "r": 15}),
        (ffmpeg.Fftdnoiz(), {"sigma": 50, "block": 32, "overlap": 0.8, "prev": 1, "next": 1}),
        (ffmpeg.FfmpegBm3d(), {"sigma": 100, "block": 8, "final": 2.0}),
        (svt.SvtAv1(), {"film-grain": 50, "crf": svt.CRF}),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_peer_gives_back_every_frame_in_order_and_nearer_to_the_clean_one(peer, options):
    case = small("clip")
    out = peer.run([f.planes for f in case.grainy], options, options)
    assert len(out) == LENGTH
    for n in (2, MIDDLE):
        clean, noisy = case.clean[n].planes, case.grainy[n].planes
        assert psnr(out[n][0], clean[0]) > psnr(noisy[0], clean[0])
        assert [p.shape for p in out[n]] == [p.shape for p in clean]


def test_what_a_peer_made_is_asked_for_once(tmp_path):
    case, asked = small("clip"), []

    class Slow:
        name, oracle, frames = "slow", False, (MIDDLE,)

        def settings(self, case: Case) -> Settings:
            return {"strength": len(asked) > 1}

        def clean(self, case: Case) -> dict[int, Planes]:
            asked.append(case.key)
            return {MIDDLE: case.clean[MIDDLE].planes}

    first, again = made(Slow(), case, tmp_path), made(Slow(), case, tmp_path)
    assert len(asked) == 1
    assert np.array_equal(first.frames[MIDDLE][0], again.frames[MIDDLE][0])
    assert np.abs(again.frames[MIDDLE][0] - case.clean[MIDDLE].planes[0]).max() <= 0.5 / 1023 + 1e-6
    asked.append("other settings from here on")
    made(Slow(), case, tmp_path)
    assert len(asked) == 3
