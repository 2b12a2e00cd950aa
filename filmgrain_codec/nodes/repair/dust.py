"""Dust, dirt and hair: what one frame has and neither neighbour, found and replaced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from filmgrain_codec.core.frame import Frame, FrameFormat, Plane
from filmgrain_codec.errors import ModelError, UsageError
from filmgrain_codec.infer import backend as backends
from filmgrain_codec.infer.names import AUTO as AUTO_BACKEND
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.nodes.repair import gates
from filmgrain_codec.nodes.repair.aligned import AFTER, BEFORE, HERE, Aligned, witnesses
from filmgrain_codec.nodes.repair.around import Around
from filmgrain_codec.nodes.repair.detect import BLACK, SMALLEST, WHITE, Mask, Ranks, Suspects
from filmgrain_codec.nodes.repair.fill import filled, widened
from filmgrain_codec.nodes.repair.masks import SHOWS, Painted, shown
from filmgrain_codec.nodes.repair.net import MaskNet
from filmgrain_codec.nodes.repair.specks import Speck, painted, specks
from filmgrain_codec.nodes.repair.surroundings import outstanding

Theirs = Callable[[], tuple[list[Speck], list[Speck]]]
SHARE_PROP, COUNT_PROP, LEFT_PROP = "FGDustShare", "FGDustSpecks", "FGDustLeft"
"""Properties of every frame: share of luma's samples that is damaged, number of specks, and 1 where they were
too many and the frame was left as it is."""
RANK, NET, AUTO = "rank", "net", "auto"
DETECTORS = (RANK, NET, AUTO)
POLARITIES = {"auto": 0, "both": 0, "white": WHITE, "black": BLACK}
MANY, RARE, STRICTER = 6, 1 / 6, 1.4
"""With polarity auto: where there are so many of one kind and at most this share of the other, the other must
exceed its threshold by so much."""
ONE_SIDED, ONE_SIDED_UNQUIET = 1.6, 0.1
"""At the ends of a shot, where both neighbours are of one side, thresholds are so many times as high, and
less of a speck's surroundings may be unlike its neighbours."""
THEIRS = 0.6
"""Share of the thresholds from which another frame is taken to have a speck's like."""
GRAIN_SIZE = 0.8


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What is taken for damage in one frame: ``mask`` (luma's shape, 0 or 1) before it is widened, the number
    of pieces, and whether they were too many."""

    mask: Mask
    count: int
    excess: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Scene:
    """What moves and blinks in the scene is told from."""

    around: Around
    ranks: Ranks


class Dust:
    """Node that repairs specks of the middle frame of five; a pure function of them.

    ``sensitivity`` divides the thresholds; 0 finds nothing. ``polarity``: auto, both, white or black.
    ``max_size``: largest speck, in per cent of the picture (hair four times as much; at least 400 samples).
    ``max_coverage``: per cent of the picture above which a frame is left alone. ``veto``, ``mask``: picture
    files (or sequences, ``%04d``) white where nothing, and where anything, is replaced. ``show``: repaired,
    overlay or mask. ``detector``: rank; net, which is asked besides; or auto, where the net, if one is
    installed, is asked about frames without neighbours only. ``backend``: what runs the net (see
    ``infer.backend``). Samples outside of the widened mask keep their
    bits. The first and last frame of a shot are compared with the two next to them. Raises ``UsageError``,
    ``InputError``, and ``ModelError`` where ``net`` is not installed.
    """

    radius = 2

    def __init__(
        self,
        sensitivity: float = 1.0,
        detector: str = RANK,
        polarity: str = "auto",
        max_size: float = 0.05,
        max_coverage: float = 1.0,
        veto: str | None = None,
        mask: str | None = None,
        show: str = "repaired",
        backend: str = AUTO_BACKEND,
    ) -> None:
        _check(detector, DETECTORS, "detector")
        _check(polarity, POLARITIES, "polarity")
        _check(show, SHOWS, "show")
        self._sensitivity, self._polarity, self._show = sensitivity, polarity, show
        self._net, self._stills_only = _net(detector, backend), detector == AUTO
        self._limits = gates.Limits(max_size / 100, POLARITIES[polarity])
        self._coverage = max_coverage / 100
        self._veto, self._hand = (Painted(p) if p else None for p in (veto, mask))

    def configure(self, fmt: FrameFormat) -> FrameFormat:
        return fmt

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        return self.repaired(window, n)

    def repaired(
        self,
        window: Sequence[Frame],
        n: int,
        guide: Plane | None = None,
        scene: Sequence[Frame] | None = None,
    ) -> Frame:
        """``process``; ``guide``: brightness of the middle frame that motion is searched from instead.
        ``scene``: the window as what moves and blinks is told from, if that is another one.
        """
        frame, aligned = window[self.radius], witnesses(window, guide)
        around = Around.of(window, aligned)
        found = self.found(around, aligned, n, scene)
        hand = self._by_hand(n, frame.fmt)
        wide = widened(found.mask) if hand is None else widened(found.mask) | hand
        damaged = found.mask if hand is None else found.mask | hand
        props = {
            SHARE_PROP: share(damaged),
            COUNT_PROP: found.count,
            LEFT_PROP: int(found.excess),
        }
        if self._show != "repaired":
            return frame.with_planes(shown(frame, wide, self._show), **props)
        if not props[SHARE_PROP]:
            return frame.with_planes(frame.planes, **props)
        return frame.with_planes(filled(around, wide, GRAIN_SIZE).planes, **props)

    def found(self, around: Around, aligned: Aligned, n: int, scene: Sequence[Frame] | None = None) -> Found:
        """The damage of the middle frame. ``scene``: see ``repaired``."""
        shape = around.frame.fmt.shape(0)
        if not self._sensitivity or (aligned.alone and self._net is None):
            return Found(np.zeros(shape, np.uint8), 0)
        ranks = Ranks(aligned)
        given = (
            _Scene(around, ranks) if scene is None else _Scene(around.like(scene), Ranks(aligned.like(scene)))
        )
        # Each kind is sifted by itself: what one of them takes for rain says nothing of the other's finds.
        theirs = cache(lambda: self._theirs(given.ranks))
        kinds = [self._spared(kind, given, ranks, n, theirs) for kind in self._seen(ranks)]
        kept = kinds[0] if len(kinds) == 1 else _joined([s for kind in kinds for s in kind], shape)
        mask = painted(kept, shape)
        if share(mask) > self._coverage:
            return Found(np.zeros(shape, np.uint8), len(kept), excess=True)
        return Found(mask, len(kept))

    def _seen(self, ranks: Ranks) -> list[list[Speck]]:
        """What the rank test takes for damage, and what the net does, where there is one."""
        ranked = [] if ranks.aligned.alone else self._suspects(ranks)
        if self._net is None or (self._stills_only and not ranks.aligned.alone):
            return [ranked]
        return [ranked, self._net.specks(ranks.aligned, self._sensitivity)]

    def _suspects(self, ranks: Ranks) -> list[Speck]:
        scale = (ONE_SIDED if ranks.aligned.one_sided else 1) / self._sensitivity
        found = {p: specks(ranks.suspects(HERE, p, scale), p, SMALLEST) for p in (WHITE, BLACK)}
        if self._polarity == "auto":
            rare, usual = sorted(found, key=lambda p: len(found[p]))
            if len(found[usual]) >= MANY and len(found[rare]) <= RARE * len(found[usual]):
                found[rare] = specks(ranks.suspects(HERE, rare, STRICTER * scale), rare, SMALLEST)
        return [s for one in found.values() for s in one]

    def _spared(self, found: list[Speck], scene: _Scene, ranks: Ranks, n: int, theirs: Theirs) -> list[Speck]:
        """Those that are no part of the scene, and that may be changed. ``theirs``: see there."""
        frame = scene.around.frame
        kept = [s for s in found if self._limits.admits(s, frame.fmt.shape(0))]
        veto = self._veto.at(n, frame.fmt) if self._veto else None
        kept = gates.untouched(kept, veto)
        if ranks.aligned.alone or not kept:
            return kept
        kept = gates.off_edges(kept, ranks.smooth[HERE], (ranks.smooth[BEFORE], ranks.smooth[AFTER]))
        flows = [ranks.aligned.motion.flow(k) for k in (BEFORE, AFTER)]
        kept = gates.followed(kept, flows, frame.fmt.shape(0))
        unquiet = ONE_SIDED_UNQUIET if ranks.aligned.one_sided else gates.UNQUIET
        kept = outstanding(gates.at_rest(kept, ranks.unlike, unquiet), ranks.away)
        if not kept:
            return []
        before, after = theirs()
        left = gates.not_rain(kept, (*before, *after))
        still = gates.not_passing(left, before, after, frame.fmt.width, one_sided=ranks.aligned.one_sided)
        if not still.left:
            return []
        if ranks.aligned.one_sided:
            return gates.not_akin(still.left, kept, still.chance)
        steady = _steady(still.left, scene.around, scene.ranks.aligned)
        return gates.not_akin(steady.left, kept, still.chance + steady.chance)

    def _theirs(self, ranks: Ranks) -> tuple[list[Speck], list[Speck]]:
        """What only the frame before has, and what only the one after."""
        scale = THEIRS / self._sensitivity
        one, other = (
            [s for p in (WHITE, BLACK) for s in specks(ranks.suspects(k, p, scale), p, SMALLEST)]
            for k in (BEFORE, AFTER)
        )
        return one, other

    def _by_hand(self, n: int, fmt: FrameFormat) -> Mask | None:
        """What the user's mask of frame ``n`` covers, less the veto; it is not widened."""
        hand = self._hand.at(n, fmt) if self._hand else None
        veto = self._veto.at(n, fmt) if self._veto and hand is not None else None
        return hand if hand is None or veto is None else hand & (1 - veto)


def _net(detector: str, backend: str) -> MaskNet | None:
    """The net of a detector; with ``auto`` None where none is installed."""
    if detector == RANK:
        return None
    found = MaskNet(backend=backends.chosen(backend))
    try:
        found.model.verify()
        found.still_model.verify()
    except ModelError:
        if detector == NET:
            raise
        return None
    return found


def _joined(found: Sequence[Speck], shape: tuple[int, int]) -> list[Speck]:
    """Specks of one polarity that touch or cover each other as one."""
    made = []
    for polarity in (WHITE, BLACK):
        mask = painted([s for s in found if s.polarity == polarity], shape)
        made += specks(Suspects(mask, mask), polarity, SMALLEST)
    return made


def _steady(found: list[Speck], around: Around, aligned: Aligned) -> gates.Sifted:
    """Without what blinks: seen two frames on as here."""
    far = around.others[2:]
    if not far:
        return gates.Sifted(found, Counter())

    def shown_far(speck: Speck) -> list[Plane]:
        return [around.motion.part(around.lumas[k], k, speck.rows, speck.columns) for k in sorted(far)]

    return gates.not_blinking(found, aligned.here, (aligned.before, aligned.after), shown_far)


def share(mask: Mask) -> float:
    """How much of a picture a mask covers."""
    return float(opencv().countNonZero(mask) / mask.size)


def _check(word: str, known: Sequence[str] | dict[str, int], name: str) -> None:
    if word not in known:
        raise UsageError(f"dust knows no {name} {word!r}; it is one of {', '.join(known)}")
