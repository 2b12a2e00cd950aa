"""The two-sample test sees what differs, does not see what is the same, and repeats itself."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch")

from filmgrain_codec.errors import InputError  # noqa: E402
from filmgrain_codec.train import c2st  # noqa: E402
from filmgrain_codec.train.generators import spectral  # noqa: E402
from filmgrain_codec.train.generators.common import generator  # noqa: E402

pytestmark = pytest.mark.train
STEPS = 80
Field = NDArray[np.float64]


def grain(seed: int, size: float = 0.8, frames: int = 8) -> Field:
    return 0.05 * np.stack([spectral.field((192, 512), generator(seed, n), size) for n in range(frames)])


LUMA = np.broadcast_to(np.linspace(0.1, 0.9, 512), (8, 192, 512))


def test_white_noise_of_equal_strength_is_told_apart() -> None:
    real = grain(1)
    found = c2st.accuracy(real, c2st.white(real, LUMA), LUMA, LUMA, steps=STEPS)
    assert not c2st.too_weak(found)
    assert found.low < found.accuracy <= found.high


def test_the_same_grain_is_not_told_apart_and_strength_does_not_count() -> None:
    found = c2st.accuracy(grain(1), 1.3 * grain(2), LUMA, LUMA, steps=STEPS)
    assert found.low < 0.5 < found.high + 0.05
    assert c2st.too_weak(found)


def test_the_verdict_repeats_and_leaves_torch_as_it_was() -> None:
    sets = grain(1), grain(2, 0.9), LUMA, LUMA
    threads, state = torch.get_num_threads(), torch.random.get_rng_state()
    first = c2st.accuracy(*sets, seed=3, steps=10)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.rand(1)
    assert c2st.accuracy(*sets, seed=3, steps=10) == first


def test_white_noise_has_the_strength_of_the_grain_at_every_luma() -> None:
    real = grain(1) * LUMA
    ratio = c2st.white(real, LUMA)[..., 400:].std() / real[..., 400:].std()
    assert ratio == pytest.approx(1.0, abs=0.05)


def test_the_interval_narrows_with_the_number_of_patches() -> None:
    few, many = c2st.verdict(0.6, 50), c2st.verdict(0.6, 5000)
    assert few.low < many.low < 0.6 < many.high < few.high
    assert c2st.pooled([few, few]).patches == 100
    assert c2st.pooled([few, c2st.verdict(0.8, 50)]) == c2st.verdict(0.7, 100)
    assert (many.low, many.high) == pytest.approx((0.5864, 0.6135), abs=1e-3)


def test_too_small_a_set_and_one_without_grain_are_refused() -> None:
    small = np.ones((1, 100, 100))
    with pytest.raises(InputError, match="too small"):
        c2st.accuracy(small, small, small / 2, small / 2, steps=1)
    with pytest.raises(InputError, match="no grain"):
        c2st.accuracy(0 * LUMA, 0 * LUMA, LUMA, LUMA, steps=1)
