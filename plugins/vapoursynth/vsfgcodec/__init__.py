"""VapourSynth face of the film-grain codec: ``import vsfgcodec as fg`` in a script.

``denoise``, ``grain``, ``estimate``, ``analyze``, ``apply_levels``, ``repair``, ``node`` and ``chain``, and
every other registered filter of the frame graph by its name, all bit-equal to ``fgcodec filter``. See
docs/vapoursynth.md. Importing this package loads neither VapourSynth nor the codec; both come with the
first function used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from filmgrain_codec import __version__ as __version__

if TYPE_CHECKING:
    from vsfgcodec.filters import chain, denoise, grain, node, repair
    from vsfgcodec.levels import analyze, apply_levels, estimate
    from vsfgcodec.mlrt import mlrt_inputs, mlrt_model

_HOMES = {
    "filters": ("chain", "denoise", "grain", "node", "repair"),
    "levels": ("analyze", "apply_levels", "estimate"),
    "mlrt": ("mlrt_inputs", "mlrt_model"),
}
_PLACES = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "analyze",
    "apply_levels",
    "chain",
    "denoise",
    "estimate",
    "grain",
    "mlrt_inputs",
    "mlrt_model",
    "node",
    "repair",
]


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    if name in _PLACES:
        return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    return import_module(f"{__name__}.filters").registered(name)


def __dir__() -> list[str]:
    return sorted([*__all__, *import_module(f"{__name__}.filters").others()])
