"""How many examples each stratum (task, label) has: counted from labels, tables or SQL, or given."""

from equipoise.census.census import Census
from equipoise.census.strata import Stratum

__all__ = ["Census", "Stratum"]
