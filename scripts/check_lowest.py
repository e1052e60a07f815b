"""Say which dependencies are not installed in the lowest version that pyproject.toml allows: they would go untested."""

import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

EXTRAS = ("train", "fast")
BY_HAND = {"torch"}  # see constraints-lowest.txt


def requirements() -> list[Requirement]:
    """Give what Equipoise needs, and what its extras need."""
    path = Path(__file__).parents[1] / "pyproject.toml"
    project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    needed = project["dependencies"] + [line for name in EXTRAS for line in extras[name]]
    return [found for found in map(Requirement, needed) if found.name not in BY_HAND]


def lowest(requirement: Requirement) -> Version:
    """Version that a requirement begins at."""
    bounds = [each.version for each in requirement.specifier if each.operator == ">="]
    if len(bounds) != 1:
        sys.exit(f"{requirement} must have one lower bound (>=).")
    return Version(bounds[0])


def main() -> None:
    wrong = [
        f"{needed.name} is installed as {version(needed.name)}; its lower bound is {lowest(needed)}"
        for needed in requirements()
        if Version(Version(version(needed.name)).public) != lowest(needed)
    ]
    if wrong:
        sys.exit("\n".join([*wrong, "Raise the bound to what can be installed with the other lower bounds."]))
    print(f"All {len(requirements())} dependencies are at their lower bounds.")


if __name__ == "__main__":
    main()
