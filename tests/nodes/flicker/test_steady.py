"""What of a path of light over time is flicker, and what is real."""

from __future__ import annotations

import numpy as np
import pytest

from filmgrain_codec.nodes.flicker import steady

LENGTH, RADIUS = 61, 24
TIME = np.arange(LENGTH, dtype=float)


def evened(path, time=TIME):
    """What every frame of a path should have, by the frames of its window."""
    made = []
    for n in range(len(path)):
        part = slice(max(0, n - RADIUS), n + RADIUS + 1)
        share = steady.shares(path[part], time[part], n - part.start, RADIUS)
        assert share.sum() == pytest.approx(1)
        made.append(float((share * path[part]).sum()))
    return np.array(made)


def flicker(amount, seed=4):
    return amount * np.random.default_rng(seed).uniform(-1, 1, LENGTH)


def jumps(path):
    return float(np.abs(np.diff(path, 2)).mean())


@pytest.mark.parametrize(
    "light",
    [np.zeros(LENGTH), 0.1 * (TIME >= 30), 0.2 * np.exp(-(((TIME - 30) / 8) ** 2))],
    ids=["still", "lamp", "swell"],
)
def test_light_that_moves_once_stays_while_flicker_goes(light):
    made = evened(0.4 + light + flicker(0.03))
    assert jumps(made) < 0.1 * jumps(flicker(0.03)) + jumps(light)
    rise = [p[26:35].mean() - p[:9].mean() for p in (made, light)]
    assert rise[0] == pytest.approx(rise[1], abs=0.03)


def test_light_that_sways_is_taken_for_flicker_and_a_swell_is_not():
    sway, swell = 0.05 * np.sin(TIME / 2.5), 0.1 * np.exp(-(((TIME - 30) / 6) ** 2))
    left = [np.ptp(evened(0.4 + light + flicker(0.02))) / np.ptp(light) for light in (sway, swell)]
    assert left[0] < 0.5
    assert left[1] > 0.75


def test_frames_beyond_pairs_that_hardly_follow_say_less():
    path = 0.4 + flicker(0.02)
    far = TIME + 24 * (TIME >= 30)
    near, doubted = (steady.shares(path[6:55], t[6:55], 20, RADIUS)[24:].sum() for t in (TIME, far))
    assert doubted < 0.7 * near


def test_a_flash_lights_an_area_and_one_cell_that_stands_out_is_no_flash():
    path = 0.4 + np.stack([flicker(0.02, seed) for seed in range(24 * 32)], 1).reshape(LENGTH, 24, 32)
    alone, area = np.full((24, 32), 0.02), np.full((24, 32), 0.02)
    alone[12, 16] = area[6:18, 8:24] = 0.2
    assert steady.unlike_flash(alone, path)[12, 16] > 0.9
    assert steady.unlike_flash(area, path)[12, 16] == 0
    assert steady.unlike_flash(area, path)[0, 0] == 1


def test_each_cell_is_judged_for_itself():
    path = 0.4 + np.stack([flicker(0.03, seed) for seed in range(6)], 1).reshape(LENGTH, 2, 3)
    every = steady.shares(path, TIME, 30, RADIUS)
    alone = steady.shares(path[:, 1, 2], TIME, 30, RADIUS)
    assert np.allclose(every[:, 1, 2], alone)
