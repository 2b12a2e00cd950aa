"""The text form of nodes: every value comes back, every mistake gets one helpful sentence."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmgrain_codec.core.registry import NodeSpec, Param, Registry, format_node
from filmgrain_codec.errors import UsageError
from tests.core.material import Mean

PARAMS = (
    Param("radius", int, 2, "frames each side", 0, 8, "frames"),
    Param("strength", float, 1.0, "how much", 0, 2),
    Param("blind", bool, False, "guess the level"),
    Param("rate", Fraction, None, "frame rate", 0),
    Param("lut", str, None, "file"),
    Param("mode", str, "soft", "kind", choices=("soft", "hard")),
)


@pytest.fixture
def registry():
    made = Registry()
    made.register(NodeSpec("deflicker", dict, "Steadies brightness.", PARAMS))
    made.register(NodeSpec("mean", "tests.core.material:Mean", "Mean over time.", (Param("radius", int, 1),)))
    return made


def parsed(registry, text):
    return registry.parse(text)[1]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("deflicker", {}),
        ("deflicker:", {}),
        ("deflicker:radius=2,strength=0.5", {"radius": 2, "strength": 0.5}),
        (" deflicker : radius = 2 , blind ", {"radius": 2, "blind": True}),
        ("deflicker:blind=no", {"blind": False}),
        ("deflicker:rate=24000/1001", {"rate": Fraction(24000, 1001)}),
        ("deflicker:rate=12.5", {"rate": Fraction(25, 2)}),
        (r"deflicker:lut=C:\film\a=b.cube", {"lut": r"C:\film\a=b.cube"}),
        (r"deflicker:lut=one\,two,radius=1", {"lut": "one,two", "radius": 1}),
        ("deflicker:lut='a, \"b\"',radius=1", {"lut": 'a, "b"', "radius": 1}),
        ('deflicker:lut="it\'s, here"', {"lut": "it's, here"}),
        ("deflicker:lut=", {"lut": ""}),
        ("deflicker:mode=hard", {"mode": "hard"}),
    ],
)
def test_texts_become_values(registry, text, values):
    assert parsed(registry, text) == values


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("deflikcer", "no filter 'deflikcer'; did you mean deflicker?"),
        ("sharpen", "no filter 'sharpen'; there are deflicker, mean"),
        ("deflicker:strenght=1", "'deflicker' has no parameter 'strenght'; did you mean strength?"),
        ("deflicker:q=1", "no parameter 'q'; it takes radius, strength"),
        ("deflicker:radius=two", "'radius' is a whole number, not 'two'"),
        ("deflicker:radius=9", "'radius' is 0 to 8 frames, not 9"),
        ("deflicker:strength=nan", "'strength' is a number, not 'nan'"),
        ("deflicker:strength=-inf", "'strength' is a number, not '-inf'"),
        ("deflicker:blind=perhaps", "'blind' is true or false, not 'perhaps'"),
        ("deflicker:rate=1/0", "'rate' is a fraction like 24000/1001, not '1/0'"),
        ("deflicker:rate=-1", "'rate' is at least 0, not -1"),
        ("deflicker:mode=medium", "'mode' is one of soft, hard, not 'medium'"),
        ("deflicker:radius=1,radius=2", "'radius' twice"),
        ("deflicker:radius", "'radius' needs a value"),
        ("deflicker:radius=1,,blind", "empty parameter"),
        ("deflicker:lut='a", "quote ' is never closed"),
        ("", "no filter ''"),
    ],
)
def test_mistakes_get_one_sentence(registry, text, sentence):
    with pytest.raises(UsageError) as caught:
        registry.parse(text)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


values = st.fixed_dictionaries(
    {},
    optional={
        "radius": st.integers(0, 8),
        "strength": st.floats(0, 2),
        "blind": st.booleans(),
        "rate": st.fractions(0, 1000),
        "lut": st.text(),
        "mode": st.sampled_from(["soft", "hard"]),
    },
)


@given(values)
def test_what_is_written_is_read_back(values):
    registry = Registry()
    registry.register(NodeSpec("deflicker", dict, "", PARAMS))
    assert parsed(registry, format_node("deflicker", values)) == values


@given(st.text(alphabet="deflickr:=,\\'\" 01.", max_size=40))
def test_no_text_does_anything_but_parse_or_raise_usage_error(text):
    registry = Registry()
    registry.register(NodeSpec("deflicker", dict, "", PARAMS))
    for attempt in (text, "deflicker:" + text):
        with contextlib.suppress(UsageError):
            registry.parse(attempt)


def test_a_node_is_built_with_defaults_and_without_what_is_not_given(registry):
    built = registry.build("deflicker:strength=0.5")
    assert built == {"radius": 2, "strength": 0.5, "blind": False, "mode": "soft"}
    assert registry.build("mean:radius=3") == Mean(3)


def test_a_name_is_taken_once_and_the_registry_stays_as_it_was(registry):
    with pytest.raises(UsageError, match="'mean' is registered already"):
        registry.register(NodeSpec("mean", Mean, "another"))
    assert registry.build("mean") == Mean(1)


def test_a_class_can_register_itself(registry):
    registry.node("median", "Median over time.", Param("radius", int, 1))(Mean)
    assert registry.build("median") == Mean(1)


def test_the_description_names_every_parameter_with_range_and_default(registry):
    text = registry.describe()
    assert "deflicker: Steadies brightness." in text
    assert "  radius=int: frames each side (0 to 8 frames, default 2)" in text
    assert "  blind=bool: guess the level (default false)" in text
    assert "  mode=soft|hard: kind (default soft)" in text
    assert "  lut=str: file" in text


def test_listing_the_filters_imports_no_filter():
    code = (
        "import sys, filmgrain_codec.nodes; from filmgrain_codec.core.registry import NODES;"
        "assert 'grain' in NODES.describe();"
        "print([m for m in sys.modules if m.startswith('filmgrain_codec.nodes.')])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
