"""The networks: their parts, their gradients, their accuracy, and their files."""

import io
import zipfile

import numpy as np
import pytest

import fastnn
from fastnn.networks import DeepConvNet, LeNet5, SigmoidTwoLayerNet, SimpleConvNet, TwoLayerNet


def conv_param(filter_num, size=3, pad=1, stride=1):
    return {"filter_num": filter_num, "filter_size": size, "pad": pad, "stride": stride}


def small_simple(dtype=np.float64):
    return SimpleConvNet(
        (1, 8, 8), conv_param(3, pad=0), hidden_size=6, output_size=4, weight_init_std=0.3,
        dtype=dtype,
    )  # fmt: skip


def small_deep(dtype=np.float64):
    params = [conv_param(2), conv_param(3), conv_param(3), conv_param(2, pad=2)]
    params += [conv_param(3), conv_param(4)]
    return DeepConvNet((1, 8, 8), *params, hidden_size=6, output_size=4, dtype=dtype)


# Each with the shape of an image; none takes long without compiled kernels.
SMALL = {
    "TwoLayerNet": (lambda dtype=np.float64: TwoLayerNet(12, 5, 4, 0.5, dtype), (12,)),
    "SigmoidTwoLayerNet": (
        lambda dtype=np.float64: SigmoidTwoLayerNet(12, 5, 4, 0.5, dtype),
        (12,),
    ),
    "SimpleConvNet": (small_simple, (1, 8, 8)),
    "DeepConvNet": (small_deep, (1, 8, 8)),
    "LeNet5": (lambda dtype=np.float64: LeNet5((1, 16, 16), 4, dtype), (1, 16, 16)),
}


def make(name, dtype=np.float64, seed=0, N=6):
    """Return the small network of that name, and images and labels for it."""
    build, shape = SMALL[name]
    np.random.seed(seed)
    network = build(dtype)
    rng = np.random.default_rng(seed)
    x = rng.random((N, *shape)).astype(dtype)
    return network, x, rng.integers(0, 4, N)


# --- Parts ------------------------------------------------------------------------------------


def test_default_networks_have_the_books_parameters():
    shapes = {
        TwoLayerNet(784, 50, 10): [(784, 50), (50,), (50, 10), (10,)],
        SigmoidTwoLayerNet(784, 50, 10): [(784, 50), (50,), (50, 10), (10,)],
        SimpleConvNet(): [(30, 1, 5, 5), (30,), (4320, 100), (100,), (100, 10), (10,)],
        LeNet5(): [
            (6, 1, 5, 5), (6,), (16, 6, 5, 5), (16,), (256, 120), (120,), (120, 84), (84,),
            (84, 10), (10,),
        ],
        DeepConvNet(): [
            (16, 1, 3, 3), (16,), (16, 16, 3, 3), (16,), (32, 16, 3, 3), (32,), (32, 32, 3, 3),
            (32,), (64, 32, 3, 3), (64,), (64, 64, 3, 3), (64,), (1024, 50), (50,), (50, 10),
            (10,),
        ],
    }  # fmt: skip
    for network, expected in shapes.items():
        names = [f"{kind}{n}" for n in range(1, len(expected) // 2 + 1) for kind in "Wb"]
        assert {name: p.shape for name, p in network.params.items()} == dict(
            zip(names, expected, strict=True)
        )


def test_layers_have_the_books_names_and_places():
    assert list(TwoLayerNet(4, 3, 2).layers) == ["Affine1", "Relu1", "Affine2"]
    assert isinstance(TwoLayerNet(4, 3, 2).lastLayer, fastnn.SoftmaxWithLoss)
    assert list(SimpleConvNet().layers) == [
        "Conv1", "Relu1", "Pool1", "Affine1", "Relu2", "Affine2"
    ]  # fmt: skip
    deep = DeepConvNet()
    assert isinstance(deep.layers, list)
    assert [k for k, layer in enumerate(deep.layers) if hasattr(layer, "W")] == [
        0, 2, 5, 7, 10, 12, 15, 18
    ]  # fmt: skip
    assert [k for k, v in enumerate(deep.layers) if isinstance(v, fastnn.Dropout)] == [17, 19]
    for network in (SimpleConvNet(), deep, LeNet5()):
        assert isinstance(network.last_layer, fastnn.SoftmaxWithLoss)


@pytest.mark.parametrize("name", ["TwoLayerNet", "SimpleConvNet", "DeepConvNet", "LeNet5"])
def test_layers_hold_the_very_arrays_of_params(name):
    network, _, _ = make(name)
    layers = network.layers.values() if isinstance(network.layers, dict) else network.layers
    with_weights = [layer for layer in layers if hasattr(layer, "W")]
    assert len(with_weights) == len(network.params) // 2
    for number, layer in enumerate(with_weights, start=1):
        assert layer.W is network.params[f"W{number}"]
        assert layer.b is network.params[f"b{number}"]


def test_last_layer_of_the_two_layer_net_has_two_names():
    network = TwoLayerNet(4, 3, 2)
    network.last_layer = other = fastnn.SoftmaxWithLoss()
    assert network.lastLayer is other


def test_weights_are_drawn_one_array_after_the_other(dtype):
    np.random.seed(3)
    network = SimpleConvNet(dtype=dtype)
    np.random.seed(3)
    for name in ("W1", "W2", "W3"):
        weight = network.params[name]
        expected = (0.01 * np.random.randn(*weight.shape)).astype(dtype)
        np.testing.assert_array_equal(weight, expected, strict=True)


def test_deep_net_scales_its_weights_by_the_books_fan_ins():
    fan_ins = [9, 144, 144, 288, 288, 576, 1024, 50]
    np.random.seed(5)
    network = DeepConvNet()
    np.random.seed(5)
    for number, fan_in in enumerate(fan_ins, start=1):
        weight = network.params[f"W{number}"]
        expected = np.sqrt(2.0 / fan_in) * np.random.randn(*weight.shape)
        np.testing.assert_allclose(weight, expected, rtol=1e-15)


def test_odd_convolution_output_and_oblong_images_are_taken():
    network = SimpleConvNet((2, 9, 6), conv_param(3, size=3, pad=0), hidden_size=4, output_size=3)
    assert network.params["W2"].shape == (3 * 3 * 2, 4)
    assert network.predict(np.zeros((5, 2, 9, 6))).shape == (5, 3)


@pytest.mark.parametrize(
    "build, error, message",
    [
        (
            lambda: TwoLayerNet(4, 3, 2, dtype=np.float16),
            TypeError,
            "TwoLayerNet: dtype must be float32 or float64, not float16",
        ),
        (
            lambda: SimpleConvNet((1, 5, 5)),
            ValueError,
            "SimpleConvNet: a filter of 5 and a pool of 2 do not fit into 5 x 5 pixels padded by 0",
        ),
        (
            lambda: DeepConvNet((1, 2, 2)),
            ValueError,
            r"DeepConvNet: input_dim \(1, 2, 2\) leaves nothing of an image after convolution 6",
        ),
        (
            lambda: LeNet5((1, 15, 28)),
            ValueError,
            "LeNet5: input_dim must hold images of at least 16 x 16 pixels, not "
            r"\(1, 15, 28\)",
        ),
    ],
)
def test_settings_that_make_no_network_are_named(build, error, message):
    with pytest.raises(error, match=f"^{message}$"):
        build()


# --- Gradients --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SMALL)
def test_gradient_is_the_slope_of_the_loss(name):
    # Along one random direction in the space of all parameters: <grad, u> = d loss / d eps.
    network, x, t = make(name, seed=1)
    rng = np.random.default_rng(2)
    # Away from 0, biases keep the arguments of ReLU away from its kink.
    for param in network.params.values():
        if param.ndim == 1:
            param += 0.1 * rng.standard_normal(param.shape)
    direction = {key: rng.standard_normal(p.shape) for key, p in network.params.items()}
    start = {key: p.copy() for key, p in network.params.items()}

    def loss_at(eps):
        for key, param in network.params.items():
            param[...] = start[key] + eps * direction[key]
        np.random.seed(7)  # the same masks of dropout each time
        return network.loss(x, t)

    eps = 1e-6
    numeric = (loss_at(eps) - loss_at(-eps)) / (2 * eps)
    loss_at(0.0)
    np.random.seed(7)
    grads = network.gradient(x, t)
    assert list(grads) == list(network.params)
    analytic = sum(np.vdot(grads[key], direction[key]) for key in grads)
    assert abs(analytic - numeric) <= 1e-6 * max(abs(analytic), abs(numeric))


@pytest.mark.parametrize("name", ["TwoLayerNet", "SigmoidTwoLayerNet", "SimpleConvNet"])
def test_numerical_gradient_is_close_to_gradient(name):
    network, x, t = make(name, N=2)
    grads = network.gradient(x, t)
    for key, numeric in network.numerical_gradient(x, t).items():
        # Differences of 1e-4: off by the square of that, times the third derivative.
        np.testing.assert_allclose(grads[key], numeric, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", SMALL)
def test_gradients_are_new_arrays_each_time(name):
    network, x, t = make(name)
    np.random.seed(0)
    first = network.gradient(x, t)
    kept = {key: grad.copy() for key, grad in first.items()}
    network.gradient(1 - x, t)
    for key, grad in first.items():
        np.testing.assert_array_equal(grad, kept[key])


@pytest.mark.parametrize("name", SMALL)
def test_labels_and_one_hot_rows_give_the_same(name):
    network, x, t = make(name)
    one_hot = np.eye(4)[t]
    results = []
    for target in (t, one_hot):
        np.random.seed(0)
        results.append((network.loss(x, target), network.accuracy(x, target)))
        np.random.seed(0)
        results[-1] += (network.gradient(x, target)["W1"],)
    assert results[0][:2] == results[1][:2]
    np.testing.assert_allclose(results[0][2], results[1][2], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", SMALL)
def test_float32_follows_float64(name):
    # Sums of at most 200 terms, some ten layers deep: a hundred roundings of 6e-8 each.
    losses = {}
    for dtype in (np.float32, np.float64):
        network, x, t = make(name, dtype)
        np.random.seed(0)
        losses[dtype] = []
        for _ in range(5):
            grads = network.gradient(x, t)
            assert all(grad.dtype == dtype for grad in grads.values())
            losses[dtype].append(network.last_layer.loss)
            fastnn.SGD(0.1).update(network.params, grads)
        assert all(param.dtype == dtype for param in network.params.values())
        assert network.last_layer.loss.dtype == dtype
    np.testing.assert_allclose(losses[np.float32], losses[np.float64], rtol=1e-5)


@pytest.mark.parametrize("name", SMALL)
def test_backends_agree(name):
    results = []
    for backend in ("compiled", "numpy"):
        with fastnn.backend(backend):
            network, x, t = make(name)
            np.random.seed(0)
            results.append(network.gradient(x, t) | {"y": network.predict(x)})
    for key, value in results[0].items():
        np.testing.assert_allclose(value, results[1][key], rtol=1e-10, atol=1e-14)


def test_deep_net_drops_out_in_loss_but_not_in_predict():
    network, x, t = make("DeepConvNet")
    np.testing.assert_array_equal(network.predict(x), network.predict(x))
    np.random.seed(0)
    losses = {network.loss(x, t) for _ in range(5)}
    assert len(losses) > 1
    np.random.seed(0)
    scores = network.predict(x, train_flg=True)
    assert (scores == 0).any()  # the last layer is dropout


# --- Accuracy ---------------------------------------------------------------------------------


def always(label, network):
    """Make `network` answer `label` to everything."""
    for param in network.params.values():
        param[...] = 0
    last = list(network.params.values())[-1]
    last[label] = 1.0
    return network


def test_conv_net_leaves_the_remainder_out_as_the_book_does():
    network = always(2, small_simple())
    x, t = np.zeros((15, 1, 8, 8)), np.full(15, 2)
    assert network.accuracy(x, t, batch_size=10) == 10 / 15
    assert network.accuracy(x, t, batch_size=16) == 0.0
    assert network.accuracy(x, np.eye(4)[t], batch_size=5) == 1.0
    assert fastnn.evaluate(network, x, t, batch_size=10) == 1.0


@pytest.mark.parametrize("name", ["TwoLayerNet", "SigmoidTwoLayerNet"])
def test_two_layer_nets_count_every_row(name):
    network = always(1, make(name)[0])
    t = np.array([1, 1, 1, 0, 2, 1, 3])
    assert network.accuracy(np.zeros((7, 12)), t) == 4 / 7
    assert network.accuracy(np.zeros((7, 12)), np.eye(4)[t]) == 4 / 7


def test_bad_calls_of_accuracy_are_named():
    network = small_simple()
    x = np.zeros((3, 1, 8, 8))
    with pytest.raises(ValueError, match=r"^SimpleConvNet: batch_size must be >= 1, not 0$"):
        network.accuracy(x, [0, 1, 2], batch_size=0)
    with pytest.raises(ValueError, match=r"^SimpleConvNet: x has 3 rows but t has 2$"):
        network.accuracy(x, np.zeros(2, int))
    with pytest.raises(ValueError, match=r"^SimpleConvNet: x must have at least one row, not none"):
        network.accuracy(x[:0], np.zeros(0, int))
    with pytest.raises(ValueError, match=r"^TwoLayerNet: x has 2 rows but t has 3$"):
        TwoLayerNet(4, 3, 2).accuracy(np.zeros((2, 4)), np.zeros(3, int))


# --- Files ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SMALL)
def test_saved_parameters_come_back_into_the_same_arrays(name, tmp_path):
    network, x, _ = make(name, seed=1)
    network.save_params(tmp_path / "params.npz")
    other, _, _ = make(name, seed=2)
    arrays = dict(other.params)
    other.load_params(tmp_path / "params.npz")
    for key, param in other.params.items():
        assert param is arrays[key]
        np.testing.assert_array_equal(param, network.params[key])
    np.testing.assert_array_equal(other.predict(x), network.predict(x))
    assert [path.name for path in tmp_path.iterdir()] == ["params.npz"]


def test_default_file_is_params_npz_in_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    network, _, _ = make("TwoLayerNet", seed=1)
    network.save_params()
    with np.load("params.npz") as file:
        assert sorted(file) == ["W1", "W2", "b1", "b2"]
    other, _, _ = make("TwoLayerNet", seed=2)
    other.load_params()
    np.testing.assert_array_equal(other.params["W1"], network.params["W1"])


def test_file_of_another_dtype_or_order_is_cast(tmp_path):
    network, _, _ = make("TwoLayerNet")
    arrays = {k: np.asfortranarray(v.astype(">f4")) for k, v in network.params.items()}
    np.savez(tmp_path / "big-endian.npz", **arrays)
    network.load_params(tmp_path / "big-endian.npz")
    for key, param in network.params.items():
        assert param.dtype == np.float64
        np.testing.assert_array_equal(param, arrays[key])


def test_files_that_do_not_fit_are_refused_before_anything_changes(tmp_path):
    network, _, _ = make("TwoLayerNet")
    before = {key: param.copy() for key, param in network.params.items()}
    good = {key: param + 1 for key, param in network.params.items()}
    path = tmp_path / "bad.npz"
    cases = [
        (good | {"b2": np.zeros(5)}, r"b2 must have shape \(4,\), not \(5,\)"),
        (good | {"b2": np.zeros(4, int)}, "b2 must be float32 or float64, not int64"),
        (good | {"b2": np.zeros(4, np.float16)}, "b2 must be float32 or float64, not float16"),
        (good | {"b2": np.zeros(4, complex)}, "b2 must be float32 or float64, not complex128"),
        (good | {"b2": np.array([None] * 4)}, "b2 must be float32 or float64, not object"),
        (good | {"b2": np.zeros(10**4)}, "b2 claims to be 80128 bytes long"),
        (good | {"b3": np.zeros(4)}, r"it must hold \['W1.npy', .*\], not \[.*'b3.npy'\]"),
        ({"W1": good["W1"]}, r"it must hold \['W1.npy', .*\], not \['W1.npy'\]"),
    ]
    for arrays, message in cases:
        np.savez(path, **arrays)
        with pytest.raises(fastnn.DataError, match=f"^{path}: {message}$"):
            network.load_params(path)
        for key, param in network.params.items():
            np.testing.assert_array_equal(param, before[key])


def test_lying_header_asks_for_no_memory(tmp_path):
    network, _, _ = make("TwoLayerNet")
    header = io.BytesIO()
    claim = {"descr": "<f8", "fortran_order": False, "shape": (1 << 40,)}
    np.lib.format.write_array_header_1_0(header, claim)
    path = tmp_path / "huge.npz"
    for name, member in (("W1", header.getvalue()), ("W1", header.getvalue()[:9]), ("W1", b"")):
        with zipfile.ZipFile(path, "w") as archive:
            for key, param in network.params.items():
                data = io.BytesIO()
                np.save(data, param)
                archive.writestr(f"{key}.npy", member if key == name else data.getvalue())
        with pytest.raises(fastnn.DataError, match=f"^{path}: "):
            network.load_params(path)


def test_what_is_no_npz_file_is_named(tmp_path):
    network, _, _ = make("TwoLayerNet")
    path = tmp_path / "params.npz"
    path.write_text("<html>404 Not Found</html>")
    with pytest.raises(fastnn.DataError, match=f"^{path}: File is not a zip file$"):
        network.load_params(path)
    with pytest.raises(FileNotFoundError):
        network.load_params(tmp_path / "missing.npz")


def test_damaged_files_are_refused_or_harmless(tmp_path):
    network, _, _ = make("TwoLayerNet")
    path = tmp_path / "params.npz"
    network.save_params(path)
    good, rng = path.read_bytes(), np.random.default_rng(0)
    refused = 0
    for case in range(300):
        damaged = bytearray(good)
        if case % 3 == 0:
            del damaged[rng.integers(len(good)) :]
        else:
            for place in rng.integers(len(good), size=1 + case % 4):
                damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        before = {key: param.copy() for key, param in network.params.items()}
        try:
            network.load_params(path)
        except fastnn.DataError:
            refused += 1
        # Checksums guard the numbers, so what is taken is what was saved.
        for key, param in network.params.items():
            np.testing.assert_array_equal(param, before[key])
    assert refused > 200


def test_pickles_are_refused_by_name(tmp_path):
    network, _, _ = make("TwoLayerNet")
    for method in (network.save_params, network.load_params):
        with pytest.raises(ValueError, match=r"^parameters are kept in npz files, and '.*params"):
            method(tmp_path / "params.pkl")
    assert not list(tmp_path.iterdir())


def test_failed_save_leaves_the_old_file_alone(tmp_path):
    network, _, _ = make("TwoLayerNet", seed=1)
    network.save_params(tmp_path / "params.npz")
    before = (tmp_path / "params.npz").read_bytes()

    class Broken:
        def __array__(self, dtype=None, copy=None):
            raise OSError("no space left")

    network.params["b2"] = Broken()
    with pytest.raises(OSError, match="no space left"):
        network.save_params(tmp_path / "params.npz")
    assert (tmp_path / "params.npz").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["params.npz"]
