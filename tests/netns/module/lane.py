# SPDX-License-Identifier: GPL-2.0-or-later
"""lane.py LANE LANES: this lane's share of the module's tests, 0 to LANES - 1.

A test waits for most of its time, so several lanes run at once, each with a namespace, a folder and zebras of its own. The
longest tests (`takes` in test_module.py) are dealt out first, each to the lane that has the least to do."""
import sys
import unittest

MODULES = ("test_module", "test_truth", "test_anything", "test_hold")


def flat(tests):
    for each in tests:
        if isinstance(each, unittest.TestSuite):
            yield from flat(each)
        else:
            yield each


def seconds(test):
    return getattr(getattr(test, test._testMethodName), "takes", 1)


def share(lane, lanes):
    tests = sorted(flat(unittest.defaultTestLoader.loadTestsFromNames(MODULES)), key=seconds, reverse=True)
    work, mine = [0] * lanes, []
    for test in tests:
        least = work.index(min(work))
        work[least] += seconds(test)
        if least == lane:
            mine.append(test)
    return mine


if __name__ == "__main__":
    suite = unittest.TestSuite(share(int(sys.argv[1]), int(sys.argv[2])))
    sys.exit(not unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful())
