"""Report: what a finished job did, for people and for machines."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from filmgrain_codec.grain.profile import GrainProfile


@dataclass(slots=True, kw_only=True)
class Report:
    """Outcome of one job. Sizes in bytes, ``seconds`` of wall clock; one sentence per warning.

    ``refined``: what ``encode --refine`` changed, a dictionary per shot (see ``pipeline.refine.Refined``).
    ``quality``: what ``encode --target-quality`` found (see ``pipeline.quality.Found``), else None.
    """

    kind: str
    source: str
    output: str
    frames: int
    seconds: float
    source_bytes: int = 0
    output_bytes: int = 0
    video_bytes: int = 0
    metadata_bytes: int = 0
    predicted_bytes: int | None = None
    shots: list[dict[str, Any]] = field(default_factory=list)
    refined: list[dict[str, Any]] = field(default_factory=list)
    quality: dict[str, Any] | None = None
    warnings: list[str] = field(default_factory=list)
    plan: dict[str, Any] = field(default_factory=dict)

    @property
    def fps(self) -> float:
        return self.frames / self.seconds if self.seconds else 0.0

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "fps": round(self.fps, 3)}


def bytes_of(path: Path) -> int:
    """Bytes of a file, or of all files of a folder; 0 for a pattern, which names no file itself."""
    files = path.iterdir() if path.is_dir() else (path,)
    return sum(p.stat().st_size for p in files if p.is_file())


def shots(profile: GrainProfile) -> list[dict[str, Any]]:
    """One plain dictionary per segment, in frame order."""
    return [asdict(segment) for segment in profile]
