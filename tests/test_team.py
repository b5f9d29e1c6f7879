"""Threads that share out the parts of phases: each part is done once, in the phase it is of."""

import numba
import numpy as np
import pytest
from fastnn.kernels import _jit, team
from numba import prange

PHASES, PARTS = 400, 7


@_jit.helper
def _take_parts(thread, number, done, wrong, members):
    part = team.take(members, thread, number)
    while part >= 0:
        _, phase, _ = team.described(members)
        for other in range(done.size):  # all parts of the phase before are done
            if done[other] < phase:
                wrong[0] += 1
        done[part] += 1
        team.finish(members)
        part = team.take(members, thread, number)


@_jit.helper
def _work(thread, phases, done, wrong, members):
    if thread == team.LEADER:
        for phase in range(phases):
            team.publish(members, phase + 1, done.size, 0, phase, 0)
            _take_parts(thread, phase + 1, done, wrong, members)
            team.wait_for_parts(members, done.size)
        team.dismiss(members)
    else:
        number = team.wait_for_phase(members, thread, 0)
        while number >= 0:
            _take_parts(thread, number, done, wrong, members)
            number = team.wait_for_phase(members, thread, number)


@_jit.kernel(serial_below=0)
def _all_work(phases, done, wrong, members):
    for thread in prange(team.size(members)):
        _work(thread, phases, done, wrong, members)


@pytest.fixture
def counts():
    return np.zeros(PARTS, np.int64), np.zeros(1, np.int64)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_one_thread_does_all_if_no_other_comes(threads, counts):
    members = team.make(threads)
    _work(team.LEADER, PHASES, *counts, members)
    np.testing.assert_array_equal(counts[0], PHASES)
    assert counts[1] == 0
    for thread in range(1, threads):  # those who come late have nothing to do
        _work(thread, PHASES, *counts, members)
    np.testing.assert_array_equal(counts[0], PHASES)


@pytest.mark.compiled
def test_every_part_is_done_once_and_no_phase_begins_too_early(counts):
    threads = numba.get_num_threads()
    for members in (threads, 2 * threads, 3 * PARTS):  # with as many, or more than there are
        for array in counts:
            array[:] = 0
        _all_work(PHASES, *counts, team.make(members))
        np.testing.assert_array_equal(counts[0], PHASES)
        assert counts[1] == 0


@pytest.mark.parametrize("parts", [0, 1, 2, 7, 1000, (1 << 18) - 1])
def test_parts_are_cut_into_runs_of_their_own(parts):
    members = team.make(3)
    team.publish(members, 5, parts, 1, 2, 3)
    assert team.described(members) == (1, 2, 3)
    firsts = [team.take(members, thread, 5) for thread in range(3)] if parts >= 3 else []
    assert firsts == [thread * parts // 3 for thread in range(3)][: len(firsts)]
    rest = min(parts - len(firsts), 2000)
    taken = [team.take(members, 1, 5) for _ in range(rest)]
    assert len({*taken, *firsts}) == len(taken) + len(firsts)
    assert min(taken, default=0) >= 0
    if parts <= 2000:
        assert team.take(members, 0, 5) == -1


def test_parts_of_another_phase_are_not_taken():
    members = team.make(2)
    team.publish(members, 1, 4, 0, 0, 0)
    assert team.take(members, 1, 2) == -1
    team.publish(members, 2, 4, 0, 0, 0)
    assert team.take(members, 1, 1) == -1
    assert team.take(members, 1, 2) == 2


def test_a_follower_that_nobody_leads_goes():
    assert team.wait_for_phase(team.make(2), 1, 0) == -1


def test_the_dismissed_go():
    members = team.make(2)
    team.publish(members, 1, 1, 0, 0, 0)
    assert team.wait_for_phase(members, 1, 0) == 1
    team.dismiss(members)
    assert team.wait_for_phase(members, 1, 1) == -1
