"""Both forms of the profile: round trip, agreement, limits, and bytes that never change."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from filmgrain_codec.core.frame import Family, FrameFormat
from filmgrain_codec.errors import ProfileError
from filmgrain_codec.grain import wire
from filmgrain_codec.grain.parametric import synthesize
from filmgrain_codec.grain.profile import BENT_LAW, SHOWN_LAW, Chroma, GrainProfile, GrainSegment, Spectrum
from filmgrain_codec.grain.wire import (
    Record,
    from_bytes,
    from_json,
    quantise,
    quantise_profile,
    to_bytes,
    to_json,
)
from filmgrain_codec.infer import store
from tests.grain.material import GOLDEN, GOLDEN_RECORD, picture, profiles, records, segments

GOLDEN_FILES = Path(__file__).parent / "golden"
PLAIN = GrainSegment(0, 10, 0.05)


def corrected(segment: GrainSegment) -> GrainSegment:
    """The segment as it is written today, with a corrected spectrum."""
    spectrum = replace(segment.spectrum, correction=(0.5, -0.5, 0.0, 7.5, -8.0, 1.0, -1.0, 3.5))
    return replace(segment, spectrum=spectrum, law=BENT_LAW, kurtosis_slope=0.5)


def as_json(**changes: Any) -> str:
    """A valid record of one segment with some of the segment's keys replaced."""
    return json.dumps({"filmgrain": 1, "segments": [{"frames": [0, 10], "level": 0.05, **changes}]})


def resealed(data: bytes) -> bytes:
    """The record with length and checksum made right again."""
    body = data[:4] + len(data).to_bytes(2, "little") + data[6:-4]
    return body + zlib.crc32(body).to_bytes(4, "little")


@given(profiles())
def test_json_gives_back_the_quantised_profile(profile: GrainProfile) -> None:
    assert from_json(to_json(profile)) == quantise_profile(profile)


@given(records())
def test_binary_gives_back_the_quantised_record(record: Record) -> None:
    name = record.synthesis or "parametric"
    assert from_bytes(to_bytes(record)) == replace(record, segment=quantise(record.segment), synthesis=name)


@given(segments())
def test_tag_and_in_band_record_agree(segment: GrainSegment) -> None:
    tag = from_json(to_json(GrainProfile((segment,)))).segments[0]
    in_band = from_bytes(to_bytes(Record(segment, segment.start))).segment
    assert tag == in_band == quantise(segment) == quantise(quantise(segment))


@given(segments())
def test_rounding_moves_nothing_by_more_than_half_a_step(segment: GrainSegment) -> None:
    for number, exact, rounded in zip(
        wire.NUMBERS, wire._values(segment), wire._values(quantise(segment)), strict=True
    ):
        assert abs(exact - rounded) <= 0.5000001 / number.scale, number.name


def test_a_record_is_small_and_a_tag_is_readable() -> None:
    for segment in (GOLDEN.segments[0], corrected(GOLDEN.segments[0])):
        for removal in (model.id for model in store.catalogue() if model.role == "removal"):
            assert len(to_bytes(Record(quantise(segment), 24, "parametric", removal))) < 100
    assert json.loads(to_json(GOLDEN))["segments"][0]["level"] == 0.05
    assert to_json(GOLDEN).isascii()


@pytest.mark.parametrize("form", ["json", "bin"])
def test_version_1_is_written_as_it_always_was(form: str) -> None:
    if form == "json":
        assert to_json(GOLDEN) == (GOLDEN_FILES / "profile_v1.json").read_text().strip()
    else:
        old = (GOLDEN_FILES / "record_v1.bin").read_bytes()
        named = b"\x0aparametric"  # development versions spelt out what needs no name
        assert to_bytes(GOLDEN_RECORD) == resealed(old[:-4].replace(named, b"\0") + bytes(3) + old[-4:])


def test_slope_of_skew_and_kurtosis_travel_behind_the_ids() -> None:
    segment = replace(GOLDEN_RECORD.segment, skew_slope=-1.5, kurtosis=-0.25)
    data = to_bytes(replace(GOLDEN_RECORD, segment=segment))
    assert data[-7:-4] == (-1500).to_bytes(2, "little", signed=True) + (-16).to_bytes(1, signed=True)
    assert '"skew_slope":-1.5,"kurtosis":-0.25' in to_json(replace(GOLDEN, segments=(segment,)))
    of_writers_without = from_bytes(resealed(data[:-5] + data[-4:]))
    assert of_writers_without.segment == replace(quantise(segment), kurtosis=0.0)


def test_the_law_and_its_numbers_travel_last_and_only_where_there_are_some() -> None:
    segment = quantise(replace(GOLDEN_RECORD.segment, law=BENT_LAW, kurtosis_slope=-0.75))
    record = replace(GOLDEN_RECORD, segment=segment, removal="removal-fast-2")
    data = to_bytes(record)
    assert data[-6:-4] == bytes([BENT_LAW]) + (-24).to_bytes(1, signed=True)
    assert b".fast-2" in data
    assert b"removal" not in data
    assert from_bytes(data) == record
    assert '"law":1,"kurtosis_slope":-0.75' in to_json(replace(GOLDEN, segments=(segment,)))
    assert (
        len(to_bytes(replace(record, segment=replace(segment, law=0, kurtosis_slope=0.0)))) == len(data) + 5
    )


def test_a_law_of_a_later_writer_is_refused() -> None:
    data = to_bytes(Record(replace(PLAIN, law=BENT_LAW), 3))
    with pytest.raises(ProfileError, match=r"law 3 is not in 0\.\.2"):
        from_bytes(resealed(data[:-6] + b"\3" + data[-5:]))
    with pytest.raises(ProfileError, match="law"):
        from_json(as_json(law=3))
    with pytest.raises(ProfileError, match="first no point"):
        to_bytes(Record(PLAIN, 3, removal=".fast-2"))


def test_corrections_travel_last_and_programs_without_them_read_the_rest() -> None:
    record = Record(quantise(corrected(PLAIN)), 3)
    data = to_bytes(record)
    codes = (1, -1, 0, 15, -16, 2, -2, 7)
    assert data[-9:-4] == sum((c & 31) << 5 * k for k, c in enumerate(codes)).to_bytes(5, "little")
    assert from_bytes(data) == record
    without = replace(record.segment, spectrum=Spectrum())
    assert from_bytes(resealed(data[:-9] + data[-4:])).segment == without
    assert '"correction":[0.5,-0.5,0,7.5,-8,1,-1,3.5]' in to_json(GrainProfile((record.segment,)))
    assert "correction" not in to_json(GrainProfile((without,)))
    plain = to_bytes(Record(replace(without, law=0, kurtosis_slope=0.0), 3))
    assert len(data) == len(plain) + 7
    with pytest.raises(ProfileError, match="inside the corrections"):
        from_bytes(resealed(data[:-6] + data[-4:]))


def test_version_1_is_read_for_ever() -> None:
    assert from_json((GOLDEN_FILES / "profile_v1.json").read_text()) == quantise_profile(GOLDEN)
    assert from_bytes((GOLDEN_FILES / "record_v1.bin").read_bytes()) == replace(
        GOLDEN_RECORD, segment=quantise(GOLDEN_RECORD.segment)
    )


GRAIN_SHA256 = {
    ("gray", 0, 0): "a9a0e8df934f650c5f32f2f893137a32371c9c11792c41a25fa4873460af6dd3",
    ("yuv", 1, 1): "476f78f483b5966a86bee980859e4af4e83eb8cf034444895c2a1ffd9a08cb8b",
    ("yuv", 1, 0): "d46fe1850d6658916e295a41cdedeeadc7906da675f111452b306f6637ddc265",
    ("yuv", 0, 0): "99867da6173315db0b9413bf081504dceb5a055848c4eb1434e4889b17a1eec3",
    ("rgb", 0, 0): "0df2b7dd034f740ec8bd036d293e61d76d3b536920725f6c287d1809b957f2c6",
}


CORRECTED_SHA256 = {
    ("gray", 0, 0): "29ba3d07efa11cc479a69fd588be2d8f18d1ccaf1be213df1849eb049616ea8b",
    ("yuv", 1, 1): "1a61869bed4a19fab55d011251b17079326018042e865e1ff43ef4be860e15f4",
}


SHOWN_SHA256 = {
    ("gray", 0, 0): "8a445ad2cb68fa678fe631c1294302427595f3a3b21bb9cb71cbeca6203c6e24",
    ("yuv", 1, 1): "fb9ba893ae5d4a34ae020912c0d4766450df3721ede8b8ff329a89728b1b0964",
}


def synthesized(layout: tuple[Family, int, int], change: Callable[[GrainSegment], GrainSegment]) -> str:
    """Digest of a frame with the recorded profile's grain, after a change."""
    fmt = FrameFormat(67, 45, *layout, bits=10)
    record = from_bytes((GOLDEN_FILES / "record_v1.bin").read_bytes())
    made = synthesize(picture(fmt), fmt, change(record.segment), record.index)
    return hashlib.sha256(b"".join(p.astype("<f4").tobytes() for p in made)).hexdigest()


@pytest.mark.parametrize("layout", CORRECTED_SHA256, ids=str)
def test_the_grain_of_a_corrected_spectrum_never_changes(layout: tuple[Family, int, int]) -> None:
    assert synthesized(layout, corrected) == CORRECTED_SHA256[layout]


@pytest.mark.parametrize("layout", SHOWN_SHA256, ids=str)
def test_the_grain_of_the_shown_law_never_changes(layout: tuple[Family, int, int]) -> None:
    found = synthesized(layout, lambda s: replace(corrected(s), law=SHOWN_LAW, skew=0.4, skew_slope=1.0))
    assert found == SHOWN_SHA256[layout]


@pytest.mark.parametrize("layout", GRAIN_SHA256, ids=str)
def test_the_grain_of_a_recorded_profile_never_changes(layout: tuple[Family, int, int]) -> None:
    assert synthesized(layout, lambda s: s) == GRAIN_SHA256[layout]


def test_missing_keys_mean_defaults_and_unknown_keys_nothing() -> None:
    text = json.dumps(
        {
            "filmgrain": 1,
            "later": {"deep": [[1]]},
            "segments": [{"frames": [0, 10], "level": 0.05, "hue": "sepia", "more": [1, 2]}],
        }
    )
    spectrum, chroma = Spectrum(0.8, 1.0, 0.0, 2.5), Chroma(0.0, 0.0, 0.6, 0.0, 0.0, 0.0)
    plain = GrainSegment(0, 10, 0.05, (1.0,) * 8, spectrum, chroma, skew=0.0, seed=0, confidence=1.0)
    assert from_json(text) == GrainProfile((plain,))


def test_bytes_of_later_writers_are_ignored() -> None:
    record = Record(quantise(corrected(PLAIN)), 3)
    data = to_bytes(record)
    assert from_bytes(resealed(data[:-4] + b"news" + data[-4:])) == record


@pytest.mark.parametrize("version", [0, 2, 255])
def test_other_versions_say_which_and_to_update(version: int) -> None:
    data = to_bytes(Record(PLAIN, 3))
    with pytest.raises(ProfileError, match=f"version {version}.*update"):
        from_bytes(resealed(data[:3] + bytes([version]) + data[4:]))
    with pytest.raises(ProfileError, match=f"version {version}.*update"):
        from_json(json.dumps({"filmgrain": version, "segments": []}))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "not valid JSON"),
        ("{", "not valid JSON"),
        ("[" * 50_000, "not valid JSON"),
        ('{"filmgrain":1,"segments":' + "[" * 200_000, "more values"),
        ("1" * 5000, "5000 digits"),
        ("[]", "not a JSON object"),
        ("{}", "no version"),
        ('{"filmgrain":true,"segments":[]}', "no version"),
        ('{"filmgrain":1}', "list"),
        ('{"filmgrain":1,"segments":{}}', "list"),
        ('{"filmgrain":1,"segments":[7]}', "not a JSON object"),
        ('{"filmgrain":1,"filmgrain":1,"segments":[]}', "twice"),
        ('{"filmgrain":1,"segments":[],"synthesis":5}', "not text"),
        ('{"filmgrain":1,"segments":[],"synthesis":"../x"}', "model id"),
        ('{"filmgrain":1,"segments":[],"fingerprint":"\\u0000"}', "fingerprint"),
        ('{"filmgrain":1,"segments":[],"fingerprint":"' + "x" * 129 + '"}', "fingerprint"),
        ('{"filmgrain":1,"segments":[],"note":NaN}', "NaN"),
        (as_json(level=None), "level is not a number"),
        (as_json(level="0.05"), "level is not a number"),
        (as_json(level=True), "level is not a number"),
        (as_json(level=0.6), "level 0.6 is not in 0..0.5"),
        (as_json(level=-0.1), "level"),
        (as_json(level=1e308), "level"),
        (as_json(level=float("nan")), "NaN"),
        (as_json(level=float("inf")), "Infinity"),
        (as_json(level=0.0).replace("0.0", "1e999"), "level"),
        (as_json(curve=[1] * 7), "curve"),
        (as_json(curve=[21, *[1] * 7]), r"curve\[0\]"),
        (as_json(spectrum=[0.05, 1, 0, 2.5]), "size"),
        (as_json(spectrum=[16, 1, 0.1, 8]), "size times spread"),
        (as_json(chroma=[1, 1, 0.6, 1.01, 0, 0]), "y_cb"),
        (as_json(skew=3), "skew"),
        (as_json(correction=[0] * 7), "correction"),
        (as_json(correction=[8] + [0] * 7), r"correction\[0\]"),
        (as_json(correction=[None] * 8), "correction"),
        (as_json(seed=1.5), "whole"),
        (as_json(seed=-1), "seed"),
        (as_json(seed=2**32), "seed"),
        (as_json(frames=[0]), "frames"),
        (as_json(frames=[0, 1.5]), "whole"),
        (as_json(frames=[5, 5]), "frames 5 to 5"),
        (as_json(frames=[-1, 5]), "frames -1"),
        (as_json(frames=[0, 2**48]), "frames 0 to"),
        (as_json(frames=[0, 10**30]), "31 digits"),
    ],
)
def test_bad_json_is_refused_with_a_sentence(text: str, told: str) -> None:
    with pytest.raises(ProfileError, match=told) as caught:
        from_json(text)
    assert len(str(caught.value)) < 200


def test_segments_must_be_in_order() -> None:
    one, two = replace(PLAIN, start=0, end=10), replace(PLAIN, start=9, end=20)
    for wrong in ((one, two), (replace(two, start=10), one), (one, one)):
        with pytest.raises(ProfileError, match="overlaps"):
            to_json(GrainProfile(wrong))
    text = json.dumps({"filmgrain": 1, "segments": [{"frames": [0, 10], "level": 0}] * 2})
    with pytest.raises(ProfileError, match="overlaps"):
        from_json(text)


def test_the_largest_profile_fits_and_a_larger_one_does_not() -> None:
    first = wire.MAX_FRAME - 20 * wire.MAX_SEGMENTS
    widest = replace(
        GOLDEN.segments[0],
        level=0.456789,
        curve=(19.9995,) * 8,
        spectrum=Spectrum(11.912, 1.234, -0.3456, 2.055, (-7.5,) * 8),
        chroma=Chroma(19.567, 19.789, 10.812, -0.3123, -0.2123, -0.4123),
        skew=-1.4123,
        seed=2**32 - 1,
        confidence=0.9312,
        skew_slope=-7.123,
        kurtosis=-1.984375,
        law=BENT_LAW,
        kurtosis_slope=-3.96875,
    )
    made = [replace(widest, start=first + 10 * k, end=first + 10 * k + 10) for k in range(wire.MAX_SEGMENTS)]
    profile = GrainProfile(tuple(made), "r" * 48, "s" * 48, "f" * 128)
    assert from_json(to_json(profile)) == profile
    one_more = replace(widest, start=wire.MAX_FRAME - 5, end=wire.MAX_FRAME)
    with pytest.raises(ProfileError, match="split"):
        to_json(replace(profile, segments=(*made, one_more)))


@pytest.mark.parametrize("cut", [0, 3, 9, 60, -2])
def test_truncated_records_are_refused(cut: int) -> None:
    data = to_bytes(GOLDEN_RECORD)[:cut]
    with pytest.raises(ProfileError):
        from_bytes(data)
    if len(data) > 10:
        with pytest.raises(ProfileError):
            from_bytes(resealed(data))


def test_every_flipped_bit_is_noticed() -> None:
    data = to_bytes(GOLDEN_RECORD)
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ProfileError):
            from_bytes(bytes(flipped))


def test_a_record_lies_within_its_segment() -> None:
    with pytest.raises(ProfileError, match="outside"):
        to_bytes(Record(PLAIN, 10))
    data = bytearray(to_bytes(Record(PLAIN, 9)))
    data[6] = 10
    with pytest.raises(ProfileError, match="outside"):
        from_bytes(resealed(bytes(data)))


def test_oversized_input_is_refused_unread() -> None:
    with pytest.raises(ProfileError, match="bytes"):
        from_bytes(to_bytes(GOLDEN_RECORD) + bytes(wire.MAX_BINARY))
    with pytest.raises(ProfileError, match="more than"):
        from_json(" " * (wire.MAX_JSON + 1))


@pytest.mark.parametrize(
    "wrong",
    [
        replace(PLAIN, level=0.7),
        replace(PLAIN, skew=-9.0),
        replace(PLAIN, spectrum=Spectrum(20.0, 9.0, 2.0, 20.0)),
        replace(PLAIN, chroma=Chroma(99, -1, 0.01, 2, -2, 1.0001)),
        replace(PLAIN, spectrum=Spectrum(10.0, 1.0, 0.5, 6.0)),
        replace(PLAIN, spectrum=Spectrum(correction=(99.0, -99.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0))),
    ],
)
def test_clamp_moves_into_range_what_is_refused_otherwise(wrong: GrainSegment) -> None:
    with pytest.raises(ProfileError):
        quantise(wrong)
    clamped = quantise(wrong, clamp=True)
    assert quantise(clamped) == clamped
    assert from_bytes(to_bytes(Record(clamped, 0))).segment == clamped


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_nothing_unfinite_is_ever_written(value: float) -> None:
    for segment in (replace(PLAIN, level=value), replace(PLAIN, spectrum=Spectrum(value))):
        with pytest.raises(ProfileError, match="not a"):
            quantise(segment, clamp=True)
        with pytest.raises(ProfileError, match="not a"):
            to_json(GrainProfile((segment,)))


def test_any_profile_that_parses_can_be_synthesized() -> None:
    """The corners of every range give finite samples."""
    fmt = FrameFormat(9, 7, bits=8)
    for high in (False, True):
        codes = [n.high if high else n.low for n in wire.NUMBERS]
        raw = wire._segment(0, 1, codes)
        corners = replace(raw.spectrum, spread=1.0, correction=(7.5, -8.0) * 4)
        segment = quantise(replace(raw, spectrum=corners))
        made = synthesize(picture(fmt), fmt, segment, 0, level=0.5)
        assert all(np.isfinite(p).all() for p in made)
