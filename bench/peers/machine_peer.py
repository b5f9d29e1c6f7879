"""The machine itself: a matrix product or a copy in the place of a step."""

from roofs import ROOFS


class Machine:
    def __init__(self, roof):
        make_rival, _, self.work = ROOFS[roof]
        self._rival = make_rival()

    def reset(self):
        pass

    def steps(self, count):
        for _ in range(count):
            self._rival()
        return []


def make(task, roof):
    return Machine(roof)
