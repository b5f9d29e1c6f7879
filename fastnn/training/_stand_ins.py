"""Stand-ins for a network's layers and for all arrays, on which its methods are run.

They can be handed on, but not looked at: what a method does to them it does to all numbers.
"""

from functools import partial

from fastnn import layers
from fastnn.layers import BatchNormalization, Dropout

LAYERS = tuple(vars(layers)[name] for name in layers.__all__ if name[0].isupper())
_PASSES = {(kind, name): getattr(kind, name) for kind in LAYERS for name in ("forward", "backward")}
GRADIENTS = {"W": "dW", "b": "db", "gamma": "dgamma", "beta": "dbeta"}


def another_pass(layer):
    """Return which pass of a layer is not the one that fastnn made, or None.

    That of a profile, which wraps them, counts as the same.
    """
    kind = type(layer)
    for name in ("forward", "backward"):
        now = getattr(kind, name)
        if getattr(now, "__globals__", {}).get("__name__", "").startswith("fastnn.profiling."):
            now = now.__wrapped__
        if now is not _PASSES[kind, name] or name in vars(layer):
            return name
    return None


class Refused(Exception):
    """What a method does that it may not, to be said after the method's name."""


def _own(stand_in, attribute):
    return object.__getattribute__(stand_in, attribute)


def _use(stand_in, *_):
    raise Refused(f"looks at {_own(stand_in, '_name')} or computes with it")


class StandIn:
    """Gives the attributes that it was given, each by a function, and refuses all else."""

    __slots__ = ("_attributes", "_kind", "_name")

    def __init__(self, name, kind=None, attributes=()):
        self._name, self._kind, self._attributes = name, kind, attributes

    def __getattribute__(self, attribute):
        attributes = _own(self, "_attributes")
        if attribute not in attributes:
            raise Refused(f"asks {_own(self, '_name')} for `{attribute}`")
        return attributes[attribute]()


for _operation in (
    "bool eq ne lt le gt ge hash repr str format len iter reversed getitem setitem contains call "
    "index int neg add radd sub rsub mul rmul floordiv rfloordiv mod rmod"
).split():
    setattr(StandIn, f"__{_operation}__", _use)


# --- What the methods may call ----------------------------------------------------------------


class _Class(StandIn):
    __slots__ = ()


class _Function(StandIn):
    __slots__ = ()

    def __call__(self, *args, **options):
        return _own(self, "_kind")(*args, **options)


class _Once(StandIn):
    """An iterator whose text cannot be asked for: it would hold an address."""

    __slots__ = ("_rest",)

    def __init__(self, rest):
        super().__init__("an iterator")
        self._rest = rest

    def __iter__(self):
        return self

    def __next__(self):
        return next(_own(self, "_rest"))


def _once(function):
    return _Function(
        function.__name__, lambda *args, **options: _Once(iter(function(*args, **options)))
    )


def _isinstance(thing, kinds):
    kinds = kinds if type(kinds) is tuple else (kinds,)
    if type(thing) is not StandIn or _own(thing, "_kind") is None:
        raise Refused("asks for the type of what is no layer")
    if any(type(kind) is not _Class for kind in kinds):
        raise Refused("asks for a type that is no layer's")
    return issubclass(_own(thing, "_kind"), tuple(_own(kind, "_kind") for kind in kinds))


_BUILTINS = [(function, function) for function in (dict, int, len, list, range, str, tuple)]
_BUILTINS += [(function, _once(function)) for function in (enumerate, reversed, zip)]
_BUILTINS += [(isinstance, _Function("isinstance", _isinstance))]
_BUILTINS += [(layer, _Class(f"the class {layer.__name__}", layer)) for layer in LAYERS]


def instead_of(value):
    """Return what a method gets instead of a value around it, or None if it gets nothing."""
    return next((stand_in for known, stand_in in _BUILTINS if value is known), None)


# --- What they do to the layers ---------------------------------------------------------------


class Run:
    """One run of a method, in which layers are to be called in order and each on its turn.

    Parameters
    ----------
    row : list of layers
        In order, without the last.
    last : layer
        Computes the loss.

    Attributes
    ----------
    x, t : StandIn
        What the method is to be called with.
    layers : list of StandIn
        For those in `row`.
    last : StandIn
    flags : list of bool
        The `train_flg` that layers got so far.
    output : StandIn
        Of the last layer that was called; `x` before.
    forwarded : int
        How many layers were called.
    loss : StandIn or None
    gradients : dict
        By the number of the layer and its attribute: ``(0, "dW")``.
    """

    def __init__(self, row, last):
        self.x, self.t = StandIn("x"), StandIn("t")
        self.layers = [self._layer(number, layer) for number, layer in enumerate(row)]
        passes = {"forward": lambda: self._loss_forward, "backward": lambda: self._loss_backward}
        self.last = StandIn("the last layer", type(last), passes)
        self.flags, self.gradients = [], {}
        self.output, self.forwarded, self.loss = self.x, 0, None
        self._dout, self._left = None, len(row)

    def _layer(self, number, layer):
        name = f"layer {number + 1}, {type(layer).__name__},"
        gradients = [gradient for own, gradient in GRADIENTS.items() if hasattr(layer, own)]

        def forward(x):
            if number != self.forwarded or x is not self.output:
                raise Refused(f"calls {name} where it is not its turn, or not on the output before")
            self.forwarded += 1
            self.output = StandIn(f"the output of {name}")
            return self.output

        def flagged_forward(x, train_flg=True):
            if type(train_flg) is not bool:
                raise Refused(f"gives {name} a train_flg that is neither True nor False")
            self.flags.append(train_flg)
            return forward(x)

        def backward(dout):
            if self._dout is None or number != self._left - 1 or dout is not self._dout:
                raise Refused(f"calls {name} on the way back where it is not its turn")
            self._left -= 1
            for gradient in gradients:
                self.gradients[number, gradient] = StandIn(f"{gradient} of {name}")
            self._dout = StandIn(f"the gradient from {name}")
            return self._dout

        def read(gradient):
            if (number, gradient) not in self.gradients:
                raise Refused(f"reads {gradient} of {name} before it is there")
            return self.gradients[number, gradient]

        takes_flag = isinstance(layer, (BatchNormalization, Dropout))
        attributes = {gradient: partial(read, gradient) for gradient in gradients}
        attributes["forward"] = lambda: flagged_forward if takes_flag else forward
        attributes["backward"] = lambda: backward
        return StandIn(name, type(layer), attributes)

    def _loss_forward(self, x, t):
        done = self.forwarded == len(self.layers) and self.loss is None
        if not done or x is not self.output or t is not self.t:
            raise Refused("takes a loss of something else than the last output and t, or twice")
        self.loss = StandIn("the loss")
        return self.loss

    def _loss_backward(self, dout=1):
        if self.loss is None or self._dout is not None:
            raise Refused("goes back before the loss, or twice")
        if type(dout) not in (int, float) or dout != 1:
            raise Refused("begins the way back with something else than 1")
        self._dout = StandIn("the gradient from the loss")
        return self._dout
