"""Nielsen's networks on real MNIST: the data, a golden count, the published accuracies."""

import random

import numpy as np
import pytest
from nielsen_runs import assert_close

import fastnn
from fastnn.data import load_data
from fastnn.errors import DataError
from fastnn.networks.nielsen import mnist_loader, network, network2

COMPILED = pytest.param("compiled", marks=pytest.mark.compiled)


@pytest.fixture(scope="module")
def arrays(mnist_folder):
    return mnist_loader.load_data(data_dir=mnist_folder)


@pytest.fixture(scope="module")
def lists(mnist_folder):
    return mnist_loader.load_data_wrapper(data_dir=mnist_folder)


def test_arrays_are_mnist_in_three_parts(arrays, mnist_folder):
    data = load_data("mnist", mnist_folder)
    x, t = data.x_train.reshape(-1, 784), data.t_train
    parts = [(x[:50_000], t[:50_000]), (x[50_000:], t[50_000:])]
    parts.append((data.x_test.reshape(-1, 784), data.t_test))
    for (images, digits), (pixels, right) in zip(arrays, parts, strict=True):
        assert (images.shape, images.dtype) == (pixels.shape, np.float32)
        for i in (0, 1, -1):
            np.testing.assert_array_equal(images[i], pixels[i] / np.float32(255))
        np.testing.assert_array_equal(digits, right.astype(np.int64), strict=True)
    assert arrays[1][1][:5].tolist() == [3, 8, 6, 9, 6]  # as in the file of the book


def test_lists_hold_columns(lists, arrays):
    assert [type(part) for part in lists] == [list] * 3
    assert [len(part) for part in lists] == [50_000, 10_000, 10_000]
    for part, (images, digits) in zip(lists, arrays, strict=True):
        for i in (0, 1, len(part) - 1):
            x, y = part[i]
            assert (x.shape, x.dtype) == ((784, 1), np.float32)
            np.testing.assert_array_equal(x[:, 0], images[i])
            if part is lists[0]:
                np.testing.assert_array_equal(y, mnist_loader.vectorized_result(digits[i]))
                assert (y.shape, y.dtype) == ((10, 1), np.float64)
            else:
                assert (type(y), y) == (int, digits[i])


def test_other_data_do_not_take_the_place_of_mnist(tmp_path):
    with pytest.raises(DataError, match="there is no such folder"):
        mnist_loader.load_data_wrapper(data_dir=tmp_path / "nowhere")


@pytest.fixture
def file_order(monkeypatch):
    """Lets `SGD` take the data as they come."""
    monkeypatch.setattr(random, "shuffle", lambda data: None)


@pytest.fixture(scope="module")
def after_500_updates(lists):
    np.random.seed(0)
    net = network.Network([784, 30, 10])
    for first in range(0, 5000, 10):
        net.update_mini_batch(lists[0][first : first + 10], 3.0)
    return net


def test_golden_count_by_mini_batches(after_500_updates, lists):
    assert after_500_updates.evaluate(lists[2]) == 4061


@pytest.mark.parametrize("backend", [COMPILED, "numpy"])
def test_golden_count_by_sgd(backend, after_500_updates, lists, file_order, capsys):
    np.random.seed(0)
    net = network.Network([784, 30, 10])
    with fastnn.backend(backend):
        net.SGD(lists[0][:5000], 1, 10, 3.0, lists[2])
    assert capsys.readouterr().out == "Epoch 0: 4061 / 10000\n"
    assert_close(net, after_500_updates)


@pytest.mark.compiled
@pytest.mark.parametrize("cost", [network2.QuadraticCost, network2.CrossEntropyCost])
def test_second_network_learns_the_same_on_both_paths(cost, lists):
    runs = []
    for backend in ("numpy", "compiled"):
        random.seed(0)
        np.random.seed(0)
        net = network2.Network([784, 30, 10], cost)
        with fastnn.backend(backend):
            results = net.SGD(
                lists[0][:3000], 1, 10, 0.5, 5.0, lists[1][:500], True, True, True, True
            )
        runs.append((net, results))
    assert_close(runs[0][0], runs[1][0])
    np.testing.assert_allclose(runs[0][1], runs[1][1], rtol=1e-10)


# --- Published accuracies ---------------------------------------------------------------------


class Counting(network.Network):
    """Keeps the counts of right answers."""

    def evaluate(self, test_data):
        self.counts = [*getattr(self, "counts", []), super().evaluate(test_data)]
        return self.counts[-1]


@pytest.mark.slow
@pytest.mark.compiled
def test_30_hidden_neurons_reach_94_percent_in_10_epochs(lists):
    # The best of three runs, as in the book: of seeds 0 to 8, one learnt no more than 77 %.
    best = 0
    for seed in range(3):
        random.seed(seed)
        np.random.seed(seed)
        net = Counting([784, 30, 10])
        net.SGD(list(lists[0]), 10, 10, 3.0, lists[2])
        best = max(best, *net.counts)
        if best >= 9400:
            break
    assert best >= 9400


@pytest.mark.slow
@pytest.mark.compiled
@pytest.mark.parametrize(
    "cost, eta, lmbda", [(network2.CrossEntropyCost, 0.5, 5.0), (network2.QuadraticCost, 3.0, 0.0)]
)
def test_100_hidden_neurons_reach_96_percent_from_smaller_weights(cost, eta, lmbda, lists):
    # From the weights of chapter 1, seed 0 reached it in 30 epochs, and seed 1 stayed at 85 %.
    for seed in range(2):
        random.seed(seed)
        np.random.seed(seed)
        net = network2.Network([784, 100, 10], cost)
        _, counts, _, _ = net.SGD(
            list(lists[0]), 6, 10, eta, lmbda, lists[2], monitor_evaluation_accuracy=True
        )
        assert max(counts) >= 9600
