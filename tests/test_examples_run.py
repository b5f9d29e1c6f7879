"""Each of the examples from its command line, on little data: what it prints, what it draws."""

import importlib
import sys

import numba
import numpy as np
import pytest
from small_data import write_squares

import fastnn
from fastnn.examples import __main__ as index
from fastnn.examples import _common, batch_norm_scales, hyperparameter_search

# The arguments that make it quick, and words that it must print.
EXAMPLES = {
    "activation_curves": ("", "0.26894142"),
    "activation_histograms": ("--seed 1", "ReLU, He"),
    "batch_norm_scales": ("--epochs 1", "weights of std without published batch normalisation"),
    "buying_apples": ("", "715.0000000000001 published: 715.0000000000001"),
    "carefree_spiral": ("--iterations 20", "accuracy: 0.6214 (published after 1,000: 1.0)"),
    "deep_conv_net": ("--epochs 1", "test accuracy after an epoch more: 0."),
    "filters": ("--iterations 2", "test accuracy after 2 iterations: 0."),
    "gates": ("", "XOR 0 1 1 0 0110"),
    "gradient_2d": ("", "(-0.03458765, 0.04611686), published (-0.03458765, 0.04611686)"),
    "gradient_check": ("--hidden 1", "parameter mean difference published W1 "),
    "hyperparameter_search": ("--trials 2 --epochs 1 --workers 1", "published: 0.75"),
    "initialisation_mnist": ("--iterations 2", " 0 2.30"),
    "moons": (
        "--epochs 3",
        "epoch cost published 0 0.6936484872 0.6936484872 1 0.6936453796 0.6936453796 test",
    ),
    "nielsen_digits": ("--epochs 1", "% right (published: 95.42 %)"),
    "optimizers_2d": ("", "Adam 0.1360068524 0.3182453755 0.1360068524 0.3182453755"),
    "optimizers_mnist": ("--iterations 2", "mean of the last 100: SGD "),
    "overfit_dropout": ("--epochs 1", "dropout 0.2 0."),
    "overfit_weight_decay": ("--epochs 1", "weight decay 0.1 0."),
    "roelants_digits": ("--iterations 2", "test accuracy after 2 epochs: 0."),
    "roelants_linear_regression": ("", "w(4) 2.0426 2.0426 0.0424 0.0424"),
    "roelants_logistic_regression": ("", "on the right side: 34 of 40"),
    "roelants_rbf": ("", "cost after 50 steps 9.55 9.55 wh 1.07 1.07 wo 5.05 5.05"),
    "roelants_softmax": ("", "3 0.66524096 0.66524096"),
    "roelants_two_three_two": ("", "No gradient errors found in 17 parameters."),
    "three_layer_forward": ("", "[0.31682708 0.69627909], published [0.31682708, 0.69627909]"),
    "two_layer_net": (
        "--iterations 2",
        "iteration training accuracy published test accuracy published 0 0.",
    ),
}
ON_DATA = sorted(set(EXAMPLES) - {
    "activation_curves", "activation_histograms", "buying_apples", "gates", "gradient_2d",
    "optimizers_2d", "three_layer_forward", "carefree_spiral", "moons",
    "roelants_digits", "roelants_linear_regression", "roelants_logistic_regression",
    "roelants_rbf", "roelants_softmax", "roelants_two_three_two",
})  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of four small IDX files: bright squares whose place is their label."""
    return write_squares(tmp_path_factory.mktemp("data"), 100, 30)


@pytest.fixture(autouse=True)
def few_scales(monkeypatch):
    monkeypatch.setattr(batch_norm_scales, "SCALES", batch_norm_scales.SCALES[6:8])


def run(name, folder, out):
    arguments = [*EXAMPLES[name][0].split(), "--out", str(out)]
    if name in ON_DATA:
        arguments += ["--data-dir", str(folder)]
    # Kernels that run as Python are too slow for whole examples.
    with fastnn.backend("numpy" if numba.config.DISABLE_JIT else "compiled"):
        importlib.import_module(f"fastnn.examples.{name}").main(arguments)


@pytest.fixture
def figures(monkeypatch):
    """A list of the figures that are saved."""
    figure = pytest.importorskip("matplotlib.figure").Figure
    saved, savefig = [], figure.savefig

    def noted(self, file, format):
        saved.append(self)
        savefig(self, file, format=format)

    monkeypatch.setattr(figure, "savefig", noted)
    return saved


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_prints_its_figures_and_draws_its_picture(name, folder, figures, tmp_path, capsys):
    out = tmp_path / "deep" / "figures"
    run(name, folder, out)
    printed = capsys.readouterr().out
    assert EXAMPLES[name][1] in " ".join(printed.split())
    assert printed.splitlines()[-1] == f"picture: {out / name}.png"
    (picture,) = out.iterdir()
    assert picture.name == f"{name}.png"
    data = picture.read_bytes()
    assert (data[:8], data[-8:-4]) == (b"\x89PNG\r\n\x1a\n", b"IEND")
    (figure,) = figures
    assert figure.get_suptitle()
    if name in ON_DATA:
        assert "unknown IDX data, not MNIST" in figure.get_suptitle()
        assert printed.startswith("data: unknown IDX data, not MNIST: 100 training and 30 test")
        assert "\nNOT MNIST: the published figures are not to be expected. " in printed


def test_moons_writes_a_frame_every_50_epochs(figures, tmp_path, monkeypatch, capsys):
    moons = importlib.import_module("fastnn.examples.moons")
    X_train, X_test, y_train, y_test = moons.points()
    few = X_train[:90], X_test, y_train[:90], y_test
    monkeypatch.setattr(moons, "points", lambda: few)
    with fastnn.backend("numpy"):
        moons.main(["--epochs", "51", "--frames", "--out", str(tmp_path)])
    frames = sorted((tmp_path / "moons_frames").iterdir())
    assert [path.name for path in frames] == ["00000.png", "00001.png"]
    assert [figure.get_suptitle() for figure in figures[:2]] == ["epoch 0", "epoch 50"]
    assert frames[0].read_bytes() != frames[1].read_bytes()
    assert f"\nframes: {tmp_path / 'moons_frames'}\n" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["gates", "two_layer_net"])
def test_without_matplotlib_the_figures_are_printed(name, folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    run(name, folder, tmp_path)
    printed = capsys.readouterr().out
    assert EXAMPLES[name][1] in " ".join(printed.split())
    hint = "no picture: matplotlib is not installed (the extra 'plot')"
    assert printed.splitlines()[-1] == hint
    assert not list(tmp_path.iterdir())


def test_list_has_every_example_by_source_and_in_the_order_of_each(capsys):
    index.main()
    _, *groups = capsys.readouterr().out.split("\n\n")
    lines = {group.splitlines()[0]: group.splitlines()[1:] for group in groups}
    names = [line.split()[0] for group in lines.values() for line in group]
    assert sorted(names) == sorted(EXAMPLES)
    book, *others = lines
    assert book == index.BOOK
    assert others == sorted({"Nielsen", "Roelants", "Skalski", "carefree0910"} & lines.keys())
    for author, group in lines.items():
        places = [line.split(maxsplit=1)[1] for line in group]
        assert places == sorted(places)
        beginnings = ("Chapter", "Section") if author == book else (author + ",", author + ":")
        assert all(place.startswith(beginnings) for place in places)
    roelants = [line.split()[0] for line in lines["Roelants"]]
    assert roelants == [
        "roelants_linear_regression",
        "roelants_logistic_regression",
        "roelants_rbf",
        "roelants_softmax",
        "roelants_two_three_two",
        "roelants_digits",
    ]


def test_every_example_has_help(capsys):
    for name in EXAMPLES:
        with pytest.raises(SystemExit) as caught:
            importlib.import_module(f"fastnn.examples.{name}").main(["--help"])
        assert caught.value.code == 0
        assert f"python -m fastnn.examples.{name} " in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        ("--iterations 0", 2, "argument --iterations: must be an integer of at least 1, not '0'"),
        ("--seed -1", 2, "argument --seed: must be an integer of at least 0 and at most "),
        ("--data drawn --data-dir .", 2, "argument --data-dir: must be left out with --data drawn"),
        ("--data-dir nowhere", 3, "nowhere: there is no such folder"),
        ("--out nowhere/file/out", 2, "argument --out: cannot write to nowhere/file/out: Not a "),
    ],
)
def test_bad_arguments_end_in_one_sentence(arguments, code, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    if "--out" in arguments:
        (tmp_path / "nowhere").mkdir()
        (tmp_path / "nowhere" / "file").write_text("")
    two_layer_net = importlib.import_module("fastnn.examples.two_layer_net")
    with pytest.raises(SystemExit) as caught:
        two_layer_net.main(arguments.split())
    assert caught.value.code == code
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_search_finds_the_same_with_any_number_of_workers(rng):
    x, t = rng.random((60, 784)).astype(np.float32), rng.integers(0, 10, 60)
    images = x[:40], t[:40], x[40:], t[40:]
    alone, together = (
        hyperparameter_search.search(images, trials=3, epochs=2, workers=workers)
        for workers in (1, 2)
    )
    assert alone == together
    assert len({trial.lr for trial in alone}) == 3
    assert all(1e-6 <= trial.lr <= 1e-2 for trial in alone)
    assert all(1e-8 <= trial.weight_decay <= 1e-4 for trial in alone)
    accuracies = [trial.validation_accuracies[-1] for trial in alone]
    assert accuracies == sorted(accuracies, reverse=True)


def test_search_keeps_images_to_compare_by_apart(rng):
    t = np.arange(500)
    x = np.tile(t[:, None], (1, 784))
    data = _common.Digits(x, t, x, t, "numbers")
    x_train, t_train, x_validation, t_validation = hyperparameter_search.split(data)
    assert (len(x_train), len(x_validation)) == (400, 100)
    assert sorted([*t_train, *t_validation]) == list(range(500))
    np.testing.assert_array_equal(x_train[:, 0], t_train)
    np.testing.assert_array_equal(x_validation[:, 0], t_validation)
