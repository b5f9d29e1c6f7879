"""The command ``fastnn``: what it writes, what it says, and how it ends."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from small_data import write_squares

import fastnn
from fastnn import _arguments, _job, _progress, _result, cli
from fastnn.training import BatchReport
from fastnn.training._steps import ENGINES
from fastnn.training.trainer import OPTIMIZERS

FILES = {"learning_curve.png", "params.npz", "result.json"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of four small IDX files: bright squares whose place is their label."""
    return write_squares(tmp_path_factory.mktemp("data"), 60, 25)


@pytest.fixture(autouse=True)
def quiet_environment(monkeypatch):
    monkeypatch.delenv("FASTNN_DATA", raising=False)
    monkeypatch.setenv("FASTNN_OFFLINE", "1")


def train(folder, out, *more):
    """Run ``fastnn train`` on the small files, the smallest network first."""
    arguments = ["train", "--net", "mlp", "--epochs", "2", "--batch-size", "16"]
    return cli.main([*arguments, "--data-dir", str(folder), "--out", str(out), *more])


def start(*arguments, **options):
    """Start ``python -m fastnn`` as a process of its own."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-m", "fastnn", *arguments], **(pipes | options))


# --- What it leaves ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wanted, engine, said",
    [
        pytest.param(
            "auto", "compiled", "engine: compiled, many steps to a call",
            marks=pytest.mark.compiled,
        ),
        ("layers", "layers", "engine: layers"),
    ],
)  # fmt: skip
def test_run_leaves_weights_result_and_picture(wanted, engine, said, folder, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    out = tmp_path / "deep" / "run"
    assert train(folder, out, "--lr", "0.01", "--seed", "5", "--engine", wanted) == 0
    assert {path.name for path in out.iterdir()} == FILES
    result = json.loads((out / "result.json").read_text())
    assert result["data"] == "unknown IDX data, not MNIST"
    assert re.fullmatch("[0-9a-f]{64}", result["data_sha256"])
    expected = {
        "status": "done", "net": "mlp", "optimizer": "adam", "lr": 0.01, "batch_size": 16,
        "epochs": 2, "seed": 5, "dtype": "float32", "backend": "compiled", "engine": engine,
    }  # fmt: skip
    assert {key: result[key] for key in expected} == expected
    for key in ("seconds_per_epoch", "train_losses", "train_accuracies", "test_accuracies"):
        assert len(result[key]) == 2, key
    assert result["test_accuracy"] == result["test_accuracies"][-1]
    assert result["images_per_second"] > 0
    assert result["seconds_to_first_step"] > 0
    assert result["threads"] >= 1
    assert result["threading_layer"] in ("tbb", "omp", "workqueue", "serial")
    assert result["cpu"]
    assert {"fastnn", "python", "numpy", "numba"} <= set(result["versions"])

    # The weights are those that the accuracy was taken with.
    network = fastnn.TwoLayerNet(784, 50, 10, dtype=np.float32)
    network.load_params(out / "params.npz")
    data = fastnn.data.load_data("auto", folder)
    assert fastnn.evaluate(network, data.x_test, data.t_test) == result["test_accuracy"]

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("data: unknown IDX data, not MNIST: 60 training and 25 test images")
    assert lines[1].startswith("NOT MNIST: the accuracy cannot be compared with MNIST's.")
    assert re.fullmatch(r"threads: \d+ \(\w+\)", lines[2])
    assert lines[3] == (
        "network: TwoLayerNet, 39,760 parameters, float32; Adam, lr 0.01; batches of 16, seed 5"
    )
    assert lines[4] == said
    assert lines[5].startswith("first step done ")
    assert [line.split(":")[0] for line in lines[6:8]] == ["epoch 1/2", "epoch 2/2"]
    assert re.fullmatch(
        r"test accuracy \d+\.\d\d% on 25 images: unknown IDX data, not MNIST", lines[8]
    )
    assert lines[-1] == f"wrote params.npz, result.json, learning_curve.png in {out}"
    assert not any("mnist accuracy" in line.lower() for line in lines)


def test_same_seed_gives_the_same_weights_and_another_does_not(folder, tmp_path):
    weights = []
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert train(folder, tmp_path / name, "--seed", seed) == 0
        with np.load(tmp_path / name / "params.npz") as file:
            weights.append(file["W1"])
    np.testing.assert_array_equal(weights[0], weights[1])
    assert (weights[0] != weights[2]).any()


@pytest.mark.compiled
@pytest.mark.parametrize("net", _arguments.NETS)
def test_every_network_trains(net, folder, tmp_path):
    assert train(folder, tmp_path, "--net", net, "--epochs", "1", "--dtype", "float64") == 0
    result = json.loads((tmp_path / "result.json").read_text())
    assert (result["net"], result["dtype"]) == (net, "float64")


def test_no_epochs_test_the_untrained_network(folder, tmp_path):
    assert train(folder, tmp_path, "--epochs", "0") == 0
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["seconds_per_epoch"] == []
    assert result["seconds_to_first_step"] is None
    assert 0 <= result["test_accuracy"] <= 1
    assert {path.name for path in tmp_path.iterdir()} == FILES


def test_numpy_backend_trains_and_says_so(folder, tmp_path, capsys):
    with fastnn.backend("numpy"):
        assert train(folder, tmp_path, "--epochs", "1") == 0
    result = json.loads((tmp_path / "result.json").read_text())
    assert (result["backend"], result["engine"]) == ("numpy", "layers")
    assert result["threads"] is None
    lines = capsys.readouterr().out.splitlines()
    assert "threads: as NumPy decides" in lines
    assert "engine: layers, since the backend is numpy" in lines


def test_engine_that_cannot_be_had_ends_it(folder, tmp_path, capsys):
    with fastnn.backend("numpy"):
        assert train(folder, tmp_path, "--engine", "compiled") == 2
    assert not list(tmp_path.iterdir())
    assert capsys.readouterr().err == (
        "fastnn train: argument --engine: the engine is compiled, and the backend is numpy\n"
    )


@pytest.mark.compiled
def test_engines_train_to_the_same_numbers(folder, tmp_path):
    results, weights = [], []
    for engine in ("compiled", "layers"):
        out = tmp_path / engine
        assert train(folder, out, "--engine", engine, "--dtype", "float64") == 0
        results.append(json.loads((out / "result.json").read_text()))
        with np.load(out / "params.npz") as file:
            weights.append(dict(file))
    assert [result["engine"] for result in results] == ["compiled", "layers"]
    for key in ("train_losses", "train_accuracies", "test_accuracies"):
        np.testing.assert_allclose(*(result[key] for result in results), rtol=0, atol=1e-10)
    for name, weight in weights[0].items():
        np.testing.assert_allclose(weight, weights[1][name], rtol=0, atol=1e-10)


def test_default_folder_is_named_by_network_and_time(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["train", "--net", "mlp", "--epochs", "0", "--data-dir", str(folder)]) == 0
    (run,) = (tmp_path / "runs").iterdir()
    assert re.fullmatch(r"mlp-\d{8}-\d{6}", run.name)
    assert {path.name for path in run.iterdir()} == FILES


def test_without_matplotlib_there_is_a_hint_instead_of_a_picture(
    folder, tmp_path, monkeypatch, capsys
):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert train(folder, tmp_path, "--epochs", "1") == 0
    assert {path.name for path in tmp_path.iterdir()} == FILES - {"learning_curve.png"}
    out = capsys.readouterr().out
    assert "no learning_curve.png: matplotlib is not installed (the extra 'plot')" in out


# Compiled kernels overflow in silence; NumPy, which runs with the JIT off, warns.
@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered:RuntimeWarning")
def test_loss_that_is_not_finite_ends_it_with_what_there_was(folder, tmp_path, capsys):
    assert train(folder, tmp_path, "--optimizer", "sgd", "--lr", "1e38") == 1
    assert {path.name for path in tmp_path.iterdir()} == FILES
    result = json.loads((tmp_path / "result.json").read_text())
    assert re.fullmatch(r"fit: loss is (nan|inf) at epoch 1, batch \d; .*", result["status"])
    assert result["test_accuracy"] is None
    assert re.fullmatch(
        r"fastnn train: fit: loss is .*; a smaller --lr may help\n", capsys.readouterr().err
    )


# --- What it refuses --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, message",
    [
        ("--epochs -1", "argument --epochs: must be an integer of at least 0, not '-1'"),
        ("--epochs 1.5", "argument --epochs: must be an integer of at least 0, not '1.5'"),
        ("--batch-size 0", "argument --batch-size: must be an integer of at least 1, not '0'"),
        ("--lr nan", "argument --lr: must be a finite number of at least 0, not 'nan'"),
        ("--lr -1", "argument --lr: must be a finite number of at least 0, not '-1'"),
        ("--lr fast", "argument --lr: must be a finite number of at least 0, not 'fast'"),
        ("--seed 4294967296", "argument --seed: must be an integer of at least 0 and at most .*"),
        ("--net vgg", "argument --net: invalid choice: 'vgg' .*"),
        ("--dtype float16", "argument --dtype: invalid choice: 'float16' .*"),
        ("--engine fast", "argument --engine: invalid choice: 'fast' .*"),
        ("--optimizer lion", "argument --optimizer: invalid choice: 'lion' .*"),
        ("--data cifar", "argument --data: invalid choice: 'cifar' .*"),
        ("--data drawn --data-dir .", "argument --data-dir: must be left out with --data drawn"),
    ],
)
def test_bad_arguments_end_in_one_sentence(arguments, message, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["train", *arguments.split()])
    assert caught.value.code == 2
    assert re.fullmatch(rf"fastnn( train)?: {message}\n", capsys.readouterr().err)


def test_missing_command_and_unknown_options_end_in_one_sentence(capsys):
    for arguments in ([], ["--fast"], ["train", "--epoch", "1"]):
        with pytest.raises(SystemExit) as caught:
            cli.main(arguments)
        assert caught.value.code == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_folder_that_cannot_be_written_is_found_before_training(folder, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    for out in ("file", "file/run"):
        assert train(folder, tmp_path / out) == 2
        output = capsys.readouterr()
        assert output.out == ""
        assert re.fullmatch(
            f"fastnn train: argument --out: cannot write to {tmp_path / out}: .*\n", output.err
        )


def test_data_that_is_not_mnist_is_refused_where_mnist_is_asked_for(folder, tmp_path, capsys):
    assert train(folder, tmp_path, "--data", "mnist") == 3
    assert not list(tmp_path.iterdir())
    assert re.match("fastnn train: .*not the file of MNIST", capsys.readouterr().err)
    assert train(tmp_path / "missing", tmp_path) == 3
    assert "there is no such folder" in capsys.readouterr().err


# --- How it ends ------------------------------------------------------------------------------


def start_long_run(folder, out):
    """Start a run that would not end soon, and wait until it trains."""
    process = start(
        "train", "--net", "mlp", "--epochs", "1000000", "--batch-size", "16",
        "--data-dir", folder, "--out", out, preexec_fn=allow_interrupts,
    )  # fmt: skip
    for line in process.stdout:
        if line.startswith("epoch 2/"):
            break
    return process


def allow_interrupts():
    """Undo what a shell does to its background processes, in a new process."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_signals_end_it_with_what_there_was(name, folder, tmp_path):
    process = start_long_run(folder, tmp_path)
    began = time.perf_counter()
    process.send_signal(getattr(signal, name))
    out, err = process.communicate(timeout=60)
    assert time.perf_counter() - began < 30  # a picture is drawn, on a busy machine
    assert (process.returncode, err) == (130, "")
    assert "interrupted: what there was is kept" in out
    assert {path.name for path in tmp_path.iterdir()} == FILES
    result = json.loads((tmp_path / "result.json").read_text())
    assert (result["status"], result["test_accuracy"]) == ("interrupted", None)
    assert len(result["train_losses"]) >= 2
    network = fastnn.TwoLayerNet(784, 50, 10)
    network.load_params(tmp_path / "params.npz")


@pytest.mark.skipif(os.name != "posix", reason="closes a descriptor in the shell")
def test_output_that_cannot_be_written_does_not_end_training(folder, tmp_path):
    command = (
        f"{sys.executable} -m fastnn train --net mlp --epochs 1 --data-dir {folder} "
        f"--out {tmp_path}/$run"
    )
    environment = os.environ | {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "NO_COLOR": "1"}
    for run, redirection in (("closed", ">&-"), ("full", ">/dev/full"), ("pipe", "| true")):
        script = f"set -o pipefail; run={run}; {command} {redirection}"
        done = subprocess.run(
            ["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=120
        )
        assert (done.returncode, done.stderr) == (0, ""), run
        assert {path.name for path in (tmp_path / run).iterdir()} == FILES


# --- How it starts ----------------------------------------------------------------------------


def test_help_imports_no_compiler_and_no_plots():
    code = (
        "import sys, fastnn, fastnn.cli\n"
        "try:\n    fastnn.cli.main(['train', '--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'numba', 'numpy', 'matplotlib', 'llvmlite'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--batch-size" in done.stdout


def test_version_is_that_of_the_package():
    process = start("--version")
    assert process.communicate(timeout=60) == (f"fastnn {fastnn.__version__}\n", "")
    project = Path(fastnn.__file__).parent.parent / "pyproject.toml"
    if project.exists():
        assert f'\nversion = "{fastnn.__version__}"\n' in project.read_text()


def test_package_gives_all_it_names():
    for name in fastnn.__all__:
        assert getattr(fastnn, name).__name__ == name
        assert name in dir(fastnn)
    assert fastnn.layers.Affine is fastnn.Affine
    with pytest.raises(AttributeError, match="module 'fastnn' has no attribute 'Dense'"):
        fastnn.Dense  # noqa: B018


def test_parser_offers_what_there_is():
    assert set(_arguments.NETS) == set(_job.NETWORKS)
    assert set(_arguments.OPTIMIZERS) == set(OPTIMIZERS)
    assert _arguments.ENGINES == ENGINES


def test_age_of_the_process_is_at_least_what_python_has_seen():
    began = time.perf_counter()
    time.sleep(0.05)
    assert 0.05 <= _result.seconds_since_process_start(began) < 24 * 3600


# --- The bar ----------------------------------------------------------------------------------


class Terminal:
    """A terminal of a few columns that keeps what is written to it."""

    closed = False

    def __init__(self):
        self.text = ""

    def isatty(self):
        return True

    def write(self, text):
        self.text += text

    def flush(self):
        pass


REPORT = BatchReport(epoch=2, epochs=3, batch=150, batches=600, loss=0.25, images=15000, seconds=3)


def test_bar_tells_share_time_left_speed_and_loss():
    line = _progress.bar(REPORT, 79)
    assert len(line) <= 79
    # 1050 of 600 + 600 + 600 batches are left, at 0.02 s each.
    assert re.fullmatch(r"epoch 2/3 \[#+\.+\]  25%  ETA 0:21  5,000 images/s  loss 0.2500", line)


@pytest.mark.parametrize("width", range(80))
def test_bar_fits_into_any_width(width):
    line = _progress.bar(REPORT, width)
    assert len(line) <= width
    assert line.isascii()
    if width >= 19:
        assert line.startswith("epoch 2/3  25%") or "[" in line


def test_terminal_gets_a_bar_and_then_lines_in_its_place(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    terminal = Terminal()
    progress = _progress.Progress(terminal)
    progress.batch(REPORT)
    progress.batch(REPORT)  # too soon after the first to be drawn
    assert terminal.text.count("\r") == 1
    assert len(terminal.text.strip("\r")) <= 19
    progress.line("done")
    shown = re.sub(".*\r", "", terminal.text)
    assert shown == "done\n"


def test_file_gets_no_bar(tmp_path):
    with open(tmp_path / "log", "w") as stream:
        progress = _progress.Progress(stream)
        progress.batch(REPORT)
        progress.wait("soon")
        progress.line("done")
    assert (tmp_path / "log").read_text() == "done\n"


@pytest.mark.parametrize(
    "seconds, text", [(0, "0:00"), (59.6, "1:00"), (3599, "59:59"), (3661, "1:01:01")]
)
def test_durations_read_as_on_a_clock(seconds, text):
    assert _progress.clock(seconds) == text
