"""Figures that the book "Deep Learning from Scratch" and its scripts print, up to the networks."""

import numpy as np
import pytest

import fastnn
from fastnn import functions, gradient, util

T = np.array([0, 0, 1, 0, 0, 0, 0, 0, 0, 0])  # section 4.2: a 2 in one-hot form
Y = np.array([0.1, 0.05, 0.6, 0.0, 0.05, 0.1, 0.0, 0.1, 0.0, 0.0])
Y_WRONG = np.array([0.1, 0.05, 0.1, 0.0, 0.05, 0.1, 0.0, 0.6, 0.0, 0.0])


@pytest.fixture(autouse=True, params=["compiled", "numpy"])
def backend(request):
    with fastnn.backend(request.param):
        yield


@pytest.mark.parametrize(
    "w, b, outputs",
    [((0.5, 0.5), -0.7, "0001"), ((-0.5, -0.5), 0.7, "1110"), ((0.5, 0.5), -0.2, "0111")],
    ids=["AND", "NAND", "OR"],
)
def test_gates_of_chapter_2(w, b, outputs):
    x = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
    assert "".join(map(str, functions.step_function(x @ w + b))) == outputs


@pytest.mark.parametrize(
    "weight, printed",
    [(0.1, "[0.31682708 0.69627909]"), (1.0, "[0.88045151 0.69627909]")],
)
def test_three_layers_of_section_3_4(weight, printed):
    a1 = np.array([1.0, 0.5]) @ [[0.1, 0.3, 0.5], [0.2, 0.4, 0.6]] + [0.1, 0.2, 0.3]
    z1 = functions.sigmoid(a1)
    a2 = z1 @ [[0.1, 0.4], [0.2, 0.5], [0.3, 0.6]] + [0.1, 0.2]
    a3 = functions.sigmoid(a2) @ [[weight, 0.3], [0.2, 0.4]] + [0.1, 0.2]
    assert str(functions.identity_function(a3)) == printed


def test_the_same_three_layers_as_layers():
    rows = [
        fastnn.Affine(np.array([[0.1, 0.3, 0.5], [0.2, 0.4, 0.6]]), np.array([0.1, 0.2, 0.3])),
        fastnn.Sigmoid(),
        fastnn.Affine(np.array([[0.1, 0.4], [0.2, 0.5], [0.3, 0.6]]), np.array([0.1, 0.2])),
        fastnn.Sigmoid(),
        fastnn.Affine(np.array([[0.1, 0.3], [0.2, 0.4]]), np.array([0.1, 0.2])),
    ]
    x = np.array([[1.0, 0.5]])
    for layer in rows:
        x = layer.forward(x)
    assert str(x) == "[[0.31682708 0.69627909]]"


def test_softmax_of_section_3_5():
    y = functions.softmax(np.array([0.3, 2.9, 4.0]))
    assert str(y) == "[0.01821127 0.24519181 0.73659691]"
    assert y.sum() == pytest.approx(1.0, rel=1e-15)
    y = functions.softmax(np.array([1010, 1000, 990]))
    np.testing.assert_allclose(y, [9.99954600e-01, 4.53978686e-05, 2.06106005e-09], rtol=1e-8)


@pytest.mark.parametrize(
    "y, squared, entropy",
    [(Y, 0.09750000000000003, 0.510825457099338), (Y_WRONG, 0.5975, 2.302584092994546)],
)
def test_losses_of_section_4_2(y, squared, entropy):
    assert functions.sum_squared_error(y, T) == squared
    assert functions.mean_squared_error(y, T) == squared
    for t in (T, np.array(2)):
        assert functions.cross_entropy_error(y, t) == pytest.approx(entropy, rel=1e-15)


def test_slope_and_gradients_of_sections_4_3_and_4_4():
    slope = gradient.numerical_gradient(lambda x: 0.01 * x**2 + 0.1 * x, np.array(5.0))
    assert slope == pytest.approx(0.1999999999990898, rel=1e-15)

    def f(x):
        return x[0] ** 2 + x[1] ** 2

    for at, printed in (([3.0, 4.0], [6, 8]), ([0.0, 2.0], [0, 4]), ([3.0, 0.0], [6, 0])):
        grad = gradient.numerical_gradient(f, np.array(at))
        np.testing.assert_allclose(grad, printed, rtol=1e-9, atol=1e-12)
    x = np.array([-3.0, 4.0])
    for _ in range(20):
        x -= 0.1 * gradient.numerical_gradient(f, x)
    np.testing.assert_allclose(x, [-0.03458765, 0.04611686], rtol=0, atol=5e-9)


def test_shapes_of_sections_5_7_and_7_4():
    for N, rows in ((1, 9), (10, 90)):
        assert util.im2col(np.ones((N, 3, 7, 7)), 5, 5, stride=1, pad=0).shape == (rows, 75)
    network = fastnn.TwoLayerNet(784, 100, 10)
    shapes = [network.params[name].shape for name in ("W1", "b1", "W2", "b2")]
    assert shapes == [(784, 100), (100,), (100, 10), (10,)]
    assert fastnn.SimpleConvNet().params["W1"].shape == (30, 1, 5, 5)
