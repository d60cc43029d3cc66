"""The conformance kit: rules that every operation keeps, built-in or not.

In: an operation.  Out: a report per rule.  In a test of a package::

    @pytest.mark.parametrize("op", [erf, lgamma])
    def test_op(op):
        tfmini.testing.check_op(op)

or without writing any test ``pytest --tfmini-ops=PACKAGE``, or ``python -m tfmini check PACKAGE``.

What an operation's class says for the kit:

``samples``
    Calls to test it with, a tuple each: shapes (random data), arrays or numbers, and a dict of
    attributes last.  Different dimensions tell axes apart; an empty array tests that too.
``domain``
    The interval that random data come from, by default (-2, 2); or a tuple of one per input.
``symmetric``
    The inputs that must be symmetric matrices; differences for gradients keep them so.
``bad_samples``
    Calls that must fail, as ``samples``, with the class of the error after the last item.
``expected_failures``
    Rules that it can't keep, with the reason.  Strict: a rule that it keeps must not be there.
"""

from __future__ import annotations

# Importing these modules fills RULES.
from tfmini.testing import (  # noqa: F401
    declaration,
    differentiation,
    inference,
    kernels,
    places,
    ranges,
    scaling,
)
from tfmini.testing.check import check_op, check_package, ops_of, reports_of
from tfmini.testing.report import (
    EXPECTED,
    FAILED,
    PASSED,
    RULES,
    SKIPPED,
    ConformanceError,
    Fault,
    NotApplicable,
    Report,
    rule,
    table,
)

__all__ = [
    "EXPECTED", "FAILED", "PASSED", "RULES", "SKIPPED", "ConformanceError", "Fault",
    "NotApplicable", "Report", "check_op", "check_package", "ops_of", "reports_of", "rule", "table",
]  # fmt: skip
