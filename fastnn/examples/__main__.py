"""``python -m fastnn.examples`` lists the examples, in the order of the book."""

import importlib
import pkgutil

import fastnn.examples


def listed():
    """Return the first line of each example's docstring and its name, in the book's order."""
    names = [module.name for module in pkgutil.iter_modules(fastnn.examples.__path__)]
    modules = {
        name: importlib.import_module(f"fastnn.examples.{name}")
        for name in names
        if not name.startswith("_")
    }
    return sorted((module.__doc__.splitlines()[0], name) for name, module in modules.items())


def main():
    """Print the list."""
    print("python -m fastnn.examples.NAME, where NAME is one of")
    for line, name in listed():
        print(f"  {name:22} {line}")


if __name__ == "__main__":
    main()
