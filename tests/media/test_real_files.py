"""Every shared film either reads to its last frame or is refused in one sentence."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from filmgrain_codec.errors import FgcodecError, InputError, VerifyError
from filmgrain_codec.media.index import count_streams, video_times
from filmgrain_codec.media.probe import probe
from filmgrain_codec.media.reader import Reader
from tests.media.samples import read, write

# file: (frames, what makes it special)
FILES = {
    "codecs/FRExt2_Panasonic.avc": (15, "interlaced"),
    "codecs/ToS-s09.h265": (9, "hdr10plus mastering"),
    "codecs/hdr10-av1.mp4": (127, ""),
    "codecs/hdr10-video-with-sdr-container.mp4": (28, "hdr10plus mastering"),
    "codecs/nasa_13013.mp4": (390, ""),
    "codecs/nasa_13013_hdr.mp4": (325, ""),
    "codecs/natron_prores_ap4h.mov": (2, ""),
    "codecs/natron_prores_apch.mov": (2, ""),
    "codecs/natron_prores_apco.mov": (2, ""),
    "codecs/roadtrip-vp92-10bit.webm": (72, ""),
    "codecs/sample_android_slow_motion.mp4": (7, ""),
    "codecs/sample_with_ass_subtitles.mkv": (30, ""),
    "codecs/sample_with_chapters.mp4": (30, ""),
    "codecs/sample_with_pgs_subtitles.mkv": (30, ""),
    "codecs/sample_with_srt.mkv": (30, ""),
    "codecs/sample_with_vobsub.mkv": (30, ""),
    "codecs/separate_fields_gop.h264": (15, "interlaced"),
    "codecs/sunset-hlg.mov": (5, "dolby_vision"),
    "codecs/test.mkv": (None, "truncated"),
    "codecs/test.mp4": (300, ""),
    "codecs/test.prores.mov": (40, ""),
    "derived/bomb_vfr.mkv": (78, ""),
    "derived/crowdrun_dnxhr_hqx_10bit422.mov": (10, ""),
    "derived/friday_multi_a2_s3_chapters.mkv": (185, ""),
    "derived/friday_telecine_2997i_mpeg2.ts": (90, "interlaced"),
    "derived/intotree_prores_hq_10bit422.mov": (10, ""),
    "clean_video/set8_hypersmooth_540p.mkv": (37, ""),
    "clean_video/set8_motorbike_540p.mkv": (32, ""),
    "clean_video/vid4_walk.mkv": (31, ""),
    "film_video/a-bomb_blast_effects_part.mp4": (360, ""),
    "film_video/chaplin.mp4": (241, ""),
    "film_video/friday.mp4": (185, ""),
    "film_video/park_joy_420_720p50_frm0to9_480x270.y4m": (10, ""),
    "film_video/great_train_robbery_1903": (36, ""),
    "film_video/london_1900s": (50, ""),
    "film_video/market_street_1906": (16, ""),
    "film_video/svt65mm_10bit/PPH10I1_Panasonic_A.264": (10, ""),
    "film_video/svt65mm_10bit/PPH10I2_Panasonic_A.264": (10, ""),
    "film_video/svt65mm_10bit/PPH10I4_Panasonic_A.264": (10, ""),
    "av1_filmgrain/abandoned_filmgrain.avif": (1, ""),
    "av1_filmgrain/av1-1-b10-23-film_grain-50.ivf": (10, ""),
    "av1_filmgrain/av1-1-b8-23-film_grain-50.ivf": (10, ""),
    "av1_filmgrain/ccvb_film_grain.ivf": (100, ""),
}
FOLDERS = ("codecs", "derived", "clean_video", "film_video", "film_video/svt65mm_10bit", "av1_filmgrain")


def test_the_table_names_every_file(shared_data: Path) -> None:
    found = {
        f"{folder}/{path.name}"
        for folder in FOLDERS
        for path in (shared_data / "test" / folder).iterdir()
        if path.is_file() or any(path.glob("*.png"))
    }
    assert found == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_it_reads_to_the_end_or_is_refused(shared_data: Path, name: str) -> None:
    path, (frames, special) = shared_data / "test" / name, FILES[name]
    if special == "truncated":
        with pytest.raises((InputError, VerifyError)) as caught:
            read(path)
        assert isinstance(caught.value, FgcodecError)
        assert "\n" not in str(caught.value)
        return
    with Reader(path) as reader:
        previous = None
        for count, frame in enumerate(reader):
            assert frame.index == count
            assert previous is None or frame.pts > previous
            assert all(p.shape == frame.fmt.shape(i) for i, p in enumerate(frame.planes))
            previous = frame.pts
        reader.check_complete()
        assert reader.frames_read == frames
        video = reader.info.video
        assert video.interlaced == (special == "interlaced")
        assert video.hdr10plus == ("hdr10plus" in special)
        assert bool(video.fmt.color.mastering) == ("mastering" in special)
        assert video.dolby_vision == (special == "dolby_vision")


@pytest.mark.parametrize("name", [n for n, (f, s) in FILES.items() if f and f > 5 and s != "interlaced"][::3])
def test_its_first_frames_and_all_streams_go_through_an_encoder(
    shared_data: Path, tmp_path: Path, name: str
) -> None:
    path, out = shared_data / "test" / name, tmp_path / "a.mkv"
    with Reader(path, yuv=True) as reader:
        info, frames = reader.info, list(islice(reader, 6))
    done = write(out, frames, "x264", info, bits=10)
    before, after = probe(path, yuv=True), probe(out)
    color = before.video.fmt.color
    if color.chroma_location == 0:  # H.264 has no 'unspecified': nothing said means left
        color = replace(color, chroma_location=1)
    assert after.video.fmt.color == color
    assert (after.video.sar, after.video.rotation) == (before.video.sar, before.video.rotation)
    times = video_times(out)
    assert max(abs(t - f.time) for t, f in zip(times, frames, strict=True)) <= 0.001
    if path.is_file():
        ours, theirs = count_streams(out), count_streams(path)
        assert (ours.audio, ours.subtitle) == (theirs.audio, theirs.subtitle)
        named = [s for s in done.dropped if s.startswith("Stream")]
        assert named == []
