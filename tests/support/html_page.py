"""A page of the report as a browser would read it, and what every page must keep to."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "img", "path", "use", "rect"}


class Page(HTMLParser):
    """What a browser would make of a page: elements, texts, ids, references."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.references, self.tags, self.captions, self.open = [], [], [], [], []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.append((tag, values))
        if "id" in values:
            self.ids.append(values["id"])
        self.references += [values[key] for key in ("href", "src") if key in values]
        if tag == "caption":
            self.captions.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in VOID and tag not in ("p", "li", "dt", "dd"):
            while self.open and self.open[-1] in ("p", "li", "dt", "dd"):
                self.open.pop()
            assert self.open.pop() == tag
        elif self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_data(self, data):
        if "caption" in self.open:
            self.captions[-1] += data
        if not {"style", "svg", "script"} & set(self.open):
            self.words += data


def assert_needs_nothing_else(text):
    """No other host, and only scripts of the report's own: named by the policy, or plain data."""
    parsed = Page(text)
    assert not {"link", "img", "iframe", "base", "form"} & {tag for tag, _ in parsed.tags}
    assert not [r for r in parsed.references if re.match(r"[a-z]+:|//", r)]
    assert "@import" not in text
    assert not re.findall(r"url\((?!#)", text)
    assert "default-src 'none'" in text
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", text, re.DOTALL)
    assert len(scripts) == text.count("<script")
    for attributes, script in scripts:
        if 'type="application/json"' in attributes:
            assert "<" not in script
            json.loads(script)
        else:
            digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
            assert attributes == ""
            assert f"'sha256-{digest}'" in text


def contents(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
