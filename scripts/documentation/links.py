"""Pages as the site needs them: links to files outside of docs/, and code blocks."""

import posixpath
import re
from collections.abc import Callable
from pathlib import Path

# Files of the repository that are pages of the site, by their path there.
PAGES = {"benchmarks/RESULTS.md": "results.md", "CHANGELOG.md": "changelog.md"}
# Where a link to a source file leads, of which the site has the reference.
ELSEWHERE = {
    "src/equipoise/errors.py": "reference/errors.md",
    "src/equipoise/cli/__init__.py": "reference/command.md",
    "src/equipoise/config/_schema.py": "reference/configuration.md",
    "src/equipoise/data/checks/checks.py": "reference/data.md",
    "src/equipoise/__init__.py": "reference/index.md",
}

FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(\]\(|^\[[^\]\n]+\]: +)(?!https?://|#|mailto:)([^()\s#]+)(#[^()\s]*)?", re.MULTILINE)
NAMED_FILE = re.compile(r"^```(csv|yaml|python) (\S+)$", re.MULTILINE)
SESSION = re.compile(r"^```python\n(?=>>> )", re.MULTILINE)


def for_site(markdown: str, page: str, repository: str) -> str:
    """Return a page with its code blocks and links as the site needs them.

    Parameters
    ----------
    markdown : str
        The page.
    page : str
        Its path on the site.
    repository : str
        The address under which files of the repository are that are not on the site.

    Examples
    --------
    >>> for_site("[a](../benchmarks/RESULTS.md#speed) [b](../tests/a.py)", "guide.md", "https://forge/blob/main")
    '[a](results.md#speed) [b](https://forge/blob/main/tests/a.py)'
    """
    place = _place(page)

    def written(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(place), match[2]))
        return f"{match[1]}{_address(target, page, repository)}{match[3] or ''}"

    parts = FENCE.split(markdown)  # links are outside of code blocks, at even places
    return "".join(_blocks(part) if at % 2 else LINK.sub(written, part) for at, part in enumerate(parts))


def example(path: Path) -> str:
    """Return a page with the source of an example, and where to get the file and those that it imports.

    The file itself is beside the page on the site.
    """
    beside = [f"[{name}]({name}){{ download }}" for name in sorted(_imported(path))]
    needed = f" It needs {' and '.join(beside)} in the same folder." if beside else ""
    parts = [
        f"# {path.name}",
        f"[Download {path.name}]({path.name}){{ download }}.{needed} All examples are tested as they are.",
        f"```python {path.name}\n{path.read_text(encoding='utf-8')}```\n",
    ]
    return "\n\n".join(parts)


def _imported(path: Path) -> set[str]:
    """Return the names of the files beside a script that it imports, and those that they import."""
    names = [f"{name}.py" for name in re.findall(r"^import (\w+)$", path.read_text(encoding="utf-8"), re.MULTILINE)]
    beside = [name for name in names if (path.parent / name).exists()]
    return {*beside, *(inner for name in beside for inner in _imported(path.parent / name))}


def _place(page: str) -> str:
    """Return where a page of the site is in the repository."""
    return next((source for source, name in PAGES.items() if name == page), f"docs/{page}")


def _address(target: str, page: str, repository: str) -> str:
    if target in PAGES or target in ELSEWHERE:
        on_site = PAGES.get(target) or ELSEWHERE[target]
    elif target.startswith("docs/") and not re.fullmatch(r"docs/pictures/\w+\.py", target):
        on_site = target.removeprefix("docs/")
    elif re.fullmatch(r"examples/\w+\.py", target):
        on_site = f"{target.removesuffix('.py')}.md"
    else:
        return f"{repository}/{target}"
    return posixpath.relpath(on_site, posixpath.dirname(page) or ".")


_BLOCKS: tuple[Callable[[str], str], ...] = (
    lambda block: NAMED_FILE.sub(r'```\1 title="\2"', block),
    lambda block: SESSION.sub("```pycon\n", block),
)


def _blocks(block: str) -> str:
    """Return a code block with the name of its file as a title, or as the session that it is."""
    for change in _BLOCKS:
        block = change(block)
    return block
