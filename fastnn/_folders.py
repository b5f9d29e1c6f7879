"""Where fastnn keeps what it wants to find again: compiled kernels and data sets."""

import os
import sys
from pathlib import Path


def user_cache_folder():
    """Return the user's cache folder for fastnn, as a `pathlib.Path`; it may not exist yet."""
    if os.environ.get("XDG_CACHE_HOME"):
        base = Path(os.environ["XDG_CACHE_HOME"])
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home()))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path.home() / ".cache"
    return base / "fastnn"
