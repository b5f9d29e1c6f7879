"""``python -m fastnn.examples`` lists the examples: the book's in its order, then the others'."""

import importlib
import itertools
import pkgutil

import fastnn.examples

BOOK = "Saito, Deep Learning from Scratch"


def listed():
    """Return author, first line of the docstring and name of each example, as they are listed.

    The book's first lines begin with a chapter or a section, the others with their author.
    """
    names = [module.name for module in pkgutil.iter_modules(fastnn.examples.__path__)]
    lines = {
        name: importlib.import_module(f"fastnn.examples.{name}").__doc__.splitlines()[0]
        for name in names
        if not name.startswith("_")
    }
    found = [(_author(line), line, name) for name, line in lines.items()]
    return sorted(found, key=lambda example: (example[0] != BOOK, example))


def _author(line):
    """Return the author of the example whose docstring begins with `line`."""
    if line.startswith(("Chapter", "Section")):
        return BOOK
    return line.partition(":")[0].partition(",")[0]


def main():
    """Print the list."""
    print("python -m fastnn.examples.NAME, where NAME is one of")
    examples = listed()
    width = max(len(name) for _, _, name in examples)
    for author, group in itertools.groupby(examples, key=lambda example: example[0]):
        print(f"\n{author}")
        for _, line, name in group:
            print(f"  {name:{width}}  {line}")


if __name__ == "__main__":
    main()
