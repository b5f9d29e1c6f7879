"""Roelants, part 4: the network 2-3-2, its gradients checked, trained with momentum.

Three hidden units learn to tell a ring of points from those inside it: they fold the plane into
a space where a flat cut parts the classes. After P. Roelants, How to implement a neural network,
part 4: https://peterroelants.github.io/posts/neural-network-implementation-part04/

    python -m fastnn.examples.roelants_two_three_two
"""

import numpy as np

from fastnn.data.toy import make_circles
from fastnn.functions import sigmoid as logistic
from fastnn.functions import softmax

from . import _common, _roelants

NAMES = ("Wh", "bh", "Wo", "bo")

# First and last of 17 pairs, numerical and by backpropagation: of other weights than seed 1 gives.
PUBLISHED_FIRST = (0.0469372659495, 0.0469372661302)
PUBLISHED_LAST = (-43.2009781318, -43.2009781406)


def data(random):
    """Return inputs of shape (100, 2) and one-hot targets: class 0 is the outer ring.

    Parameters
    ----------
    random : numpy.random.RandomState
        Draws the noise.
    """
    X, t = make_circles(100, shuffle=False, factor=0.3, noise=0.1, random_state=random)
    return X, np.eye(2)[t]


def initial_params(random, init_var=1):
    """Return normal weights and biases times `init_var`: a list of Wh, bh, Wo and bo."""
    bh, Wh, bo, Wo = (random.randn(*shape) * init_var for shape in ((1, 3), (2, 3), (1, 2), (3, 2)))
    return [Wh, bh, Wo, bo]


def hidden_activations(X, Wh, bh):
    """Return what the hidden units answer, of shape (N, 3), to inputs of shape (N, 2)."""
    return logistic(X @ Wh + bh)


def output_activations(H, Wo, bo):
    """Return the probabilities of the classes, of shape (N, 2)."""
    return softmax(H @ Wo + bo)


def nn(X, Wh, bh, Wo, bo):
    """Return the probabilities of the classes, of shape (N, 2), for inputs of shape (N, 2)."""
    return output_activations(hidden_activations(X, Wh, bh), Wo, bo)


def nn_predict(X, Wh, bh, Wo, bo):
    """Return 1 for the more probable class and 0 for the other, as floats of shape (N, 2)."""
    return np.around(nn(X, Wh, bh, Wo, bo))


def cost(Y, T):
    """Return the cross entropy of probabilities and one-hot targets, summed over samples."""
    _roelants.same_shape("cost", Y, T, ("Y", "T"))
    return -np.sum(T * np.log(Y))


def error_output(Y, T):
    """Return the gradient of the cost by what goes into softmax, of shape (N, 2)."""
    _roelants.same_shape("error_output", Y, T, ("Y", "T"))
    return Y - T


def gradient_weight_out(H, Eo):
    """Return the gradient by Wo, of shape (3, 2)."""
    return H.T @ Eo


def gradient_bias_out(Eo):
    """Return the gradient by bo, of shape (1, 2)."""
    return Eo.sum(axis=0, keepdims=True)


def error_hidden(H, Wo, Eo):
    """Return the gradient by what goes into the hidden units, of shape (N, 3)."""
    return H * (1 - H) * (Eo @ Wo.T)


def gradient_weight_hidden(X, Eh):
    """Return the gradient by Wh, of shape (2, 3)."""
    return X.T @ Eh


def gradient_bias_hidden(Eh):
    """Return the gradient by bh, of shape (1, 3)."""
    return Eh.sum(axis=0, keepdims=True)


def backprop_gradients(X, T, Wh, bh, Wo, bo):
    """Return the gradients by Wh, bh, Wo and bo, found by backpropagation."""
    H = hidden_activations(X, Wh, bh)
    Eo = error_output(output_activations(H, Wo, bo), T)
    Eh = error_hidden(H, Wo, Eo)
    return [
        gradient_weight_hidden(X, Eh),
        gradient_bias_hidden(Eh),
        gradient_weight_out(H, Eo),
        gradient_bias_out(Eo),
    ]


def gradient_check(X, T, params, eps=1e-4):
    """Compare the gradients by backpropagation with differences of the cost.

    Returns
    -------
    pairs : array of shape (17, 2)
        For each parameter the slope between values `eps` above and below it, and the gradient.

    Raises
    ------
    ValueError
        At the first pair that `numpy.isclose` does not find equal.
    """
    pairs = []
    for p, gradients in enumerate(backprop_gradients(X, T, *params)):
        for index, gradient in np.ndenumerate(gradients):
            costs = []
            for value in (params[p][index] + eps, params[p][index] - eps):
                changed = [param.copy() for param in params]
                changed[p][index] = value
                costs.append(cost(nn(X, *changed), T))
            numerical = (costs[0] - costs[1]) / (2 * eps)
            if not np.isclose(numerical, gradient):
                raise ValueError(
                    f"gradient_check: the gradient of {NAMES[p]}{list(map(int, index))} must be "
                    f"close to the slope {numerical:.6f} of the cost, not {gradient:.6f}"
                )
            pairs.append((numerical, gradient))
    return np.array(pairs)


def update_velocity(X, T, ls_of_params, Vs, momentum_term, learning_rate):
    """Return new velocities: the old ones times `momentum_term`, less a step down."""
    gradients = backprop_gradients(X, T, *ls_of_params)
    return [
        momentum_term * V - learning_rate * gradient
        for V, gradient in zip(Vs, gradients, strict=True)
    ]


def update_params(ls_of_params, Vs):
    """Return the parameters moved by their velocities, in new arrays."""
    return [param + V for param, V in zip(ls_of_params, Vs, strict=True)]


def train(X, T, params, learning_rate=0.02, momentum_term=0.9, nb_of_iterations=300):
    """Train on all samples at once.

    Returns
    -------
    params : list of arrays
        Wh, bh, Wo and bo at the end. Those that were given stay as they are.
    costs : list of float
        Before the first step, and after each.
    """
    Vs = [np.zeros_like(param) for param in params]
    costs = [cost(nn(X, *params), T)]
    for _ in range(nb_of_iterations):
        Vs = update_velocity(X, T, params, Vs, momentum_term, learning_rate)
        params = update_params(params, Vs)
        costs.append(cost(nn(X, *params), T))
    return params, costs


def run(seed=1):
    """Check the gradients with one set of weights, then train from a smaller one.

    Returns
    -------
    X, T : arrays of shape (100, 2)
    pairs : array of shape (17, 2)
        From `gradient_check`.
    params, costs : list
        From `train`.
    """
    random = np.random.RandomState(seed)
    X, T = data(random)
    pairs = gradient_check(X, T, initial_params(random))
    return X, T, pairs, *train(X, T, initial_params(random, 0.1))


def boundary(Wo, bo):
    """Return the plane where both classes are equally probable: ``h @ normal + offset == 0``."""
    return Wo[:, 1] - Wo[:, 0], bo[0, 1] - bo[0, 0]


def draw(X, T, params, costs):
    """Draw the cost, the classes in the plane, and where the hidden units put them."""
    figure = _common.new_figure("The network 2-3-2, trained with momentum", 13, 4.8)
    grid = figure.add_gridspec(1, 3, width_ratios=(1, 1.2, 1.5))
    cost_axes, class_axes = figure.add_subplot(grid[0]), figure.add_subplot(grid[1])
    space = figure.add_subplot(grid[2], projection="3d")

    cost_axes.plot(costs, color=_common.ORANGE, linewidth=1.8)
    cost_axes.set_ylim(bottom=0)
    cost_axes.set_title(f"{costs[0]:.1f} at first, {costs[-1]:.2f} at the end", fontsize="medium")
    _common.tidy(cost_axes, "iteration", "cost of 100 samples")

    side = np.linspace(-1.6, 1.6, 301)
    points = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    predicted = nn_predict(points, *params)[:, 1].reshape(301, 301)
    names, colors = ("class 0", "class 1"), (_roelants.RED, _roelants.BLUE)
    _roelants.draw_areas(class_axes, side, side, predicted, colors)
    _roelants.draw_points(class_axes, X, T[:, 1], names, colors)
    class_axes.set_aspect("equal")
    class_axes.set_title("inputs, and the boundary", fontsize="medium")
    class_axes.set_xlabel("input 1")
    class_axes.set_ylabel("input 2")

    H, (w1, w2, w3), c = hidden_activations(X, *params[:2]), *boundary(*params[2:])
    _roelants.draw_points(space, H, T[:, 1], names, colors, depthshade=False)
    h1, h2 = np.meshgrid(np.linspace(0, 1, 51), np.linspace(0, 1, 51))
    h3 = -(w1 * h1 + w2 * h2 + c) / w3
    h3[(h3 < 0) | (h3 > 1)] = np.nan  # no more of the cut than is in the cube of the activations
    space.plot_surface(h1, h2, h3, color=_common.GREY, alpha=0.3, shade=False, linewidth=0)
    space.view_init(elev=12, azim=-55)
    space.set_title("the same in the hidden layer, and the cut", fontsize="medium")
    for axis, number in ((space.xaxis, 1), (space.yaxis, 2), (space.zaxis, 3)):
        axis.set_ticks([0, 0.5, 1])
        axis.set_label_text(f"hidden unit {number}")
    space.set_box_aspect((1, 1, 0.95), zoom=0.98)  # or its labels would be cut off
    _common.legend_below(figure, class_axes)
    return figure


def main(arguments=None):
    """Print the pairs of gradients and the costs, and draw the network."""
    options = _common.parse(_common.parser("roelants_two_three_two", __doc__), arguments)
    X, T, pairs, params, costs = run()
    labels = [
        f"{name}{list(index)}"
        for name, param in zip(NAMES, params, strict=True)
        for index in np.ndindex(param.shape)
    ]
    rows = [
        [label, *(f"{value:.10f}" for value in pair), f"{abs(pair[0] - pair[1]):.0e}"]
        for label, pair in zip(labels, pairs, strict=True)
    ]
    _common.print_table(["gradient", "by differences", "backpropagation", "apart"], *rows)
    print(f"No gradient errors found in {len(pairs)} parameters.")
    print("published, of other weights: first", *PUBLISHED_FIRST, "and last", *PUBLISHED_LAST)
    print(f"cost {costs[0]:.4f}, after {len(costs) - 1} iterations {costs[-1]:.4f}")
    right = np.sum((nn_predict(X, *params) == T).all(axis=1))
    print(f"on the right side: {right} of {len(X)}, published: all")
    _common.picture(options, "roelants_two_three_two", draw, X, T, params, costs)


if __name__ == "__main__":
    main()
