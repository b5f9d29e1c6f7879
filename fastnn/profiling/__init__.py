"""Where the time goes, and what the machine could do: for whoever makes kernels faster."""

from ._profile import Profile, profile

__all__ = ["Profile", "profile"]
