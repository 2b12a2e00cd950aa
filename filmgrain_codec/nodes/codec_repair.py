"""The node that takes off what lossy coding put on a picture: blocking, ringing, mosquito noise."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Frame, FrameFormat, Plane
from filmgrain_codec.core.quantiser import FAMILIES, HIGHEST
from filmgrain_codec.errors import ModelError, UsageError
from filmgrain_codec.infer import backend as backends
from filmgrain_codec.infer import store, tiling
from filmgrain_codec.infer.names import AUTO
from filmgrain_codec.infer.session import Net, session
from filmgrain_codec.nodes import standing
from filmgrain_codec.nodes.align import Motion
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.nodes.packed import pack, unpack

Array = NDArray[np.float32]
ROLE, TEXTURE_ROLE, JUDGE_ROLE = "codec-repair", "codec-repair-texture", "codec-judge"
QP_PROP, CODEC_PROP, KEY_PROP = "FGQP", "FGCodec", "FGKeyQP"
"""Of a frame: the quantiser it was coded with, its codec family (see ``core.quantiser``), and the quantiser
of the last frame, itself among them, that was coded without others."""
USED_PROP = "FGRepairQP"
"""The QP that a frame was repaired for; -1 where it was left as it is."""
LEAST, FADE = 20.0, 4.0
REPAIR_FROM = {"codec": LEAST, "auto": 24.0}
"""QP from which on decode repairs frames, by the word that asks for it."""
PATCH, PATCHES = 96, 24
"""Side of the patches that QP is judged from, and how many are looked at."""
NEAR = 5
"""Side of the box within which samples limit what is added."""
DOUBT = 6.0
"""Taken off a QP that was judged: a picture that is taken for coarser than it is would lose detail."""
COARSER = 6.0
"""What stands still is taken to be so much coarser than its own QP at most, where its key frame is: frames in
between may have made it finer.
"""
FINER = 10.0
"""What stands still is taken to have a key frame so much finer, where nobody tells how it was coded."""
_TO_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
_BLUE, _RED = np.float32(1.8556), np.float32(1.5748)


class CodecRepair:
    """Node that adds what a net finds lost to each frame, by itself or beside its neighbours.

    ``qp``: how coarsely the pictures were coded, on the scale of ``core.quantiser``, 0 to 63; None is that of
    ``props['FGQP']`` where there is one, else what a small net judges from the picture. ``codec``: one of
    ``FAMILIES``, or auto: ``props['FGCodec']``, else 'other'. ``strength``: share of what the net finds, 0
    gives the very same planes. ``perceptual``: 0 is nearest to what was coded on average, which is smooth; 1
    has detail about as strong as it was, at some cost in PSNR; between them both are mixed, and both nets
    run. ``least``: up to this QP frames pass as they are; from there on the repair fades in over 4.
    ``model``: fast, best or an id; what a net with neighbours says is averaged with what *fast* says, since
    their errors differ. ``backend``: what runs its net (see ``infer.backend``); the judge stays on
    ONNX Runtime. ``threads``: cores for one frame. ``tile``: see ``Denoise``.
    A model that sees neighbours is shown them along their motion. Of every model less is taken where the
    picture stands still and ``props['FGKeyQP']`` says that the key frame is finer (see ``standing``).
    A window of one frame counts as a still.

    Gray, RGB (repaired as BT.709 Y'CbCr) and every subsampling go through the same net, which works on
    4:2:0: finer chroma is repaired at that resolution. Sets FGRepairQP. Raises ``UsageError`` for values out
    of range, ``ModelError`` for an unknown or damaged model.
    """

    asks_quantiser = True
    """Readers that can tell a frame's quantiser should."""
    reads = (QP_PROP, CODEC_PROP, KEY_PROP)
    """Properties of a frame that its result depends on."""

    def __init__(
        self,
        qp: float | None = None,
        codec: str = AUTO,
        strength: float = 1.0,
        *,
        perceptual: float = 0.0,
        least: float = LEAST,
        model: str = "fast",
        backend: str = AUTO,
        threads: int = 1,
        tile: int | None = None,
    ) -> None:
        self._qp, self._codec, self._strength, self._least = _checked(qp), codec, strength, least
        if codec not in (AUTO, *FAMILIES):
            raise UsageError(f"codec is one of {', '.join((AUTO, *FAMILIES))}, not {codec!r}")
        self.model = store.resolve(model, ROLE)
        self.radius = max(self.model.radius, int(qp is None))
        self._judge = session(judge_of(self.model).part("judge"), threads)
        shares = {m: s * (1 - perceptual) for m, s in together(self.model).items()}
        shares |= {_texture(): perceptual} if perceptual else {}
        self._nets = [
            (backends.net(m.part("repair"), threads, backend), m.radius, share)
            for m, share in shares.items()
            if share > 0
        ]
        self._tile = tile

    def configure(self, fmt: FrameFormat) -> FrameFormat:
        return fmt

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        frame = window[len(window) // 2]
        window = window if len(window) > 1 else [frame] * (2 * self.radius + 1)
        if self._strength == 0:
            return frame.with_planes(frame.planes, **{USED_PROP: -1.0})
        family = self._family(frame)
        planes = as_420(frame)
        qp = self.quantiser(frame, planes, family)
        within, parts = self._standing(window, planes[0], qp)
        if not parts.any():
            return frame.with_planes(frame.planes, **{USED_PROP: -1.0})
        steady = self._steadied(window, planes, qp)
        found = self._residual(steady, told(within, family), self.beside(window, steady, qp))
        found = [r * sized(parts, r.shape) + (s - p) for r, s, p in zip(found, steady, planes, strict=True)]
        return frame.with_planes(added(frame, found, np.float32(self._strength)), **{USED_PROP: qp})

    def quantiser(self, frame: Frame, planes: Sequence[Plane], family: str) -> float:
        """As given, else as the frame says, else as judged from its 4:2:0 ``planes``."""
        if self._qp is not None:
            return self._qp
        known = frame.props.get(QP_PROP)
        return float(known) if known is not None else self._judged(planes, family)

    def _standing(self, window: Sequence[Frame], luma: Plane, qp: float) -> tuple[float, Plane]:
        """The QP that the net is told, and what of its repair each square gets: of those that stand still as
        much as their key frame would.
        """
        frame = window[len(window) // 2]
        key = self._key(frame, qp)
        others = [luma_of(f) for f in window if f is not frame]
        if key == qp or not others or faded(max(key, qp), self._least) == 0:
            return qp, np.full((1, 1), faded(qp, self._least), np.float32)
        still = standing.still(luma, others, qp)
        within = standing.between(still, qp, key)
        ends = [standing.usual(q) / standing.usual(within) * faded(q, self._least) for q in (key, qp)]
        return within, ends[0] * still + ends[1] * (1 - still)

    def _key(self, frame: Frame, qp: float) -> float:
        """The QP of the frame's key frame as far as it counts: as it is told, of one that is coarser up to
        ``COARSER`` more; beside a QP that was judged it is guessed, beside one that was given the same.
        """
        if self._qp is not None:
            return qp
        if QP_PROP not in frame.props:
            return qp - FINER
        told = frame.props.get(KEY_PROP)
        return qp if told is None else min(float(told), qp + COARSER)

    def _steadied(self, window: Sequence[Frame], planes: list[Plane], qp: float) -> list[Plane]:
        """What stands still, averaged with its copies right before and after."""
        middle = len(window) // 2
        near = window[max(middle - 1, 0) : middle + 2]
        others = [as_420(f) for f in near if f is not window[middle]]
        return standing.steadied(planes, others, qp) if others else planes

    def _family(self, frame: Frame) -> str:
        named = str(frame.props.get(CODEC_PROP, FAMILIES[-1])) if self._codec == AUTO else self._codec
        return named if named in FAMILIES else FAMILIES[-1]

    def _judged(self, planes: Sequence[Plane], family: str) -> float:
        """What patches all over the picture say, the surer ones louder; less ``DOUBT``."""
        given = patches(packed(planes))
        known = np.repeat(told(0.0, family), len(given), 0)
        value, spread = self._judge.run({"given": given, "told": known}).T.astype(np.float64)
        weight = np.exp(-np.clip(spread, -9, 3))
        return float(np.clip(HIGHEST * (value * weight).sum() / weight.sum() - DOUBT, 0, HIGHEST))

    def beside(self, window: Sequence[Frame], planes: Sequence[Plane], qp: float) -> list[Array]:
        """What the net is told of the neighbours: how they differ from the frame, drawn onto it along their
        motion, and how much coarser they were coded as far as that is told. Where one is a copy of the other
        its QP says nothing: what was copied is as fine as it was.
        """
        if not self.model.radius:
            return []
        seen = [planes if f is window[self.radius] else as_420(f) for f in window]
        motion = Motion([p[0] for p in seen], self.radius, self.model.motion)
        here, found = packed(planes), list[Array]()
        for k, frame in enumerate(window):
            if k != self.radius:
                drawn = packed([motion.warp(p, k) for p in seen[k]])
                known = None if self._qp is not None else frame.props.get(QP_PROP)
                coarser = 0.0 if known is None else float(known) - qp
                own = 1 - sized(standing.still(planes[0], [seen[k][0]], qp), here.shape[2:])
                found += [drawn - here, np.float32(coarser / HIGHEST) * own[None, None]]
        return found

    def _residual(self, planes: Sequence[Plane], known: Array, beside: Sequence[Array]) -> list[Plane]:
        """What to add to the three planes."""
        given = packed(planes)
        level = np.full((1, 1, *given.shape[2:]), known[0, 0], np.float32)
        seen = [given, level, phases(*given.shape[2:])]
        made = [
            np.float32(share) * self._found(net, [*seen, *(beside if radius else [])], known)
            for net, radius, share in self._nets
        ]
        mixed = reduce(np.add, made)
        (rows, columns), chroma = planes[0].shape, tuple(slice(n) for n in planes[1].shape)
        found = [unpack(mixed[:4], slice(0, rows))[:, :columns], mixed[4][chroma], mixed[5][chroma]]
        return [limited(r, p) for r, p in zip(found, planes, strict=True)]

    def _found(self, net: Net, seen: Sequence[Array], known: Array) -> Array:
        """What one net says."""
        inputs = {"given": np.concatenate(seen, 1), "told": known}
        halo, multiple = net.part.halo // 2, net.part.multiple // 2
        tile = tiling.side(inputs["given"].shape[2:], multiple, self._tile, scale=2)
        made: Array = tiling.run(net, inputs, halo=halo, multiple=multiple, tile=tile)[0]
        return made


def together(model: store.Model) -> dict[store.Model, float]:
    """Models whose answers are averaged, and their shares."""
    return {model: 0.5, store.resolve("fast", ROLE): 0.5} if model.radius else {model: 1.0}


def judge_of(model: store.Model) -> store.Model:
    """What judges quantisers: the net that is for that alone, else the model's own."""
    try:
        return store.resolve("fast", JUDGE_ROLE)
    except ModelError:
        return model


def _texture() -> store.Model:
    return store.resolve("fast", TEXTURE_ROLE)


def limited(residual: Plane, plane: Plane) -> Plane:
    """A residual that is nowhere larger than the range of the samples near by: what is flat stays."""
    cv = opencv()
    box, plane = np.ones((NEAR, NEAR), np.uint8), np.ascontiguousarray(plane)
    most = cv.dilate(plane, box) - cv.erode(plane, box)
    made: Plane = np.clip(residual, -most, most)
    return made


def faded(qp: float, least: float = LEAST) -> float:
    """Share of the repair that frames of a QP get: none up to ``least``, all from 4 above it."""
    return float(np.clip((qp - least) / FADE, 0, 1))


def told(qp: float, family: str) -> Array:
    """(1, 1 + families): QP / 63, and 1 for the family."""
    row = np.zeros((1, 1 + len(FAMILIES)), np.float32)
    row[0, 0], row[0, 1 + FAMILIES.index(family)] = qp / HIGHEST, 1
    return row


def as_420(frame: Frame) -> list[Plane]:
    """Luma, and two planes of chroma at half its size (rounded up); gray has neutral ones."""
    fmt, rows, columns = frame.fmt, -(-frame.fmt.height // 2), -(-frame.fmt.width // 2)
    if fmt.family == "gray":
        return [frame.planes[0], *[np.full((rows, columns), 0.5, np.float32)] * 2]
    luma, *chroma = frame.planes if fmt.family == "yuv" else _ycbcr(frame.planes)
    return [luma, *(sized(p, (rows, columns)) for p in chroma)]


def luma_of(frame: Frame) -> Plane:
    """The first plane of ``as_420``."""
    return _ycbcr(frame.planes)[0] if frame.fmt.family == "rgb" else frame.planes[0]


def added(frame: Frame, found: Sequence[Plane], share: np.float32) -> tuple[Plane, ...]:
    """The frame's planes and a share of what was found lost, in their own family and subsampling."""
    if frame.fmt.family == "gray":
        return (frame.planes[0] + share * found[0],)
    shapes = [frame.fmt.shape(k) for k in range(3)]
    parts = [sized(p, s) for p, s in zip(found, shapes, strict=True)]
    if frame.fmt.family == "rgb":
        luma, blue, red = parts
        parts = [luma + _RED * red, _green(luma, blue, red), luma + _BLUE * blue]
    return tuple(p + share * r for p, r in zip(frame.planes, parts, strict=True))


def sized(plane: Plane, shape: tuple[int, int]) -> Plane:
    """A plane at another size: boxes averaged where it shrinks, straight lines where it grows."""
    if plane.shape == shape:
        return plane
    cv = opencv()
    shrinks = shape[0] < plane.shape[0] or shape[1] < plane.shape[1]
    how = cv.INTER_AREA if shrinks else cv.INTER_LINEAR
    made: Plane = cv.resize(np.ascontiguousarray(plane), shape[::-1], interpolation=how)
    return made


def packed(planes: Sequence[Plane]) -> Array:
    """(1, 6, rows / 2, columns / 2): the four phases of luma, then chroma; mirrored out to multiples of 4."""
    luma = tiling.fitted(planes[0], 4)
    out = np.empty((1, 6, luma.shape[0] // 2, luma.shape[1] // 2), np.float32)
    pack(np.ascontiguousarray(luma)[None], out[:, :4], 0)
    out[0, 4], out[0, 5] = (tiling.fitted(p, 2) for p in planes[1:])
    return out


def phases(rows: int, columns: int) -> Array:
    """(1, 4, rows, columns) of -1 and 1: where in the grid of 8 x 8 luma samples a packed sample lies."""
    out = np.empty((1, 4, rows, columns), np.float32)
    for k, wave in enumerate(((1, -1, -1, 1), (1, 1, -1, -1))):
        out[0, k] = np.resize(wave, rows)[:, None]
        out[0, 2 + k] = np.resize(wave, columns)
    return out


def patches(given: Array) -> Array:
    """Up to ``PATCHES`` squares of a packed picture, evenly spread; a small picture is mirrored out."""
    side = PATCH // 2
    while min(given.shape[2:]) < side:
        missing = [(0, max(0, min(side - n, n))) for n in given.shape[2:]]
        given = np.pad(given, [(0, 0), (0, 0), *missing], "symmetric")
    rows, columns = given.shape[2:]
    down = min(4, rows // side)
    across = min(PATCHES // down, columns // side)
    tops = np.linspace(0, rows - side, down).astype(int) // 4 * 4
    lefts = np.linspace(0, columns - side, across).astype(int) // 4 * 4
    return np.concatenate([given[:, :, y : y + side, x : x + side] for y in tops for x in lefts])


def _ycbcr(planes: Sequence[Plane]) -> tuple[Plane, Plane, Plane]:
    """Full-range BT.709 luma and chroma about 0.5."""
    red, green, blue = planes
    luma = _TO_LUMA[0] * red + _TO_LUMA[1] * green + _TO_LUMA[2] * blue
    half = np.float32(0.5)
    return luma, (blue - luma) / _BLUE + half, (red - luma) / _RED + half


def _green(luma: Plane, blue: Plane, red: Plane) -> Plane:
    made: Plane = luma - (_TO_LUMA[2] * _BLUE * blue + _TO_LUMA[0] * _RED * red) / _TO_LUMA[1]
    return made


def _checked(qp: float | None) -> float | None:
    if qp is not None and not 0 <= qp <= HIGHEST:
        raise UsageError(f"QP {qp:g} is out of range: give 0 to {HIGHEST:g}, or leave it out.")
    return qp
