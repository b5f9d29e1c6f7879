"""The engine: whole training steps in one compiled call."""

from .calls import Pace, train_in_calls
from .engine import Engine
from .errors import CannotLower

__all__ = ["CannotLower", "Engine", "Pace", "train_in_calls"]
