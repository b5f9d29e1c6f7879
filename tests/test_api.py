"""The shape of the package: one signature a layer, one direction of imports, documented kernels."""

import ast
import importlib
import inspect
import pkgutil
import sys
from pathlib import Path

import numpy as np
import pytest
from fastnn.kernels._jit import Kernel

import fastnn
from fastnn import functions, gradient, kernels, layers, optimizers, reference, util

LAYERS = sorted(name for name in layers.__all__ if inspect.isclass(getattr(layers, name)))
FUNCTIONS = [
    pytest.param(getattr(module, name), getattr(reference, name), id=name)
    for module in (functions, gradient, util, optimizers)
    for name in module.__all__
    if name != "np"
]
PACKAGE = Path(fastnn.__file__).parent
KERNEL_FILES = sorted(Path(kernels.__file__).parent.glob("*.py"))
KERNELS = [
    pytest.param(value, id=f"{module.name}.{name}")
    for module in pkgutil.iter_modules(kernels.__path__)
    for name, value in vars(importlib.import_module(f"fastnn.kernels.{module.name}")).items()
    if isinstance(value, Kernel)
    and value.__module__ == f"fastnn.kernels.{module.name}"
    and not name.startswith("_")
]


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("method", ["__init__", "forward", "backward"])
def test_layer_and_reference_have_one_signature(name, method):
    fast, ref = (getattr(getattr(module, name), method) for module in (layers, reference))
    assert inspect.signature(fast) == inspect.signature(ref)


def public(instance):
    properties = {n for n, value in vars(type(instance)).items() if isinstance(value, property)}
    return {name for name in {*vars(instance), *properties} if not name.startswith("_")}


@pytest.mark.parametrize("name", LAYERS)
def test_layer_and_reference_have_the_same_attributes(name):
    arguments = {
        "Affine": (np.ones((2, 3)), np.ones(3)),
        "Convolution": (np.ones((2, 1, 3, 3)), np.ones(2)),
        "BatchNormalization": (np.ones(2), np.ones(2)),
        "Pooling": (2, 2),
        "AveragePooling": (2, 2),
    }.get(name, ())
    fast, ref = (getattr(module, name)(*arguments) for module in (layers, reference))
    assert public(fast) == public(ref)
    for attribute in public(ref):
        np.testing.assert_equal(getattr(fast, attribute), getattr(ref, attribute))


@pytest.mark.parametrize("fast, ref", FUNCTIONS)
def test_function_and_reference_have_one_signature(fast, ref):
    assert inspect.signature(fast) == inspect.signature(ref)
    if inspect.isclass(fast):
        assert inspect.signature(fast.update) == inspect.signature(ref.update)


@pytest.mark.parametrize("kernel", KERNELS)
def test_kernel_documents_every_argument(kernel):
    documented = inspect.getdoc(kernel).split("Parameters\n----------\n")[1]
    names = {
        name.strip()
        for line in documented.split("\n\n")[0].splitlines()
        if not line.startswith(" ")
        for name in line.split(" : ")[0].split(",")
    }
    assert set(inspect.signature(kernel.py_func).parameters) == names


def test_there_are_kernels():
    assert len(KERNELS) > 20


def imports(path):
    """Return the modules that a file of fastnn names in its import statements, absolute."""
    inside = path.relative_to(PACKAGE.parent) if path.is_relative_to(PACKAGE.parent) else None
    if path in KERNEL_FILES:
        package = ["fastnn", "kernels"]
    else:
        package = list(inside.parts[:-1])
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return found


def roots(path):
    return {name.split(".")[0] for name in imports(path)}


def part_of(name, *modules):
    return any(name == module or name.startswith(f"{module}.") for module in modules)


@pytest.mark.parametrize("path", KERNEL_FILES, ids=lambda path: path.name)
def test_kernels_import_numpy_numba_and_each_other(path):
    assert roots(path) <= {"numpy", "numba", "llvmlite", "fastnn", *sys.stdlib_module_names}
    own = {name for name in imports(path) if part_of(name, "fastnn")}
    assert all(part_of(name, "fastnn.kernels", "fastnn._folders") for name in own)


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("reference/*.py")), ids=lambda path: path.name)
def test_reference_imports_numpy_alone(path):
    assert roots(path) <= {"numpy", "fastnn", *sys.stdlib_module_names}
    own = {name for name in imports(path) if part_of(name, "fastnn")}
    assert all(part_of(name, "fastnn.reference") for name in own)


USERS_OF_THE_REFERENCE = {"_backend.py", "functions.py", "gradient.py", "util.py", "optimizers.py"}
SOURCES = sorted(
    path
    for path in PACKAGE.rglob("*.py")
    if "reference" not in path.relative_to(PACKAGE).parts and path not in KERNEL_FILES
)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path):
    where, names = path.relative_to(PACKAGE), imports(path)
    uses_reference = where.name in USERS_OF_THE_REFERENCE and len(where.parts) == 1
    if not uses_reference and where.parts[0] != "benchmark":  # which times it
        assert not any(part_of(name, "fastnn.reference") for name in names)
    top = "cli", "plots", "profiling", "inspection", "benchmark"
    above = {
        "layers": ("engine", "networks", "training", "data", *top),
        "engine": ("networks", "training", "data", *top),
        "networks": ("training", "kernels", *top),
        "training": ("kernels", *top),
        "data": ("layers", "networks", "training", "kernels", *top),
        "profiling": ("networks", "plots", "examples", "book"),
        "benchmark": ("engine", "networks", "training", "plots", "data"),
    }.get(where.parts[0], ())
    for name in names:
        assert not part_of(name, *(f"fastnn.{module}" for module in above))
