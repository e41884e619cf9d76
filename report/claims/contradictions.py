"""Where the published report contradicts itself, with the arithmetic carried out."""

from collections.abc import Iterable

from report.claims.arithmetic import names, written
from report.claims.published import Contradiction, Published


def sentences(published: Published) -> list[str]:
    """Return every contradiction as a sentence: both sides with their numbers, and where."""
    return [_sentence(one, published) for one in published.contradictions]


def _sentence(one: Contradiction, published: Published) -> str:
    if one.computed is None or one.stated is None:
        return f"{one.says} ({one.sections})."
    sides = [written(side, published.values) for side in (one.computed, one.stated)]
    where = _sections([*names(one.computed), *names(one.stated)], published)
    return f"{one.says}: {sides[0]}, but {sides[1]} ({where})."


def _sections(ids: Iterable[str], published: Published) -> str:
    """Return the sections in which some claims first stand."""
    return ", ".join(dict.fromkeys(published.by_id[id].sections[0] for id in ids))
