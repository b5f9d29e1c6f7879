"""Training: the book's `Trainer`, and `fit`, which the command line uses."""

from .evaluation import evaluate
from .fit import fit
from .history import BatchReport, History, NonFiniteLossError
from .trainer import Trainer

__all__ = ["BatchReport", "History", "NonFiniteLossError", "Trainer", "evaluate", "fit"]
