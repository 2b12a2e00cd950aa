"""What a caller asks for: one frozen request per job, nothing resolved yet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PathLike = Path | str
PIPE = "-"
"""As a source: y4m on stdin; as an output: y4m on stdout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeRequest:
    """Strip grain and encode the base layer.

    ``level`` None means automatic. ``ref`` is the user's own denoised clip: it becomes the base
    layer, and the grain is measured as source minus ``ref``. ``sample`` encodes that many seconds
    from the middle. ``deflicker`` (off, auto, safe, strong: modes of the filter of that name; atlas), then
    ``repair`` (off, or dust, scratches or both with a comma) and then ``filters`` (registry syntax) run
    before the grain is measured. ``backend`` runs the removal nets (see ``infer.backend``). ``refine``
    corrects the measured grain by what the base layer measures with it put back (``pipeline.refine``).
    ``levels``: a file that tells the grain instead of a measurement (``pipeline.levels``); the frames of a
    VapourSynth script may tell it themselves. ``target_quality`` (93, vmaf:93, psnr:42) instead of ``crf``:
    the quality of the base layer as decoded with repair ``target_repair`` (``pipeline.quality``).
    ``player_grain``: say the grain in the codec's own syntax too, so that ordinary players show it
    (``media.carriage.players``).
    """

    source: PathLike
    output: PathLike | None = None
    level: float | None = None
    codec: str = "x265"
    crf: float | None = None
    preset: str | None = None
    bits: int | None = None
    model: str = "fast"
    blind: bool = False
    ref: PathLike | None = None
    zones: str | None = None
    overwrite: bool = False
    sample: float | None = None
    strict: bool = False
    threads: int | None = None
    deflicker: str = "off"
    repair: str = "off"
    filters: tuple[str, ...] = ()
    backend: str = "auto"
    refine: bool = False
    levels: PathLike | None = None
    target_quality: str | None = None
    target_repair: str = "codec"
    player_grain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeRequest:
    """Decode a base layer and put its grain back.

    ``level`` replaces every shot's level, ``gain`` multiplies it; ``size`` and ``chroma`` multiply the
    size and the chroma strength of the grain. ``grain_preset`` names a film stock (``grain.presets``) whose
    grain every frame gets instead of what is recorded. ``synth`` is 'auto',
    'parametric' or a model id; ``bits`` None means the source's depth where it is recorded. ``repair`` is
    'off', 'codec' (what the codec did is repaired before the grain comes on) or 'auto' (only where frames
    were coded coarsely: QP above 24); values of the filter codec_repair may follow, 'codec:strength=0.8'.
    """

    source: PathLike
    output: PathLike | None = None
    level: float | None = None
    gain: float = 1.0
    size: float = 1.0
    chroma: float = 1.0
    grain_preset: str | None = None
    seed: int | None = None
    grain: bool = True
    synth: str = "auto"
    repair: str = "off"
    codec: str = "ffv1"
    crf: float | None = None
    preset: str | None = None
    bits: int | None = None
    overwrite: bool = False
    strict: bool = False
    threads: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterRequest:
    """Run any chain of nodes (registry syntax) over a clip, without carriage."""

    source: PathLike
    output: PathLike
    filters: tuple[str, ...] = ()
    codec: str = "ffv1"
    crf: float | None = None
    preset: str | None = None
    bits: int | None = None
    overwrite: bool = False
    strict: bool = False
    threads: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchRequest:
    """Measure the grain of ``source`` and put it onto ``to``.

    ``shot`` (counted from 0) says which shot of ``source``; None takes the longest and most certain.
    ``clean_first`` removes the grain that ``to`` has of its own, with ``model`` on ``backend``.
    ``level`` replaces the measured level; ``gain``, ``size`` and ``chroma`` multiply. ``synth`` is 'auto',
    'parametric' or a synthesis model.
    """

    source: PathLike
    to: PathLike
    output: PathLike | None = None
    shot: int | None = None
    clean_first: bool = False
    level: float | None = None
    gain: float = 1.0
    size: float = 1.0
    chroma: float = 1.0
    seed: int | None = None
    synth: str = "auto"
    model: str = "fast"
    backend: str = "auto"
    codec: str = "ffv1"
    crf: float | None = None
    preset: str | None = None
    bits: int | None = None
    overwrite: bool = False
    strict: bool = False
    threads: int | None = None
