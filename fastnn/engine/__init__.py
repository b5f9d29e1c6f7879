"""The engine: whole training steps in one compiled call."""

from .engine import Engine
from .errors import CannotLower

__all__ = ["CannotLower", "Engine"]
