"""Plan: every resolved setting of one job; its digest names the job."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from filmgrain_codec import __version__

HEAD = 1 << 20
NOT_DIGESTED = ("source", "output")
LIBRARIES = ("av", "numpy", "onnxruntime", "onnxruntime-gpu", "openvino", "vapoursynth")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Resolved settings. Two jobs with the same digest make the same output."""

    kind: str
    source: str
    source_digest: str
    output: str
    settings: dict[str, Any] = field(default_factory=dict)
    encoder: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """sha256 over everything but where the files lie, as hex."""
        body = {k: v for k, v in asdict(self).items() if k not in NOT_DIGESTED}
        return hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "digest": self.digest}


def source_digest(path: Path) -> str:
    """sha256 of a file's size and first MiB: enough to notice another source."""
    if not path.is_file():
        return hashlib.sha256(str(path).encode()).hexdigest()
    with path.open("rb") as file:
        head = file.read(HEAD)
    return hashlib.sha256(str(path.stat().st_size).encode() + b"\0" + head).hexdigest()


def versions() -> dict[str, str]:
    """The package's version and those of the libraries that decide its output."""
    found = {"filmgrain-codec": __version__}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
