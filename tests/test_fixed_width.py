"""Numbers in columns: as Python formats them, also next to powers of ten."""

from __future__ import annotations

import io
import re

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ssb2mesh.io.fixed_width import Column, decimal_parts, integer_field, scientific_field, short_field, write_fields

EDGES = np.array([0.0, 1.0, -1.0, 10.0, 9.9999999999999, 0.99999999999999989, 1e-5, -1e-10, 9.99999999999999e-7, 1e100,
                  1e-100, -9.9999999999999999e99, 9.9999999999995e-10, -9.99999999999999e-10, 99999999.99999999,
                  9.9999999999999e9, 4.9e-324, 1.7976931348623157e308])  # fmt: skip
numbers = st.lists(st.floats(allow_nan=False, allow_infinity=False, width=64), min_size=1, max_size=40).map(np.array)


def texts(field: np.ndarray) -> list[str]:
    return [row.tobytes().decode() for row in field]


def test_scientific_numbers_are_those_of_python():
    rng = np.random.default_rng(0)
    values = np.concatenate([EDGES[:-2], rng.normal(size=20000) * 10.0 ** rng.integers(-30, 30, 20000)])
    wanted = [re.sub(r"E([+-])(\d\d)$", r"E\g<1>0\2", f"{value: .13E}") for value in values.tolist()]
    assert texts(scientific_field(values, 13)) == wanted


@settings(max_examples=60, deadline=None)
@given(numbers)
def test_short_numbers_fill_their_field_and_come_back(values):
    values = np.concatenate([values, EDGES])
    for width, close in ((16, 1e-9), (8, 0.3)):
        made = texts(short_field(values, width))
        assert all(len(text) == width and "." in text for text in made)
        back = np.array([float(re.sub(r"(?<=[\d.])([+-]\d+)$", r"e\1", text.strip())) for text in made])
        # sixteen characters hold ten digits beside a sign and three digits of the power
        usual = (np.abs(values) > 1e-300) & (np.abs(values) < 1e300)
        np.testing.assert_allclose(back[usual], values[usual], rtol=close)


def test_parts_of_numbers():
    negative, mantissa, power = decimal_parts(np.array([-0.0255, 9.999, 0.0, 1.0]), 2)
    assert negative.tolist() == [True, False, False, False]
    assert mantissa.tolist() == [255, 100, 0, 100]
    assert power.tolist() == [-2, 1, 0, 0]


def test_whole_numbers_and_lines():
    values = np.array([0, 7, 10, 99_999_999, 123_456_789])
    assert texts(integer_field(values, 9)) == [f"{value:>9}" for value in values.tolist()]
    assert texts(integer_field(np.array([10**15]), 16)) == [" 1000000000000000"[-16:]]
    count = (1 << 16) + 3  # more than one piece
    file = io.BytesIO()
    write_fields(file, [b"GRID", Column(np.arange(count, dtype=np.int32), 8, plus=1), b";\n"])
    lines = file.getvalue().decode().splitlines()
    assert lines == [f"GRID{i:>8};" for i in range(1, count + 1)]
