"""`make faults`: a pytest plugin that runs the tests of the fault catalogue and says what became of each fault.

Load it with `-p tests.faults.report`.
"""

from collections import defaultdict

import pytest

from tests.faults import catalogue


class FaultReport:
    """Selects the marked tests and prints a line for each fault."""

    def __init__(self, listed: catalogue.Catalogue) -> None:
        self._listed = listed
        self._tests: dict[int, list[str]] = defaultdict(list)
        self._outcomes: dict[str, set[str]] = defaultdict(set)
        self._lines: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        others = []
        for item in list(items):
            faults = {fault for mark in item.iter_markers("fault") for fault in mark.args}
            for fault in faults:
                self._tests[fault].append(item.nodeid)
            if not faults:
                items.remove(item)
                others.append(item)
        if unknown := self._tests.keys() - self._listed.faults.keys():
            raise pytest.UsageError(f"no such faults in the catalogue: {sorted(unknown)}")
        config.hook.pytest_deselected(items=others)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._outcomes[report.nodeid].add(report.outcome)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if session.config.option.collectonly:
            return
        verdicts = {fault: self._verdict(fault) for fault in sorted(self._listed.faults)}
        self._lines = [
            f"F{fault:02} {verdict:<9} {self._listed.faults[fault]}{self._remark(fault)}"
            for fault, verdict in verdicts.items()
        ]
        counts = {name: list(verdicts.values()).count(name) for name in ("survived", "not tried")}
        tried = len(verdicts) - counts["not tried"]
        self._lines.append(f"{counts['not tried']} have a written reason instead of a test")
        self._lines.append(f"faults survived {counts['survived']}/{tried}")
        if counts["survived"] < tried and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        # Behind pytest's own summary: the last line is the result.
        print("\n".join(self._lines))  # noqa: T201

    def _verdict(self, fault: int) -> str:
        outcomes = [self._outcomes[test] for test in self._tests[fault]]
        if outcomes:
            # Each stage of a test that ran has passed. One that was skipped, or not selected, shows nothing.
            shown = [outcome for outcome in outcomes if outcome and "skipped" not in outcome]
            return "survived" if shown and all(outcome == {"passed"} for outcome in shown) else "FAILED"
        return "not tried" if fault in self._listed.reasons else "MISSING"

    def _remark(self, fault: int) -> str:
        if count := len(self._tests[fault]):
            return f" ({count} test{'s' * (count > 1)})"
        return f": {self._listed.reasons[fault]}" if fault in self._listed.reasons else ""


def pytest_configure(config: pytest.Config) -> None:
    """See pytest."""
    config.pluginmanager.register(FaultReport(catalogue.load()), "fault-report")
