"""A profile as a file of the Trace Event format, which Perfetto and chrome://tracing show.

Each event is complete (``"ph": "X"``), with its beginning and its duration in microseconds. The
Python thread has a track, and so have the compiled calls and each thread of a parallel loop.
"""

import json

from fastnn._files import written_whole
from fastnn.kernels import stamps

_PROCESS = 1
_PYTHON, _CALLS, _FIRST_THREAD = 1, 2, 3  # tracks


def write(path, recorder, engines, clock, began):
    """Write a trace.

    Parameters
    ----------
    path : str or path-like
    recorder : Recorder
    engines : list of EngineStamps
    clock : Clock
    began : int
        Nanosecond at which time begins.

    Returns
    -------
    complete : bool
        Whether no event was left out.
    """
    events, tracks, complete = _python_events(recorder, began), {_PYTHON: "Python"}, True
    complete = recorder.lost == 0
    for engine in engines:
        some, names, all_of_them = _engine_events(engine, clock, began)
        events += some
        tracks |= names
        complete &= all_of_them
    # An event comes before those inside of it.
    events.sort(key=lambda event: (event["tid"], event["ts"], -event["dur"]))
    names = [_named(tid, name) for tid, name in sorted(tracks.items())]
    trace = {"traceEvents": [*names, *events], "displayTimeUnit": "ms"}
    if not complete:
        trace["otherData"] = {"note": "the first events of a long run; tables count all"}
    with written_whole(path, "w") as file:
        file.write("{\n")
        for key, value in trace.items():
            if key != "traceEvents":
                file.write(f"{json.dumps(key)}: {json.dumps(value)},\n")
        file.write('"traceEvents": [\n')
        file.write(",\n".join(map(json.dumps, trace["traceEvents"])))
        file.write("\n]}\n")
    return complete


def _named(tid, name):
    return {
        "ph": "M", "name": "thread_name", "pid": _PROCESS, "tid": tid, "args": {"name": name}
    }  # fmt: skip


def _event(tid, layer, work, name, first, last):
    return {
        "ph": "X", "pid": _PROCESS, "tid": tid, "ts": first / 1000, "dur": (last - first) / 1000,
        "name": f"{layer} {name}".strip(), "cat": work or "other",
    }  # fmt: skip


def _python_events(recorder, began):
    found = []
    for row, first, last in recorder.spans():
        name = row.work if row.kind == "Python" else row.name
        found.append(_event(_PYTHON, row.layer, row.work, name, first - began, last - began))
    return found


def _engine_events(engine, clock, began):
    """Return the events of an engine, the names of their tracks, and whether these are all."""
    events = engine.events(clock)
    labels = {int(kind): engine.label(int(kind)) for kind in set(events.kinds.tolist())}
    found, tracks = [], {}
    for kind, thread, first, last in zip(*(column.tolist() for column in events[:4]), strict=True):
        tid = _FIRST_THREAD + thread
        if kind in (stamps.CALL, stamps.LOOP):
            tid = _CALLS
        tracks[tid] = "compiled calls" if tid == _CALLS else f"thread {thread}"
        found.append(_event(tid, *labels[kind], first - began, last - began))
    return found, tracks, events.complete
