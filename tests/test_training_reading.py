"""Networks that are not fastnn's: trained by the engine where their methods say what it does."""

import functools
import importlib
import re

import foreign_networks as foreign
import numpy as np
import pytest
import refused_networks
import refused_texts
from book_scripts import fastnn_run, repository
from foreign_networks import (
    Dropping,
    Halved,
    Images,
    Normalizing,
    NormalizingTwice,
    Regressing,
    Rows,
)
from refused_networks import Decaying, Plain

import fastnn
from fastnn.engine import CannotLower
from fastnn.layers import Relu, Sigmoid
from fastnn.training._reading import loss_in_training

# --- Trained by the engine --------------------------------------------------------------------


def squares(N, seed):
    rng = np.random.default_rng(seed)
    t = rng.integers(0, 3, N)
    x = rng.random((N, 1, 8, 8))
    for image, label in zip(x[:, 0], t, strict=True):
        image[2 * label : 2 * label + 3, 2:6] += 1
    return x, t


def data(make, N, seed):
    x, t = squares(N, seed)
    return x, np.eye(3)[t] if make is Regressing else t


def record(make, engine, train, **options):
    """Train; return the network, optimizer, all that was recorded, and a draw after it."""
    np.random.seed(0)
    network = make()
    arrays = dict(network.params)
    if train == "Trainer":
        options = {"epochs": 3, "mini_batch_size": 20} | options
        sets = (*data(make, 230, 0), *data(make, 120, 1))
        trainer = fastnn.Trainer(network, *sets, engine=engine, **options)
        trainer.train()
        optimizer = trainer.optimizer
        recorded = [trainer.train_loss_list, trainer.train_acc_list, trainer.test_acc_list]
    else:
        optimizer = fastnn.Adam(0.01)
        tests = () if make is Regressing else data(make, 120, 1)
        history = fastnn.fit(
            network, *data(make, 230, 0), *tests, epochs=3, batch_size=20, optimizer=optimizer,
            seed=3, engine=engine,
        )  # fmt: skip
        recorded = [history.batch_losses, history.train_accuracies, history.test_accuracies]
    assert all(network.params[name] is array for name, array in arrays.items())
    return network, optimizer, recorded, np.random.rand()


def state(network, optimizer):
    """Return all arrays that training changes."""
    arrays = dict(network.params)
    layers = network.layers.values() if isinstance(network.layers, dict) else network.layers
    for number, layer in enumerate(layers):
        for name in ("running_mean", "running_var", "draws"):
            if hasattr(layer, name):
                arrays[name, number] = np.asarray(getattr(layer, name))
    for kept in ("h", "m", "v"):
        for name, array in (getattr(optimizer, kept, None) or {}).items():
            arrays[kept, name] = array
    return arrays


def assert_same(one, other):
    (network, optimizer, recorded, drawn), (layers, layers_optimizer, expected, expected_draw) = (
        one,
        other,
    )
    assert drawn == expected_draw
    assert recorded[1:] == expected[1:]
    np.testing.assert_allclose(recorded[0], expected[0], rtol=0, atol=1e-10)
    arrays, others = state(network, optimizer), state(layers, layers_optimizer)
    assert arrays.keys() == others.keys()
    for name, array in arrays.items():
        np.testing.assert_allclose(array, others[name], rtol=1e-10, atol=1e-10, err_msg=str(name))


def seeded():
    return Dropping(seeds=(4, 5))


@pytest.mark.compiled
@pytest.mark.parametrize("train", ["Trainer", "fit"])
@pytest.mark.parametrize(
    "make", [Rows, Images, Dropping, seeded, Normalizing, NormalizingTwice, Regressing]
)
def test_engine_does_what_the_methods_do(make, train, capsys):
    options = {"optimizer": "adam", "optimizer_param": {"lr": 0.01}} if train == "Trainer" else {}
    results, printed = [], []
    for engine in ("compiled", "layers"):
        results.append(record(make, engine, train, **options))
        printed.append(re.sub(r"(?<=train loss:).*", "", capsys.readouterr().out))
    assert_same(*results)
    assert printed[0] == printed[1]


@pytest.mark.compiled
@pytest.mark.parametrize(
    "make, options",
    [
        (Dropping, {"mini_batch_size": 23, "optimizer": "momentum"}),
        (Normalizing, {"mini_batch_size": 23, "optimizer": "momentum"}),
        (Rows, {"optimizer_param": {"lr": 1e200}}),
    ],
    ids=["whole epochs", "normalizing", "not finite"],
)
def test_engine_does_what_the_methods_do_off_the_beaten_track(make, options):
    results = []
    for engine in ("compiled", "layers"):
        with np.errstate(all="ignore"):
            results.append(record(make, engine, "Trainer", verbose=False, **options))
    assert np.isfinite(results[0][2][0][-1]) == (make is not Rows)
    assert_same(*results)


@pytest.mark.compiled
def test_accuracies_are_the_network_s_own():
    results = [record(Halved, engine, "Trainer", verbose=False) for engine in ("auto", "layers")]
    assert max(results[0][2][1]) < 0.6
    assert_same(*results)


@pytest.mark.compiled
def test_engine_is_taken_and_without_a_word_not_taken(monkeypatch):
    calls = []
    train = fastnn.engine.Engine.train
    monkeypatch.setattr(
        fastnn.engine.Engine, "train", lambda *args: calls.append(args) or train(*args)
    )
    record(Rows, "auto", "Trainer", epochs=1, verbose=False)
    assert calls
    calls.clear()
    record(Decaying, "auto", "Trainer", epochs=1, verbose=False)
    record(Decaying, "auto", "fit")
    assert not calls
    for train in ("Trainer", "fit"):
        with pytest.raises(CannotLower, match=rf"^{train}: Decaying\.gradient says `self\.layers"):
            record(Decaying, "compiled", train)


@pytest.mark.compiled
def test_network_beside_a_script_goes_through_the_engine(tmp_path):
    script = repository(tmp_path) / "script.py"
    script.write_text(
        "import numpy as np\nfrom net import Net\nfrom common.trainer import Trainer\n"
        "data = [np.random.rand(60, 1, 8, 8), np.zeros(60, int)] * 2\n"
        "trainer = Trainer(Net(), *data, 1, 20, verbose=False, engine='compiled')\n"
        "trainer.train()\nprint(len(trainer.train_loss_list))\n"
    )
    done = fastnn_run(script)
    assert (done.stdout, done.stderr) == ("3\n", "")


def test_only_a_loss_in_training_is_said_to_be_one():
    networks = Rows, Images, Dropping, Normalizing, NormalizingTwice, Regressing
    said = [loss_in_training(network()) for network in networks]
    assert said == [True, True, True, False, True, True]


# --- Not what the engine does -----------------------------------------------------------------

REFUSED = refused_networks.REFUSED | refused_texts.REFUSED


@pytest.mark.parametrize("make, message", REFUSED.items(), ids=[make.__name__ for make in REFUSED])
def test_methods_that_say_anything_else_are_refused(make, message):
    with pytest.raises(CannotLower, match=f"^{message}$"):
        loss_in_training(make())


def test_what_they_change_is_not_refused():
    assert loss_in_training(Plain())


def other(*args):
    return args


class Other(dict):
    pass


def shadow_values(network):
    network.layers.values = other


PARTS = {
    "method": (lambda net: vars(net).update(loss=other), r"Rows was given another loss"),
    "layer's method": (
        lambda net: vars(net.layers["relu"]).update(forward=other),
        r"Relu was given another forward",
    ),
    "loss's method": (
        lambda net: vars(net.lastLayer).update(backward=other),
        r"SoftmaxWithLoss was given another backward",
    ),
    "layer": (lambda net: net.layers.update(relu=Rows()), r"Rows is no layer of fastnn"),
    "layer twice": (
        lambda net: net.layers.update(again=net.layers["relu"]),
        r"Rows\.layers has a layer twice",
    ),
    "key": (
        lambda net: net.layers.update({(1, 2): Relu()}),
        r"Rows\.layers has keys that are neither names nor numbers",
    ),
    "kind of dict": (
        lambda net: vars(net).update(layers=Other(net.layers)),
        r"Rows\.layers is no plain list or dict",
    ),
    "method of the dict": (shadow_values, r"Rows\.layers is no plain list or dict"),
    "kind of params": (
        lambda net: vars(net).update(params=Other(net.params)),
        r"Rows\.params is no plain dict of names",
    ),
    "copied array": (
        lambda net: net.params.update(b1=net.params["b1"].copy()),
        r"Rows\.params\['b1'\] is not the array of one layer",
    ),
    "array twice": (
        lambda net: net.params.update(b3=net.params["b2"]),
        r"Rows\.params has arrays that share memory",
    ),
    "array of two layers": (
        lambda net: vars(net.layers["second"]).update(b=net.params["b1"]),
        r"Rows\.params\['b1'\] is not the array of one layer",
    ),
    "weight decay": (
        lambda net: vars(net).update(weight_decay_lambda=0.1),
        r"Rows\.weight_decay_lambda is more than the engine can read",
    ),
}


@pytest.mark.parametrize("change, message", PARTS.values(), ids=list(PARTS))
def test_networks_of_anything_else_are_refused(change, message):
    network = Rows()
    change(network)
    with pytest.raises(CannotLower, match=f"^{message}$"):
        loss_in_training(network)


def test_builtin_that_is_another_in_the_module_is_refused(monkeypatch):
    assert loss_in_training(Images())
    monkeypatch.setattr(foreign, "list", other, raising=False)
    with pytest.raises(CannotLower, match=r"^Images\.gradient uses `list`$"):
        loss_in_training(Images())


def test_layer_that_is_another_in_the_module_is_refused(monkeypatch):
    network = Dropping()
    monkeypatch.setattr(foreign, "Dropout", Relu)
    with pytest.raises(CannotLower, match=r"^Dropping\.predict runs layers as in training$"):
        loss_in_training(network)


@functools.wraps(Relu.forward)
def wrapped(self, x):
    return x


@pytest.mark.parametrize("forward", [wrapped, Sigmoid.forward, abs])
def test_pass_of_a_layer_that_is_another_in_the_class_is_refused(monkeypatch, forward):
    monkeypatch.setattr(Relu, "forward", forward)
    with pytest.raises(CannotLower, match=r"^Relu was given another forward$"):
        loss_in_training(Rows())


def test_profile_does_not_count_as_another_pass():
    with fastnn.profile():
        assert loss_in_training(Rows())


def test_file_that_was_changed_since_is_not_believed(tmp_path, monkeypatch):
    text = "from foreign_networks import Rows\n\n\nclass Beside(Rows):\n    def loss(self, x, t):\n"
    text += "        return self.lastLayer.forward(self.predict(x), t){}\n"
    path = tmp_path / "net_beside.py"
    path.write_text(text.format(" * 2"))
    monkeypatch.syspath_prepend(tmp_path)
    network = importlib.import_module("net_beside").Beside()
    path.write_text(text.format(""))
    with pytest.raises(CannotLower, match=r"^Beside\.loss has a decorator, or is not in its file"):
        loss_in_training(network)
