"""Figures look alike whatever matplotlib is told by the user, and take any name for text."""

import os
import subprocess
import sys

import pytest
from matplotlib.image import imread
from matplotlib.lines import Line2D

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
    entries = [(names[n % 4], Line2D([], [], color=theme.INK)) for n in range(approaches)]
    with theme.style():
        rows = legends.flow(entries, theme.WIDTH_PX)
        drawing = theme.figure(theme.WIDTH_PX, legends.ROW_PX * len(rows) + 30)
        legends.draw(drawing, rows)
        (tmp_path / "legend.png").write_bytes(theme.png(drawing))
    drawn_labels = [label.removesuffix("…") for row in rows for label, _ in row]
    assert len(drawn_labels) == approaches
    assert all(
        whole.startswith(label) for label, (whole, _) in zip(drawn_labels, entries, strict=True)
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
