"""Names in report.md are text: no HTML, no cell, no heading and no block of code begins or ends."""

import pytest

from report.charts.figures import Figure, Picture, Section
from report.page import markdown
from report.tables.cells import Cell, Column, Row, Table

NAME = '<script>alert("1")</script> | 📱\n# Sale\r\n```'
SAFE = '&lt;script>alert("1")&lt;/script> | 📱 # Sale ```'


def test_a_name_in_a_table_stays_in_its_cell():
    row = Row((Cell(NAME, note=NAME), Cell("1", 1.0)), group=NAME)
    columns = (Column(NAME, numeric=False), Column("n"))
    text = markdown.table(Table("t", NAME, columns, (row,), footer=NAME))
    assert "<" not in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert [line.count("|") for line in rows] == [3, 3, 3, 3]
    assert f"*{SAFE}*" in text
    assert len(text.splitlines()) == len(rows) + 6


def test_a_name_in_a_figure_is_on_one_line():
    figure = Figure("p", NAME, NAME, (Picture("c", NAME, ""),))
    lines = markdown.figure(Section("s", NAME, NAME, (figure,))).split("\n\n")
    assert lines == [f"### {SAFE}", SAFE, f"![{SAFE}](figures/c.svg)", SAFE]


def test_a_name_in_a_list_or_before_a_fold_is_on_one_line():
    assert markdown.listed([(NAME, NAME)]) == f"- **{SAFE}:** {SAFE}"
    assert markdown.unfolded(NAME, "body").startswith(f"<details><summary>{SAFE}</summary>")


@pytest.mark.parametrize("text", ["p < 0.05", "a\u2028b", "a\x0bb", "a\u00a0b"])
def test_a_text_keeps_its_words(text):
    said = markdown.plain(text)
    assert said.replace("&lt;", "<").split() == text.split()
    assert len(said.splitlines()) == 1
