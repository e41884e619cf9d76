"""The notes of a table: one mark for one kind of remark, and nothing that was said is lost."""

from report.page import markdown
from report.tables.cells import Cell, Column, Row, Table
from report.tables.footnotes import legend

TITLES = ("Metric", "Sync", "Queue", "Ratio")


def a_table(*rows):
    columns = tuple(Column(title) for title in TITLES)
    made = tuple(Row(tuple(Cell("1", note=note) for note in notes)) for notes in rows)
    return Table("t", "A table.", columns, made)


def test_remarks_that_differ_in_their_numbers_share_a_mark_and_are_listed():
    found = legend(
        a_table(
            ("", "the typical run's is 2.295: one run differs strongly", "", ""),
            ("", "", "", "the merged values give 6.9e-05: one run differs strongly"),
        )
    )
    (note,) = found.notes
    assert (note.letter, note.reason) == ("a", "one run differs strongly")
    assert note.cells == (
        ("1, Sync", "the typical run's is 2.295: one run differs strongly"),
        ("1, Ratio", "the merged values give 6.9e-05: one run differs strongly"),
    )
    assert (found.at(0, 1), found.at(1, 3), found.at(0, 2)) == ("a", "a", "")


def test_a_remark_that_is_always_the_same_stands_whole():
    found = legend(a_table(("", "at least 30 s: 46.5 % had no answer", "", ""), ("", "", "", "")))
    assert [(n.reason, n.cells) for n in found.notes] == [
        ("at least 30 s: 46.5 % had no answer", ())
    ]


def test_what_only_the_number_tells_apart_is_given_without_it():
    found = legend(a_table(("", "one of 3 runs", "one of 5 runs", "")))
    assert [n.reason for n in found.notes] == ["one of … runs"]
    assert [remark for _, remark in found.notes[0].cells] == ["one of 3 runs", "one of 5 runs"]


def test_a_remark_that_repeats_another_cell_of_its_row_has_no_mark():
    found = legend(a_table(("", "no queue", "", "no ratio: sync: no queue"), ("", "", "", "x")))
    assert [n.reason for n in found.notes] == ["no queue", "x"]
    assert found.at(0, 3) == ""
    alone = legend(a_table(("", "", "", "no ratio: sync: no queue")))
    assert [n.reason for n in alone.notes] == ["no ratio: sync: no queue"]


def test_other_words_are_other_marks_and_there_is_one_for_every_kind():
    kinds = [f"reason {letter}" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"] + ["one", "another"]
    letters = [note.letter for note in legend(a_table(*[("", k, "", "") for k in kinds])).notes]
    assert letters[:2] == ["a", "b"]
    assert letters[-3:] == ["z", "aa", "ab"]


def test_markdown_lists_what_each_cell_says():
    printed = markdown.table(a_table(("", "typical 2: unlike", "typical 3: unlike", "")))
    assert "| 1 | 1 (a) | 1 (a) | 1 |" in printed
    assert (
        "- (a) unlike\n  - 1, Sync: typical 2: unlike\n  - 1, Queue: typical 3: unlike" in printed
    )
