"""Tier 2: the filters of the frame graph, and their names.

Importing this package registers the names; a filter's own module is imported when the first
node of its kind is made.
"""

from __future__ import annotations

from filmgrain_codec.core.quantiser import FAMILIES, HIGHEST
from filmgrain_codec.core.registry import NODES, NodeSpec, Param
from filmgrain_codec.grain.presets import NAMES
from filmgrain_codec.infer.names import BACKENDS

_FACTORIES = "filmgrain_codec.nodes.factories"
_OR = "; by default the preset's, or"

NODES.register(
    NodeSpec(
        "grain",
        f"{_FACTORIES}:grain",
        "Adds film grain, fresh on every frame and the same on every run.",
        (
            Param("preset", str, None, "the grain of a film stock, for the picture's width", choices=NAMES),
            Param(
                "level", float, None, f"standard deviation at mid grey, of full scale{_OR} 0.05", 0.0, 0.15
            ),
            Param("size", float, None, f"grain size, sigma of its filter{_OR} 0.8", 0.1, 4.0, "samples"),
            Param(
                "anisotropy", float, None, "horizontal size divided by vertical size; usually 1", 0.25, 4.0
            ),
            Param(
                "weight", float, None, "share of a wider filter; below 0 is band-pass; usually 0", -1.0, 1.0
            ),
            Param(
                "spread", float, None, "width of the wider filter, relative to size; usually 2.5", 1.0, 8.0
            ),
            Param("chroma", float, None, f"chroma strength, relative to luma{_OR} 0.5", 0.0, 4.0),
            Param("chroma_size", float, None, f"grain size in chroma{_OR} 0.6", 0.1, 4.0, "chroma samples"),
            Param("skew", float, None, "third standardised moment; usually 0", -2.0, 2.0),
            Param("curve", str, None, f"strength over luma{_OR} film", choices=("film", "flat")),
            Param("seed", int, 0, "another seed is another grain", 0, 2**32 - 1),
            Param("synthesis", str, "parametric", "parametric, fast or the id of a synthesis model"),
        ),
    )
)
NODES.register(
    NodeSpec(
        "denoise",
        f"{_FACTORIES}:denoise",
        "Removes film grain with a network.",
        (
            Param("level", float, None, "level of the grain to remove; not given means blind", 0.0, 0.15),
            Param("model", str, "fast", "fast, balanced, best or a model's id"),
            Param("blind", bool, False, "let the network judge the level itself"),
            Param("threads", int, 1, "cores for one frame", 1, 256),
            Param("backend", str, "auto", "what runs the network", choices=BACKENDS),
            Param(
                "tile",
                int,
                None,
                "most of a plane's samples a side at a time; by default 1024 of large pictures",
                64,
                65536,
                "samples",
            ),
        ),
    )
)
NODES.register(
    NodeSpec(
        "deflicker",
        f"{_FACTORIES}:deflicker",
        "Takes flicker of exposure out, of the whole picture and of parts of it; real light stays.",
        (
            Param("mode", str, "auto", "auto leaves steady film alone", choices=("safe", "strong", "auto")),
            Param("strength", float, 1.0, "share of the correction", 0.0, 1.0),
            Param("radius", int, 24, "looked at on each side", 2, 60, "frames"),
        ),
    )
)
NODES.register(
    NodeSpec(
        "dust",
        "filmgrain_codec.nodes.repair.twice:dust",
        "Repairs dust, dirt and hair that one frame has and its neighbours have not.",
        (
            Param("sensitivity", float, 1.0, "divides the thresholds; 0 finds nothing", 0.0, 4.0),
            Param(
                "detector",
                str,
                "rank",
                "by ranks among the neighbours, by a network too, or by that on stills only (auto)",
                choices=("rank", "net", "auto"),
            ),
            Param("polarity", str, "auto", "kind of dirt", choices=("auto", "both", "white", "black")),
            Param(
                "max_size",
                float,
                0.05,
                "largest speck, hair four times as much",
                0.0,
                100.0,
                "% of the picture",
            ),
            Param(
                "max_coverage",
                float,
                1.0,
                "more than this leaves a frame alone",
                0.0,
                100.0,
                "% of the picture",
            ),
            Param("passes", int, 1, "with 2 the neighbours are repaired first, which finds more", 1, 2),
            Param("veto", str, None, "picture (or %04d sequence), white where nothing is changed"),
            Param("mask", str, None, "picture (or %04d sequence), white where damage is"),
            Param("show", str, "repaired", "what comes out", choices=("repaired", "overlay", "mask")),
            Param("backend", str, "auto", "what runs the network", choices=BACKENDS),
        ),
    )
)
NODES.register(
    NodeSpec(
        "scratches",
        "filmgrain_codec.nodes.repair.scratches:Scratches",
        "Takes upright scratches off that run with the film.",
        (
            Param("strength", float, 1.0, "share that is taken off", 0.0, 1.0),
            Param("radius", int, 8, "looked at on each side", 1, 24, "frames"),
            Param("still", bool, False, "strong lines over the whole height go where nothing moves, too"),
            Param("show", str, "repaired", "what comes out", choices=("repaired", "overlay", "mask")),
        ),
    )
)
NODES.register(
    NodeSpec(
        "codec_repair",
        "filmgrain_codec.nodes.codec_repair:CodecRepair",
        "Takes off what lossy coding put on: blocks, ringing, mosquito noise.",
        (
            Param("qp", float, None, "quantiser; by default the stream's, or judged", 0.0, HIGHEST),
            Param("codec", str, "auto", "what coded it", choices=("auto", *FAMILIES)),
            Param("strength", float, 1.0, "share of the repair", 0.0, 1.0),
            Param("perceptual", float, 0.0, "0: nearest on average, 1: detail as strong as it was", 0.0, 1.0),
            Param("least", float, 20.0, "frames up to this QP pass as they are", 0.0, HIGHEST),
            Param("model", str, "fast", "fast, best or a model's id"),
            Param("backend", str, "auto", "what runs the network", choices=BACKENDS),
            Param("threads", int, 1, "cores for one frame", 1, 256),
            Param("tile", int, None, "most samples a side at a time", 64, 65536, "samples"),
        ),
    )
)
NODES.register(
    NodeSpec(
        "deband",
        "filmgrain_codec.nodes.deband:Deband",
        "Puts slopes back where few codes made bands.",
        (
            Param("step", float, 1.0, "height of the bands' steps", 0.25, 8.0, "codes of 8 bit"),
            Param("range", int, 24, "as far around slopes are looked for", 3, 128, "samples"),
            Param("strength", float, 1.0, "share of the change", 0.0, 1.0),
            Param("bits", int, 10, "depth of the result; 8 and 9 are dithered", 8, 16),
        ),
    )
)
NODES.register(
    NodeSpec(
        "depth",
        "filmgrain_codec.nodes.convert:Depth",
        "Re-expresses samples at another bit depth.",
        (Param("bits", int, 10, "bits per sample", 8, 16),),
    )
)
NODES.register(
    NodeSpec(
        "deflicker_table",
        "filmgrain_codec.nodes.flicker.table:from_file",
        "Takes flicker out by a table of corrections, as fgcodec train atlas makes it.",
        (
            Param("file", str, None, "the table (.npz)"),
            Param("strength", float, 1.0, "share of the corrections", 0.0, 1.0),
        ),
    )
)
