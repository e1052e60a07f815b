"""The site is built without a warning, loads nothing from other places, and has every public name, key and option."""

import os
import re
import subprocess
import sys
from collections import Counter
from functools import cached_property
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from types import FunctionType

import pytest
from scripts.documentation import api, codes, command, configuration, formulas, links

from equipoise.config import configuration_keys

ROOT = Path(__file__).parents[2]
# Rooms without a page: the command has one of its own, and what writes reports is for the command alone.
WITHOUT_PAGE = {"equipoise", "equipoise.cli", "equipoise.compare.report", "equipoise.drawing.batches"}
LOADS = {"script": "src", "img": "src", "iframe": "src", "source": "src"}


class Page(HTMLParser):
    """The identifiers of a page, what it loads, its blocks of code and quotations, and the text around them."""

    def __init__(self, path):
        super().__init__()
        self.identifiers, self.loads, self.blocks, self.prose = [], [], [], ""
        self.quotes, self._in_block = 0, False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.identifiers += [given["id"]] if "id" in given else []
        self.loads += [given[LOADS[tag]]] if LOADS.get(tag) in given else []
        if tag == "link" and given.get("rel") not in {"canonical", "prev", "next", "alternate"}:
            self.loads.append(given["href"])
        self.quotes += tag == "blockquote"
        if tag == "pre":
            self._in_block = True
            self.blocks.append("")

    def handle_endtag(self, tag):
        self._in_block &= tag != "pre"

    def handle_data(self, data):
        if self._in_block:
            self.blocks[-1] += data
        else:
            self.prose += data


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the site and return its folder."""
    folder = tmp_path_factory.mktemp("site")
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT / "src")}
    arguments = [sys.executable, "-m", "mkdocs", "build", "--site-dir", folder]
    built = subprocess.run(arguments, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
    assert [line for line in built.stderr.splitlines() if not line.startswith("INFO")] == []
    assert built.returncode == 0
    return folder


@pytest.fixture(scope="module")
def pages(site):
    return {path.relative_to(site).as_posix(): Page(path) for path in site.rglob("*.html")}


@pytest.mark.slow
def test_every_public_name_is_an_entry_of_one_page(pages):
    found = Counter(name for page, each in pages.items() if page.startswith("reference/") for name in each.identifiers)
    for page in api.PAGES:
        for module, name in api.entries(page):
            assert found[f"{module}.{name}"] + found[api.home_of(module, name)] >= 1, f"{module}.{name}"
            assert found[f"{module}.{name}"] <= 1, f"{module}.{name}"


METHODS = FunctionType, classmethod, staticmethod, property, cached_property


def methods(cls):
    """Return the public methods and properties of a class that are ours, and the classes that have each."""
    ours = [each for each in cls.__mro__ if each.__module__.startswith("equipoise")]
    names = {name for each in ours for name, value in vars(each).items() if isinstance(value, METHODS)}
    return {name: [each for each in ours if hasattr(each, name)] for name in names if not name.startswith("_")}


@pytest.mark.slow
def test_every_public_method_is_an_entry_of_its_class_or_of_a_base_on_the_page(pages):
    checked = 0
    for page in api.PAGES:
        identifiers = set(pages[f"reference/{page}.html"].identifiers)
        homes = {api.home_of(module, name): f"{module}.{name}" for module, name in api.entries(page)}
        for module, name in api.entries(page):
            cls = getattr(import_module(module), name)
            for method, classes in methods(cls).items() if isinstance(cls, type) else ():
                of = [f"{each.__module__}.{each.__qualname__}" for each in classes]
                places = [place for home in of if home in homes for place in (home, homes[home])]
                shown = any(f"{place}.{method}" in identifiers for place in places)
                assert shown != (method in api.INTERNAL.get(page, ())), f"{module}.{name}.{method}"
                checked += 1
    assert checked > 300
    samplers = pages["reference/samplers.html"].identifiers
    wanted = {"state_dict", "load_state_dict", "set_epoch", "epoch", "position", "replan"}
    assert {f"equipoise.samplers.PlanSampler.{name}" for name in wanted} <= set(samplers)


@pytest.mark.slow
def test_every_key_and_every_command_is_an_entry(pages):
    keys = [key.name for key in configuration_keys()]
    inner = [name for name in keys if not any(other.startswith(f"{name}.") for other in keys)]
    assert len(inner) > 60
    assert [name for name in inner if pages["reference/configuration.html"].identifiers.count(name) != 1] == []
    assert {"equipoise-train", "equipoise-compare"} <= set(pages["reference/command.html"].identifiers)


@pytest.mark.slow
def test_every_error_code_is_a_heading(pages):
    found = codes.codes()
    assert len(found) > 300
    assert {"too-many-draws", "not-a-multiple", "many-passes", "epoch-before-state"} <= set(found)
    kind, message = found["other-version"][0]
    assert kind == "StateError"
    assert message.startswith("The state of … has version … and this Equipoise reads version …. Resume")
    assert set(found) <= set(pages["reference/codes.html"].identifiers)


@pytest.mark.slow
def test_pages_load_nothing_from_other_places(pages):
    assert len(pages) > 60
    assert [load for page in pages.values() for load in page.loads if re.match(r"(https?:)?//", load)] == []


@pytest.mark.slow
def test_code_is_in_blocks_of_code(pages):
    for name, page in pages.items():
        assert "```" not in page.prose, name
        assert page.quotes == 0, f"{name}: a session of Python without a fence is a quotation"


@pytest.mark.slow
def test_examples_are_shown_whole_and_can_be_downloaded(site, pages):
    examples = sorted((ROOT / "examples").glob("*.py"))
    assert len(examples) > 10
    for path in examples:
        source = path.read_text(encoding="utf-8")
        assert pages[f"examples/{path.stem}.html"].blocks == [source], path.name
        assert (site / "examples" / path.name).read_text(encoding="utf-8") == source
        shown = (site / "examples" / f"{path.stem}.html").read_text(encoding="utf-8")
        needed = {f"{name}.py" for name in re.findall(r"^import (\w+)$", source, re.MULTILINE)}
        for name in [path.name, *(name for name in needed if (ROOT / "examples" / name).exists())]:
            assert f'<a download href="{name}">' in shown, path.name
    assert 'href="toy.py"' in (site / "examples" / "torchrun_fsdp.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_search_finds_a_name_without_a_server(site, chromium):
    asked = []
    page = chromium.new_page(viewport={"width": 390, "height": 844})
    page.on("request", lambda request: asked.append(request.url))
    page.goto((site / "reference" / "index.html").as_uri())
    page.click("label[for=__search].md-header__button")
    page.keyboard.type("WeightedSampler")
    page.wait_for_selector(".md-search-result__item", timeout=20_000)
    assert "equipoise.samplers" in page.inner_text(".md-search-result__list")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.close()
    assert [url for url in asked if not url.startswith("file:")] == []


def test_rooms_with_public_names_have_a_page():
    rooms = {
        ".".join(path.parent.relative_to(ROOT / "src").parts)
        for path in (ROOT / "src" / "equipoise").rglob("__init__.py")
        if "__all__" in path.read_text(encoding="utf-8")
    }
    shown = {module for modules in api.PAGES.values() for module in modules}
    assert rooms - WITHOUT_PAGE == shown - {"equipoise.errors"}


def test_names_are_those_of_the_modules_and_stand_on_one_page():
    homes = Counter(api.home_of(module, name) for page in api.PAGES for module, name in api.entries(page))
    assert [home for home, times in homes.items() if times > 1] == []
    handed_on = {api.home_of("equipoise", name) for name in api.names_of("equipoise")}
    assert handed_on - set(homes) == {f"equipoise.{module}" for module in ("errors", "rates", "weights")}
    for module in ("equipoise.rates", "equipoise.drawing", "equipoise.config"):
        assert api.names_of(module) == import_module(module).__all__
    assert "[`Plan`][equipoise.plan.Plan] ★: " in api.index()


def test_every_key_has_a_meaning():
    assert [key.name for key in configuration_keys() if not key.description] == []
    page = configuration.page()
    assert "`training.log_every`{ #training.log_every } integer\n:   Steps between two logs. Default: `10`." in page
    assert "`plan.rates`{ #plan.rates } [mixing rates](#mixing-rates)" in page


def test_every_option_has_a_meaning():
    page = command.page()
    assert ":   \n" not in page
    assert "`--draws N`\n:   Number of examples to draw. Default: the number of training rows. At least 1." in page
    assert "`FILE`\n:   Rows in any format that training reads; targets are not needed. **Required.**" in page
    assert "macro_f1, balanced_accuracy" in page


def test_links_lead_to_the_site_or_to_the_repository():
    written = "[a](../README.md#b) [c](../examples/toy.py)\n```text\n[d](../x.md)\n```\n[e]: ../src/equipoise/errors.py"
    assert links.for_site(written, "guide.md", "https://forge") == (
        "[a](https://forge/README.md#b) [c](examples/toy.md)\n```text\n[d](../x.md)\n```\n[e]: reference/errors.md"
    )
    assert links.for_site("[a](../docs/guide.md#b)", "results.md", "") == "[a](guide.md#b)"
    assert links.for_site("[a](guide.md) [b](#c)", "reference/x.md", "") == "[a](guide.md) [b](#c)"
    assert links.for_site("```yaml run.yaml\na: 1\n```", "a.md", "") == '```yaml title="run.yaml"\na: 1\n```'


def test_formulas_without_a_script():
    page = r"<p>.. math:: L = \sum_{k \in A} \sqrt{w_k}</p>"
    assert formulas.for_site(page) == (
        '<p><span class="formula"><i>L</i> = ∑<sub><i>k</i> ∈ <i>A</i></sub> '
        '√<span class="root"><i>w</i><sub><i>k</i></sub></span></span></p>'
    )
    with pytest.raises(KeyError, match="unknown"):
        formulas.for_site(r":math:<code>\unknown</code>")
