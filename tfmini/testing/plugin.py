"""The pytest plugin: ``pytest --tfmini-ops=PACKAGE`` adds a test per operation and rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("tfmini", "tfmini operations")
    group.addoption(
        "--tfmini-ops",
        action="append",
        default=[],
        metavar="PACKAGE",
        help="check all operations of this package (may be given several times)",
    )
    group.addoption(
        "--tfmini-scheduler",
        metavar="ADDRESS",
        help="compare with the Dask cluster at this address too",
    )


@pytest.hookimpl(tryfirst=True)  # before -k selects
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    for package in config.getoption("--tfmini-ops"):
        collector = OpsCollector.from_parent(session, name=f"ops of {package}", nodeid=package)
        collector.package = package
        items.extend(collector.collect())


class OpsCollector(pytest.Collector):
    """The operations of one package."""

    package: str

    def collect(self) -> Iterator[pytest.Item]:
        from tfmini.testing.check import ops_of
        from tfmini.testing.places import Shared
        from tfmini.testing.report import RULES

        shared = Shared(self._client())
        for subject in [shared.add(op) for op in ops_of(self.package)]:
            for rule in RULES:
                item = RuleItem.from_parent(self, name=f"{subject.opdef.type}-{rule}")
                item.subject, item.rule = subject, rule
                yield item

    def _client(self) -> Any:
        address = self.config.getoption("--tfmini-scheduler")
        if address is None:
            return None
        from distributed import Client

        client = Client(address, set_as_default=False)
        self.config.add_cleanup(client.close)
        return client


class RuleItem(pytest.Item):
    """One rule on one operation."""

    subject: Any
    rule: str

    def runtest(self) -> None:
        from tfmini.testing.report import (
            EXPECTED,
            SKIPPED,
            ConformanceError,
            check_expected,
            run_rule,
        )

        expected = check_expected(self.subject.opdef.expected_failures)
        report = run_rule(self.rule, self.subject, expected)
        if report.outcome == SKIPPED:
            pytest.skip(report.detail)
        if report.outcome == EXPECTED:
            pytest.xfail(report.detail)
        if not report.ok:
            raise ConformanceError(str(report))

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        from tfmini.testing.report import ConformanceError

        if isinstance(excinfo.value, ConformanceError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        return self.path, None, f"{self.subject.opdef.type}: {self.rule}"
