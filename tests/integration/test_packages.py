"""The wheel and the sdist: what is in them, what PyPI shows of them, and what their metadata say."""

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LINK = re.compile(r"\]\(([^()\s]+)\)")


def run(module, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)], check=False, capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """Build both, the wheel from the sdist."""
    out = tmp_path_factory.mktemp("packages")
    run("build", "--no-isolation", "--outdir", out)
    (wheel,), (sdist,) = out.glob("*.whl"), out.glob("*.tar.gz")
    return wheel, sdist


def files_of(package):
    """Return the contents of a package by name."""
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    with tarfile.open(package) as archive:
        read = {each.name.partition("/")[2]: archive.extractfile(each) for each in archive}
        return {name: stream.read() for name, stream in read.items() if stream}


def metadata_of(wheel):
    found = [text for name, text in files_of(wheel).items() if name.endswith(".dist-info/METADATA")]
    return message_from_bytes(found[0])


@pytest.mark.slow
def test_the_checkers_of_packages_find_nothing(packages):
    run("twine", "check", "--strict", *packages)
    run("check_wheel_contents", packages[0])


@pytest.mark.slow
def test_the_wheel_is_the_package_alone_and_says_that_it_has_types(packages):
    files = files_of(packages[0])
    assert {name.partition("/")[0] for name in files} == {"equipoise", f"equipoise-{PROJECT['version']}.dist-info"}
    assert "equipoise/py.typed" in files


@pytest.mark.slow
def test_the_sdist_has_what_builds_and_tests_it(packages):
    files = files_of(packages[1])
    assert {"pyproject.toml", "README.md", "LICENSE", "NOTICE", "constraints.txt", "Makefile"} <= set(files)
    assert {"tests", "docs", "examples", "benchmarks", "src"} <= {name.partition("/")[0] for name in files}


@pytest.mark.slow
def test_the_readme_of_the_package_links_to_the_files_of_its_version(packages):
    metadata = metadata_of(packages[0])
    text, here = metadata.get_payload(decode=True).decode(), (ROOT / "README.md").read_text(encoding="utf-8")
    repository = PROJECT["urls"]["Source"]
    pages = f"{repository}/blob/v{PROJECT['version']}/"
    pictures = pages.replace("github.com", "raw.githubusercontent.com").replace("/blob/", "/")
    absolute = [link for link in LINK.findall(here) if link.startswith("https://")]
    links = LINK.findall(text)
    paths = [link.removeprefix(pages).removeprefix(pictures) for link in links if link.startswith((pages, pictures))]
    assert len(paths) + len(absolute) == len(links) == len(LINK.findall(here))
    assert [path for path in paths if not (ROOT / path.partition("#")[0]).exists()] == []
    assert re.findall(r"!\[[^\]]*\]\((\S+)\)", text) == [f"{pictures}docs/pictures/report.png"]
    assert 'pip install "equipoise[train]"' in text
    assert "pip install ." not in text.replace('".', ".")


def test_all_is_every_extra_but_that_of_other_licences():
    extras = PROJECT["optional-dependencies"]
    (named,) = extras["all"]
    assert set(named.removeprefix("equipoise[").removesuffix("]").split(",")) == set(extras) - {"all", "gradients"}


def test_the_citation_has_the_version_of_the_package():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"^version: (\S+)$", citation, re.MULTILINE) == [PROJECT["version"]]


def test_the_image_installs_an_extra_that_there_is_from_files_that_there_are():
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    (extra,) = re.findall(r"/source\[(\w+)\]", text)
    assert extra in PROJECT["optional-dependencies"]
    copied = re.findall(r"^COPY (.+) (/source/\S*)$", text, re.MULTILINE)
    assert [name for names, _ in copied for name in names.split() if not (ROOT / name).exists()] == []
    assert ("src", "/source/src") in copied  # of a folder only the contents are copied
    for needed in ("pyproject.toml", "README.md", *PROJECT["license-files"]):
        assert needed in copied[0][0].split()
