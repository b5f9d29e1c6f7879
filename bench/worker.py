"""A process that runs one contestant: reads calls as lines of JSON, and answers with lines.

    python bench/worker.py MODULE SETTINGS

MODULE is one of `peers`, SETTINGS the keyword arguments, in JSON, of its `make`.
"""

import importlib
import json
import os
import sys
import time
import traceback

import tasks


def main(module, settings):
    # Libraries may print, and compilers too: only the answers go to the parent.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    contestant = None
    for line in sys.stdin:
        call = json.loads(line)
        try:
            if call["do"] == "load":
                contestant = None  # what it holds is freed before there is a second one
                task = tasks.load(call["folder"])
                contestant = importlib.import_module(module).make(task, **settings)
                answer = {}
            else:
                method = getattr(contestant, call["do"])
                start = time.perf_counter()
                value = method(**call["arguments"])
                answer = {"seconds": time.perf_counter() - start, "value": value}
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
