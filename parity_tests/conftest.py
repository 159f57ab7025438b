"""The summaries that end a run: what was compared row by row, how closely it agreed, what diverges and why."""

from __future__ import annotations

import sys

import pytest

from parity_tests import ledger


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = ledger.reports()
    if reports:
        terminalreporter.section("parity with recordings")
        for line in ledger.table(reports):
            terminalreporter.write_line(line)
    live = sys.modules.get("parity_tests.live")
    if live and live.TALLY.asked:
        terminalreporter.section("parity with the Kerases that are here")
        for line in live.summary(live.TALLY, list(live.live_engines.ROWS), live.SEED):
            terminalreporter.write_line(line)
