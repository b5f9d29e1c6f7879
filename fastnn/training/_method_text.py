"""The text of a method: whether it is what runs, and whether it is simple enough to be read."""

import ast
import linecache
import warnings
from functools import lru_cache
from types import CodeType, FunctionType, NoneType

from fastnn.engine import CannotLower

from ._stand_ins import GRADIENTS

# Everything else is refused: what stores attributes or globals, imports, asks which object one
# is, catches errors or waits, and all that is rare in such methods.
_SYNTAX = (
    ast.Return, ast.Assign, ast.AugAssign, ast.For, ast.If, ast.Expr, ast.Pass, ast.Break,
    ast.Continue, ast.Name, ast.Attribute, ast.Subscript, ast.Slice, ast.Call, ast.keyword,
    ast.Constant, ast.Tuple, ast.List, ast.Dict, ast.ListComp, ast.DictComp, ast.comprehension,
    ast.IfExp, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.BinOp, ast.Add,
    ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod, ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE,
    ast.Gt, ast.GtE, ast.In, ast.NotIn, ast.JoinedStr, ast.FormattedValue, ast.Load, ast.Store,
)  # fmt: skip
_READ = {"layers", "last_layer", "lastLayer", *GRADIENTS.values()}
_CALLED = {"forward", "backward", "values", "items", "keys", "reverse", "copy", "append"}


def tree_of(where, function):
    """Return the syntax tree of a method that has neither decorators nor variables around it.

    Parameters
    ----------
    where : str
        What an error names.
    function : object
        What the class has under the method's name.

    Raises
    ------
    CannotLower
        If it is no such method, or its file does not say what runs.
    """
    if type(function) is not FunctionType:
        raise CannotLower(f"{where} is no plain method")
    if function.__closure__ is not None:
        raise CannotLower(f"{where} uses variables of the function around it")
    defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    if not all(type(value) in (NoneType, bool, int, float, str) for value in defaults):
        raise CannotLower(f"{where} has a default that could change")
    code = function.__code__
    text = "".join(linecache.getlines(code.co_filename, function.__globals__))
    try:
        module, compiled = _parsed(text, code.co_filename)
    except (SyntaxError, ValueError, RecursionError):
        raise CannotLower(f"{where} is not in its file as it runs") from None
    trees = [
        node
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef)
        and (node.name, node.lineno) == (code.co_name, code.co_firstlineno)
    ]
    # A copy of a code object has forgotten what ran before.
    if not trees or not any(one.replace() == code.replace() for one in _codes(compiled)):
        raise CannotLower(f"{where} has a decorator, or is not in its file as it runs")
    return trees[0]


@lru_cache(maxsize=1)  # a network's methods are in one file, as a rule
def _parsed(text, filename):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they were given at the import
        return ast.parse(text), compile(text, filename, "exec", dont_inherit=True)


def _codes(code):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def check_simple(where, tree, methods):
    """Check that a method can do no more than call methods, and layers, and keep things in order.

    Parameters
    ----------
    where : str
        What an error names.
    tree : ast.FunctionDef
    methods : container of str
        Names of methods of the same class, which it may call.

    Raises
    ------
    CannotLower
        If there is anything else in its text.
    """
    me, called = _me(tree), _called(tree)
    for part, shown in _parts(tree):
        simple = isinstance(part, _SYNTAX)
        if isinstance(part, ast.Attribute):
            own = _is(part.value, me) and part.attr in methods
            may_be_called = own or part.attr in _CALLED
            simple = part.attr in _READ or (may_be_called and id(part) in called)
        if isinstance(part, ast.Attribute) or _is(part, me):
            simple = simple and isinstance(part.ctx, ast.Load)
        if not simple:
            line = ast.unparse(shown).strip().split("\n")[0]
            raise CannotLower(f"{where} says `{line}`, which the engine does not read")


def check_asks_predict_alone(where, tree):
    """Check that all a method asks its network is to predict.

    Raises
    ------
    CannotLower
        If it asks anything else, which may be what layers keep from a step.
    """
    me, called = _me(tree), _called(tree)
    asked = {
        id(part.value)
        for part in ast.walk(tree)
        if isinstance(part, ast.Attribute) and part.attr == "predict" and id(part) in called
    }
    for part in ast.walk(tree):
        if _is(part, me) and id(part) not in asked:
            raise CannotLower(f"{where} asks more of the network than to predict")


def names_in(tree):
    """Return all names in a method, but for those of attributes."""
    return {part.id for part in ast.walk(tree) if isinstance(part, ast.Name)}


def _me(tree):
    """Return the name of the first argument, or None."""
    arguments = [*tree.args.posonlyargs, *tree.args.args]
    return arguments[0].arg if arguments else None


def _called(tree):
    """Return the ids of what is called where it is named."""
    return {id(part.func) for part in ast.walk(tree) if isinstance(part, ast.Call)}


def _is(part, name):
    return isinstance(part, ast.Name) and part.id == name


def _parts(tree):
    """Yield all that a method is made of, and what of it can be shown as text."""
    for statement in tree.body:
        yield statement, statement
        for parent in ast.walk(statement):
            for part in ast.iter_child_nodes(parent):
                yield part, part if hasattr(part, "lineno") else parent
