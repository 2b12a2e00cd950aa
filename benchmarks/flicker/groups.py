"""The cases, in groups, a clip after the other so that its motion is searched once."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.flicker import guards, recipe, scenes
from benchmarks.flicker.recipe import Flicker
from benchmarks.flicker.scenes import Case, Clip

CROPS = {"both": recipe.BOTH, "global": recipe.GLOBAL, "local": recipe.LOCAL, "lasting": recipe.LASTING,
         "banding": recipe.BANDING}  # fmt: skip
BRIGHT = {"clipped": recipe.BOTH}
MOTION = {"real motion": recipe.BOTH, "colour": recipe.COLOUR}
EVENTS, CLEAN, GUARDS, OLD = "events", "clean", "guards", "old films"
GROUPS = (*CROPS, *BRIGHT, *MOTION, EVENTS, CLEAN, GUARDS, OLD)
FULL = ("both", "global", OLD)
"""Groups on which every peer is tried; on the others only some of them."""


def cases(groups: tuple[str, ...], crops: int | None, limit: int) -> Iterator[tuple[str, Case]]:
    """Group and case; ``crops``: how many moving crops (all), ``limit``: most frames of an old film."""
    for name, case in every(crops, limit, set(groups)):
        if name in groups:
            yield name, case


def every(crops: int | None, limit: int, wanted: set[str]) -> Iterator[tuple[str, Case]]:
    if wanted & {*CROPS, CLEAN}:
        for seed, clip in enumerate(scenes.moving_crops(crops)):
            yield from treated(clip, CROPS, seed)
    if wanted & {*BRIGHT}:
        for seed, clip in enumerate(scenes.moving_crops(pairs=scenes.BRIGHT)):
            yield from treated(clip, BRIGHT, seed)
    if wanted & {*MOTION, CLEAN}:
        for seed, clip in enumerate(scenes.real_motion()):
            yield from treated(clip, MOTION, seed)
    if CLEAN in wanted:
        yield from ((CLEAN, Case.untouched(clip)) for clip in scenes.film())
    if wanted & {EVENTS, GUARDS}:
        yield from guarded()
    if OLD in wanted:
        yield from ((OLD, Case.untouched(clip, clean=False)) for clip in scenes.old_films(limit))


def treated(clip: Clip, kinds: dict[str, Flicker], seed: int) -> Iterator[tuple[str, Case]]:
    """A clip with every kind of flicker, and as it is."""
    for name, flicker in kinds.items():
        given = tuple(recipe.flickered(clip.frames, flicker, seed))
        known = clip.bare is not None and not flicker.banding
        ideal = tuple(recipe.averaged(clip.frames, flicker, seed)) if known else None
        yield name, Case(clip, given, ideal=ideal)
    yield CLEAN, Case.untouched(clip)


def guarded() -> Iterator[tuple[str, Case]]:
    """The guards as they are; those of light also with mild flicker, which leaves the light to keep."""
    for seed, guard in enumerate(guards.guards()):
        clip = guard.clip()
        yield GUARDS, Case.untouched(clip)
        if guard in guards.LIGHT:
            yield EVENTS, Case(clip, tuple(recipe.flickered(clip.frames, recipe.MILD, seed)))
