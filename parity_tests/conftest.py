"""The summary that ends a run: per row, what was compared, how closely it agreed, what diverges and why."""

from __future__ import annotations

import pytest

from parity_tests import ledger


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = ledger.reports()
    if not reports:
        return
    terminalreporter.section("parity with recordings")
    for line in ledger.table(reports):
        terminalreporter.write_line(line)
