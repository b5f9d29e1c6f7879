"""Roelants, part 4: softmax, which turns scores into probabilities of classes.

The function of the part's first page, its derivative checked by differences, and three classes
in the plane that a layer of scores and softmax tells apart. After P. Roelants, How to implement
a neural network, intermezzo 2 (later: Cross-entropy, softmax); the three classes are not his:
https://peterroelants.github.io/posts/cross-entropy-softmax/

    python -m fastnn.examples.roelants_softmax
"""

import numpy as np

from fastnn.functions import softmax

from . import _common, _roelants

# Scores, and their probabilities by the definition, exp(z) / sum(exp(z)).
SCORES = (1.0, 2.0, 3.0)
MEANS = ((-2, 0), (1, 2), (1.5, -1.5))


def derivative(y):
    """Return the derivatives of the probabilities by the scores.

    Parameters
    ----------
    y : array of shape (C,)
        Probabilities, from `softmax`.

    Returns
    -------
    jacobian : array of shape (C, C)
        ``y[i] * (1 - y[i])`` on the diagonal and ``-y[i] * y[j]`` beside it: the derivative of
        probability i by score j.
    """
    return np.diag(y) - np.outer(y, y)


def cost(y, t):
    """Return the cross entropy of probabilities and one-hot targets, summed over samples."""
    _roelants.same_shape("cost", y, t)
    return -np.sum(t * np.log(y))


def gradient(y, t):
    """Return the gradient of the cost by the scores, for `y` and `t` of shape (N, C)."""
    _roelants.same_shape("gradient", y, t)
    return y - t


def data(seed=1):
    """Return inputs of shape (90, 2), 30 of each class, and one-hot targets of shape (90, 3)."""
    random = np.random.RandomState(seed)
    X = np.concatenate([random.randn(30, 2) + mean for mean in MEANS])
    return X, np.repeat(np.eye(3), 30, axis=0)


def nn(X, W, b):
    """Return the probabilities, of shape (N, 3), for weights (2, 3) and biases (1, 3)."""
    return softmax(X @ W + b)


def descend(X, T, learning_rate=0.01, nb_of_iterations=100):
    """Train the layer from weights and biases of 0.

    Returns
    -------
    W, b : arrays of shapes (2, 3) and (1, 3)
    costs : list of float
        Before the first step, and after each.
    """
    W, b = np.zeros((X.shape[1], T.shape[1])), np.zeros((1, T.shape[1]))
    costs = [cost(nn(X, W, b), T)]
    for _ in range(nb_of_iterations):
        E = gradient(nn(X, W, b), T)
        W, b = W - learning_rate * X.T @ E, b - learning_rate * E.sum(axis=0, keepdims=True)
        costs.append(cost(nn(X, W, b), T))
    return W, b, costs


def draw(X, T, W, b):
    """Draw the probability of the first of two classes, and the areas of the three classes."""
    figure = _common.new_figure("Softmax: from scores to probabilities", 12, 4.8)
    score_axes, class_axes = figure.subplots(1, 2)

    side = np.linspace(-4, 4, 161)
    probabilities = softmax(np.stack(np.meshgrid(side, side), axis=-1))[..., 0]
    levels = np.linspace(0, 1, 11)
    colored = score_axes.contourf(side, side, probabilities, levels, cmap="RdBu")
    score_axes.contour(side, side, probabilities, levels[1:-1], colors="white", linewidths=0.7)
    figure.colorbar(colored, ax=score_axes, label="probability of class 1", ticks=levels)
    score_axes.set_title("two classes: only the difference counts", fontsize="medium")
    score_axes.set_xlabel("score of class 1")
    score_axes.set_ylabel("score of class 2")

    side = np.linspace(-5, 5, 401)
    points = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    predicted = nn(points, W, b).argmax(axis=1).reshape(401, 401)
    colors = (_roelants.RED, _roelants.BLUE, _roelants.GREEN)
    _roelants.draw_areas(class_axes, side, side, predicted, colors)
    names = [f"class {k}" for k in range(3)]
    _roelants.draw_points(class_axes, X, T.argmax(axis=1), names, colors)
    wrong = int(np.sum(nn(X, W, b).argmax(axis=1) != T.argmax(axis=1)))
    title = f"three classes: {wrong} of {len(X)} on a wrong side"
    class_axes.set_title(title, fontsize="medium")
    class_axes.legend(loc="upper left", fontsize="small")
    class_axes.set_xlabel("input 1")
    class_axes.set_ylabel("input 2")
    return figure


def main(arguments=None):
    """Print probabilities, derivatives and costs, and draw them."""
    options = _common.parse(_common.parser("roelants_softmax", __doc__), arguments)
    z = np.array(SCORES)
    definition = np.exp(z) / np.exp(z).sum()
    rows = [
        [f"{score:g}", f"{here:.8f}", f"{there:.8f}"]
        for score, here, there in zip(z, softmax(z), definition, strict=True)
    ]
    _common.print_table(["score", "softmax", "by the definition"], *rows)
    print("derivatives:")
    for row in derivative(softmax(z)):
        print("  " + "  ".join(f"{value:9.6f}" for value in row))
    X, T = data()
    W, b, costs = descend(X, T)
    right = np.sum(nn(X, W, b).argmax(axis=1) == T.argmax(axis=1))
    print(f"three classes: cost {costs[0]:.3f}, after {len(costs) - 1} steps {costs[-1]:.3f}")
    print(f"on the right side: {right} of {len(X)} (no figures are published)")
    _common.picture(options, "roelants_softmax", draw, X, T, W, b)


if __name__ == "__main__":
    main()
