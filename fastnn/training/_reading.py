"""Whether a network that is not fastnn's says in its methods what the engine makes of its layers.

That is to hold for every call, so no numbers are tried. The text of the methods may call layers,
loop, keep things in lists and dicts, and no more; and then the methods are run on stand-ins for
the layers and for all arrays. A way through a method that asks nothing of the numbers is its way
for all numbers.
"""

from collections import OrderedDict
from functools import partial
from types import FunctionType

import numpy as np

from fastnn.engine import CannotLower
from fastnn.engine.losses import last_layer

from ._method_text import check_asks_predict_alone, check_simple, names_in, tree_of
from ._stand_ins import GRADIENTS, LAYERS, Refused, Run, StandIn, another_pass, instead_of

_HOOKS = {"__getattribute__", "__getattr__", "__setattr__", "__delattr__"}
_DICTS = (dict, OrderedDict)


def loss_in_training(network):
    """Read the methods of a network; return whether its ``loss(x, t)`` is taken in training.

    Parameters
    ----------
    network : object
        With `layers`, a list or dict of fastnn's layers; `last_layer` or `lastLayer`; `params`;
        and the methods `predict`, `loss` and `gradient` of a class that is not fastnn's.

    Returns
    -------
    in_training : bool
        Whether dropout and batch normalisation do in that loss what they do in a step; True if
        there are none.

    Raises
    ------
    CannotLower
        Unless ``predict(x)`` gives the scores out of training, ``loss(x, t)`` what the last
        layer makes of the scores, and ``gradient(x, t)`` the gradients of the loss in training
        by all `params`, and they do nothing else; says which of them does what.
    """
    reading = _Reading(network)
    flags = {name: reading.flags_of(name) for name in ("predict", "loss", "gradient")}
    if True in flags["predict"]:
        raise CannotLower(f"{reading.name}.predict runs layers as in training")
    if len(flags["loss"]) > 1:
        raise CannotLower(f"{reading.name}.loss runs some layers as in training, and some not")
    if False in flags["gradient"]:
        raise CannotLower(f"{reading.name}.gradient does not run all layers as in training")
    return False not in flags["loss"]


class _Reading:
    """The parts of a network, once they are such that its methods can be run on stand-ins."""

    def __init__(self, network):
        cls = type(network)
        self.name = cls.__name__
        if any(base.__module__.split(".")[0] == "fastnn" for base in cls.__mro__):
            raise CannotLower(f"{self.name} is no network of the engine")
        self._class, self._own = {}, getattr(network, "__dict__", {})
        for base in reversed(cls.__mro__[:-1]):
            self._class |= vars(base)
        if _HOOKS & self._class.keys():
            raise CannotLower(f"{self.name} decides itself what its attributes are")
        self._last_name = "last_layer" if hasattr(network, "last_layer") else "lastLayer"
        for part in ("params", "layers", self._last_name):
            if part not in self._own or part in self._class:
                raise CannotLower(f"{self.name} has no plain attribute {part}")
        decay = getattr(network, "weight_decay_lambda", 0)
        if type(decay) not in (int, float) or decay != 0:
            raise CannotLower(f"{self.name}.weight_decay_lambda is more than the engine can read")
        self._copies = {}
        self._methods = {key for key, value in self._class.items() if type(value) is FunctionType}
        self._layers, self._last = network.layers, last_layer(network)
        self._row = self._checked_row()
        self._places = self._places_of(network.params)
        if "accuracy" in self._class:
            tree = tree_of(f"{self.name}.accuracy", self._function("accuracy"))
            check_asks_predict_alone(f"{self.name}.accuracy", tree)

    def _checked_row(self):
        """Return the layers as a list: all are fastnn's, and as fastnn made them."""
        layers = self._layers
        if type(layers) not in (list, *_DICTS) or getattr(layers, "__dict__", None):
            raise CannotLower(f"{self.name}.layers is no plain list or dict")
        if type(layers) in _DICTS and not all(type(key) in (int, str) for key in layers):
            raise CannotLower(f"{self.name}.layers has keys that are neither names nor numbers")
        row = list(layers.values() if type(layers) in _DICTS else layers)
        for layer in (*row, self._last):
            kind = type(layer)
            if kind not in LAYERS:
                raise CannotLower(f"{kind.__name__} is no layer of fastnn")
            if (name := another_pass(layer)) is not None:
                raise CannotLower(f"{kind.__name__} was given another {name}")
        if len({id(layer) for layer in row}) < len(row):
            raise CannotLower(f"{self.name}.layers has a layer twice")
        return row

    def _places_of(self, params):
        """Return, for each parameter, the number of its layer and what holds its gradient there."""
        if type(params) not in _DICTS or not all(type(key) is str for key in params):
            raise CannotLower(f"{self.name}.params is no plain dict of names")
        places, arrays = {}, list(params.values())
        for key, array in params.items():
            found = [
                (number, gradient)
                for number, layer in enumerate(self._row)
                for own, gradient in GRADIENTS.items()
                if getattr(layer, own, None) is array
            ]
            if type(array) is not np.ndarray or len(found) != 1:
                raise CannotLower(f"{self.name}.params[{key!r}] is not the array of one layer")
            places[key] = found[0]
        for number, array in enumerate(arrays):
            if any(np.may_share_memory(array, other) for other in arrays[:number]):
                raise CannotLower(f"{self.name}.params has arrays that share memory")
        return places

    # --- Methods ------------------------------------------------------------------------------

    def _function(self, name):
        if name in self._own:
            raise CannotLower(f"{self.name} was given another {name}")
        if name not in self._class:
            raise CannotLower(f"{self.name} has no method {name}")
        return self._class[name]

    def _copy(self, name):
        """Return a method that sees nothing but its arguments and a few builtins."""
        where, function = f"{self.name}.{name}", self._function(name)
        tree = tree_of(where, function)
        check_simple(where, tree, self._methods)
        seen = {"__builtins__": {}}
        for used in names_in(tree):
            value = function.__globals__.get(used, function.__builtins__.get(used))
            stand_in = instead_of(value)
            if stand_in is not None:
                seen[used] = stand_in
        copy = FunctionType(function.__code__, seen, name, function.__defaults__)
        copy.__kwdefaults__ = function.__kwdefaults__
        return copy

    def _call(self, name, network, /, *args, **options):
        if name not in self._copies:
            self._copies[name] = self._copy(name)
        where = f"{self.name}.{name}"
        try:
            return self._copies[name](network, *args, **options)
        except CannotLower:
            raise
        except Refused as refused:
            raise CannotLower(f"{where} {refused}") from None
        except NameError as error:
            raise CannotLower(f"{where} uses `{error.name}`") from None
        except Exception as error:
            raise CannotLower(f"{where} raises {type(error).__name__}: {error}") from None

    def flags_of(self, name):
        """Run a method; return the set of the `train_flg` that layers got.

        Raises
        ------
        CannotLower
            If it does not return what it is to return, or does anything that it may not.
        """
        run, where = Run(self._row, self._last), f"{self.name}.{name}"
        layers = self._in_their_container(run.layers)
        attributes = {"layers": lambda: layers, self._last_name: lambda: run.last}
        network = StandIn("the network", attributes=attributes)
        for method in self._methods:
            attributes[method] = partial(partial, self._call, method, network)
        arguments = (run.x,) if name == "predict" else (run.x, run.t)
        result = self._call(name, network, *arguments)
        if not _same(layers, self._in_their_container(run.layers)):
            raise CannotLower(f"{where} changes the layers")
        if name == "gradient":
            self._check_gradients(where, result, run.gradients)
        elif name == "loss" and (result is not run.loss or result is None):
            raise CannotLower(f"{where} does not return the loss of {self._last_name}")
        elif name == "predict" and (result is not run.output or run.forwarded < len(self._row)):
            raise CannotLower(f"{where} does not return the output of the last of the layers")
        return set(run.flags)

    def _in_their_container(self, stand_ins):
        """Return a new container like the one that the network has its layers in."""
        if type(self._layers) is list:
            return list(stand_ins)
        return type(self._layers)(zip(self._layers, stand_ins, strict=True))

    def _check_gradients(self, where, grads, gradients):
        if type(grads) not in _DICTS:
            raise CannotLower(f"{where} does not return a dict")
        for key in grads.keys() - self._places.keys():
            raise CannotLower(f"{where} returns {key!r}, which is no parameter")
        for key, place in self._places.items():
            if key not in grads:
                raise CannotLower(f"{where} returns no gradient by {key!r}")
            if place not in gradients or grads[key] is not gradients[place]:
                number, gradient = place
                raise CannotLower(
                    f"{where} returns for {key!r} something else than {gradient} of layer "
                    f"{number + 1}, {type(self._row[number]).__name__}"
                )


def _same(layers, others):
    """Whether two containers hold the same stand-ins at the same places."""
    one, other = (
        list(row.items()) if isinstance(row, dict) else list(enumerate(row))
        for row in (layers, others)
    )
    return len(one) == len(other) and all(
        key == other_key and value is other_value
        for (key, value), (other_key, other_value) in zip(one, other, strict=True)
    )
