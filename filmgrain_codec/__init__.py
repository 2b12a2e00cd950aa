"""Film-grain codec: measure grain, strip it, encode a clean base layer, synthesize it back.

``encode(EncodeRequest(source="in.mov"))``, ``decode(DecodeRequest(source="in.fg.mkv"))`` and
``match(MatchRequest(source="a.mov", to="b.mov"))`` do what the commands of the same name do;
``inspect(path)`` reads a file's streams and profile. Names load on first use, so that importing the
package stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from filmgrain_codec.errors import FgcodecError as FgcodecError
    from filmgrain_codec.grain.profile import GrainProfile as GrainProfile
    from filmgrain_codec.pipeline.decode import decode as decode
    from filmgrain_codec.pipeline.encode import encode as encode
    from filmgrain_codec.pipeline.inspect import inspect as inspect
    from filmgrain_codec.pipeline.match import match as match
    from filmgrain_codec.pipeline.request import DecodeRequest as DecodeRequest
    from filmgrain_codec.pipeline.request import EncodeRequest as EncodeRequest
    from filmgrain_codec.pipeline.request import MatchRequest as MatchRequest

__version__ = "0.1.0"

_HOMES = {
    "FgcodecError": "errors",
    "GrainProfile": "grain.profile",
    "DecodeRequest": "pipeline.request",
    "EncodeRequest": "pipeline.request",
    "MatchRequest": "pipeline.request",
    "decode": "pipeline.decode",
    "encode": "pipeline.encode",
    "inspect": "pipeline.inspect",
    "match": "pipeline.match",
}
__all__ = ["__version__", *sorted(_HOMES)]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
