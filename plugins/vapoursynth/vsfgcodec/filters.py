"""The filters of the frame graph as VapourSynth functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, Literal

import vapoursynth as vs

import filmgrain_codec.nodes  # noqa: F401  (registers the filters)
from filmgrain_codec.core.node import Node, unfolded
from filmgrain_codec.core.registry import NODES, build_chain
from filmgrain_codec.errors import UsageError
from filmgrain_codec.grain import properties
from filmgrain_codec.grain.profile import GrainProfile, GrainSegment
from filmgrain_codec.infer import store
from filmgrain_codec.infer.names import AUTO, CUDA
from filmgrain_codec.nodes.repair import named
from filmgrain_codec.nodes.synth import PARAMETRIC, SEGMENT_PROP, Grain
from vsfgcodec.choice import Level, choice
from vsfgcodec.clips import Job, Planes, job
from vsfgcodec.cuts import Cuts
from vsfgcodec.errors import public, reported
from vsfgcodec.stages import Choice, Manner, Stage, run, stage
from vsfgcodec.values import described, values_of
from vsfgcodec.zones import Zones

KEPT = 64
"""Nodes kept for the grains that properties describe; their nets are shared by all."""


@public
def denoise(
    clip: vs.VideoNode,
    level: Level = None,
    *,
    model: str = "fast",
    blind: bool = False,
    tr: int | None = None,
    planes: Planes = None,
    zones: Zones = None,
    cuts: Cuts = "auto",
    device: Literal["cpu", "cuda"] | None = None,
    backend: str = "auto",
    num_streams: int | None = None,
    threads: int = 1,
    tile: int | None = None,
) -> vs.VideoNode:
    """Take film grain off, as ``fgcodec filter -f denoise`` does.

    ``level``: grain to take off as a fraction of full scale (0 to 0.15); None reads the properties that
    ``estimate`` and ``apply_levels`` set (at least FGLevel), a clip lends those of its frames. Frames of a
    GRAYS clip without FGLevel map the level at every luma sample; all else is read from the properties of
    ``clip`` where they are there, and samples of level 0 keep their bits. ``blind``: judge the grain from
    the pictures. ``model``: fast, balanced, best or an id. ``device``: cuda is ``backend`` cuda, cpu is any
    other; None leaves it to ``backend``. ``tr``: neighbours looked at on each side, at most the model's own
    radius, which is the default. ``zones``: levels for ranges of frames (see
    ``vsfgcodec.zones``). ``cuts``: see ``vsfgcodec.cuts``. ``num_streams``: most frames at a time; by
    default VapourSynth's threads. ``threads``: cores for one frame. ``tile``: most samples of a plane a
    side that go through a net at a time (64 or more, its margin comes on top); by default 1024 of pictures
    larger than 3 million samples, and the whole of others.

    Sets FGLevel (grain taken off) and FGModel. Raises ``vs.Error``; where properties are missing or
    frames interlaced, when such a frame is asked for.
    """
    found = job("fg.denoise", clip)
    backend = _on(device, backend)
    stated = {"model": model, "blind": blind, "threads": threads, "backend": backend, "tile": tile}
    first = _registered("denoise", {**stated, "level": None})
    fmt, reach = first.configure(found.fmt), _reach(tr, first.radius)

    @lru_cache(KEPT)
    def made(known: GrainSegment) -> Node:
        from filmgrain_codec.nodes.denoise import Denoise

        return Denoise(known, model=model, blind=blind, threads=threads, backend=backend, tile=tile)

    def of_properties(known: GrainSegment | float) -> Choice:
        if isinstance(known, float):
            return at_level(known), {}
        return made(replace(known, seed=0)), {}

    at_level = lru_cache(KEPT)(lambda value: _registered("denoise", {**stated, "level": value}))
    choose, levels = choice(found, level, zones, at_level, of_properties, stateless=blind)
    manner = Manner(planes=planes, cuts=cuts, num_streams=num_streams)
    out = run(found, [Stage(choose, first.radius, fmt, reach, levels)], manner)
    return out.std.SetFrameProps(**{properties.MODEL: store.resolve(model).id})


def _on(device: str | None, backend: str) -> str:
    """The backend of a device that is stated, where both agree."""
    if device not in (None, "cpu", CUDA):
        raise UsageError(f"device must be 'cpu' or 'cuda', not {device!r}")
    if device is None or (device == CUDA) == (backend == CUDA):
        return backend
    if device == CUDA and backend == AUTO:
        return CUDA
    raise UsageError(f"backend {backend!r} does not run on device {device!r}: leave one of them out")


@public
def grain(
    clip: vs.VideoNode,
    level: Level = None,
    *,
    seed: int | None = None,
    gain: float = 1.0,
    synthesis: str = PARAMETRIC,
    planes: Planes = None,
    zones: Zones = None,
    num_streams: int | None = None,
    **params: Any,
) -> vs.VideoNode:
    """Put film grain on, fresh on every frame and the same on every run, as ``-f grain`` does.

    ``level``: standard deviation at mid grey as a fraction of full scale (0 to 0.15); None reads the grain
    from the properties (all of ``vsfgcodec`` that are there, at least FGLevel), a clip lends those of its
    frames: so the grain of one clip is matched on another. A GRAYS clip without FGLevel maps the level, as
    in ``denoise``. ``params``: the further parameters of the
    filter ``grain`` (preset, size, chroma, ...), with a level of one's own. ``seed``: another seed is
    another grain; by default that of the properties, or 0. ``gain`` multiplies levels of properties.
    ``synthesis``: 'parametric', or the tier or id of a synthesis model.

    Sets FGLevel (grain put on), takes FGModel off. Raises ``vs.Error``.
    """
    found = job("fg.grain", clip)
    own = isinstance(level, int | float) or params.get("preset") is not None
    if params and not own:
        raise UsageError(f"{next(iter(params))!r} needs a level or a preset, not the properties of a clip")
    if gain != 1.0 and own:
        raise UsageError("gain multiplies levels of properties: state another level instead")
    values = {"seed": seed, "synthesis": synthesis, **params}
    checked = values_of(NODES.get("grain"), values)
    matched = Grain(GrainProfile(()), gain=gain, seed=_seed(checked), synthesis=synthesis)
    matched.configure(found.fmt)

    @lru_cache(KEPT)
    def at_level(value: float | None) -> Node:
        made = _registered("grain", {**values, "level": value})
        made.configure(found.fmt)
        return made

    def of_properties(known: GrainSegment | float) -> Choice:
        if isinstance(known, float):
            return at_level(known * gain), {}
        return matched, {SEGMENT_PROP: known}

    choose, levels = choice(found, level, zones, at_level, of_properties, stateless=own)
    stages = [Stage(choose, 0, found.fmt, 0, levels)]
    out = run(found, stages, Manner(planes=planes, cuts=None, num_streams=num_streams))
    return out.std.RemoveFrameProps([properties.MODEL])


@public
def chain(
    clip: vs.VideoNode,
    *filters: str,
    planes: Planes = None,
    cuts: Cuts = "auto",
    num_streams: int | None = None,
) -> vs.VideoNode:
    """Any filters, each as ``name:key=value,...``, in this order, without rounding between them.

    The same as ``fgcodec filter`` with as many ``-f``. Raises ``vs.Error``.
    """
    if not filters:
        raise UsageError("name at least one filter, like 'grain:level=0.04'")
    return chained(job("fg.chain", clip), build_chain(filters), Manner(planes, cuts, num_streams))


@public
def repair(
    clip: vs.VideoNode,
    what: str = "dust,scratches",
    *,
    planes: Planes = None,
    cuts: Cuts = "auto",
    num_streams: int | None = None,
) -> vs.VideoNode:
    """Dust and scratches repaired, as ``fgcodec encode --repair`` does: dust, scratches or both with a comma,
    or best: both, with the mask net and in two passes.

    ``fg.dust`` and ``fg.scratches`` take parameters. Sets the properties of both. Raises ``vs.Error``.
    """
    return chained(
        job("fg.repair", clip), build_chain(named(what, "what")), Manner(planes, cuts, num_streams)
    )


@public
def node(
    clip: vs.VideoNode,
    name: str,
    /,
    *,
    planes: Planes = None,
    cuts: Cuts = "auto",
    num_streams: int | None = None,
    **params: Any,
) -> vs.VideoNode:
    """One registered filter by name; ``params`` are its parameters. Raises ``vs.Error``."""
    return _one(clip, name, Manner(planes, cuts, num_streams), params)


def registered(name: str) -> Callable[..., vs.VideoNode]:
    """The function of a filter that has none of its own here; AttributeError if there is no such filter."""
    if name not in others():
        raise AttributeError(f"there is no function or filter {name!r} in vsfgcodec")

    def function(
        clip: vs.VideoNode,
        *,
        planes: Planes = None,
        cuts: Cuts = "auto",
        num_streams: int | None = None,
        **params: Any,
    ) -> vs.VideoNode:
        with reported(f"fg.{name}"):
            return _one(clip, name, Manner(planes, cuts, num_streams), params)

    function.__name__ = function.__qualname__ = name
    return described(function, NODES.get(name))


def others() -> list[str]:
    """Filters without a function of their own."""
    return [spec.name for spec in NODES if spec.name not in ("denoise", "grain")]


def _one(clip: Any, name: str, manner: Manner, params: Mapping[str, Any]) -> Any:
    return chained(job(f"fg.{name}", clip), [_registered(name, params)], manner)


def chained(found: Job, nodes: list[Node], manner: Manner) -> Any:
    """The clip of a job through some nodes, without rounding between them."""
    stages: list[Stage] = []
    fmt = found.fmt
    for each in unfolded(nodes):
        stages.append(stage(each, fmt))
        fmt = stages[-1].fmt
    return run(found, stages, manner)


def _registered(name: str, params: Mapping[str, Any]) -> Node:
    spec = NODES.get(name)
    return spec.build(values_of(spec, params))


def _seed(checked: Mapping[str, Any]) -> int | None:
    value = checked.get("seed")
    return value if isinstance(value, int) else None


def _reach(tr: int | None, radius: int) -> int:
    if tr is None:
        return radius
    if isinstance(tr, bool) or not isinstance(tr, int) or not 0 <= tr <= radius:
        raise UsageError(f"tr must be from 0 to {radius}, the model's radius, not {tr!r}")
    return tr
