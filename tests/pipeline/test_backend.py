"""The backend of removal, from the command's option to the nets and into the plan."""

from __future__ import annotations

import numpy as np
import pytest

from filmgrain_codec.core.registry import build_chain
from filmgrain_codec.errors import ModelError, UsageError
from filmgrain_codec.infer import backend, session
from filmgrain_codec.infer.names import BACKENDS, BF16, OPENVINO, ORT
from filmgrain_codec.pipeline.encode import plan
from filmgrain_codec.pipeline.request import EncodeRequest
from tests.e2e import clips


@pytest.fixture
def bare(monkeypatch):
    """A machine without OpenVINO."""
    monkeypatch.delenv(backend.VARIABLE, raising=False)
    monkeypatch.setattr(backend, "problem", lambda name: "" if name == ORT else "OpenVINO is not installed")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return clips.stream(tmp_path_factory.mktemp("backend") / "in.mkv", clips.format_of(64, 48), 3)


def test_the_filter_takes_every_backend_by_name(bare):
    (node,) = build_chain([f"denoise:level=0.05,backend={ORT}"])
    assert node._luma is session.session(node.model.part("luma"), 1)
    with pytest.raises(ModelError, match="not installed"):
        build_chain([f"denoise:level=0.05,backend={OPENVINO}"])
    with pytest.raises(UsageError, match=f"one of {', '.join(BACKENDS)}, not 'tensorrt'"):
        build_chain(["denoise:backend=tensorrt"])


def test_an_encode_plan_says_what_the_nets_will_run_on(bare, clip, tmp_path):
    def planned(**given):
        return plan(EncodeRequest(source=clip, output=tmp_path / "out.mkv", **given))

    assert planned().settings["backend"] == ORT
    assert planned().digest == planned(backend=ORT).digest
    with pytest.raises(ModelError, match="not installed"):
        planned(backend=BF16)


@pytest.mark.openvino
def test_the_same_filter_on_another_backend_is_the_same_picture(tmp_path, clip):
    pytest.importorskip("openvino", reason="OpenVINO is not installed")
    from filmgrain_codec.media.reader import Reader
    from filmgrain_codec.pipeline.filter import filter_clip
    from filmgrain_codec.pipeline.request import FilterRequest

    made = {}
    for name in (ORT, OPENVINO):
        output = tmp_path / f"{name}.mkv"
        filters = (f"denoise:level=0.05,backend={name}",)
        filter_clip(FilterRequest(source=clip, output=output, filters=filters))
        with Reader(output) as reader:
            made[name] = [frame.planes for frame in reader]
    step = 1.01 / 255
    pairs = zip(made[ORT], made[OPENVINO], strict=True)
    assert all(np.abs(a - b).max() <= step for x, y in pairs for a, b in zip(x, y, strict=True))
