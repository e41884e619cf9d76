"""The page of a history, from stored campaigns: complete, self-contained, the same bytes twice."""

import json

import pytest

from harness.analysis import History, derived, history
from harness.errors import UsageError
from report import history as page
from report.history.history_tables import values
from tests.support.html_page import Page, assert_needs_nothing_else, contents
from tests.support.nightly import night, slower, spoil, store

SINCE, NIGHTS = 24, 30
HOSTILE = '<script>alert("1")</script>'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Nights of which one is not sound, one of another machine; and two that are left out."""
    root = tmp_path_factory.mktemp("nightly")
    for at in range(NIGHTS):
        store(root / f"night-{at:02d}", slower(at, SINCE))
    for at, one in (
        (9, spoil(slower(9, SINCE))),
        (12, night(12, changes={"environment/cores": 8})),
    ):
        path = root / f"night-{at:02d}"
        (path / "campaign.json").write_text(json.dumps(one.description))
        (path / "summary.json").write_text(json.dumps(one.summary, default=list))
    store(root / "deeper" / "other", night(5, changes={"seed": 7}))
    (root / "broken").mkdir()
    (root / "broken" / "campaign.json").write_text("{")
    return root


@pytest.fixture(scope="module")
def told(folder):
    return derived.history(folder)


@pytest.fixture(scope="module")
def text(told):
    return page.render(told)


def test_the_page_needs_nothing_else_and_is_whole(text):
    assert_needs_nothing_else(text)
    parsed = Page(text)
    assert parsed.open == []
    assert len(parsed.ids) == len(set(parsed.ids))
    inner = [r[1:] for r in parsed.references if r.startswith("#")]
    assert set(inner) <= set(parsed.ids)
    assert all(caption.strip() for caption in parsed.captions)


def test_the_answer_comes_first(text):
    words = Page(text).words
    answer = "Purchase latency at peak (acknowledgement), p95 of queue: ×"
    assert answer in words
    assert words.index(answer) < words.index("Night by night")
    assert "worse since 2026-09-25, and 1 other change" in words


def test_every_change_is_a_sentence_with_levels_days_and_revisions(told):
    sentence = page.changes(told)[0].replace("\xa0", " ")
    assert sentence.startswith("Purchase latency at peak (acknowledgement), p95, queue: 40 ms → ")
    assert "worse) between 2026-09-24 (0000023) and 2026-09-25 (0000024)." in sentence


def test_every_picture_says_what_it_shows(text, told):
    words = Page(text).words
    assert text.count("<svg") == text.count('role="img"') == len(told.series)
    assert words.count("no change, ") == len(told.series) - 2
    assert "queue: 40\xa0ms → " in words


def test_every_picture_has_its_values_as_a_table(told):
    by_metric = {}
    for series in told.series:
        by_metric.setdefault(series.metric, []).append(series)
    for shown in by_metric.values():
        table = values(told, "values", shown)
        assert len(table.rows) == NIGHTS
        assert [column.title for column in table.columns[2:]] == [one.subject for one in shown]


def test_what_is_not_sound_or_of_another_machine_or_left_out_is_said(text):
    words = Page(text).words
    assert "1 campaign with an invalid run or a failed audit" in words
    assert "the audit of run 1 (sync) is FAIL" in words
    assert "1 campaign of other machines (1 on Some CPU, 8 cores)" in words
    assert "2 campaigns left out, with the reasons below." in words
    assert "seed: 42 in A, 7 in B" in words
    assert "broken/campaign.json: Expecting property name" in words


def test_the_same_campaigns_give_the_same_bytes(folder, told, tmp_path):
    first, second = (
        page.publish(one, tmp_path / name)
        for name, one in (("one", told), ("two", derived.history(folder)))
    )
    assert contents(first.parent) == contents(second.parent)
    page.publish(told, first.parent)
    assert contents(first.parent) == contents(second.parent)
    assert {path.name for path in first.parent.iterdir()} == {"index.html", "history.json"}


def test_the_data_say_the_same(told, tmp_path):
    page.publish(told, tmp_path)
    found = json.loads((tmp_path / "history.json").read_text("utf-8"))
    assert found["schema_version"] == page.SCHEMA_VERSION
    assert set(found) == {
        "schema_version", "scenario", "runtime", "variants", "nights", "left_out", "series",
    }  # fmt: skip
    assert len(found["nights"]) == NIGHTS
    changed = [series for series in found["series"] if series["changes"]]
    assert [series["subject"] for series in changed] == ["queue", "queue ÷ sync"]
    assert changed[0]["changes"][0]["first_after"] == SINCE
    assert all(len(series["values"]) == NIGHTS for series in found["series"])


def test_a_page_that_was_written_is_no_campaign(folder, told):
    page.publish(told, folder / "history")
    assert derived.history(folder) == told


def test_a_folder_that_cannot_be_written_is_named(told, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="file"):
        page.publish(told, tmp_path / "file" / "history")


def test_nothing_found_and_nothing_sought_are_told_apart():
    def answer(nights):
        found = history({f"{at:02d}": night(at) for at in range(nights)})
        assert isinstance(found, History)
        page.render(found)
        return page.answer(found)

    assert answer(24) == "Nothing has changed in 24 nights"
    assert answer(1) == "No change is sought before there are 20 nights; there is 1"
    assert answer(2) == "No change is sought before there are 20 nights; there are 2"


def test_what_a_campaign_quotes_is_never_a_script():
    bad = night(0, changes={"scenario/title": HOSTILE, "environment/cpu_model": HOSTILE})
    found = history({HOSTILE: bad})
    text = page.render(found)
    assert HOSTILE not in text
    assert "&lt;script&gt;" in text
    assert_needs_nothing_else(text)


def test_figures_keep_the_digits_of_their_words(told):
    """Coordinates are rounded to a tenth of a pixel; what is written is not."""
    series, change = told.changes[0]
    assert f">×{change.change:.2f} {change.verdict}<" in page.render(told)
    assert series.subject == "queue"
