"""What is kept by key, and keys that stand for one very object."""

from __future__ import annotations

import gc

import numpy as np

from filmgrain_codec.core.kept import Kept, Same


def test_equal_objects_are_not_the_same_one():
    one, other = np.zeros(4), np.zeros(4)
    assert Same(one) == Same(one)
    assert hash(Same(one)) == hash(Same(one))
    assert Same(one) != Same(other)


def test_a_key_keeps_nothing_alive_and_fits_no_later_object():
    kept: Kept[Same, int] = Kept(4)
    for number in range(100):
        picture = np.full(1000, number)
        assert kept.get(Same(picture), lambda made=number: made) == number
        del picture
        gc.collect()


def test_what_was_asked_for_last_stays_and_is_made_once():
    made: list[int] = []

    def make(key: int) -> int:
        made.append(key)
        return key

    kept: Kept[int, int] = Kept(2)
    for key in (1, 2, 1, 3, 1, 2):
        assert kept.get(key, lambda key=key: make(key)) == key
    assert made == [1, 2, 3, 2]
