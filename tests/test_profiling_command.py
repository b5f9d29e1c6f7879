"""The command ``fastnn profile``: what it prints, what it writes, and how it ends."""

import json
import sys

import pytest
from small_data import write_squares

from fastnn import cli
from fastnn.profiling import command, report, roofs
from fastnn.profiling.roofs import Level, Roofs


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of four small IDX files."""
    return write_squares(tmp_path_factory.mktemp("data"), 60, 25)


@pytest.fixture(autouse=True)
def small_world(folder, monkeypatch):
    monkeypatch.setenv("FASTNN_DATA", str(folder))
    monkeypatch.setattr(report, "_LEAST_SHARE", 0)
    levels = Level("L2", 1e6, 1e11), Level("DRAM", float("inf"), 2e10)
    monkeypatch.setattr(roofs, "measure", lambda dtype: Roofs(dtype, 2, 1e11, 8e10, levels))


def run(*arguments):
    return cli.main(["profile", "--net", "mlp", "--steps", "3", "--batch-size", "16", *arguments])


@pytest.mark.compiled
@pytest.mark.parametrize(
    "path, said, kernel",
    [((), "3 steps by the engine", "gather images"),
     (("--layers",), "3 steps layer by layer", "matrix_product")],
)  # fmt: skip
def test_it_prints_a_table(path, said, kernel, capsys):
    assert run(*path) == 0
    out = capsys.readouterr().out
    assert said in out
    assert "TwoLayerNet, float32, adam, batches of 16" in out
    assert kernel in out
    assert "Affine1" in out
    assert "steps of" in out


@pytest.mark.compiled
def test_it_writes_what_is_asked_for(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    files = {name: tmp_path / f"out.{name}" for name in ("json", "trace", "plot")}
    assert run(*(part for name, path in files.items() for part in (f"--{name}", str(path)))) == 0
    assert f"wrote {', '.join(map(str, files.values()))}" in capsys.readouterr().out
    assert json.loads(files["json"].read_text())["steps"] == 3
    assert json.loads(files["trace"].read_text())["traceEvents"]
    assert files["plot"].read_bytes()[:4] == b"\x89PNG"


@pytest.mark.compiled
def test_without_matplotlib_the_rest_is_done(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert run("--plot", str(tmp_path / "a.png"), "--json", str(tmp_path / "a.json")) == 0
    out = capsys.readouterr().out
    assert f"no {tmp_path / 'a.png'}: matplotlib is not installed (the extra 'plot')" in out
    assert f"wrote {tmp_path / 'a.json'}" in out
    assert not (tmp_path / "a.png").exists()


@pytest.mark.compiled
@pytest.mark.parametrize("option", ["--json", "--trace", "--plot"])
def test_a_file_that_cannot_be_written_is_told_first(option, tmp_path, capsys):
    missing = tmp_path / "missing" / "file"
    assert run(option, str(missing)) == 2
    captured = capsys.readouterr()
    reason = "No such file or directory"
    assert captured.err == (
        f"fastnn profile: argument {option}: cannot write {missing}: {reason}\n"
    )
    assert captured.out == ""
    assert run(option, str(tmp_path)) == 2
    assert "it is a folder" in capsys.readouterr().err


@pytest.mark.compiled
def test_the_engine_needs_the_compiled_backend(capsys):
    from fastnn import backend

    with backend("numpy"):
        assert run() == 2
        assert capsys.readouterr().err == (
            "fastnn profile: argument --engine: the engine is compiled, and the backend is numpy\n"
        )
        assert run("--layers") == 0


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("--net", "x"), "argument --net: must be one of mlp, simple, deep, lenet, not 'x'"),
        (("--net", "simpel"), "not 'simpel'; simple is nearest"),
        (("--steps", "0"), "argument --steps: must be an integer of at least 1, not '0'"),
        (("--layers", "--engine"), "argument --engine: not allowed with argument --layers"),
    ],
)
def test_bad_arguments_get_one_line(arguments, said, capsys):
    with pytest.raises(SystemExit) as end:
        run(*arguments)
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_without_the_jit_there_is_nothing_to_profile(monkeypatch, capsys):
    monkeypatch.setattr(command.numba.config, "DISABLE_JIT", 1)
    assert run() == 1
    assert capsys.readouterr().err == (
        "fastnn profile: there is nothing to profile, since NUMBA_DISABLE_JIT is set\n"
    )


@pytest.mark.compiled
def test_ctrl_c_ends_it_quietly(monkeypatch, capsys):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "_take", interrupted)
    assert run() == 130
    assert capsys.readouterr().err == ""


@pytest.mark.compiled
def test_a_bad_number_of_threads_gets_one_line(monkeypatch, capsys):
    def refused():
        raise ValueError("FASTNN_NUM_THREADS must be an integer from 1 to 2, not 'x'")

    monkeypatch.setattr(command._jit, "number_of_threads", refused)
    assert run() == 2
    assert capsys.readouterr().err == (
        "fastnn profile: FASTNN_NUM_THREADS must be an integer from 1 to 2, not 'x'\n"
    )
