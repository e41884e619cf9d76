"""A chart is added by one declaration: pictures, interactive chart, caption and values follow."""

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]

CHARTS = "report/charts/comparison_charts.py"
OWN = """    TimeChart(
        id="free-stock",
        title="Stock that is free",
        lead="Units that nobody holds and nobody bought.",
        unit="units",
        curves=(Curve("stock_left", "free"),),
        caption=lambda shown: f"{shown.of('stock_left').max():g} units at most",
    ),
"""


def declared(copy, text):
    copy.replace(
        CHARTS,
        "from report.charts.chart import Chart\n",
        "from report.charts.chart import Chart\n"
        "from report.charts.lines import Curve\n"
        "from report.charts.time_chart import TimeChart\n",
    )
    copy.replace(CHARTS, "    over_time.USERS,\n", f"    over_time.USERS,\n{text}")
    return copy


def test_a_chart_is_one_declaration(copy):
    declared(copy, OWN)
    code, out, said = copy.campaign(copy.scenario())
    assert code == 0, said
    drawn = {path.stem for path in (out / "report" / "figures").glob("free-stock*")}
    assert drawn
    page = (out / "report" / "index.html").read_text("utf-8")
    for text in ("Stock that is free", "Units that nobody holds", "47 units at most"):
        assert text in page
    assert (out / "report" / "tables" / "graph-free-stock.csv").exists()
    assert copy.touched == {CHARTS}


def test_a_chart_without_a_caption_cannot_be_declared(copy):
    caption = next(line for line in OWN.splitlines() if "caption" in line)
    declared(copy, OWN.replace(f"{caption}\n", ""))
    done = copy.python("import report.charts.comparison_charts")
    assert done.returncode != 0
    assert "caption" in done.stderr
