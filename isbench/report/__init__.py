"""Tables, figures and one page from a results folder; never needs torch nor the data set."""

from isbench.report.html import report

__all__ = ["report"]
