"""An SVG is made short, and what is seen and written in it stays."""

import pytest

from report.charts import svg_text


@pytest.mark.parametrize(
    ("drawn", "short"),
    [
        (
            '<path d="M 52 250.28 \nL 83.3 256 \nL 83.3 60.04 \nz\n" style="fill: #f3f5f8"/>',
            '<path d="M52 250.3l31.3 5.7 0-196z" style="fill:#f3f5f8"/>',
        ),
        ('<path d="M 1 2 \nL 1.3 1.7 \nM 5 6 \nL 4 6 \n"/>', '<path d="M1 2l.3-.3M5 6l-1 0"/>'),
        ('<path d="M 0 3 \nC 1.51 3 2 2 2 0 \n"/>', '<path d="M 0 3 C 1.5 3 2 2 2 0 "/>'),
        (
            '<text style="font-size: 11px; font-family: \'DejaVu Sans\'; fill: #5b6675" x="1" '
            'y="2" transform="rotate(-0 1 2)">a: b; 1.2345 &lt;g&gt;</text>',
            '<text style="font-size:11px;fill:#5b6675" x="1" y="2">a: b; 1.2345 &lt;g&gt;</text>',
        ),
        (
            '<text transform="rotate(-90 1 2)">up</text>',
            '<text transform="rotate(-90 1 2)">up</text>',
        ),
        ('<path d="M 1 2 \nL 3 4 \n" clip-path="url(#p)" style="fill: none"/>', ""),
        ("<!--\n a line \n--><g>\n <g/>\n <g>\n<text>x</text>\n</g>\n</g>", "<text>x</text>"),
    ],
)
def test_what_says_nothing_is_left_out(drawn, short):
    assert svg_text.compact(drawn, "a").strip() == short


def test_ids_that_are_referred_to_are_kept_apart_from_those_of_other_figures():
    drawn = (
        '<defs><clipPath id="p23f0"><rect id="unused"/></clipPath></defs>'
        '<g clip-path="url(#p23f0)"><path xlink:href="#m1"/></g><path id="m1"/>'
    )
    assert svg_text.compact(drawn, "latency") == (
        '<defs><clipPath id="latency-1"><rect/></clipPath></defs>'
        '<g clip-path="url(#latency-1)"><path href="#latency-2"/></g><path id="latency-2"/>'
    )


def test_labels_that_look_alike_say_it_once():
    label = '<text style="fill: #5b6675" x="{}" y="2">{}</text>'
    drawn = f"{label.format(1, 'a')}{label.format(2, 'b')}"
    assert svg_text.compact(drawn, "a") == (
        '<g style="fill:#5b6675"><text x="1" y="2">a</text><text x="2" y="2">b</text></g>'
    )


def test_marks_that_look_alike_say_it_once():
    mark = '<use xlink:href="#m" x="{}" y="2" style="fill: #c2570c"/>'
    other = '<use xlink:href="#m" x="5" y="2" style="fill: #1264b5"/>'
    drawn = f'<path id="m"/><g>{mark.format(1)}{mark.format(3.14)}{other}</g>'
    assert svg_text.compact(drawn, "a") == (
        '<path id="a-1"/><g style="fill:#c2570c"><use href="#a-1" x="1" y="2"/>'
        '<use href="#a-1" x="3.1" y="2"/></g><use href="#a-1" x="5" y="2" style="fill:#1264b5"/>'
    )
