"""The command ``fastnn info``: what decides how fast kernels are, for a bug report."""

import getpass
import importlib
import importlib.metadata
import json
import os
import platform
import re
import sys
import tempfile
import warnings
from contextlib import suppress
from pathlib import Path

from . import _machine
from ._progress import Progress

# Variables that are shown besides FASTNN_... and NUMBA_...: they move caches, or set threads.
_OTHER_VARIABLES = (
    "XDG_CACHE_HOME", "OMP_NUM_THREADS", "OMP_PROC_BIND", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"
)  # fmt: skip
_SECRET = re.compile("TOKEN|SECRET|PASS|KEY|CREDENTIAL")


def run(options):
    """Print what can be found out; nothing is compiled, downloaded or changed.

    Parameters
    ----------
    options : argparse.Namespace
        `json`: whether to print JSON.

    Returns
    -------
    code : int
        0: what cannot be found out is told as unknown.
    """
    facts = anonymous(collect())
    progress = Progress(sys.stdout)
    for line in [json.dumps(facts, indent=2)] if options.json else lines(facts):
        progress.line(line)
    return 0


def collect():
    """Return all facts, as a dict of what JSON can hold."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _asked(_vector_bytes)  # imports Numba and the kernels
    return {
        "versions": {name: _asked(lambda name=name: _version(name)) for name in _VERSIONS},
        "system": _asked(platform.platform),
        "processor": {
            "name": _asked(_machine.processor),
            "llvm_name": _asked(lambda: _llvm().get_host_cpu_name()),
            "features": _asked(_features),
            "vector_bytes": _asked(_vector_bytes),
        },
        "cores": {
            "physical": _asked(_machine.physical),
            "logical": _asked(os.cpu_count),
            "usable": _asked(_machine.usable),
            "quota": _asked(_machine.quota),
        },
        "threads": _asked(_threads),
        "threading_layer": _asked(_layer),
        "blas": _asked(_blas),
        "cache": _asked(_cache),
        "data": _asked(_data),
        "environment": _asked(_environment),
        "warnings": [str(warning.message) for warning in caught],
    }


def _asked(question):
    """Return what a function returns, or that it is unknown, and why."""
    try:
        return question()
    except Exception as error:
        return f"unknown ({type(error).__name__}: {_one_line(error)})"


def _one_line(text):
    return " ".join(str(text).split())


# --- The facts --------------------------------------------------------------------------------

_VERSIONS = ("fastnn", "python", "numpy", "numba", "llvmlite", "tbb")


def _version(name):
    if name == "python":
        return f"{platform.python_version()} ({platform.python_implementation()})"
    if name == "tbb":  # a library, without a module
        try:
            return importlib.metadata.version("tbb")
        except importlib.metadata.PackageNotFoundError:
            return "not installed by pip"
    return importlib.import_module(name).__version__


def _llvm():
    import llvmlite.binding

    return llvmlite.binding


def _features():
    has = _llvm().get_host_cpu_features()
    on_x86 = platform.machine().lower() in ("x86_64", "amd64")
    names = ("avx2", "fma", "avx512f") if on_x86 else ("neon", "sve")
    return {name: bool(has.get(name)) for name in names}


def _vector_bytes():
    from .kernels.vectors import VECTOR_BYTES

    return VECTOR_BYTES


def _why_serial():
    return "NUMBA_DISABLE_JIT is set" if _jit_is_off() else "FASTNN_SERIAL is set"


def _jit_is_off():
    from numba import config

    return bool(config.DISABLE_JIT)


def _threads():
    from .kernels import _jit

    number, quota = _jit.number_of_threads(), _asked(_machine.quota)
    if _jit.is_serial():
        source = _why_serial()
    elif os.environ.get("FASTNN_NUM_THREADS"):
        source = "FASTNN_NUM_THREADS"
    elif os.environ.get("NUMBA_NUM_THREADS") == str(number):
        source = "NUMBA_NUM_THREADS"
    else:
        source = "as many processors as this process may use"
    if isinstance(quota, float) and number > quota:
        source += "; more than the quota, which slows them down"
    return {"number": number, "from": source}


def _layer():
    import numba

    from .kernels import _jit

    if _jit.is_serial():
        return {"name": "serial", "why": _why_serial()}
    numba.get_num_threads()  # chooses the layer, without a kernel to compile
    name, wanted = numba.threading_layer(), numba.config.THREADING_LAYER
    if wanted != "default":
        why = f"NUMBA_THREADING_LAYER is {wanted}"
    else:
        order = numba.config.THREADING_LAYER_PRIORITY
        why = f"the first of {', '.join(order)} that can be loaded"
    return {"name": name, "why": why}


def _blas():
    import numpy as np

    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return f"{blas['name']} {blas['version']}"


def _cache():
    from .kernels import _jit

    if _jit.cache_folder() is None:
        return {"folder": None, "why": _why_serial() if _jit_is_off() else "see warning"}
    folder, sizes = Path(_jit.cache_folder()), []
    for path in folder.rglob("*"):
        with suppress(OSError):  # another process may have taken it away
            if path.is_file():
                sizes.append(path.stat().st_size)
    return {
        "folder": str(folder),
        "writable": _is_writable(folder),
        "files": len(sizes),
        "bytes": sum(sizes),
        "other_folders": len([*folder.parent.glob("kernels-*")]) - 1,
    }


def _is_writable(folder):
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _data():
    from .data.sources import what_is_found

    return what_is_found()


def _environment():
    return {
        name: "(not shown)" if _SECRET.search(name) else _one_line(value)
        for name, value in sorted(os.environ.items())
        if name.startswith(("FASTNN_", "NUMBA_")) or name in _OTHER_VARIABLES
    }


# --- The text ---------------------------------------------------------------------------------


def lines(facts):
    """Return the facts of `collect` as lines of text, aligned."""
    rows = [
        *facts["versions"].items(),
        ("system", facts["system"]),
        ("processor", _asked(lambda: _processor_text(facts["processor"]))),
        ("vectors", _asked(lambda: _vectors_text(facts["processor"]))),
        ("cores", _asked(lambda: _cores_text(facts["cores"]))),
        ("threads", _pair(facts["threads"], "number", "from")),
        ("layer", _pair(facts["threading_layer"], "name", "why")),
        ("blas", facts["blas"]),
        ("cache", _asked(lambda: _cache_text(facts["cache"]))),
        ("data", facts["data"]),
    ]
    variables = facts["environment"]
    if isinstance(variables, dict):
        rows += [("environment", f"{name}={value}") for name, value in variables.items()]
    else:
        rows.append(("environment", variables))
    rows += [("warning", text) for text in facts["warnings"]]
    width = max(len(name) for name, _ in rows)
    return [f"{name:{width}}  {_one_line(value)}" for name, value in rows]


def _pair(fact, name, reason):
    return f"{fact[name]}: {fact[reason]}" if isinstance(fact, dict) else fact


def _processor_text(processor):
    return f"{processor['name']}; {processor['llvm_name']} to LLVM"


def _vectors_text(processor):
    features, size = processor["features"], processor["vector_bytes"]
    if isinstance(features, dict):
        has = (f"{name} {'yes' if there else 'no'}" for name, there in features.items())
        features = ", ".join(has)
    if isinstance(size, int):
        size = f"{size} bytes, {size // 4} float32 or {size // 8} float64"
    return f"{features}; kernels use {size}"


def _cores_text(cores):
    quota = "none" if cores["quota"] is None else cores["quota"]
    if isinstance(quota, float):
        quota = f"{quota:g} processors"
    return (
        f"{cores['physical']} physical, {cores['logical']} logical, {cores['usable']} for this "
        f"process; quota of its container: {quota}"
    )


def _cache_text(cache):
    if not isinstance(cache, dict):
        return cache
    if cache["folder"] is None:
        return f"none: {cache['why']}"
    return (
        f"{cache['folder']}, {'writable' if cache['writable'] else 'NOT writable'}, "
        f"{cache['bytes'] / 1e6:.1f} MB in {cache['files']} files; "
        f"{cache['other_folders']} folders of other versions beside it"
    )


# --- What nobody needs to know ----------------------------------------------------------------


def anonymous(value):
    """Return facts with ``~`` for the home folder, and USER for the user's name."""
    if isinstance(value, dict):
        return {key: anonymous(item) for key, item in value.items()}
    if isinstance(value, list):
        return [anonymous(item) for item in value]
    if not isinstance(value, str):
        return value
    with suppress(Exception):  # no home
        for home in (str(Path.home()), str(Path.home().resolve())):
            if home != os.sep:
                value = re.sub(rf"(?<![\w.~-]){re.escape(home)}(?![\w.-])", "~", value)
    with suppress(Exception):  # no name
        user = re.escape(getpass.getuser())
        value = re.sub(rf"(?<![A-Za-z0-9]){user}(?![A-Za-z0-9])", "USER", value)
    return value
