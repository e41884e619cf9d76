"""Figures look alike whatever matplotlib is told by the user, and take any name for text."""

import os
import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest
from matplotlib.image import imread

from report.charts import legends, theme
from tests.support.fake_harness import ROOT

DRAWN = """
from report.charts import theme
with theme.style():
    drawing = theme.figure(200, 50)
    theme.put_text(drawing, 8, 20, "Synchronous")
    print(len(theme.png(drawing)), len(theme.svg(drawing, "a", "b")))
"""
NOTEBOOK = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
RC = "backend: nonsense\nfont.size: 40\nno_such_key: 3\n"


def drawn(environment):
    done = subprocess.run(
        [sys.executable, "-c", DRAWN],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.slow
def test_no_backend_and_no_rc_file_of_the_user_has_a_say(tmp_path):
    file = tmp_path / "matplotlibrc"
    file.write_text(RC)
    assert drawn({**NOTEBOOK, "MATPLOTLIBRC": str(file)}) == drawn({})


@pytest.mark.parametrize("name", ["iPhone 📱", "$5 or $\\frac$", "two\nlines", "<b>&"])
def test_any_name_is_drawn_without_a_warning(name):
    with theme.style():
        drawing = theme.figure(200, 50)
        theme.put_text(drawing, 8, 20, theme.fitted(name, 180, 11))
        assert theme.png(drawing)
        assert theme.svg(drawing, "a", name)


@pytest.mark.parametrize("approaches", [1, 2, 4, 7])
def test_no_legend_goes_beyond_the_edge_of_its_figure(approaches, tmp_path):
    names = ["Synchronous", "Queue with a reservation first", "S, 300 threads", "x" * 99][:4]
    entries = [legends.Entry(names[n % 4], theme.INK) for n in range(approaches)]
    with theme.style():
        rows = legends.flow(entries, theme.WIDTH_PX)
        drawing = theme.figure(theme.WIDTH_PX, legends.ROW_PX * len(rows) + 30)
        legends.draw(drawing, rows)
        (tmp_path / "legend.png").write_bytes(theme.png(drawing))
    drawn_labels = [one.label.removesuffix("…") for row in rows for one in row]
    assert len(drawn_labels) == approaches
    assert all(
        one.label.startswith(label) for label, one in zip(drawn_labels, entries, strict=True)
    )
    paper = imread(tmp_path / "legend.png")[..., :3].min(axis=2) > 0.9
    margin_px = 2 * theme.PNG_SCALE
    assert paper[:, -margin_px:].all()
    assert paper[: 20 * theme.PNG_SCALE].all()


def test_a_text_that_is_too_wide_keeps_its_beginning():
    assert theme.fitted("Synchronous", 200, 11) == "Synchronous"
    short = theme.fitted("Synchronous", 50, 11)
    assert short.endswith("…")
    assert "Synchronous".startswith(short[:-1])
    assert theme.text_px(short, 11) <= 50


# Machado, Oliveira & Fernandes (IEEE TVCG 15, 2009), in full severity, of linear RGB.
VISIONS = {
    "usual": np.eye(3),
    "protanopia": [[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0520]],
    "deuteranopia": [
        [0.3674, 0.8606, -0.2280], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689],
    ],
    "tritanopia": [[1.2555, -0.0767, -0.1788], [-0.0784, 0.9309, 0.1476], [0.0047, 0.6914, 0.3039]],
}  # fmt: skip
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour):
    parts = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    parts = XYZ @ np.clip(rgb, 0, 1) / [0.9505, 1.0, 1.089]
    x, y, z = np.where(parts > 0.008856, np.cbrt(parts), 7.787 * parts + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def luminance(colour):
    return float(XYZ[1] @ linear(colour))


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("palette", [0, 1], ids=["light", "dark"])
def test_eight_variants_are_told_apart_by_colour_or_dash_in_every_kind_of_vision(vision, palette):
    seen = [lab(np.array(VISIONS[vision]) @ linear(look[palette])) for look in theme.VARIANTS]
    assert len(seen) == 8
    for (one, first), (other, second) in combinations(zip(theme.VARIANTS, seen, strict=True), 2):
        assert one[2] != other[2] or np.linalg.norm(first - second) > 10, (one, other)


@pytest.mark.parametrize("colours", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
def test_the_colours_of_variants_can_be_read_as_text(colours):
    paper = luminance(colours["paper"])
    for name, colour in colours.items():
        if name.startswith("variant-"):
            low, high = sorted([luminance(colour), paper])
            assert (high + 0.05) / (low + 0.05) >= 4.5, name
