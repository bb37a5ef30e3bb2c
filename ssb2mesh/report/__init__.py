"""The report of a run: report.html, one file that needs nothing else, and report.json with the same numbers."""

from ssb2mesh.report.data import ReportData, SolveResult
from ssb2mesh.report.numbers import report_numbers, volume_hash
from ssb2mesh.report.write import write_report

__all__ = ["ReportData", "SolveResult", "report_numbers", "volume_hash", "write_report"]
