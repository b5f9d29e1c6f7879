"""The pages of docs/: their programs print what stands below them, their links lead somewhere."""

import contextlib
import io
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(DOCS.glob("*.md"))
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def text_of(page):
    return page.read_text(encoding="utf-8")


@each_page
def test_program_prints_what_stands_below_it(page):
    program = r"^```python\n(.*?)^```\n+```text\n(.*?)^```$"
    ((source, expected),) = re.findall(program, text_of(page), re.DOTALL | re.MULTILINE)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(source, page.name, "exec"), {})
    assert printed.getvalue() == expected


@each_page
def test_what_is_linked_is_there(page):
    links = re.findall(r"\]\(([^)]+)\)", text_of(page))
    here = [link for link in links if not link.startswith("https://")]
    assert any(link.endswith(".png") for link in here)
    for link in here:
        assert (DOCS / link.partition("#")[0]).exists(), link


@each_page
def test_what_is_named_as_a_file_is_there(page):
    names = re.findall(r"`((?:fastnn|tests|kernels|bench|docs)/[^`]+)`", text_of(page))
    for name in names:
        assert list(DOCS.parent.glob(name)), name


def test_readme_leads_to_every_page():
    readme = text_of(DOCS.parent / "README.md")
    for page in PAGES:
        assert f"(docs/{page.name})" in readme
