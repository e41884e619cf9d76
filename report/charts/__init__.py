"""The charts: what each shows, declared once, and the two engines that draw it."""

from report.charts import matplotlib_setup  # before any module that draws

__all__ = ["matplotlib_setup"]
