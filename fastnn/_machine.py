"""What the machine tells of its processor, and of how much of it this process may use."""

import os
import platform
from pathlib import Path, PurePosixPath


def processor():
    """Return what the processor calls itself."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def usable():
    """Return how many logical processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def physical(root="/"):
    """Return how many cores the system has: those of one have the same siblings.

    Raises
    ------
    FileNotFoundError
        If it does not tell.
    """
    folder = Path(root, "sys/devices/system/cpu")
    cores = {path.read_text() for path in folder.glob("cpu[0-9]*/topology/thread_siblings_list")}
    if not cores:
        raise FileNotFoundError(f"{folder} does not tell")
    return len(cores)


def quota(root="/"):
    """Return how many processors' time the control groups of this process grant it.

    Parameters
    ----------
    root : path
        Where ``proc`` and ``sys`` are.

    Returns
    -------
    processors : float or None
        The least of all groups that it is in, of either version; None if there is no limit.

    Raises
    ------
    OSError, ValueError
        If the system does not tell.
    """
    limits = []
    for line in Path(root, "proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        group = PurePosixPath(path).relative_to("/")
        # Inside of a container the path may be that outside of it; what there is lies above.
        for folder in (group, *group.parents):
            for mount in ("", "unified") if not controllers else (controllers, "cpu"):
                limits += _limit(Path(root, "sys/fs/cgroup", mount, folder))
    return min(limits, default=None)


def _limit(folder):
    """Return the limit of a control group, in a list; empty if it has none."""
    try:
        if (folder / "cpu.max").exists():  # version 2
            allowed, period = (folder / "cpu.max").read_text().split()
        else:
            allowed = (folder / "cpu.cfs_quota_us").read_text()
            period = (folder / "cpu.cfs_period_us").read_text()
    except (FileNotFoundError, NotADirectoryError):
        return []
    if allowed == "max" or int(allowed) == -1:
        return []
    if int(allowed) <= 0 or int(period) <= 0:
        raise ValueError(f"{folder} holds a quota of {allowed.strip()} in {period.strip()} us")
    return [int(allowed) / int(period)]
