"""A trained DeepFilmGrain baseline as an ONNX file: ``fgcodec train dfg-export --run DIR --out FILE``.

Such files are for comparisons; they do not belong to the models that the product ships.
"""

from __future__ import annotations

import argparse
import io
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from filmgrain_codec.errors import OutputError
from filmgrain_codec.train.dfg import trained
from filmgrain_codec.train.networks.unet import STATISTICS, Baseline, use_statistics

OPSET = 17
INPUTS = ("image", "level")
OUTPUTS = {"removal": "clean", "synthesis": "grainy"}


class Exported(nn.Module):
    """The baseline, with ``level`` an input of the blind net's graph too, so that all files are run alike."""

    def __init__(self, net: Baseline) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: Tensor, level: Tensor) -> Tensor:
        made: Tensor = self.net(image, level)
        return (made + 0 * level[:, :, None, None]).clamp(0, 1)


def export_dfg(run: Path, path: Path, statistics: str | None = None) -> Path:
    """Write the net of a run to ``path`` and return it.

    Inputs ``image`` (1, C, H, W) in 0..1 and ``level`` (1, 1), output ``clean`` (of a removal task) or
    ``grainy`` (of synthesis; the discriminator stays behind) (1, C, H, W) in 0..1; C is 1 (luma) for gray
    tasks and 3 (R, G, B) for the others; H and W are multiples of 16 (res_unet) or 32 (unet). The file's
    metadata say task, kind, channels, multiple and statistics (by default as published: running for removal,
    batch for synthesis). Raises ``InputError`` without a run, ``OutputError`` where it cannot be written.
    """
    net, task = trained(run)
    statistics = statistics or task.statistics
    use_statistics(net, statistics)
    facts = {"task": task.name, "kind": task.kind, "channels": net.channels, "multiple": net.multiple}
    facts |= {"statistics": statistics}
    try:
        path.write_bytes(labelled(to_onnx(net, OUTPUTS[task.kind]), {k: str(v) for k, v in facts.items()}))
    except OSError as e:
        raise OutputError(f"{path} cannot be written ({e.strerror}); name another place.") from e
    return path


def to_onnx(net: Baseline, output: str) -> bytes:
    """The net as ONNX with free height and width."""
    side, out = 2 * net.multiple, io.BytesIO()
    with warnings.catch_warnings():
        # The tracing exporter is deprecated, but its graphs keep free sizes without shape arithmetic.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Exported(net).eval(),
            (torch.rand(1, net.channels, side, side), torch.full((1, 1), 0.05)),
            out,
            dynamo=False,
            opset_version=OPSET,
            input_names=list(INPUTS),
            output_names=[output],
            dynamic_axes={name: {2: "height", 3: "width"} for name in (INPUTS[0], output)},
        )
    return out.getvalue()


def labelled(content: bytes, facts: dict[str, str]) -> bytes:
    """The same file with facts in its metadata."""
    import onnx

    model = onnx.load_from_string(content)
    onnx.helper.set_model_props(model, facts)
    labelled: bytes = model.SerializeToString()
    return labelled


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry of ``fgcodec train dfg-export``."""
    about = "Write a trained baseline as ONNX, to compare with."
    parser = argparse.ArgumentParser(prog="fgcodec train dfg-export", description=about)
    parser.add_argument("--run", type=Path, required=True, help="folder that fgcodec train dfg wrote")
    parser.add_argument("--out", type=Path, required=True, help="ONNX file to write")
    parser.add_argument("--statistics", choices=STATISTICS, help="of the normalisation; default as published")
    given = parser.parse_args(arguments)
    print(export_dfg(given.run, given.out, given.statistics))


if __name__ == "__main__":
    main()
