"""The node that takes off what lossy coding put on a picture: blocking, ringing, mosquito noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, reduce

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Frame, FrameFormat, Plane
from filmgrain_codec.core.quantiser import FAMILIES, HIGHEST
from filmgrain_codec.errors import UsageError
from filmgrain_codec.infer import backend as backends
from filmgrain_codec.infer import store, tiling
from filmgrain_codec.infer.names import AUTO
from filmgrain_codec.infer.session import Net, session
from filmgrain_codec.nodes import standing
from filmgrain_codec.nodes.align import Motion
from filmgrain_codec.nodes.codec_judge import ROLE as JUDGE_ROLE
from filmgrain_codec.nodes.codec_judge import judged
from filmgrain_codec.nodes.codec_planes import added, as_420, luma_of, packed, phases, sized, told
from filmgrain_codec.nodes.doubled import single
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.nodes.packed import unpack

Array = NDArray[np.float32]
Shares = Mapping[str, tuple[float, ...]]
ROLE, TEXTURE_ROLE = "codec-repair", "codec-repair-texture"
QP_PROP, CODEC_PROP, KEY_PROP = "FGQP", "FGCodec", "FGKeyQP"
"""Of a frame: the quantiser it was coded with, its codec family (see ``core.quantiser``), and the quantiser
of the last frame, itself among them, that was coded without others."""
SLICE_PROP = "FGSliceQP"
"""1 where those quantisers are what HEVC's slices say, from which its blocks may depart."""
USED_PROP = "FGRepairQP"
"""The QP that a frame was repaired for; -1 where it was left as it is."""
LEAST, FADE = 20.0, 4.0
ALONE: Shares = {
    "x264": (1.15,),
    "x265": (1.15,),
    "svtav1": (1.25,),
    "mpeg2": (1.1,),
    "jpeg": (1.0,),
    "other": (1.0,),
}
BESIDE: Shares = {
    "x264": (0.8, 0.45),
    "x265": (0.85, 0.45),
    "svtav1": (1.0, 0.5),
    "mpeg2": (0.75, 0.45),
    "jpeg": (0.5, 0.55),
    "other": (0.65, 0.5),
}
"""What is added of a net's answer, by codec family, and of the answers of one that sees neighbours and of
*fast* together (``train.codec_shares`` measures them). A mean of two is too little, since they err apart.
"""
REPAIR_FROM = {"codec": LEAST, "auto": 24.0}
"""QP from which on decode repairs frames, by the word that asks for it."""
NEAR = 5
"""Side of the box within which samples limit what is added."""
COARSER = 6.0
"""What stands still is taken to be so much coarser than its own QP at most, where its key frame is: frames in
between may have made it finer.
"""
FINER = 10.0
"""What stands still is taken to have a key frame so much finer, where nobody tells how it was coded."""


class CodecRepair:
    """Node that adds what a net finds lost to each frame, by itself or beside its neighbours.

    ``qp``: how coarsely the pictures were coded, on the scale of ``core.quantiser``, 0 to 63; None is that of
    ``props['FGQP']`` where there is one, else what a small net judges from the picture. ``codec``: one of
    ``FAMILIES``, or auto: ``props['FGCodec']``, else 'other'. ``strength``: share of what the net finds, 0
    gives the very same planes. ``perceptual``: 0 is nearest to what was coded on average, which is smooth; 1
    has detail about as strong as it was, at some cost in PSNR; between them both are mixed, and both nets
    run. ``least``: up to this QP frames pass as they are; from there on the repair fades in over 4.
    ``model``: fast, best or an id; what a net with neighbours says is mixed with what *fast* says, since
    their errors differ. ``backend``: what runs its net (see ``infer.backend``); the judge stays on
    ONNX Runtime. ``threads``: cores for one frame. ``tile``: see ``Denoise``.
    A model that sees neighbours is shown them along their motion. What stands still is repaired as a picture
    by itself, for the QP that ``props['FGKeyQP']`` tells (see ``standing``). A window of one frame counts as
    a still. Pictures of repeated samples pass as they are (``doubled``).

    Gray, RGB (repaired as BT.709 Y'CbCr) and every subsampling go through the same net, which works on
    4:2:0: finer chroma is repaired at that resolution. Sets FGRepairQP. Raises ``UsageError`` for values out
    of range, ``ModelError`` for an unknown or damaged model.
    """

    asks_quantiser = True
    """Readers that can tell a frame's quantiser should."""
    reads = (QP_PROP, CODEC_PROP, KEY_PROP, SLICE_PROP)
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
        self.radius = max(self.model.radius, standing.RADIUS)
        self._threads = threads
        self.shares = BESIDE if self.model.radius else ALONE
        """Of each net's answer, by codec family, at the slider's near end."""
        self._perceptual, self._tile = perceptual, tile
        self._nets = [
            (backends.net(m.part("repair"), threads, backend), m.radius)
            for m in asked(self.model, perceptual)
        ]

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
        within, parts = self._standing(_nearest(window, 1), planes[0], qp, self._calm(family))
        if parts.any():
            parts = parts * np.float32(single(planes[0]))
        if not parts.any():
            return frame.with_planes(frame.planes, **{USED_PROP: -1.0})
        steady = standing.steadied(planes, _sides(window), min(qp, (qp + self._key(frame, qp)) / 2))
        beside = self.beside(_nearest(window, self.model.radius), steady, qp)
        found = self._residual(steady, told(within, family), beside, self._mixed(family))
        calmed = np.float32(faded(qp, self._least))
        found = [
            r * sized(parts, r.shape) + calmed * (s - p)
            for r, s, p in zip(found, steady, planes, strict=True)
        ]
        return frame.with_planes(added(frame, found, np.float32(self._strength)), **{USED_PROP: qp})

    def quantiser(self, frame: Frame, planes: Sequence[Plane], family: str) -> float:
        """As given, else as the frame says, else as judged from its 4:2:0 ``planes``."""
        if self._qp is not None:
            return self._qp
        known = frame.props.get(QP_PROP)
        return float(known) if known is not None else judged(self._judge, planes, family)

    @cached_property
    def _judge(self) -> Net:
        """Where every frame says its quantiser it is not needed, and need not be installed."""
        return session(store.resolve("fast", JUDGE_ROLE).part("judge"), self._threads)

    def _standing(self, window: Sequence[Frame], luma: Plane, qp: float, calm: float) -> tuple[float, Plane]:
        """The QP that the net is told, and what of its repair each square gets: of those that stand still
        ``calm`` of what their key frame would.
        """
        frame = window[len(window) // 2]
        key = self._key(frame, qp)
        others = [luma_of(f) for f in window if f is not frame]
        alike = key == qp and calm == 1
        if not others or alike or faded(max(key, qp), self._least) == 0:
            share = faded(qp, self._least) * (1 if others else calm)
            return qp, np.full((1, 1), share, np.float32)
        still = standing.still(luma, others, qp)
        if self._qp is None and frame.props.get(SLICE_PROP):
            key -= standing.lowered(still)
        within = standing.between(still, qp, key)
        ends = [standing.usual(q) / standing.usual(within) * faded(q, self._least) for q in (key, qp)]
        return within, calm * ends[0] * still + ends[1] * (1 - still)

    def _calm(self, family: str) -> float:
        """What stands still is a picture by itself: of its repair as much counts as of JPEG's."""
        least = sum(self.shares["jpeg"]) / sum(self.shares[family])
        return 1 - (1 - min(least, 1.0)) * (1 - self._perceptual)

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

    def _family(self, frame: Frame) -> str:
        named = str(frame.props.get(CODEC_PROP, FAMILIES[-1])) if self._codec == AUTO else self._codec
        return named if named in FAMILIES else FAMILIES[-1]

    def beside(self, window: Sequence[Frame], planes: Sequence[Plane], qp: float) -> list[Array]:
        """What the net is told of the neighbours: how they differ from the frame, drawn onto it along their
        motion, and how much coarser they were coded as far as that is told. Where one is a copy of the other
        its QP says nothing: what was copied is as fine as it was. Nor is shown how copies differ.
        """
        if not self.model.radius:
            return []
        middle = self.model.radius
        seen = [planes if f is window[middle] else as_420(f) for f in window]
        motion = Motion([p[0] for p in seen], middle, self.model.motion)
        here, found = packed(planes), list[Array]()
        for k, frame in enumerate(window):
            if k != middle:
                drawn = packed([motion.warp(p, k) for p in seen[k]])
                known = None if self._qp is not None else frame.props.get(QP_PROP)
                coarser = 0.0 if known is None else float(known) - qp
                own = 1 - sized(standing.still(planes[0], [seen[k][0]], qp), here.shape[2:])
                new = 1 - sized(standing.copied(planes[0], seen[k][0], qp), here.shape[2:])
                found += [(drawn - here) * new, np.float32(coarser / HIGHEST) * own[None, None]]
        return found

    def _residual(
        self, planes: Sequence[Plane], known: Array, beside: Sequence[Array], shares: Sequence[float]
    ) -> list[Plane]:
        """What to add to the three planes: of what each net says its share."""
        given = packed(planes)
        level = np.full((1, 1, *given.shape[2:]), known[0, 0], np.float32)
        seen = [given, level, phases(*given.shape[2:])]
        made = [
            np.float32(share) * self._found(net, [*seen, *(beside if radius else [])], known)
            for (net, radius), share in zip(self._nets, shares, strict=True)
        ]
        mixed = reduce(np.add, made)
        (rows, columns), chroma = planes[0].shape, tuple(slice(n) for n in planes[1].shape)
        found = [unpack(mixed[:4], slice(0, rows))[:, :columns], mixed[4][chroma], mixed[5][chroma]]
        return [limited(r, p) for r, p in zip(found, planes, strict=True)]

    def _mixed(self, family: str) -> list[float]:
        """The share of each net, wherever the slider is."""
        near = [s * (1 - self._perceptual) for s in self.shares[family]] if self._perceptual < 1 else []
        return near + ([self._perceptual] if self._perceptual else [])

    def _found(self, net: Net, seen: Sequence[Array], known: Array) -> Array:
        """What one net says."""
        inputs = {"given": np.concatenate(seen, 1), "told": known}
        halo, multiple = net.part.halo // 2, net.part.multiple // 2
        tile = tiling.side(inputs["given"].shape[2:], multiple, self._tile, scale=2)
        made: Array = tiling.run(net, inputs, halo=halo, multiple=multiple, tile=tile)[0]
        return made


def _nearest(window: Sequence[Frame], radius: int) -> Sequence[Frame]:
    """The frame in the middle and so many on each side."""
    middle = len(window) // 2
    return window[max(middle - radius, 0) : middle + radius + 1]


def _sides(window: Sequence[Frame]) -> Iterator[Iterator[list[Plane]]]:
    """The planes of the frames before, then of those after, nearest first and each once: at a shot's ends
    windows repeat frames.
    """
    middle = len(window) // 2
    for side in (window[:middle][::-1], window[middle + 1 :]):
        others = {id(f): f for f in side if f is not window[middle]}
        yield (as_420(f) for f in others.values())


def asked(model: store.Model, perceptual: float) -> list[store.Model]:
    """The models whose answers are mixed: with one that sees neighbours *fast*; the slider's other end."""
    alone = [model, store.resolve("fast", ROLE)] if model.radius else [model]
    return (alone if perceptual < 1 else []) + ([_texture()] if perceptual else [])


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


def _checked(qp: float | None) -> float | None:
    if qp is not None and not 0 <= qp <= HIGHEST:
        raise UsageError(f"QP {qp:g} is out of range: give 0 to {HIGHEST:g}, or leave it out.")
    return qp
