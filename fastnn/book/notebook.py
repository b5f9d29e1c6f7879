"""Runs the code of a Jupyter notebook: its cells one after the other, as one program."""

import ast
import json
import linecache
import re
import sys

# What figures look like is not the notebook's to say here.
_PICTURES = re.compile(r"^%matplotlib\b.*$", re.MULTILINE)


def cells(path):
    """Return the text of each cell of code.

    Raises
    ------
    ValueError
        If the file is no notebook.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return ["".join(cell["source"]) for cell in found if cell["cell_type"] == "code"]
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{path} is not a notebook of Jupyter, format 4") from None


def run(path, texts, namespace):
    """Run the cells of a notebook, whose texts are given, in a namespace.

    As in Jupyter, the value of a cell that ends in an expression is shown, unless that is None or
    a semicolon follows it. Of the commands that are no Python, only ``%matplotlib`` is known,
    which does nothing.
    """
    for number, text in enumerate(texts, start=1):
        text = _PICTURES.sub("", text)
        name = f"{path}, cell {number}"
        # So that errors show the line.
        linecache.cache[name] = len(text), None, text.splitlines(keepends=True), name
        tree = ast.parse(text, name)
        value = None
        if tree.body and isinstance(tree.body[-1], ast.Expr) and not text.rstrip().endswith(";"):
            value = ast.Expression(tree.body.pop().value)
        exec(compile(tree, name, "exec"), namespace)
        if value is not None:
            sys.displayhook(eval(compile(value, name, "eval"), namespace))
