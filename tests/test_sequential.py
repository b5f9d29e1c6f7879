"""`Sequential`: layers in any order, against the reference, differences and the book's networks."""

import doctest
import inspect

import numpy as np
import pytest

import fastnn
from fastnn import layers, reference
from fastnn.networks import Sequential, sequential
from fastnn.networks._network import parameters


def drawn(rng, *shape):
    return 0.5 * rng.standard_normal(shape)


# Each makes the layers of a network from the classes of `m`, and of weights from `rng`.
# Biases lie away from 0, which keeps the arguments of ReLU away from its kink.
ROWS = {
    "mlp": (
        (12,),
        lambda m, rng: [
            m.Affine(drawn(rng, 12, 5), drawn(rng, 5)),
            m.Relu(),
            m.Affine(drawn(rng, 5, 4), drawn(rng, 4)),
        ],
    ),
    "images": (
        (2, 7, 8),
        lambda m, rng: [
            m.Convolution(drawn(rng, 3, 2, 3, 3), drawn(rng, 3), stride=1, pad=1),
            m.Tanh(),
            m.Pooling(2, 2, stride=1),
            m.Convolution(drawn(rng, 2, 3, 2, 2), drawn(rng, 2), stride=2),
            m.Sigmoid(),
            m.AveragePooling(2, 2),
            m.Flatten(),
            m.Affine(drawn(rng, 2, 4), drawn(rng, 4)),
        ],
    ),
    "batch norm and dropout": (
        (12,),
        lambda m, rng: [
            m.Affine(drawn(rng, 12, 5), drawn(rng, 5)),
            m.BatchNormalization(1 + drawn(rng, 5), drawn(rng, 5)),
            m.Relu(),
            m.Dropout(0.3),
            m.Affine(drawn(rng, 5, 6), drawn(rng, 6)),
            m.BatchNormalization(1 + drawn(rng, 6), drawn(rng, 6)),
            m.Tanh(),
            m.Affine(drawn(rng, 6, 4), drawn(rng, 4)),
        ],
    ),
    "flatten first": (
        (2, 2, 3),
        lambda m, rng: [m.Flatten(), m.Affine(drawn(rng, 12, 4), drawn(rng, 4))],
    ),
    "dropout first": (
        (12,),
        lambda m, rng: [m.Dropout(0.2), m.Tanh(), m.Affine(drawn(rng, 12, 4), drawn(rng, 4))],
    ),
    "batch norm first": (
        (1, 4, 4),
        lambda m, rng: [
            m.BatchNormalization(1 + drawn(rng, 16), drawn(rng, 16)),
            m.Convolution(drawn(rng, 2, 1, 3, 3), drawn(rng, 2)),
            m.Affine(drawn(rng, 8, 4), drawn(rng, 4)),
        ],
    ),
    "pooling first": (
        (1, 6, 6),
        lambda m, rng: [
            m.Pooling(2, 2),
            m.Relu(),
            m.Convolution(drawn(rng, 4, 1, 3, 3), drawn(rng, 4)),
            m.Flatten(),
        ],
    ),
    "parameters first alone": (
        (12,),
        lambda m, rng: [m.Affine(drawn(rng, 12, 4), drawn(rng, 4)), m.Sigmoid(), m.Dropout(0.2)],
    ),
}
LOSSES = ("SoftmaxWithLoss", "SigmoidWithLoss", "IdentityWithLoss")
every_row = pytest.mark.parametrize("name", ROWS)
every_loss = pytest.mark.parametrize("loss", LOSSES)


def row_of(name, module=layers, seed=0):
    return ROWS[name][1](module, np.random.default_rng(seed))


def make(name, loss="SoftmaxWithLoss", N=6, seed=0):
    """Return the network of that name, and inputs and one-hot rows for it."""
    rng = np.random.default_rng(seed + 100)
    x, t = rng.standard_normal((N, *ROWS[name][0])), np.eye(4)[rng.integers(0, 4, N)]
    return Sequential(row_of(name, seed=seed), getattr(fastnn, loss)()), x, t


def as_float32(row):
    for _, layer, own in parameters(row):
        setattr(layer, own, getattr(layer, own).astype(np.float32))
    return row


# --- Parts ------------------------------------------------------------------------------------


def test_takes_every_layer_that_there_is():
    classes = {value for value in vars(layers).values() if inspect.isclass(value)}
    assert {*sequential._LAYERS, *sequential._LOSSES} == classes


def test_parameters_are_the_layers_own_and_numbered_as_the_book_does():
    row = row_of("batch norm and dropout")
    network = Sequential(tuple(row))
    first, norm, _, _, second, other_norm, _, third = row
    expected = {
        "W1": first.W, "b1": first.b, "gamma1": norm.gamma, "beta1": norm.beta,
        "W2": second.W, "b2": second.b, "gamma2": other_norm.gamma, "beta2": other_norm.beta,
        "W3": third.W, "b3": third.b,
    }  # fmt: skip
    assert list(network.params) == list(expected)
    assert all(network.params[name] is expected[name] for name in expected)
    assert network.layers == row
    assert isinstance(network.layers, list)
    assert isinstance(network.last_layer, fastnn.SoftmaxWithLoss)


def test_list_of_layers_is_the_networks_own():
    row = row_of("mlp")
    network = Sequential(row)
    row.pop()
    assert len(network.layers) == 3


# --- Results ----------------------------------------------------------------------------------


@every_row
@every_loss
def test_matches_the_reference_layers(name, loss):
    network, x, t = make(name, loss)
    row, last_layer = row_of(name, reference), getattr(reference, loss)()
    np.random.seed(1)
    grads = network.gradient(x, t)

    np.random.seed(1)
    out = x
    for layer in row:
        out = layer.forward(out)  # in training, by default
    expected_loss = last_layer.forward(out, t)
    dout = last_layer.backward()
    for layer in reversed(row):
        dout = layer.backward(dout)
    np.testing.assert_allclose(network.last_layer.loss, expected_loss, rtol=1e-12)
    expected = {key: getattr(layer, f"d{own}") for key, layer, own in parameters(row)}
    assert list(grads) == list(network.params) == list(expected)
    for key, grad in grads.items():
        np.testing.assert_allclose(grad, expected[key], rtol=1e-12, atol=1e-12, strict=True)

    # In use, after that one batch.
    out = x
    for layer in row:
        in_use = (
            {"train_flg": False} if "train_flg" in str(inspect.signature(layer.forward)) else {}
        )
        out = layer.forward(out, **in_use)
    np.testing.assert_allclose(network.predict(x), out, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(
        network.loss(x, t, train_flg=False), last_layer.forward(out, t), rtol=1e-12
    )


@every_row
@every_loss
def test_gradient_is_the_slope_of_the_loss(name, loss):
    # Along one random direction for each parameter: <grad, u> = d loss / d eps.
    network, x, t = make(name, loss, seed=1)
    np.random.seed(7)
    grads = network.gradient(x, t)
    rng, eps = np.random.default_rng(2), 1e-6
    for key, param in network.params.items():
        start, direction = param.copy(), rng.standard_normal(param.shape)
        losses = []
        for sign in (1, -1):
            param[...] = start + sign * eps * direction
            np.random.seed(7)  # the same masks of dropout each time
            losses.append(network.loss(x, t))
        param[...] = start
        numeric = (losses[0] - losses[1]) / (2 * eps)
        # Two losses of about 1, each off by some 1e-15, divided by 2e-6. And the losses of
        # probabilities hold log(y + 1e-7), with y of 0.01 and more; the gradient, that of log(y).
        tolerance = 1e-8 if loss == "IdentityWithLoss" else 1e-5
        np.testing.assert_allclose(
            np.vdot(grads[key], direction), numeric, rtol=1e-6, atol=tolerance
        )


def same_as(network, other, x, t):
    """Assert that two networks answer, lose and learn the same to the bit."""
    results = []
    for each in (network, other):
        np.random.seed(5)
        grads = each.gradient(x, t)
        results.append((each.last_layer.loss, grads, each.predict(x), each.accuracy(x, t)))
    (loss, grads, scores, accuracy), (loss_2, grads_2, scores_2, accuracy_2) = results
    assert (loss, accuracy) == (loss_2, accuracy_2)
    assert list(grads) == list(grads_2)
    for key, grad in grads.items():
        np.testing.assert_array_equal(grad, grads_2[key], strict=True)
    np.testing.assert_array_equal(scores, scores_2, strict=True)


def test_equals_the_two_layer_net_of_the_same_weights(dtype, rng):
    np.random.seed(0)
    book = fastnn.TwoLayerNet(12, 5, 4, 0.5, dtype)
    W1, b1, W2, b2 = (param.copy() for param in book.params.values())
    network = Sequential([fastnn.Affine(W1, b1), fastnn.Relu(), fastnn.Affine(W2, b2)])
    same_as(network, book, rng.random((100, 12)).astype(dtype), rng.integers(0, 4, 100))


def test_equals_the_convolutional_net_of_the_same_weights(dtype, rng):
    np.random.seed(0)
    conv_param = {"filter_num": 3, "filter_size": 3, "pad": 0, "stride": 1}
    book = fastnn.SimpleConvNet((1, 8, 8), conv_param, 6, 4, 0.3, dtype)
    W1, b1, W2, b2, W3, b3 = (param.copy() for param in book.params.values())
    network = Sequential([
        fastnn.Convolution(W1, b1), fastnn.Relu(), fastnn.Pooling(2, 2),
        fastnn.Affine(W2, b2), fastnn.Relu(), fastnn.Affine(W3, b3),
    ])  # fmt: skip
    same_as(network, book, rng.random((20, 1, 8, 8)).astype(dtype), rng.integers(0, 4, 20))


def test_equals_the_deep_net_whose_layers_it_has(rng):
    np.random.seed(0)
    sizes = {"filter_size": 3, "pad": 1, "stride": 1}
    params = [{"filter_num": n, **sizes} for n in (2, 3, 2, 2, 3, 2)]
    book = fastnn.DeepConvNet((1, 8, 8), *params, hidden_size=6, output_size=4)
    network = Sequential(book.layers)
    assert all(network.params[name] is param for name, param in book.params.items())
    same_as(network, book, rng.random((6, 1, 8, 8)), rng.integers(0, 4, 6))


@every_row
def test_dtype_of_parameters_and_inputs_is_kept(name):
    network, x, t = make(name)
    network = Sequential(as_float32(network.layers))
    grads = network.gradient(x.astype(np.float32), t)
    assert {grad.dtype for grad in grads.values()} == {np.dtype(np.float32)}
    assert network.last_layer.loss.dtype == np.float32


@every_row
def test_inputs_and_earlier_gradients_are_left_alone(name):
    network, x, t = make(name)
    before = x.copy(), t.copy()
    grads = network.gradient(x, t)
    kept = {key: grad.copy() for key, grad in grads.items()}
    network.gradient(-x, t[::-1])
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(t, before[1])
    for key, grad in grads.items():
        np.testing.assert_array_equal(grad, kept[key])


def test_gradient_goes_no_further_than_to_the_first_parameters():
    network, x, t = make("dropout first")
    for layer in network.layers:  # of the first with parameters, `backward_parameters` is enough
        layer.backward = None
    assert list(network.gradient(x, t)) == ["W1", "b1"]


def test_network_without_parameters_has_no_gradients():
    network = Sequential([fastnn.Relu(), fastnn.Dropout(0.0)], fastnn.IdentityWithLoss())
    x = np.array([[1.0, -2.0]])
    assert network.params == network.gradient(x, np.zeros((1, 2))) == {}
    assert network.last_layer.loss == 0.5


# --- Training and use -------------------------------------------------------------------------


def test_dropout_and_batch_norm_act_in_training_alone():
    network, x, t = make("batch norm and dropout")
    norm = network.layers[1]
    np.random.seed(0)
    assert len({network.loss(x, t) for _ in range(5)}) > 1
    statistics = norm.running_mean, norm.running_var

    state = np.random.get_state()[2]
    scores = network.predict(x)
    np.testing.assert_array_equal(network.predict(x), scores)
    # A row's scores do not depend on the others.
    np.testing.assert_allclose(network.predict(x[:1]), scores[:1], rtol=1e-12)
    assert network.loss(x, t, train_flg=False) == network.loss(x, t, train_flg=False)
    network.accuracy(x, t)
    assert np.random.get_state()[2] == state
    assert (norm.running_mean, norm.running_var) == statistics  # the very arrays

    network.predict(x, train_flg=True)
    assert np.random.get_state()[2] != state
    assert norm.running_mean is not statistics[0]


@pytest.mark.parametrize("backend", ["numpy", pytest.param("compiled", marks=pytest.mark.compiled)])
def test_the_example_of_the_docstring_runs(backend):
    [example] = doctest.DocTestFinder(recurse=False).find(Sequential, "Sequential")
    assert len(example.examples) > 5
    printed = []
    with fastnn.backend(backend):
        doctest.DocTestRunner(verbose=False).run(example, out=printed.append)
    assert not printed, "".join(printed)


def test_trainer_and_fit_train_it(rng):
    x, t = rng.standard_normal((60, 12)), np.arange(60) % 4
    x[np.arange(60), t] += 4
    network, _, _ = make("mlp")
    trainer = fastnn.Trainer(
        network, x, t, x, t, epochs=10, mini_batch_size=10, optimizer_param={"lr": 0.1},
        verbose=False,
    )  # fmt: skip
    trainer.train()
    assert network.loss(x, t) < trainer.train_loss_list[0] / 2
    network, _, _ = make("mlp")
    optimizer = fastnn.Momentum(0.1)
    history = fastnn.fit(network, x, t, epochs=5, batch_size=10, optimizer=optimizer, seed=0)
    assert history.losses[-1] < history.losses[0] / 2
    assert fastnn.evaluate(network, x, t) > 0.8


def test_two_networks_with_layers_in_common_learn_together():
    encoder = row_of("mlp")[:2]
    rng = np.random.default_rng(3)
    heads = [fastnn.Affine(drawn(rng, 5, size), drawn(rng, size)) for size in (4, 12)]
    classifier = Sequential([*encoder, heads[0]])
    decoder = Sequential([*encoder, heads[1]], fastnn.IdentityWithLoss())
    _, x, t = make("mlp")
    before = decoder.loss(x, x)
    alone = decoder.gradient(x, x)
    grads = classifier.gradient(x, t)
    again = decoder.gradient(x, x)  # not disturbed by the other's step through the encoder
    for key, grad in alone.items():
        np.testing.assert_array_equal(grad, again[key])
    fastnn.SGD(0.1).update(classifier.params, grads)
    assert classifier.params["W1"] is decoder.params["W1"]
    assert decoder.loss(x, x) != before


# --- Accuracy ---------------------------------------------------------------------------------


def test_accuracy_counts_whole_batches_as_the_book_does():
    network = Sequential([fastnn.Affine(np.eye(4), np.zeros(4))])
    t = np.arange(15) % 4
    x = np.eye(4)[t]
    assert network.accuracy(x, t, batch_size=5) == 1.0
    assert network.accuracy(x, np.eye(4)[t], batch_size=10) == 10 / 15
    assert network.accuracy(x, (t + (t == 0)), batch_size=5) == 11 / 15
    with pytest.raises(ValueError, match=r"^Sequential: batch_size must be >= 1, not 0$"):
        network.accuracy(x, t, batch_size=0)


# --- Files ------------------------------------------------------------------------------------


@every_row
def test_saved_network_comes_back_into_the_same_arrays(name, tmp_path):
    network, x, t = make(name, seed=1)
    network.gradient(x, t)
    network.save_params(tmp_path / "params.npz")
    other, _, _ = make(name, seed=2)
    arrays = dict(other.params)
    other.load_params(tmp_path / "params.npz")
    for key, param in other.params.items():
        assert param is arrays[key]
        np.testing.assert_array_equal(param, network.params[key])
    np.testing.assert_array_equal(other.predict(x), network.predict(x), strict=True)
    # And they go on as one.
    for each in (network, other):
        np.random.seed(0)
        each.gradient(x, t)
    np.testing.assert_array_equal(other.predict(x), network.predict(x))


def test_file_holds_the_running_statistics(tmp_path):
    network, x, t = make("batch norm and dropout")
    names = ["running_mean1", "running_mean2", "running_var1", "running_var2"]
    network.save_params(tmp_path / "new.npz")
    network.gradient(x, t)
    network.save_params(tmp_path / "trained.npz")
    for file_name, trained in (("new.npz", False), ("trained.npz", True)):
        with np.load(tmp_path / file_name) as file:
            assert sorted(file) == sorted([*network.params, *names])
            assert all(file[name].any() == trained for name in names)


def test_file_that_does_not_fit_changes_nothing(tmp_path):
    network, x, t = make("batch norm and dropout")
    network.gradient(x, t)
    scores = network.predict(x)
    good = {name: array + 1 for name, array in network._saved().items()}
    path = tmp_path / "bad.npz"
    for arrays, message in (
        (good | {"running_var2": np.ones(7)}, r"running_var2 must have shape \(6,\), not \(7,\)"),
        ({name: good[name] for name in network.params}, r"it must hold \[.*running_mean1.*"),
    ):
        np.savez(path, **arrays)
        with pytest.raises(fastnn.DataError, match=f"^{path}: {message}$"):
            network.load_params(path)
        np.testing.assert_array_equal(network.predict(x), scores)
