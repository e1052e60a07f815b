"""Hooks of mkdocs.yml: the pages of the site that are generated, and links to files outside of docs/.

Pages of docs/ are written for a forge, where relative links lead to any file of the repository. On the site, files that
are not on it link to the repository, and the rest is as in `documentation.links`.
"""

from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel

from documentation import api, codes, command, configuration, formulas, links

ROOT = Path(__file__).parents[1]
GENERATED = {
    "reference/index.md": api.index,
    **{f"reference/{name}.md": (lambda name=name: api.page(name)) for name in api.PAGES},
    "reference/command.md": command.page,
    "reference/configuration.md": configuration.page,
    "reference/codes.md": codes.page,
}


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the generated pages, the files of the repository that are pages of the site, and the examples."""
    for name, make in GENERATED.items():
        files.append(File.generated(config, name, content=make()))
    for source, name in links.PAGES.items():
        files.append(File.generated(config, name, content=(ROOT / source).read_text(encoding="utf-8")))
    for example in sorted((ROOT / "examples").glob("*.py")):
        files.append(File.generated(config, f"examples/{example.stem}.md", content=links.example(example)))
        name = f"examples/{example.name}"
        files.append(File.generated(config, name, abs_src_path=str(example), inclusion=InclusionLevel.INCLUDED))
    return files


def on_page_markdown(markdown: str, *, page: Any, config: MkDocsConfig, **_: Any) -> str:
    """Write links and code blocks as the site needs them."""
    return links.for_site(markdown, page.file.src_uri, config.extra["repository"])


def on_page_content(html: str, **_: Any) -> str:
    """Write the formulas of docstrings in HTML."""
    return formulas.for_site(html)
