"""Networks whose methods could do anything, as far as can be read, and how they are refused."""

import numpy as np
from foreign_networks import share_right
from refused_networks import Plain

import fastnn
from fastnn.layers import Dropout


class Branching(Plain):
    def loss(self, x, t):
        if x.sum() > 0:
            return self.lastLayer.forward(self.predict(x), t)
        return self.lastLayer.forward(self.predict(x), t)


class Falsy(Plain):
    def loss(self, x, t):
        return self.lastLayer.forward(self.predict(x or t), t)


class Comparing(Plain):
    def loss(self, x, t):
        y = self.predict(x)
        return self.lastLayer.forward(y if y != x else t, t)


class Identical(Plain):
    def loss(self, x, t):
        y = self.predict(x)
        return self.lastLayer.forward(t if y is x else y, t)


class Searching(Plain):
    def loss(self, x, t):
        y = self.predict(x)
        return self.lastLayer.forward(t if y in [x] else y, t)


class Catching(Plain):
    def loss(self, x, t):
        try:
            x[0]
        except TypeError:
            pass
        return self.lastLayer.forward(self.predict(x), t)


class Matching(Plain):
    def loss(self, x, t):
        match x:
            case object(shape=shape):
                return shape
        return self.lastLayer.forward(self.predict(x), t)


class Texts(Plain):
    def loss(self, x, t):
        y = self.predict(x)
        return self.lastLayer.forward(t if "7" in str(reversed([])) else y, t)


class NamesOfBuiltins(Plain):
    def loss(self, x, t):
        y = self.predict(x)
        return self.lastLayer.forward(y if "7" in str(zip) else t, t)


class Formats(Plain):
    def loss(self, x, t):
        y = self.predict(x)
        return self.lastLayer.forward(t if f"{x}" == "7" else y, t)


class Addresses(Plain):
    def loss(self, x, t):
        y = self.predict(x)
        return self.lastLayer.forward(t if "7" in str([].append) else y, t)


class Escaping(Plain):
    def loss(self, x, t):
        "{.loss.__globals__}".format(self)  # noqa: UP032
        return self.lastLayer.forward(self.predict(x), t)


class Replacing(Plain):
    def loss(self, x, t):
        self.layers = self.layers.copy()
        return self.lastLayer.forward(self.predict(x), t)


class Renaming(Plain):
    def loss(self, x, t):
        y, me = self.predict(x), self
        self = "{.loss.__globals__}"
        self.loss(me)
        return y


class Importing(Plain):
    def loss(self, x, t):
        import layers  # noqa: F401

        return self.lastLayer.forward(self.predict(x), t)


class Making(Plain):
    def loss(self, x, t):
        Dropout(0.5).forward(1.0)
        return self.lastLayer.forward(self.predict(x), t)


class Patching(Plain):
    def loss(self, x, t):
        Dropout.forward = None
        return self.lastLayer.forward(self.predict(x), t)


class Reversing(Plain):
    def back(self, x, t):
        self.loss(x, t)
        row = self.layers
        dout = self.lastLayer.backward(1)
        for layer in reversed(row.values()):
            dout = layer.backward(dout)
        grads = self.collected()
        row["first"], row["second"] = row["second"], row["first"]
        return grads


class Remembering(Plain):
    def loss(self, x, t, seen=[]):  # noqa: B006
        seen.append(1)
        return self.lastLayer.forward(self.predict(x), t)


class Asking(Plain):
    @property
    def scores(self):
        return 1

    def loss(self, x, t):
        return self.lastLayer.forward(self.predict(x) * self.scores, t)


class Deciding(Plain):
    layers = property(
        lambda self: vars(self)["layers"], lambda self, x: vars(self).update(layers=x)
    )


class Lambda(Plain):
    loss = lambda self, x, t: self.lastLayer.forward(self.predict(x), t)  # noqa: E731


class Static(Plain):
    @staticmethod
    def collected():
        return {}


class Parent(Plain):
    def loss(self, x, t):
        return super().loss(x, t)


def same(function):
    return function


class Decorated(Plain):
    @same
    def loss(self, x, t):
        return self.lastLayer.forward(self.predict(x), t)


class Generating(Plain):
    def predict(self, x):
        yield x


class Endless(Plain):
    def predict(self, x):
        return self.predict(x)


class Looking(Plain):
    def __getattr__(self, name):
        return None


class Peeking(Plain):
    def accuracy(self, x, t):
        return self.lastLayer.loss


class Showing(Plain):
    def accuracy(self, x, t):
        return share_right(self.predict(x), t) + len(vars(self))


class Subclass(fastnn.TwoLayerNet):
    def __init__(self):
        super().__init__(64, 7, 3)


class Bare:
    def __init__(self):
        self.params = {"W": np.ones(3)}


def around():
    scale = 1

    class Inner(Plain):
        def loss(self, x, t):
            return self.lastLayer.forward(self.predict(x), t) * scale

    return Inner()


def from_text():
    space = {"Plain": Plain}
    exec("class Written(Plain):\n    def loss(self, x, t):\n        return t\n", space)
    return space["Written"]()


REFUSED = {
    Branching: r"Branching\.loss says `x\.sum`, which .*",
    Falsy: r"Falsy\.loss looks at x or computes with it",
    Comparing: r"Comparing\.loss looks at the output of layer 3, Affine, or computes with it",
    Identical: r"Identical\.loss says `y is x`, which .*",
    Searching: r"Searching\.loss looks at .*",
    Catching: r"Catching\.loss says `try:`, which .*",
    Matching: r"Matching\.loss says `match x:`, which .*",
    Texts: r"Texts\.loss looks at an iterator or computes with it",
    NamesOfBuiltins: r"NamesOfBuiltins\.loss looks at zip or computes with it",
    Formats: r"Formats\.loss looks at x or computes with it",
    Addresses: r"Addresses\.loss says `\[\]\.append`, which .*",
    Escaping: r"Escaping\.loss says `.*\.format`, which .*",
    Replacing: r"Replacing\.loss says `self\.layers`, which .*",
    Renaming: r"Renaming\.loss says `self`, which .*",
    Importing: r"Importing\.loss says `import layers`, which .*",
    Making: r"Making\.loss looks at the class Dropout or computes with it",
    Patching: r"Patching\.loss says `Dropout\.forward`, which .*",
    Reversing: r"Reversing\.gradient changes the layers",
    Remembering: r"Remembering\.loss has a default that could change",
    Asking: r"Asking\.loss says `self\.scores`, which .*",
    Deciding: r"Deciding has no plain attribute layers",
    Lambda: r"Lambda\.loss has a decorator, or is not in its file as it runs",
    Static: r"Static\.back says `self\.collected`, which .*",
    Parent: r"Parent\.loss uses variables of the function around it",
    Decorated: r"Decorated\.loss has a decorator, or is not in its file as it runs",
    Generating: r"Generating\.predict says `\(yield x\)`, which .*",
    Endless: r"Endless\.predict raises RecursionError: .*",
    Looking: r"Looking decides itself what its attributes are",
    Peeking: r"Peeking\.accuracy asks more of the network than to predict",
    Showing: r"Showing\.accuracy asks more of the network than to predict",
    Subclass: r"Subclass is no network of the engine",
    Bare: r"Bare has no plain attribute layers",
    around: r"Inner\.loss uses variables of the function around it",
    from_text: r"Written\.loss has a decorator, or is not in its file as it runs",
}
