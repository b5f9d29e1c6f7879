"""Roelants, part 2: logistic classification of two classes in the plane.

Two inputs, two weights and the logistic function give the probability of one of two classes.
After P. Roelants, How to implement a neural network, part 2:
https://peterroelants.github.io/posts/neural-network-implementation-part02/

    python -m fastnn.examples.roelants_logistic_regression
"""

import numpy as np

from fastnn.functions import sigmoid as logistic

from . import _common, _roelants

START = (-4, -2)


def data(seed=1):
    """Return inputs of shape (40, 2), 20 of each class, and targets 0 and 1 of shape (40, 1)."""
    random = np.random.RandomState(seed)
    X = np.concatenate([random.randn(20, 2) + mean for mean in ((-1, 0), (1, 0))])
    return X, np.repeat([[0.0], [1.0]], 20, axis=0)


def nn(x, w):
    """Return the probabilities of class 1, of shape (N, 1), for `x` (N, 2) and `w` (1, 2)."""
    return logistic(x @ w.T)


def nn_predict(x, w):
    """Return 1 where class 1 is the more probable, else 0, as floats of shape (N, 1)."""
    return np.around(nn(x, w))


def cost(y, t):
    """Return the cross entropy of probabilities and targets of one shape, summed over samples."""
    _roelants.same_shape("cost", y, t)
    return -np.sum(t * np.log(y) + (1 - t) * np.log(1 - y))


def gradient(w, x, t):
    """Return the gradient of the cost by `w`, of shape (1, 2)."""
    y = nn(x, w)
    _roelants.same_shape("gradient", y, t)
    return (y - t).T @ x


def delta_w(w_k, x, t, learning_rate):
    """Return what a step takes away from the weights, of shape (1, 2)."""
    return learning_rate * gradient(w_k, x, t)


def descend(X, t, start=START, learning_rate=0.05, nb_of_iterations=10):
    """Follow the gradient down.

    Returns
    -------
    path : array of shape (nb_of_iterations + 1, 2)
        The weights before the first step, and after each.
    """
    w = np.array([start], dtype=float)
    path = [w]
    for _ in range(nb_of_iterations):
        w = w - delta_w(w, X, t, learning_rate)
        path.append(w)
    return np.concatenate(path)


def draw(X, t, path):
    """Draw the path on the surface of the cost, and the boundary between the classes."""
    title = "Logistic classification: two weights, and the classes that they part"
    figure = _common.new_figure(title, 12, 4.8)
    cost_axes, class_axes = figure.subplots(1, 2)

    side = np.linspace(-5, 5, 81)
    costs = _roelants.surface(lambda a, b: cost(nn(X, np.array([[a, b]])), t), side, side)
    _roelants.draw_surface(
        figure, cost_axes, side, side, costs, path, [12, 15, 20, 30, 45, 60, 90, 120, 160, 200]
    )
    cost_axes.set_title(f"cost, and {len(path) - 1} steps of gradient descent", fontsize="medium")
    cost_axes.legend(loc="upper left", fontsize="small")
    cost_axes.set_xlabel("weight 1")
    cost_axes.set_ylabel("weight 2")

    side = np.linspace(-4, 4, 201)
    points = np.stack(np.meshgrid(side, side), axis=-1)
    predicted = nn_predict(points.reshape(-1, 2), path[-1:]).reshape(201, 201)
    colors = (_roelants.RED, _roelants.BLUE)
    _roelants.draw_areas(class_axes, side, side, predicted, colors)
    _roelants.draw_points(class_axes, X, t[:, 0], ("class 0", "class 1"), colors)
    wrong = int(np.sum(nn_predict(X, path[-1:]) != t))
    class_axes.set_title(f"the classes: {wrong} of {len(X)} on the wrong side", fontsize="medium")
    class_axes.legend(loc="upper left", fontsize="small")
    class_axes.set_xlabel("input 1")
    class_axes.set_ylabel("input 2")
    return figure


def main(arguments=None):
    """Print the weights and the cost after each step, and draw both."""
    options = _common.parse(_common.parser("roelants_logistic_regression", __doc__), arguments)
    X, t = data()
    path = descend(X, t)
    rows = [
        [str(k), *(f"{value:.4f}" for value in (*w, cost(nn(X, w[None]), t)))]
        for k, w in enumerate(path)
    ]
    _common.print_table(["step", "weight 1", "weight 2", "cost"], *rows)
    right = np.sum(nn_predict(X, path[-1:]) == t)
    print(f"on the right side: {right} of {len(X)} (no figures are published)")
    _common.picture(options, "roelants_logistic_regression", draw, X, t, path)


if __name__ == "__main__":
    main()
