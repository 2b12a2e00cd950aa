"""Every registered filter can be built by its name alone and runs on a frame."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import filmgrain_codec.nodes  # noqa: F401  (fills the registry)
from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.core.graph import Graph
from filmgrain_codec.core.registry import NODES, build_chain
from filmgrain_codec.errors import UsageError
from filmgrain_codec.grain.presets import STOCKS, segment

NEEDS_A_FILE = {"deflicker_table"}
TEXTS = [
    *(spec.name for spec in NODES if spec.name not in NEEDS_A_FILE),
    "grain:level=0.02,curve=flat,chroma=0",
    "denoise:level=0.03",
    "grain:preset=8mm-500t",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_filter_runs_by_its_name(text):
    fmt = FrameFormat(32, 24)
    planes = tuple(np.full(fmt.shape(k), 0.5, np.float32) for k in range(3))
    made = list(Graph(build_chain([text]), debug=True).stream([Frame(planes, fmt, 0, 0, Fraction(1, 24))]))
    assert [p.shape for p in made[0].planes] == [p.shape for p in planes]
    assert np.ptp(made[0].planes[0]) < 0.5


def test_grain_by_name_has_the_level_asked_for():
    fmt = FrameFormat(512, 512, "gray", 0, 0, 10)
    gray = Frame((np.full((512, 512), 0.5, np.float32),), fmt, 0, 0, Fraction(1, 24))
    made = next(Graph(build_chain(["grain:level=0.04,size=0.5"])).stream([gray]))
    assert np.std(made.planes[0]) == pytest.approx(0.04, rel=0.03)


def test_grain_by_preset_takes_what_is_stated_instead():
    fmt = FrameFormat(512, 512, "gray", 0, 0, 10)
    gray = Frame((np.full((512, 512), 0.5, np.float32),), fmt, 0, 0, Fraction(1, 24))

    def sigma(text):
        return np.std(next(Graph(build_chain([text])).stream([gray])).planes[0])

    wanted = segment(STOCKS["35mm-50d"], 512).level
    assert sigma("grain:preset=35mm-50d") == pytest.approx(wanted, rel=0.03)
    assert sigma("grain:preset=35mm-50d,level=0.04,size=1.2,curve=flat") == pytest.approx(0.04, rel=0.03)
    assert sigma("grain:preset=35mm-50d,level=0") == 0
    with pytest.raises(UsageError, match="8mm-500t"):
        build_chain(["grain:preset=9mm"])
