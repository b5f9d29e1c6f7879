"""Pickles that would run code: each is refused, and nothing of it happens."""

import copyreg
import functools
import operator
import os
import pathlib
import pickle
import runpy
import shutil
import subprocess

import numpy as np
import pytest
from pickle_parts import (
    DTYPE,
    EMPTY,
    ENCODE,
    F8,
    FALSE,
    FLOAT64,
    FROM_BUFFER,
    LITTLE,
    NDARRAY,
    NONE,
    RECONSTRUCT,
    TAIL,
    TRUE,
    Loader,
    array,
    call,
    integer,
    name,
    raw,
    row,
    text,
    with_b2,
)

from fastnn import DataError, UnsafeFileError


@pytest.fixture
def loader(tmp_path):
    return Loader(tmp_path)


# --- Calls of functions -----------------------------------------------------------------------


class Call:
    """Is pickled as a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def calls(canary):
    """Return objects whose unpickling makes the file or folder `canary`."""
    name, folder = str(canary), canary.parent
    code = f"import os; os.mkdir({name!r})"
    (folder / "script.py").write_text(code)
    np.save(folder / "inner.npy", np.array(Call(os.mkdir, name)), allow_pickle=True)
    return [
        Call(os.system, f"mkdir '{name}'"),
        Call(os.mkdir, name),
        Call(os.makedirs, name),
        Call(os.symlink, str(folder), name),
        Call(os.mkfifo, name),
        Call(subprocess.call, ["mkdir", name]),
        Call(subprocess.check_output, ["mkdir", name]),
        Call(subprocess.getoutput, f"mkdir '{name}'"),
        Call(eval, f"__import__('os').mkdir({name!r})"),
        Call(exec, code),
        Call(runpy.run_path, str(folder / "script.py")),
        Call(shutil.copy, str(folder / "script.py"), name),
        Call(pathlib.Path.touch, pathlib.Path(name)),
        Call(pathlib.Path.write_text, pathlib.Path(name), ""),
        Call(operator.methodcaller("mkdir"), pathlib.Path(name)),
        Call(functools.partial(os.mkdir, name)),
        Call(functools.reduce, os.symlink, [str(folder), name]),
        Call(list, Call(map, os.mkdir, [name])),
        Call(getattr, Call(__import__, "os"), "path", Call(exec, code)),
        Call(pickle.loads, pickle.dumps(Call(os.mkdir, name))),
        Call(np.load, str(folder / "inner.npy"), None, True),
        Call(np.savetxt, name, [0.0]),
        Call(np.ndarray.tofile, np.zeros(1), name),
        Call(np.memmap, name, "u1", "w+", 0, (1,)),
        Call(np.lib.format.open_memmap, name, "w+", "u1", (1,)),
        Call(np.testing.runstring, code, {}),
    ]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_no_function_is_called(protocol, loader):
    objects = calls(loader.canary)
    for hostile in objects:
        loader.assert_refused(pickle.dumps(hostile, protocol))
        loader.assert_refused(pickle.dumps({**loader.good, "b2": hostile}, protocol))
        loader.assert_refused(pickle.dumps({hostile: loader.good["W1"]}, protocol))
    assert len(objects) == 26


def test_these_pickles_would_bite(loader):
    for hostile in calls(loader.canary):
        pickle.loads(pickle.dumps(hostile))
        assert os.path.lexists(loader.canary), hostile.call
        if loader.canary.is_dir() and not loader.canary.is_symlink():
            loader.canary.rmdir()
        else:
            loader.canary.unlink()


# --- By hand ----------------------------------------------------------------------------------


def test_what_these_parts_make_is_read(loader):
    loader.path.write_bytes(with_b2(array(data=raw(np.arange(4.0).tobytes()))))
    loader.network.load_params(loader.path)
    np.testing.assert_array_equal(loader.network.params["b2"], np.arange(4.0))
    assert not loader.network.params["W1"].any()
    assert len(pickle.loads(loader.path.read_bytes())) == 4


@pytest.mark.parametrize(
    "module, function",
    [
        ("numpy", "ndarray.tofile"),
        ("numpy", "core.multiarray._reconstruct"),
        ("numpy", "load"),
        ("numpy", "fromfile"),
        ("numpy", ""),
        ("numpy ", "ndarray"),
        ("", "numpy ndarray"),
        ("NumPy", "ndarray"),
        ("numpy.core", "multiarray._reconstruct"),
        ("numpy.core.multiarray", "fromfile"),
        ("numpy.core.multiarray", "scalar"),
        ("numpy.core.multiarray", "_reconstruct.__globals__"),
        ("numpy._core.multiarray", "_reconstruct\x00"),
        ("numpy._core.numeric", "_frombuffer.__globals__.__getitem__"),
        ("numpy.distutils.exec_command", "exec_command"),
        ("numpy.f2py.diagnose", "run_command"),
        ("numpy.testing._private.utils", "runstring"),
        ("numpyx", "ndarray"),
        ("_codecs", "decode"),
        ("_codecs", "register"),
        ("codecs", "encode"),
        ("copyreg", "_reconstructor"),
        ("copy_reg", "_reconstructor"),
        ("builtins", "getattr"),
        ("__builtin__", "eval"),
        ("collections", "OrderedDict"),
        ("fastnn.networks", "TwoLayerNet"),
        ("x" * 3000, "y" * 3000),
    ],
)
def test_constructors_are_known_by_module_and_name(module, function, loader):
    message = f"it asks for {function[:50]!r} of the module {module[:50]!r}, and no pickle is read"
    loader.assert_refused(with_b2(name(module, function)), message=message)
    if "\n" not in module + function:
        loader.assert_refused(b"c%b\n%b\n." % (module.encode(), function.encode()))


@pytest.mark.parametrize(
    "value",
    [
        call(NDARRAY, row(integer(1 << 30))),
        call(NDARRAY, row(integer(0))),
        call(RECONSTRUCT, NDARRAY, row(integer(1 << 30)), raw(b"b")),
        call(RECONSTRUCT, NDARRAY, row(integer(0)), raw(b"d")),
        call(RECONSTRUCT, DTYPE, row(integer(0)), raw(b"b")),
        call(RECONSTRUCT, NDARRAY),
        call(FROM_BUFFER, raw(bytes(32)), FLOAT64, row(integer(4)), text("K"), row(integer(0))),
        call(FROM_BUFFER, raw(bytes(32)), F8, row(integer(4)), text("C")),
        call(FROM_BUFFER, text("x" * 32), FLOAT64, row(integer(4)), text("C")),
        call(FROM_BUFFER, raw(bytes(32)), FLOAT64, integer(4), text("C")),
        call(DTYPE, FLOAT64, FALSE, TRUE),
        call(DTYPE, row(row(text("a"), text("f8"))), FALSE, TRUE),
        call(DTYPE, text("f8")),
        call(ENCODE, text("ab"), text("hex")),
        call(ENCODE, raw(b"ab"), text("latin1")),
        call(text("os.system"), text("true")),
        call(b"}", text("x")),
        call(row(), text("x")),
        NDARRAY + text("x") + b"R",
        NDARRAY + b"}b",
        DTYPE + row() + b"b",
        b"}" + row(text("__class__"), NDARRAY) + b"b",
        text("x") + row() + b"b",
        array(dtype=F8 + b"}b"),
        array(dtype=F8 + row(integer(3), text("|"), *TAIL) + b"b"),
        array(dtype=F8 + row(integer(3), text("<"), NONE, row(text("a")), *TAIL[2:]) + b"b"),
        array(dtype=F8 + row(integer(3), text("<"), *TAIL, b"}") + b"b"),
        array(dtype=FLOAT64 + LITTLE + b"b"),
        EMPTY + b"}b",
        EMPTY + row(integer(1), row(integer(4)), FLOAT64) + b"b",
        array(dtype=F8),
        array(dtype=text("<f8")),
        array(dtype=DTYPE),
        array(order=integer(1)),
        array(data=text("x" * 32)),
        array(data=b"}"),
        array(shape=(-4,), data=raw(bytes(32))),
        EMPTY + row(integer(1), row(TRUE), FLOAT64, FALSE, raw(bytes(8))) + b"b",
        EMPTY + row(integer(1), row(row(integer(4))), FLOAT64, FALSE, raw(bytes(32))) + b"b",
        EMPTY + row(integer(1), integer(4), FLOAT64, FALSE, raw(bytes(32))) + b"b",
        array() + row(integer(1), row(integer(4)), FLOAT64, FALSE, raw(bytes(32))) + b"b",
        integer(4) + integer(5) + b"\x93",
        DTYPE,
        FLOAT64,
        NONE,
        text("zeros"),
        b"}",
        b"]",
        row(),
    ],
)
def test_constructors_are_taken_in_their_own_way_alone(value, loader):
    loader.assert_refused(with_b2(value))
    loader.assert_refused(value + b".", DataError if value == b"}" else UnsafeFileError)


@pytest.mark.parametrize(
    "instruction, data",
    [
        ("INST", b"(VCANARY\nios\nmkdir\n."),
        ("OBJ", b"(cnumpy\nndarray\nVCANARY\no."),
        ("NEWOBJ", b"\x80\x02})\x81."),
        ("NEWOBJ_EX", b"\x80\x04})}\x92."),
        ("PERSID", b"PCANARY\n."),
        ("BINPERSID", b"K\x01Q."),
        ("EXT2", b"\x80\x02\x83\x01\x02VCANARY\n\x85R."),
        ("EXT4", b"\x80\x02\x84\x01\x02\x00\x00."),
        ("NEXT_BUFFER", b"\x80\x05\x97."),
        ("READONLY_BUFFER", b"\x80\x05\x98."),
        ("EMPTY_LIST", b"]."),
        ("EMPTY_SET", b"\x80\x04\x8f."),
        ("FROZENSET", b"\x80\x04(\x91."),
        ("BINFLOAT", b"G" + bytes(8) + b"."),
        ("DUP", b"}2."),
        ("POP", b"}0."),
        ("POP_MARK", b"(1."),
    ],
)
def test_other_instructions_are_refused(instruction, data, loader):
    data = data.replace(b"CANARY", str(loader.canary).encode())
    loader.assert_refused(data, message=f"it has the instruction {instruction}")


def test_what_copyreg_knows_by_a_number_is_refused(loader):
    data = b"\x80\x02\x82\xf0" + text(str(loader.canary)) + b"\x85R."
    copyreg.add_extension("os", "mkdir", 0xF0)
    try:
        pickle.loads(data)  # and pickle, which has looked it up once, will not ask again
        loader.canary.rmdir()
        loader.assert_refused(data, message="it has the instruction EXT1")
    finally:
        copyreg.remove_extension("os", "mkdir", 0xF0)
