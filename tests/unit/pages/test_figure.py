"""Figures as elements of a page: in its fonts and colours, with ids of their own, and texts as they are."""

import re

import pytest

from equipoise.pages.figure import THEMED, drawing, inline_svg

ODD = '#010101 url(#a) id="b" x="1.23456"'


@pytest.fixture(scope="module")
def element():
    with drawing(3, 2) as (figure, axes):
        axes.plot([0, 1 / 3, 1], [0, 1 / 7, 1], marker="o", color=THEMED.first, label=ODD)
        axes.legend()
    return str(inline_svg(figure, "mine", "a line"))


def test_texts_have_the_font_of_the_page_and_are_as_they_were(element):
    assert "font-family" not in element
    assert "font-size: 10px" in element
    assert ODD in element


def test_shapes_have_the_colours_of_the_page(element):
    assert "stroke: var(--first)" in element
    assert re.findall(r"#0[1-6]{5}", element.replace(ODD, "")) == []


def test_what_is_referred_to_is_there_under_the_name_of_the_figure(element):
    tags = " ".join(re.findall(r"<[^>]*>", element))
    ids = re.findall(r' id="([^"]*)"', tags)
    referred = set(re.findall(r'(?:url\(|href=")#([^")]*)', tags))
    assert referred
    assert referred == set(ids)  # and no others, so that thousands of groups take no room
    assert all(each.startswith("mine-") for each in ids)


def test_coordinates_are_in_hundredths_of_a_point(element):
    numbers = re.findall(r"\d+\.\d+", " ".join(re.findall(r' (?:d|x|y)="[^"]*"', element.replace(ODD, ""))))
    assert len(numbers) > 20
    assert max(len(number.partition(".")[2]) for number in numbers) == 2
