"""The directory of a comparison: what it holds, and how processes share it."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from equipoise.base.files import unfinished_name
from equipoise.compare.result import Result
from equipoise.config import ComparisonConfig, config_to_dict, load_comparison, save_config
from equipoise.errors import RunError
from equipoise.runs.directory import read_json, write_json


@dataclass(frozen=True)
class ComparisonDirectory:
    """Names the files of one comparison.

    Attributes
    ----------
    path : pathlib.Path
        The directory.
    """

    path: Path

    @property
    def config(self) -> Path:
        """The resolved configuration."""
        return self.path / "compare.yaml"

    @property
    def schedule(self) -> Path:
        """What is trained, once the budget was measured."""
        return self.path / "schedule.json"

    @property
    def result(self) -> Path:
        """What was found; it exists once the comparison is finished."""
        return self.path / "comparison.json"

    @property
    def recommended(self) -> Path:
        """The recommended training, for `equipoise train`."""
        return self.path / "recommended.yaml"

    @property
    def runs(self) -> Path:
        """The folder of the runs."""
        return self.path / "runs"

    def lock(self, name: str) -> FileLock:
        """The lock of one piece of work; the operating system frees it when its process ends, however it ends."""
        self.locks.mkdir(parents=True, exist_ok=True)
        return FileLock(self.locks / f"{name}.lock")

    @property
    def locks(self) -> Path:
        """The folder of the locks; the first thing in a directory, before anything else is looked at or written."""
        return self.path / "locks"

    def _refuse_other_files(self) -> None:
        # Of a process that was killed here the unfinished configuration may be left.
        ours = (self.locks.name, unfinished_name(self.config.name))
        if not self.config.exists() and not all(each.name.startswith(ours) for each in self.path.iterdir()):
            raise RunError(f"`{self.path}` is not empty and holds no comparison. Choose another --out.")

    @classmethod
    def join(cls, path: Path, config: ComparisonConfig) -> "ComparisonDirectory":
        """Start a comparison, or take part in the one that is there.

        Raises
        ------
        RunError
            If something else is there, or another comparison.
        """
        directory = cls(path)
        if path.exists() and not path.is_dir():
            raise RunError(f"`out` must name a directory, found something else at `{path}`.")
        if path.is_dir() and not directory.locks.is_dir():
            directory._refuse_other_files()
        with directory.lock("compare"):
            if not directory.config.exists():
                directory._refuse_other_files()
                save_config(config, directory.config)
        then, now = config_to_dict(load_comparison(directory.config)), config_to_dict(config)
        changed = [name for name in now if name != "out" and then.get(name) != now[name]]
        if changed:
            listed = "; ".join(f"`{name}` was {then.get(name)!r}, now it is {now[name]!r}" for name in changed)
            raise RunError(f"`{path}` holds another comparison: {listed}. Choose another --out.")
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
        if (path / "plan.json").is_file():
            raise RunError(f"`{path}` is a run, not a comparison. See its scores with `equipoise evaluate {path}`.")
        state = (
            "is not finished yet: run the same `equipoise compare` again"
            if directory.config.is_file()
            else "holds none"
        )
        raise RunError(f"`{path}` must be the directory of a finished comparison, but it {state}.")

    def read_result(self) -> Result:
        """Read what was found."""
        with refusing_damage(self.result):
            return Result.from_dict(read_json(self.result))

    def write_result(self, result: Result) -> None:
        """Write what was found."""
        write_json(self.result, result.to_dict())


@contextmanager
def refusing_damage(path: Path) -> Generator[None]:
    """Turn what reading a file of a comparison stumbles over into a RunError that names the file.

    Examples
    --------
    >>> with refusing_damage(Path("schedule.json")):
    ...     {}["stages"]
    Traceback (most recent call last):
    ...
    equipoise.errors.RunError: `schedule.json` is damaged (KeyError: 'stages'). Remove it, and run the same ...
    """
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RunError(
            f"`{path}` is damaged ({type(error).__name__}: {error!s:.200}). Remove it, and run the same"
            " `equipoise compare` again: what is finished is kept."
        ) from error
