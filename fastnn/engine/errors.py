"""Errors of the engine."""


class CannotLower(ValueError):
    """A network that the engine cannot run; says which of its layers, and why."""


class PlanError(AssertionError):
    """A plan with an operation that would read or write beyond its buffers."""
