"""``encode --deflicker atlas``: the fit first, and nothing lost where the encode after it fails."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch", reason="training needs torch (make test-train)")

from filmgrain_codec.cli import encode_atlas  # noqa: E402
from filmgrain_codec.errors import EncoderError, UsageError  # noqa: E402
from filmgrain_codec.pipeline import encode as job  # noqa: E402
from filmgrain_codec.pipeline.request import EncodeRequest  # noqa: E402
from filmgrain_codec.train.atlas import settings  # noqa: E402


@pytest.fixture
def source(tmp_path: Path) -> Path:
    rng = np.random.default_rng(2)
    rough = rng.random((16, 24)).repeat(8, 0).repeat(8, 1)
    path = tmp_path / "clip.y4m"
    with path.open("wb") as file:
        file.write(b"YUV4MPEG2 W128 H96 F24:1 Ip A1:1 Cmono\n")
        for n in range(10):
            seen = rough[:96, 2 * n : 2 * n + 128]
            file.write(b"FRAME\n" + (60 + 130 * rng.uniform(0.85, 1.15) * seen).astype(np.uint8).tobytes())
    return path


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    shape = settings.Net(2, 16)
    small = replace(
        settings.QUALITIES["quick"], columns=32, steps=8, least=8, samples=64, atlas=shape, mapping=shape
    )
    monkeypatch.setitem(settings.QUALITIES, "quick", small)


def test_a_second_try_finds_the_table_of_the_first(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = EncodeRequest(
        source=source, output=tmp_path / "out.mkv", deflicker="atlas", codec="x264", level=0.0, threads=1
    )
    whole = job.encode

    def failing(request: EncodeRequest, on_event: object = None) -> None:
        assert request.filters[0].startswith("deflicker_table:")
        raise EncoderError("no more")

    monkeypatch.setattr(job, "encode", failing)
    with pytest.raises(EncoderError):
        encode_atlas.encode(request)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clip.y4m", "out.mkv.atlas.npz"]

    fits = []
    monkeypatch.setattr(job, "encode", whole)
    monkeypatch.setattr(encode_atlas, "atlas_clip", lambda *given: fits.append(given))
    report = encode_atlas.encode(request)
    assert not fits
    assert report.frames == 10
    assert report.plan["settings"]["deflicker"] == "atlas"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clip.y4m", "out.mkv"]


@pytest.mark.parametrize("asked", [{"sample": 1.0}, {"source": "-"}, {"ref": "clip.y4m"}])
def test_what_cannot_be_fitted(source: Path, tmp_path: Path, asked: dict[str, object]) -> None:
    request = EncodeRequest(source=source, output=tmp_path / "out.mkv", deflicker="atlas")
    with pytest.raises(UsageError, match="whole file"):
        encode_atlas.encode(replace(request, **asked))


def test_bad_requests_fail_before_the_fit(source: Path, tmp_path: Path) -> None:
    request = EncodeRequest(source=source, output=tmp_path / "out.mkv", deflicker="atlas", level=0.5)
    with pytest.raises(UsageError, match="level"):
        encode_atlas.encode(request)
    assert [p.name for p in tmp_path.iterdir()] == ["clip.y4m"]
