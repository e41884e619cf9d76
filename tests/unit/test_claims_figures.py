"""The figures by users, from levels made by hand."""

from types import SimpleNamespace

from report.charts import theme
from report.claims import user_level_charts


def est(value, low=None, high=None, unit="ms"):
    return {"value": value, "low": low, "high": high, "unit": unit, "warnings": []}


def level(up_to, failed, p95):
    return {"above": 0, "up_to": up_to, "error_rate_pct": failed, "latency_p95_ms": p95}


LEVELS = {
    "sync": [
        level(50, est(0.0, 0.0, 0.0, "%"), est(900, 800, 1000)),
        level(100, est(25, 20, 30, "%"), est(None, 30_000)),
    ],
    "queue": [
        level(50, est(0.0, 0.0, 0.0, "%"), est(12)),
        level(100, est(0.0, 0.0, 0.0, "%"), est(None)),
    ],
}
VARIANTS = tuple(
    SimpleNamespace(
        name=name,
        title=title,
        named=title,
        position=position,
        ranked=True,
        runs=(),
        tone=f"variant-{position + 1}",
    )
    for position, (name, title) in enumerate([("sync", "Synchronous"), ("queue", "Queue")])
)


def drawn(levels, variants=VARIANTS):
    evidence = SimpleNamespace(summary={"levels": levels}, variants=variants)
    with theme.style():
        return user_level_charts.section(evidence)


def test_every_value_and_bound_is_in_words_too():
    errors, latency = (figure.pictures[0] for figure in drawn(LEVELS).figures)
    assert "25.0\N{NO-BREAK SPACE}% [20.0, 30.0] at 1–100 users" in errors.alt
    assert "≥ 30.0\N{NO-BREAK SPACE}s at 1–100 users; Queue: 12" in latency.alt
    assert errors.svg.startswith("<svg")
    assert latency.svg.startswith("<svg")


def test_the_caption_says_what_few_and_most_users_met():
    errors, _ = drawn(LEVELS).figures
    assert errors.caption.startswith(
        "Synchronous: 0\N{NO-BREAK SPACE}% with 1–50 users, 25.0\N{NO-BREAK SPACE}% with"
    )


def test_what_no_level_can_say_is_not_drawn():
    nothing = {
        name: [row | {"latency_p95_ms": est(None)} for row in rows] for name, rows in LEVELS.items()
    }
    assert [figure.id for figure in drawn(nothing).figures] == ["errors-by-users"]


def test_a_summary_without_levels_has_no_figures():
    assert drawn({}) is None


def test_one_approach_needs_no_legend():
    alone = drawn({"sync": LEVELS["sync"]}, VARIANTS[:1])
    assert "Queue" not in alone.figures[0].pictures[0].svg
