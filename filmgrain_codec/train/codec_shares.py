"""How much to add of what codec repair's nets say: ``fgcodec train codec_shares --data DIR --model best``.

A net that is trained on patches says about what was lost of each. Whole frames hang on what lost much, and
part of what the filter does around a net (see ``nodes.standing``) is cautious; two nets that err apart say
too little on average. So their shares are measured: least squares over whole frames, each in units of its
own error, of scenes from photographs that no net was trained on.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Frame, Plane
from filmgrain_codec.core.quantiser import FAMILIES
from filmgrain_codec.nodes.codec_repair import CODEC_PROP, KEY_PROP, QP_PROP, CodecRepair
from filmgrain_codec.train.codec import pool
from filmgrain_codec.train.material import Material
from filmgrain_codec.train.options import some

Array = NDArray[np.float64]
SEED, PER_SCENE = 55, 3


def windows(seen: Material, codec: str, rng: Generator) -> Iterator[tuple[list[Frame], Plane]]:
    """Windows of a coded scene, and the clean luma of the frame in their middle."""
    single = codec == "jpeg"
    scene = pool.singles(seen, rng) if single else pool.clean_scene(seen, rng, pool.LIVELY_SHARE)
    clean = pool.frames_of(pool.focused(scene, rng))
    made = pool.through(clean, codec, rng, range(pool.FRAMES))
    known = {n: _known(f) for n, f in made.items()}
    for n in rng.choice(pool.FRAMES, PER_SCENE, replace=False).tolist():
        around = [known[min(max(n + d, 0), pool.FRAMES - 1)] for d in (-1, 0, 1)]
        yield [known[n]] if single else around, clean[n].planes[0]


def _known(frame: Frame) -> Frame:
    told = {QP_PROP: "qp", KEY_PROP: "key_qp", CODEC_PROP: "codec"}
    return replace(frame, props={k: frame.props.get(v) for k, v in told.items()})


def answers(node: CodecRepair, window: list[Frame], codec: str) -> list[Plane]:
    """What each net alone adds to luma."""
    found, count = [], len(node.shares[codec])
    for k in range(count):
        node.shares = dict.fromkeys(FAMILIES, tuple(float(k == n) for n in range(count)))
        found.append(node.process(window, 0).planes[0] - window[len(window) // 2].planes[0])
    return found


def products(node: CodecRepair, seen: Material, codec: str, scenes: int) -> Array:
    """(frames, n, n): mean products of the nets' answers and, last, of what was lost, over its square."""
    rng, rows = np.random.default_rng(SEED), []
    for _ in range(scenes):
        for window, clean in windows(seen, codec, rng):
            lost = clean - window[len(window) // 2].planes[0]
            each = np.stack([*answers(node, window, codec), lost]).reshape(-1, lost.size).astype(np.float64)
            gram = each @ each.T
            rows.append(gram / gram[-1, -1])
    return np.stack(rows)


def best(products: Array) -> Array:
    """Shares of least squares."""
    mean = products.mean(0)
    found: Array = np.linalg.solve(mean[:-1, :-1], mean[:-1, -1])
    return found


def gain(products: Array, shares: Sequence[float] | Array) -> float:
    """Mean gain of PSNR in dB."""
    weights = np.append(-np.asarray(shares), 1.0)
    left = np.einsum("i,nij,j->n", weights, products, weights)
    return float(-10 * np.log10(left).mean())


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry of ``fgcodec train codec_shares``."""
    parser = argparse.ArgumentParser(prog="fgcodec train codec_shares", description="Measure nets' shares.")
    parser.add_argument("--data", type=Path, required=True, help="folder with photos*/ and video_clean/")
    parser.add_argument("--model", default="fast", help="fast, best or an id (fast)")
    parser.add_argument("--scenes", type=some, default=100, help="scenes of each codec (100)")
    given = parser.parse_args(arguments)
    seen = pool.clean_material(pool.Recipe(given.data, SEED, given.scenes, held_out=True))
    node = CodecRepair(model=given.model)
    usual = node.shares
    for codec in pool.CHANCES:
        told = usual[codec]
        found = products(node, seen, codec, given.scenes)
        shares = best(found)
        now, then = gain(found, told), gain(found, shares)
        print(f"{codec}: now {told}: {now:+.3f} dB, best {shares.round(2)}: {then:+.3f} dB", flush=True)


if __name__ == "__main__":
    main()
