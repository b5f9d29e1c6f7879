"""Roelants, part 3: one hidden unit, a bump, between two weights.

The hidden unit is a Gaussian radial basis function (RBF): it answers near 0 only, so a class
that lies between two parts of another can be told from it. Both weights are found by
backpropagation. After P. Roelants, How to implement a neural network, part 3, in its form of
2015, whose output has the fixed bias -1:
https://peterroelants.github.io/posts/neural_network_implementation_part03/

    python -m fastnn.examples.roelants_rbf
"""

import numpy as np

from fastnn.functions import sigmoid as logistic

from . import _common, _roelants
from .roelants_logistic_regression import cost

START = (2.0, -5.0)
PUBLISHED_START = 79.797
PUBLISHED_END = (9.55, 1.07, 5.05)  # the cost, wh and wo


def data(seed=1):
    """Return 20 inputs near 0, 10 near -2 and 10 near 2; their targets are 1 near 0, else 0.

    Returns
    -------
    x, t : arrays of shape (40, 1)
    """
    random = np.random.RandomState(seed)
    x = np.concatenate([
        0.5 * random.randn(count, 1) + mean for count, mean in ((20, 0), (10, -2), (10, 2))
    ])  # fmt: skip
    return x, np.repeat([[1.0], [0.0]], 20, axis=0)


def rbf(z):
    """Return ``exp(-z**2)``."""
    return np.exp(-(z**2))


def hidden_activations(x, wh):
    """Return what the hidden unit answers to inputs `x` of shape (N, 1)."""
    return rbf(x * wh)


def output_activations(h, wo):
    """Return the probabilities of class 1 for the hidden unit's answers `h`."""
    return logistic(h * wo - 1)


def nn(x, wh, wo):
    """Return the probabilities of class 1 for inputs `x` of shape (N, 1)."""
    return output_activations(hidden_activations(x, wh), wo)


def nn_predict(x, wh, wo):
    """Return 1 where class 1 is the more probable, else 0, as floats."""
    return np.around(nn(x, wh, wo))


def cost_for_param(x, wh, wo, t):
    """Return the cross entropy of the network with these weights, summed over samples."""
    return cost(nn(x, wh, wo), t)


def gradient_output(y, t):
    """Return the gradient of the cost by what goes into the logistic function."""
    _roelants.same_shape("gradient_output", y, t)
    return y - t


def gradient_weight_out(h, grad_output):
    """Return the gradient by `wo`, for each sample."""
    return h * grad_output


def gradient_hidden(wo, grad_output):
    """Return the gradient by the hidden unit's answers."""
    return wo * grad_output


def gradient_weight_hidden(x, zh, h, grad_hidden):
    """Return the gradient by `wh`, for each sample; `zh` is ``x * wh`` and `h` its `rbf`."""
    return x * -2 * zh * h * grad_hidden


def backprop_update(x, t, wh, wo, learning_rate):
    """Return both weights after one step of gradient descent on all samples."""
    zh = x * wh
    h = rbf(zh)
    grad_output = gradient_output(output_activations(h, wo), t)
    grad_hidden = gradient_hidden(wo, grad_output)
    step_out = learning_rate * gradient_weight_out(h, grad_output).sum()
    step_hidden = learning_rate * gradient_weight_hidden(x, zh, h, grad_hidden).sum()
    return wh - step_hidden, wo - step_out


def descend(x, t, start=START, learning_rate=0.2, nb_of_iterations=50):
    """Train with a learning rate that falls evenly, to 0 in the last step.

    Returns
    -------
    path : array of shape (nb_of_iterations + 1, 3)
        wh, wo and the cost before the first step, and after each.
    """
    wh, wo = start
    path = [(wh, wo, cost_for_param(x, wh, wo, t))]
    for k in range(1, nb_of_iterations + 1):
        rate = learning_rate * (1 - k / nb_of_iterations)
        wh, wo = backprop_update(x, t, wh, wo, rate)
        path.append((wh, wo, cost_for_param(x, wh, wo, t)))
    return np.array(path)


def draw(x, t, path):
    """Draw the path on the surface of the cost, and what the network answers."""
    title = "A hidden unit that is a bump: two weights, found by backpropagation"
    figure = _common.new_figure(title, 13, 4.6)
    cost_axes, class_axes = figure.subplots(1, 2)

    wh_side, wo_side = np.linspace(-8, 8, 161), np.linspace(-8, 8, 81)
    costs = _roelants.surface(lambda wh, wo: cost_for_param(x, wh, wo, t), wh_side, wo_side)
    levels = [10, 12, 15, 20, 25, 30, 40, 60, 80, 120]
    _roelants.draw_surface(figure, cost_axes, wh_side, wo_side, costs, path[:, :2], levels)
    end = f"cost {path[0, 2]:.2f}, after {len(path) - 1} steps {path[-1, 2]:.2f}"
    cost_axes.set_title(end, fontsize="medium")
    cost_axes.legend(loc="lower left", fontsize="small")
    cost_axes.set_xlabel("weight of the hidden unit, wh")
    cost_axes.set_ylabel("weight of the output, wo")

    wh, wo = path[-1, :2]
    inputs = np.linspace(-3.5, 3.5, 401)
    # Rows below and above the probabilities: the areas of the classes fill the picture.
    predicted = np.tile(nn_predict(inputs, wh, wo), (2, 1))
    colors = (_roelants.RED, _roelants.BLUE)
    _roelants.draw_areas(class_axes, inputs, [-0.1, 1.1], predicted, colors)
    class_axes.plot(inputs, hidden_activations(inputs, wh), "--", color=_common.GREY,
                    label="hidden unit")  # fmt: skip
    class_axes.plot(inputs, nn(inputs, wh, wo), color="black", label="probability of class 1")
    samples = np.concatenate([x, t], axis=1)
    _roelants.draw_points(class_axes, samples, t[:, 0], ("class 0", "class 1"), colors)
    class_axes.set_ylim(-0.1, 1.1)
    _common.tidy(class_axes, "input x")
    _common.legend_above(class_axes, columns=4)
    return figure


def main(arguments=None):
    """Print where the descent begins and ends beside the published figures, and draw it."""
    options = _common.parse(_common.parser("roelants_rbf", __doc__), arguments)
    x, t = data()
    path = descend(x, t)
    wh, wo, end = path[-1]
    rows = [
        ["cost before", f"{path[0, 2]:.3f}", f"{PUBLISHED_START:.3f}"],
        *(
            [name, f"{value:.2f}", f"{there:.2f}"]
            for name, value, there in zip(
                ("cost after 50 steps", "wh", "wo"), (end, wh, wo), PUBLISHED_END, strict=True
            )
        ),
    ]
    _common.print_table(["", "here", "published"], *rows)
    _common.picture(options, "roelants_rbf", draw, x, t, path)


if __name__ == "__main__":
    main()
