"""How much a shot flickers, from the notes of its frames."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.core.graph import Graph
from filmgrain_codec.errors import InputError
from filmgrain_codec.nodes.flicker.light import NOTE, Light, Look
from filmgrain_codec.nodes.flicker.measure import index

FMT = FrameFormat(288, 216, "gray", 0, 0)


def drifting(light, grain=0.004):
    """A textured picture that drifts under ``light`` (frames,) or (frames, rows, columns)."""
    random = np.random.default_rng(1)
    texture = random.standard_normal((62, 80)).repeat(4, 0).repeat(4, 1)
    frames = []
    for n, gain in enumerate(light):
        seen = 0.45 + 0.08 * texture[n : n + 216, n : n + 288]
        plane = (seen * gain + grain * random.standard_normal(seen.shape)).astype(np.float32)
        frames.append(Frame((plane,), FMT, n, n, Fraction(1, 24)))
    return frames


def notes(frames):
    return [Light.unpacked(f.props[NOTE]) for f in Graph([Look()]).stream(frames)]


def shot(light, grain=0.004):
    """Notes of ``drifting``."""
    return notes(drifting(light, grain))


def test_the_index_is_the_deviation_of_independent_light_in_codes():
    gains = 1 + 0.03 * np.random.default_rng(2).standard_normal(30)
    found = index(shot(gains))
    robust = np.median(np.abs(np.diff(gains, 2))) / 0.6745 / 6**0.5 * 0.45 * 255
    assert found.whole == pytest.approx(robust, rel=0.1)
    assert found.flickers == 1


def test_motion_grain_and_a_fade_are_no_flicker():
    for light in (np.ones(20), np.linspace(1, 0.5, 20)):
        found = index(shot(light, 0.02))
        assert found.value < 0.2
        assert found.flickers == 0
        assert found.trust > 0.7


def test_light_of_parts_that_leaves_the_mean_alone_is_seen():
    side = np.sign(np.arange(288) - 143.5) * np.ones((216, 1))
    waves = np.random.default_rng(3).standard_normal(20)
    found = index(shot(1 + 0.03 * waves[:, None, None] * side))
    assert found.whole < found.parts / 4
    assert found.parts > 1.5


def test_frames_stored_twice_do_not_hide_flicker():
    gains = 1 + 0.03 * np.random.default_rng(4).standard_normal(24)
    film = drifting(gains)
    doubled = [replace(film[n * 2 // 3], index=n, pts=n) for n in range(36)]
    once, twice = (index(notes(frames)) for frames in (film, doubled))
    assert twice.value == pytest.approx(once.value, rel=0.01)


def test_grain_alone_leaves_a_smoother_field_than_light_of_that_size():
    columns = np.sign(np.sin(np.arange(288) * np.pi / 18))
    gains = np.stack([1 + 0.03 * (-1) ** n * columns * np.ones((216, 1)) for n in range(6)])
    grained, lit = (np.std([n.pair.gains for n in shot(light, 0.02)[1:]]) for light in (np.ones(6), gains))
    assert grained < 0.004
    assert lit > 0.02


def followed(light, trust):
    """Notes as they are where only ``trust`` of the samples follows the motion."""
    return [replace(n, pair=n.pair and replace(n.pair, trust=trust)) for n in shot(light)]


def test_the_less_motion_is_followed_the_more_flicker_has_to_be_seen():
    mild, severe = (1 + a * np.random.default_rng(2).standard_normal(30) for a in (0.012, 0.12))
    assert [index(followed(mild, trust)).flickers for trust in (0.9, 0.6)] == [1, 0]
    assert [index(followed(severe, trust)).flickers for trust in (0.9, 0.6)] == [1, 1]


def test_too_few_frames_say_nothing():
    assert index(shot([1, 1.2])).flickers == 0
    assert index([]).value == 0


def test_a_note_comes_back_as_it_was():
    light = shot([1, 1.1])[1]
    again = Light.unpacked(light.packed())
    assert light.pair is not None
    assert again.pair is not None
    assert np.array_equal(light.tones, again.tones)
    assert np.array_equal(light.pair.maps, again.pair.maps)
    assert np.array_equal(light.pair.gains, again.pair.gains)
    with pytest.raises(InputError):
        Light.unpacked(light.packed()[:-4])
