"""Runs as one HTML page that needs nothing else, no script and no network; values in, text out."""

from runner.report.pages import comparison_page, report_page
from runner.report.subject import Sample, Subject, sample_from

__all__ = ["Sample", "Subject", "comparison_page", "report_page", "sample_from"]
