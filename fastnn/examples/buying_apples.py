"""Section 5.4: the price of a bag of fruit, and its gradient, by a computational graph.

Every node knows two things: how to compute its result from what comes in (`forward`), and how
to pass the gradient of the result on to what came in (`backward`). A chain of such nodes is all
that backpropagation is; the layers of fastnn are no different.

    python -m fastnn.examples.buying_apples
"""

from . import _common

PUBLISHED_APPLES = (220.00000000000003, (2.2, 110.00000000000001, 200))
PUBLISHED_FRUIT = (
    715.0000000000001,
    (110.00000000000001, 2.2, 3.3000000000000003, 165.0, 650),
)


class MulLayer:
    """The product of two numbers."""

    def __init__(self):
        self.x = None
        self.y = None

    def forward(self, x, y):
        """Return ``x * y``, and remember both."""
        self.x = x
        self.y = y
        return x * y

    def backward(self, dout):
        """Return the gradients by `x` and by `y`: `dout` times the other one."""
        return dout * self.y, dout * self.x


class AddLayer:
    """The sum of two numbers."""

    def forward(self, x, y):
        """Return ``x + y``; there is nothing to remember."""
        return x + y

    def backward(self, dout):
        """Return the gradients by `x` and by `y`, which are both `dout`."""
        return dout, dout


def buy_apples(apple=100, number=2, tax=1.1):
    """Return the price of apples, and its gradients by `apple`, `number` and `tax`."""
    times_number, times_tax = MulLayer(), MulLayer()
    price = times_tax.forward(times_number.forward(apple, number), tax)
    d_sum, d_tax = times_tax.backward(1)
    d_apple, d_number = times_number.backward(d_sum)
    return price, (d_apple, d_number, d_tax)


def buy_fruit(apple=100, apples=2, orange=150, oranges=3, tax=1.1):
    """Return what every edge of the graph carries, forward and backward.

    Returns
    -------
    edges : dict
        For the name of each number on the way: the number, and the gradient of the price by it.
    """
    times_apples, times_oranges, plus, times_tax = MulLayer(), MulLayer(), AddLayer(), MulLayer()

    all_apples = times_apples.forward(apple, apples)
    all_oranges = times_oranges.forward(orange, oranges)
    fruit = plus.forward(all_apples, all_oranges)
    price = times_tax.forward(fruit, tax)

    d_price = 1
    d_fruit, d_tax = times_tax.backward(d_price)
    d_all_apples, d_all_oranges = plus.backward(d_fruit)
    d_orange, d_oranges = times_oranges.backward(d_all_oranges)
    d_apple, d_apples = times_apples.backward(d_all_apples)

    return {
        "apple": (apple, d_apple),
        "apples": (apples, d_apples),
        "orange": (orange, d_orange),
        "oranges": (oranges, d_oranges),
        "tax": (tax, d_tax),
        "all apples": (all_apples, d_all_apples),
        "all oranges": (all_oranges, d_all_oranges),
        "fruit": (fruit, d_fruit),
        "price": (price, d_price),
    }


# Where the picture has its nodes, and what each edge joins: nodes by name, or places.
_NODES = {
    "x apples": (1.6, 3.6),
    "x oranges": (1.6, 1.2),
    "+": (3.1, 2.4),
    "x tax": (4.6, 2.4),
}
_EDGES = {
    "apple": ((0, 4.3), "x apples"),
    "apples": ((0, 2.9), "x apples"),
    "orange": ((0, 1.9), "x oranges"),
    "oranges": ((0, 0.5), "x oranges"),
    "tax": ((3.1, 1.2), "x tax"),
    "all apples": ("x apples", "+"),
    "all oranges": ("x oranges", "+"),
    "fruit": ("+", "x tax"),
    "price": ("x tax", (6, 2.4)),
}
_SAID = {
    "apple": "yen for an apple",
    "apples": "number of apples",
    "orange": "yen for an orange",
    "oranges": "number of oranges",
    "tax": "tax factor",
}


def draw(edges):
    """Draw the graph, with numbers above its edges and gradients below them."""
    figure = _common.new_figure("The price of two apples and three oranges", 10, 5)
    axes = figure.subplots()
    for name, (start, stop) in _EDGES.items():
        x0, y0 = _NODES.get(start, start)
        x1, y1 = _NODES.get(stop, stop)
        axes.plot([x0, x1], [y0, y1], color=_common.GREY, zorder=1)
        way = 0.35 if name in _SAID else 0.55
        x, y = x0 + way * (x1 - x0), y0 + way * (y1 - y0)
        value, gradient = edges[name]
        axes.annotate(f"{value:g}", (x, y + 0.1), ha="center", va="bottom", color=_common.BLUE)
        axes.annotate(f"{gradient:g}", (x, y - 0.1), ha="center", va="top", color=_common.ORANGE)
        axes.annotate(f"{_SAID.get(name, '')} ", (x0, y0), ha="right", va="center")
    axes.annotate(" yen in all", (6, 2.4), va="center")
    for name, (x, y) in _NODES.items():
        sign = "+" if name == "+" else "\N{MULTIPLICATION SIGN}"
        axes.scatter(x, y, s=900, color="white", edgecolor=_common.BLUE, linewidth=2, zorder=2)
        axes.annotate(sign, (x, y), ha="center", va="center", fontsize=16, zorder=3)
    axes.annotate("forward: the numbers", (3.7, 4.2), color=_common.BLUE)
    axes.annotate("backward: the gradients of the price", (3.7, 3.9), color=_common.ORANGE)
    axes.set_xlim(-1.4, 6.9)
    axes.set_ylim(0.2, 4.5)
    axes.set_axis_off()
    return figure


def main(arguments=None):
    """Print both prices and their gradients, and draw the second graph."""
    options = _common.parse(_common.parser("buying_apples", __doc__), arguments)
    price, gradients = buy_apples()
    edges = buy_fruit()
    order = ("apples", "apple", "orange", "oranges", "tax")
    rows = [
        ("two apples: price", price, PUBLISHED_APPLES[0]),
        ("gradients by apple, number, tax", gradients, PUBLISHED_APPLES[1]),
        ("two apples, three oranges: price", edges["price"][0], PUBLISHED_FRUIT[0]),
        (f"gradients by {', '.join(order)}", tuple(edges[name][1] for name in order),
         PUBLISHED_FRUIT[1]),
    ]  # fmt: skip
    for name, own, published in rows:
        print(f"{name}: {own}\n  published: {published}")
    _common.picture(options, "buying_apples", draw, edges)


if __name__ == "__main__":
    main()
