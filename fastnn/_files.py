"""Writing files so that a reader never meets half of one."""

import os
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def written_whole(path, mode="wb"):
    """Open a file that takes the name `path` when it is complete, and vanishes otherwise.

    It is written beside its final place, flushed to the disk, then renamed over whatever bore
    the name before.

    Parameters
    ----------
    path : str or path-like
    mode : str
        ``"wb"``, or ``"w"`` for text in UTF-8.

    Yields
    ------
    file : file object
    """
    path = Path(path)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(handle, mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if os.name == "posix":
            # mkstemp lets only the owner read; an ordinary file is as open as umask says.
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
