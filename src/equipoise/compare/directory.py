"""The directory of a comparison: its files, and how processes share it."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from filelock import FileLock

from equipoise.base.codec import from_plain
from equipoise.base.files import Entry, unfinished_name
from equipoise.base.plain_json import write_json
from equipoise.base.states import differences
from equipoise.compare.result import HEAD, Result
from equipoise.config import ComparisonConfig, config_to_dict, load_comparison, save_config
from equipoise.errors import RunError
from equipoise.runs.directory import read_json

T = TypeVar("T")


@dataclass(frozen=True)
class ComparisonDirectory:
    """Names the files of one comparison, in the directory `path`."""

    path: Path

    config = Entry("compare.yaml")
    """The resolved configuration."""
    schedule = Entry("schedule.json")
    """The schedule; it exists once the budget was translated into draws."""
    result = Entry("comparison.json")
    """The result; it exists once the comparison is finished."""
    recommended = Entry("recommended.yaml")
    """The recommended training, for `equipoise train`."""
    runs = Entry("runs")
    """The folder of the runs."""
    locks = Entry("locks")
    """The folder of the locks; it is made before anything else in the directory is read or written."""

    def lock(self, name: str) -> FileLock:
        """Return the lock of one piece of work; the operating system releases it when its process ends."""
        self.locks.mkdir(parents=True, exist_ok=True)
        return FileLock(self.locks / f"{name}.lock")

    def _refuse_other_files(self) -> None:
        # A process that was killed here may leave an unfinished configuration.
        ours = (self.locks.name, unfinished_name(self.config.name))
        if not self.config.exists() and not all(each.name.startswith(ours) for each in self.path.iterdir()):
            raise RunError("not-empty", f"`{self.path}` is not empty and holds no comparison. Choose another --out.")

    @classmethod
    def join(cls, path: Path, config: ComparisonConfig) -> "ComparisonDirectory":
        """Start a comparison, or join the one in the directory.

        Raises
        ------
        RunError
            If the directory holds something else, or another comparison.
        """
        directory = cls(path)
        if path.exists() and not path.is_dir():
            raise RunError("not-a-directory", f"`out` must be a directory, found something else at `{path}`.")
        if path.is_dir() and not directory.locks.is_dir():
            directory._refuse_other_files()
        with directory.lock("compare"):
            if not directory.config.exists():
                directory._refuse_other_files()
                save_config(config, directory.config)
        then, now = config_to_dict(load_comparison(directory.config)), config_to_dict(config)
        changes = differences(then, now, [name for name in now if name != "out"])
        if changes:
            raise RunError(
                "other-comparison", f"`{path}` holds another comparison: {'; '.join(changes)}. Choose another --out."
            )
        return directory

    @classmethod
    def open(cls, path: Path) -> "ComparisonDirectory":
        """Open a finished comparison.

        Raises
        ------
        RunError
            If there is none.
        """
        directory = cls(path)
        if directory.result.is_file():
            return directory
        wanted = f"`{path}` must be the directory of a finished comparison, but it"
        if (path / "plan.json").is_file():
            raise RunError("not-a-comparison", f"{wanted} is a run. Print its scores with `equipoise evaluate {path}`.")
        if directory.config.is_file():
            raise RunError("unfinished", f"{wanted} is not finished yet. Run the same `equipoise compare` again.")
        raise RunError("not-a-comparison", f"{wanted} holds no comparison.")

    def read_result(self) -> Result:
        """Read the result.

        Raises
        ------
        RunError
            If the file is not a comparison, has another version, or is damaged.
        """
        values = read_json(self.result)
        found = {name: values.pop(name, None) for name in HEAD} if isinstance(values, dict) else {}
        if found != HEAD:
            raise RunError(
                "other-version", f"`{self.result}` must have {HEAD}, found {found}. Run `equipoise compare` again."
            )
        return from_plain(Result, values, partial(_damaged, self.result))

    def write_result(self, result: Result) -> None:
        """Write the result."""
        write_json(self.result, result.to_dict())


def read_values(kind: type[T], path: Path) -> T:
    """Read a dataclass from a JSON file of a comparison.

    Raises
    ------
    RunError
        If the file cannot be read, or its values do not have the annotated types.
    """
    return from_plain(kind, read_json(path), partial(_damaged, path))


def _damaged(path: Path, why: str) -> RunError:
    advice = "Remove it, and run the same `equipoise compare` again: finished runs are kept."
    return RunError("damaged-file", f"`{path}` is damaged: {why} {advice}")
