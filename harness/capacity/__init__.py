"""How much an approach serves: a search for the highest level of load within limits.

A level is a rate of arrivals per second (open load), or a number of users (closed load). Each level
is a variant of the campaign, each repeat of it a block, so runs, audit, laws, store and report know
nothing of the search. `search` decides which level comes next, `limits` whether a run kept them,
`resources` what had nothing to spare, `level_search` makes the runs, `conclusion` says what all of
them come to, and `capacity_document` is how capacity.json has it.
"""

from harness.capacity.capacity_plan import CapacityPlan, load_of
from harness.capacity.conclusion import derive
from harness.capacity.level_search import check, resume, run
from harness.capacity.limits import Limits
from harness.capacity.search import Search

__all__ = ["CapacityPlan", "Limits", "Search", "check", "derive", "load_of", "resume", "run"]
