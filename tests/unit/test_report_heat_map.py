"""Heat maps: every request is in one cell, and a cell reads as a bin."""

import numpy as np
import pandas as pd
import pytest

from harness.analysis.run_facts import Stage
from harness.analysis.series import Latencies
from harness.results.record import RunRecord
from report.charts import heat_map, theme
from report.evidence import Durations, Evidence, Run, Variant


def sent(at_s, took_ms, answered=True):
    n = len(at_s)
    return Latencies(np.array(at_s, float), np.array(took_ms, float), np.full(n, answered))


def a_run(latencies, index=1, counts=True):
    nothing = Durations(np.empty(0))
    record = RunRecord.model_construct(drain_s=0.0, faults=[])
    seconds = pd.DataFrame({"t_s": range(8)})
    return Run(
        index, 1, counts, "", seconds, nothing, nothing, (), record,
        latencies={"purchase": latencies},
    )  # fmt: skip


def evidence(*runs):
    variant = Variant("queue", "Queue", 0, True, {"metrics": {}}, runs)
    campaign = {"scenario": {"open": {"stages": [{"buyers": 3}]}}}
    return Evidence(campaign, {}, (variant,), (Stage(1, "rush", 9, 0.0, 8.0),))


def test_bins_have_round_edges_around_all_answers():
    cells = heat_map.grid([sent([0.5, 1.5], [1.2, 64.0])], 1, 8)
    assert cells.edges_ms == (1, 1.5, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70)
    assert cells.labels[0] == "1–1.5 ms"
    assert cells.labels[6] == "10–15 ms"
    assert cells.labels[cells.rows] == "no answer"


def test_every_request_is_in_one_cell_and_those_without_answer_in_a_row_of_their_own():
    answers = sent([0.2, 0.4, 7.9, 9.5], [1.0, 1.49, 1.5, 7.0])
    silence = sent([3.5], [30_000.0], answered=False)
    cells = heat_map.grid([answers, silence], 1, 8)
    found = heat_map.counts(cells, [answers, silence])
    assert found.sum() == 5
    assert found[0, 0] == 2  # a bin holds its lower edge
    assert found[1, 7] == 1
    assert found[cells.rows - 1, 7] == 1  # sent after the load: in the last column
    assert found[cells.rows].tolist() == [0, 0, 0, 1, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("most", "expected"), [(0, [1]), (1, [1]), (5, [1, 2, 4]), (1000, [1, 4, 16, 64, 256])]
)  # fmt: skip
def test_colours_are_steps_of_growing_counts(most, expected):
    assert heat_map.steps(most) == expected


def test_nobody_who_bought_is_said_to_be_nobody():
    shown = evidence(a_run(sent([], [])))
    with theme.style():
        (figure,) = heat_map.PURCHASE.figures(shown)
    assert figure.caption == "Queue: no purchase."


def test_the_caption_and_the_values_count_the_runs_that_count():
    runs = (
        a_run(sent([0.5] * 8, [12.0] * 8)),
        a_run(sent([1.5, 2.5], [150.0, 30_000.0]), index=2),
        a_run(sent([0.5] * 99, [3.0] * 99), index=3, counts=False),
    )
    with theme.style():
        (figure,) = heat_map.PURCHASE.figures(evidence(*runs))
    assert figure.caption == (
        "Queue: 10 purchases, most in 10–15 ms (80 %), the slowest in 30–50 s; 0 without answer."
    )
    rows = [[cell.text for cell in row.cells] for row in figure.values.rows]
    assert rows == [["10–15 ms", "8"], ["150–200 ms", "1"], ["30–50 s", "1"]]
    (picture,) = figure.pictures
    assert "--heat-" in picture.svg
    assert "10 purchases" in picture.alt
