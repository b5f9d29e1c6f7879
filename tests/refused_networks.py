"""Networks that do something else to their layers than the engine, and how they are refused."""

import numpy as np
from foreign_networks import Dropping, Rows

from fastnn.layers import Dropout

count = 0


class Decaying(Rows):
    def gradient(self, x, t):
        grads = gradient_of_rows(self, x, t)
        grads["W1"] = grads["W1"] + 0.1 * self.layers["first"].W
        return grads


gradient_of_rows = Rows.gradient


class Printing(Rows):
    def gradient(self, x, t):
        print("a step")
        return self.back(x, t)

    def back(self, x, t):
        self.loss(x, t)
        dout = self.lastLayer.backward(1)
        for layer in reversed(self.layers.values()):
            dout = layer.backward(dout)
        return self.collected()

    def collected(self):
        first, second = self.layers["first"], self.layers["second"]
        return {"W1": first.dW, "b1": first.db, "W2": second.dW, "b2": second.db}


class Plain(Printing):
    """What the classes below change one thing of; the engine does what it does."""

    def gradient(self, x, t):
        return self.back(x, t)


class Counting(Plain):
    def loss(self, x, t):
        self.calls = 1
        return self.lastLayer.forward(self.predict(x), t)


class CountingGlobally(Plain):
    def loss(self, x, t):
        global count
        count += 1
        return self.lastLayer.forward(self.predict(x), t)


class Scaled(Plain):
    def collected(self):
        first, second = self.layers["first"], self.layers["second"]
        return {"W1": 2 * first.dW, "b1": first.db, "W2": second.dW, "b2": second.db}


class Swapped(Plain):
    def collected(self):
        first, second = self.layers["first"], self.layers["second"]
        return {"W1": first.dW, "b1": second.db, "W2": second.dW, "b2": first.db}


class Missing(Plain):
    def collected(self):
        return {"W1": self.layers["first"].dW}


class Nothing(Plain):
    def gradient(self, x, t):
        return {"W1": None, "b1": None, "W2": None, "b2": None}


class More(Plain):
    def collected(self):
        first, second = self.layers["first"], self.layers["second"]
        return {"W1": first.dW, "b1": first.db, "W2": second.dW, "b2": second.db, "W3": first.dW}


class Skipping(Plain):
    def predict(self, x):
        for key in ("first", "second"):
            x = self.layers[key].forward(x)
        return x


class Unchained(Plain):
    def predict(self, x):
        return [layer.forward(x) for layer in self.layers.values()][-1]


class UnchainedBack(Plain):
    def back(self, x, t):
        self.loss(x, t)
        dout = self.lastLayer.backward(1)
        self.layers["second"].backward(dout)
        self.layers["relu"].backward(dout)
        self.layers["first"].backward(dout)
        return self.collected()


class LossOfInputs(Plain):
    def loss(self, x, t):
        self.predict(x)
        return self.lastLayer.forward(x, t)


class LossOfScores(Plain):
    def loss(self, x, t):
        y = self.predict(x)
        return self.lastLayer.forward(y, y)


class LossTwice(Plain):
    def loss(self, x, t):
        y = self.predict(x)
        self.lastLayer.forward(y, t)
        return self.lastLayer.forward(y, t)


class BackTwice(Plain):
    def back(self, x, t):
        self.loss(x, t)
        self.lastLayer.backward(1)
        dout = self.lastLayer.backward(1)
        for layer in reversed(self.layers.values()):
            dout = layer.backward(dout)
        return self.collected()


class Early(Plain):
    def predict(self, x):
        return self.layers["relu"].forward(self.layers["first"].forward(x))


class Twice(Plain):
    def predict(self, x):
        for layer in self.layers.values():
            out = layer.forward(x)
            x = layer.forward(x)
        return out


class Again(Plain):
    def loss(self, x, t):
        self.lastLayer.forward(self.predict(x), t)
        return self.lastLayer.forward(self.predict(x), t)


class Doubled(Plain):
    def back(self, x, t):
        self.loss(x, t)
        dout = self.lastLayer.backward(2)
        for layer in reversed(self.layers.values()):
            dout = layer.backward(dout)
        return self.collected()


class ForwardInBackward(Plain):
    def back(self, x, t):
        self.loss(x, t)
        dout = self.lastLayer.backward(1)
        for layer in self.layers.values():
            dout = layer.backward(dout)
        return self.collected()


class Stale(Plain):
    def back(self, x, t):
        grads = self.collected()
        self.loss(x, t)
        return grads


class Penalized(Plain):
    def loss(self, x, t):
        return self.lastLayer.forward(self.predict(x), t) + 0.1


class Lossless(Plain):
    def loss(self, x, t):
        self.lastLayer.forward(self.predict(x), t)


class WithoutLoss(Plain):
    def loss(self, x, t):
        pass


class Own(Plain):
    def collected(self):
        return {"W1": np.ones(3)}


class DroppingAlways(Dropping):
    def predict(self, x, train_flg=True):
        for layer in self.layers:
            x = layer.forward(x, train_flg) if isinstance(layer, Dropout) else layer.forward(x)
        return x


class DroppingHalf(Dropping):
    def loss(self, x, t):
        flags = [True, False]
        for layer in self.layers:
            if isinstance(layer, Dropout):
                x = layer.forward(x, flags[0])
                flags.reverse()
            else:
                x = layer.forward(x)
        return self.last_layer.forward(x, t)


class NeverDropping(Dropping):
    def loss(self, x, t):
        return self.last_layer.forward(self.predict(x), t)


class Typing(Dropping):
    def predict(self, x, train_flg=False):
        return self.layers[0].forward(x) if isinstance(x, Dropout) else x


class Flagging(Dropping):
    def predict(self, x, train_flg=False):
        for layer in self.layers:
            x = layer.forward(x, train_flg)
        return x


class Counted(Dropping):
    def predict(self, x, train_flg=0):
        for layer in self.layers:
            x = layer.forward(x, train_flg) if isinstance(layer, Dropout) else layer.forward(x)
        return x


REFUSED = {
    Decaying: r"Decaying\.gradient says `self\.layers\['first'\]\.W`, which .*",
    Printing: r"Printing\.gradient uses `print`",
    Counting: r"Counting\.loss says `self\.calls`, which the engine does not read",
    CountingGlobally: r"CountingGlobally\.loss says `global count`, which .*",
    Scaled: r"Scaled\.collected looks at dW of layer 1, Affine, or computes with it",
    Swapped: r"Swapped\.gradient returns for 'b1' something else than db of layer 1, Affine",
    Missing: r"Missing\.gradient returns no gradient by 'b1'",
    Nothing: r"Nothing\.gradient returns for 'W1' something else than dW of layer 1, Affine",
    More: r"More\.gradient returns 'W3', which is no parameter",
    Skipping: r"Skipping\.predict calls layer 3, Affine, where it is not its turn, .*",
    Unchained: r"Unchained\.predict calls layer 2, Relu, where .* not on the output before",
    UnchainedBack: r"UnchainedBack\.back calls layer 2, Relu, on the way back where .*",
    LossOfInputs: r"LossOfInputs\.loss takes a loss of something else than the last output .*",
    LossOfScores: r"LossOfScores\.loss takes a loss of something else than the last output .*",
    LossTwice: r"LossTwice\.loss takes a loss of something else than the last output .*",
    BackTwice: r"BackTwice\.back goes back before the loss, or twice",
    Early: r"Early\.predict does not return the output of the last of the layers",
    Twice: r"Twice\.predict calls layer 1, Affine, where it is not its turn, .*",
    Again: r"Again\.predict calls layer 1, Affine, where it is not its turn, .*",
    Doubled: r"Doubled\.back begins the way back with something else than 1",
    ForwardInBackward: r"ForwardInBackward\.back calls layer 1, Affine, on the way back where .*",
    Stale: r"Stale\.collected reads dW of layer 1, Affine, before it is there",
    Penalized: r"Penalized\.loss looks at the loss or computes with it",
    Lossless: r"Lossless\.loss does not return the loss of lastLayer",
    WithoutLoss: r"WithoutLoss\.loss does not return the loss of lastLayer",
    Own: r"Own\.collected says `np\.ones`, which .*",
    DroppingAlways: r"DroppingAlways\.predict runs layers as in training",
    DroppingHalf: r"DroppingHalf\.loss runs some layers as in training, and some not",
    NeverDropping: r"NeverDropping\.gradient does not run all layers as in training",
    Typing: r"Typing\.predict asks for the type of what is no layer",
    Flagging: r"Flagging\.predict raises TypeError: .*",
    Counted: r"Counted\.predict gives layer 3, Dropout, a train_flg that is neither True nor False",
}
