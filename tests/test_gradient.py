"""The public functions of `fastnn.gradient`: the reference's, over layers of fastnn."""

import numpy as np

import fastnn
from fastnn import gradient, reference


def test_names_are_the_reference_s_and_np_is_there():
    names = {}
    exec("from fastnn.gradient import *", names)  # as the book's scripts get their `np`
    assert {"np", "numerical_gradient", "numerical_gradient_2d"} <= set(names)
    assert gradient.np is np
    assert gradient.numerical_gradient is reference.numerical_gradient
    assert gradient.numerical_gradient_2d is reference.numerical_gradient_2d
    assert gradient._numerical_gradient_1d is reference.numerical_gradient


def test_parameters_changed_in_place_change_the_layer_that_holds_them(rng):
    W, b = rng.standard_normal((3, 2)), rng.standard_normal(2)
    x, t = rng.standard_normal((4, 3)), np.array([0, 1, 1, 0])
    affine, last = fastnn.Affine(W, b), fastnn.SoftmaxWithLoss()

    def loss(_):
        return last.forward(affine.forward(x), t)

    loss(None)
    affine.backward(last.backward())
    for parameter, slope in ((W, affine.dW), (b, affine.db)):
        numeric = gradient.numerical_gradient(loss, parameter)
        np.testing.assert_allclose(slope, numeric, rtol=1e-6, atol=1e-9)
