"""All mutants, by name."""

from tests.mutants import answers, delivery, failures, payments, stock
from tests.mutants.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = (
    *stock.MUTANTS,
    *delivery.MUTANTS,
    *payments.MUTANTS,
    *answers.MUTANTS,
    *failures.MUTANTS,
)
