"""The drawing of strength curves."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from filmgrain_codec.cli import aside, chart, curves
from filmgrain_codec.errors import OutputError, UsageError
from filmgrain_codec.pipeline import analyse

SHOT = {"level": 0.04, "curve": (0.0, 0.5, 0.9, 1.0, 1.0, 0.9, 0.7, 0.4), "confidence": 0.9}
SVG = "{http://www.w3.org/2000/svg}"


def drawn(shots: list[dict[str, object]]) -> ElementTree.Element:
    return ElementTree.fromstring(curves.svg("a <b> & c", shots))


def test_every_shot_is_a_line_inside_the_frame_and_doubtful_ones_are_dashed() -> None:
    lines = drawn([SHOT, {**SHOT, "level": 0.01, "confidence": 0.1}]).findall(f"{SVG}polyline")
    assert [line.get("stroke-dasharray") for line in lines] == [None, "6 4"]
    points = [tuple(map(float, p.split(","))) for p in lines[0].attrib["points"].split()]
    assert len(points) == 8
    assert all(chart.TOP <= y <= chart.HEIGHT - chart.BOTTOM for _, y in points)
    # the strongest knot is drawn highest, four times as high as that of the weaker shot
    weaker = [tuple(map(float, p.split(","))) for p in lines[1].attrib["points"].split()]
    ground = chart.HEIGHT - chart.BOTTOM
    assert (ground - points[3][1]) == pytest.approx(4 * (ground - weaker[3][1]), rel=0.02)


def test_many_shots_and_none() -> None:
    many = drawn([SHOT] * 20)
    assert len(many.findall(f"{SVG}polyline")) == 20
    assert "and 4 more" in ElementTree.tostring(many, "unicode")
    assert not drawn([]).findall(f"{SVG}polyline")


def test_only_svg_is_drawn(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"curves\.svg"):
        aside.check(plot=tmp_path / "curves.png")
    aside.check(plot=tmp_path / "curves.SVG")


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="choose another place"):
        aside.save(tmp_path / "no" / "c.svg", curves.svg("t", [SHOT]))
    with pytest.raises(OutputError, match="no folder"):
        aside.check(tmp_path / "no" / "c.csv")
    aside.save(tmp_path / "c.svg", curves.svg("t", [SHOT]))
    assert [p.name for p in tmp_path.iterdir()] == ["c.svg"]


def test_trust_is_that_of_the_analysis() -> None:
    assert curves.TRUSTED == analyse.TRUSTED
