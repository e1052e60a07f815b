"""How many examples each stratum (task, label) has: counted from labels, tables, SQL or by hand."""

from equipoise.census.census import Census
from equipoise.census.strata import Stratum

__all__ = ["Census", "Stratum"]
