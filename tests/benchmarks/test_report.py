"""What benchmarks leave behind."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import report


def test_speeds_measured_later_leave_the_rows_and_say_where_they_come_from(tmp_path: Path) -> None:
    report.save("thing", [{"clip": "a", "psnr": 40.5}], tmp_path, commit="abc", fps=1.0)
    before = json.loads((tmp_path / "thing.json").read_text())
    report.amend("thing", tmp_path, lambda found: {"fps": found["fps"] + 4.0})
    after = json.loads((tmp_path / "thing.json").read_text())
    assert after.pop("speed").keys() == report.circumstances().keys()
    assert after == before | {"fps": 5.0}
