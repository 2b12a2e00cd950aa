"""``fgcodec encode --deflicker atlas``: the atlas of every shot is fitted first, which needs torch."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from filmgrain_codec.cli.train import NO_TORCH
from filmgrain_codec.cli.train_atlas import Request, atlas_clip
from filmgrain_codec.errors import InputError, UsageError

if TYPE_CHECKING:
    from filmgrain_codec.pipeline.plan import Plan
    from filmgrain_codec.pipeline.progress import Listener
    from filmgrain_codec.pipeline.report import Report
    from filmgrain_codec.pipeline.request import EncodeRequest


def encode(request: EncodeRequest, on_event: Listener | None = None) -> Report:
    """Fit, then encode with the corrections found. Everything else is checked before the fit, which takes
    minutes; its table stays beside the output until the encode is done, so that a second try finds it.
    """
    from filmgrain_codec.pipeline import encode as job

    _check(request)
    table = Path(plan(request).output + ".atlas.npz")
    if not _of_source(table, request):
        atlas_clip(_fit(request, table), on_event)
    done = job.encode(corrected_by(table, request), on_event)
    done.plan["settings"] |= {"deflicker": request.deflicker, "repair": request.repair}
    table.unlink()
    return done


def plan(request: EncodeRequest) -> Plan:
    """Every setting resolved; nothing is fitted or written."""
    from filmgrain_codec.pipeline import encode as job

    made = job.plan(replace(request, deflicker="off"))
    made.settings["deflicker"] = request.deflicker
    return made


def corrected_by(table: Path, request: EncodeRequest) -> EncodeRequest:
    """The request with the filter that applies a table, before its other filters."""
    from filmgrain_codec.core.registry import format_node
    from filmgrain_codec.pipeline.repair import chain

    first = format_node("deflicker_table", {"file": str(table)})
    repairs = chain(request.repair)
    return replace(request, deflicker="off", repair="off", filters=(first, *repairs, *request.filters))


def _check(request: EncodeRequest) -> None:
    from filmgrain_codec.pipeline.request import PIPE

    if find_spec("torch") is None:
        raise UsageError(NO_TORCH.replace("training", "--deflicker atlas"))
    if str(request.source) == PIPE or request.sample is not None or request.ref is not None:
        raise UsageError(
            "--deflicker atlas fits a whole file: leave --sample and --ref out, and give a file, not stdin"
        )


def _of_source(table: Path, request: EncodeRequest) -> bool:
    """Whether an earlier try left the table of this source."""
    from filmgrain_codec.nodes.flicker.table import read
    from filmgrain_codec.pipeline.plan import source_digest

    try:
        return read(table).digest == source_digest(Path(request.source))
    except InputError:
        return False


def _fit(request: EncodeRequest, table: Path) -> Request:
    return Request(
        source=str(request.source),
        output=table,
        work=None,
        mask=None,
        quality="quick",
        budget=None,
        device="cpu",
        seed=0,
        threads=request.threads,
        overwrite=True,
        as_yuv=True,
    )
