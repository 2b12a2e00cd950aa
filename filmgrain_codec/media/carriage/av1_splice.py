"""Film grain parameters put into the frame headers of an AV1 stream that was coded without.

film_grain_params() ends a frame header (AV1 bitstream specification, 5.9.2), so it can be put in without
coding anything anew: the bits before and the tiles behind stay as they are. Where a header ends FFmpeg tells
(``media.trace``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import av.error
from av.video.stream import VideoStream

from filmgrain_codec.errors import OutputError
from filmgrain_codec.grain.av1_model import Av1Grain
from filmgrain_codec.media.carriage import obu
from filmgrain_codec.media.carriage.bits import Bits
from filmgrain_codec.media.carriage.film_grain import av1_params
from filmgrain_codec.media.carriage.obu import Obu
from filmgrain_codec.media.trace import Field, Tracer

Grain = Callable[[int], tuple[Av1Grain | None, int]]
"""Parameters and seed of a frame by its number."""
SEQUENCE, HEADER, FRAME, REDUNDANT = 1, 3, 6, 7
_KEY, _INTER = 0, 1
SLOTS, _ALL = 8, 0xFF
_MARKER, _CONFIGURATION = b"\x81", 4
"""First byte and length of av1C before its units."""
_ENDS = ("zero_bit", "trailing_one_bit")


@dataclass(frozen=True, slots=True)
class _Held:
    """A frame that later ones may refer to: its parameters, and whether it is a key frame."""

    grain: Av1Grain | None
    key: bool


class Splicer:
    """Puts grain into the packets of one stream, in coding order. ``grain``: see ``Grain``."""

    def __init__(self, like: VideoStream, grain: Grain) -> None:
        """``like``: any AV1 stream. Raises ``OutputError`` where FFmpeg cannot read headers."""
        self._grain, self._hint_bits, self._params = grain, 0, Bits()
        self._slots = [_Held(None, False)] * SLOTS
        try:
            self._tracer = Tracer(like)
        except (av.error.FFmpegError, ValueError) as error:
            raise OutputError("This FFmpeg cannot read AV1 headers: no grain for players.") from error

    def extradata(self, data: bytes | None) -> bytes | None:
        """The stream's header out of band (av1C or bare units), with the flag of its sequence header set."""
        if not data:
            return data
        front = _CONFIGURATION if data[:1] == _MARKER else 0
        return data[:front] + self.packet(data[front:], 0)

    def packet(self, data: bytes, index: int) -> bytes:
        """A temporal unit with grain; ``index``: of the frame it shows. Raises ``OutputError``."""
        units = list(obu.obus(data))
        try:
            traced = self._tracer.units(data)
        except (av.error.FFmpegError, ValueError) as error:
            raise OutputError(
                f"The headers of frame {index} cannot be read: no grain for players."
            ) from error
        if len(traced) != len(units):
            raise OutputError(f"Frame {index} has {len(units)} AV1 units and {len(traced)} were read.")
        shown = _shown_hint(traced)
        pairs = zip(units, traced, strict=True)
        return b"".join(self._unit(data, unit, fields, index, shown) for unit, fields in pairs)

    def _unit(self, data: bytes, unit: Obu, fields: list[Field], index: int, shown: int | None) -> bytes:
        whole = data[unit.begin : unit.end]
        said = {f.name: f for f in fields}
        if unit.kind == SEQUENCE:
            hinted = _has(said, "enable_order_hint")
            self._hint_bits = said["order_hint_bits_minus_1"].value + 1 if hinted else 0
            return _with_bit(whole, said["film_grain_params_present"].place)
        if unit.kind in (HEADER, FRAME):
            self._params = self._next(said, index + self._ahead(said, shown))
        if unit.kind not in (HEADER, FRAME, REDUNDANT) or not _showable(said):
            return whole
        return _spliced(data, unit, _end(fields), self._params)

    def _next(self, said: dict[str, Field], index: int) -> Bits:
        """The parameters of a frame; those that a frame it refers to has are not said again."""
        if "frame_type" not in said:  # an older frame is shown; a key frame then counts as one
            held = self._slots[said["frame_to_show_map_idx"].value % SLOTS]
            self._slots = [held] * SLOTS if held.key else self._slots
            return Bits()
        kind = said["frame_type"].value
        grain, seed = self._grain(index) if _showable(said) else (None, 0)
        asked = [f.value for name, f in said.items() if name.startswith("ref_frame_idx[")]
        same = [slot for slot in asked if kind == _INTER and self._slots[slot].grain == grain]
        whole = kind == _KEY and _has(said, "show_frame")
        kept = said["refresh_frame_flags"].value if "refresh_frame_flags" in said and not whole else _ALL
        new = _Held(grain, kind == _KEY)
        self._slots = [new if kept >> k & 1 else held for k, held in enumerate(self._slots)]
        return av1_params(grain, seed, inter=kind == _INTER, like=same[0] if same else None)

    def _ahead(self, said: dict[str, Field], shown: int | None) -> int:
        """How many frames later than the one shown in this packet a frame will be."""
        if shown is None or not self._hint_bits or "order_hint" not in said:
            return 0
        half = 1 << self._hint_bits - 1
        return (said["order_hint"].value - shown + half) % (2 * half) - half


def _has(said: dict[str, Field], name: str) -> bool:
    return name in said and bool(said[name].value)


def _showable(said: dict[str, Field]) -> bool:
    """Whether a header is of a frame that is or may be shown, and not a word to show an older one."""
    if _has(said, "show_existing_frame") or "frame_type" not in said:
        return False
    return _has(said, "show_frame") or _has(said, "showable_frame")


def _shown_hint(traced: list[list[Field]]) -> int | None:
    """The order hint of the frame that is shown."""
    for fields in traced:
        said = {f.name: f for f in fields}
        if _has(said, "show_frame") and "order_hint" in said:
            return said["order_hint"].value
    return None


def _end(fields: list[Field]) -> int:
    """Bits from a unit's start to the end of its frame header."""
    known = next((k for k, field in enumerate(fields) if field.name == "show_existing_frame"), 0)
    for field in fields[known:]:
        if field.name in _ENDS:
            return field.place
        last = field.place + field.bits
    return last


def _with_bit(whole: bytes, place: int) -> bytes:
    made = bytearray(whole)
    made[place // 8] |= 0x80 >> place % 8
    return bytes(made)


def _spliced(data: bytes, unit: Obu, end: int, params: Bits) -> bytes:
    """The unit with bits put in at ``end``: tiles follow from a whole byte on, else a one ends it."""
    start = 8 * (unit.start - unit.begin)
    made = Bits(data[unit.start : unit.end], end - start)
    made.join(params)
    tiles = b""
    if unit.kind == FRAME:
        tiles = data[unit.begin + -(-end // 8) : unit.end]
    else:
        made.put(1, 1)
    body = made.padded() + tiles
    head = bytearray(data[unit.begin : unit.begin + 1 + (data[unit.begin] >> 2 & 1)])
    head[0] |= 2
    return bytes(head) + obu.leb128(len(body)) + body
