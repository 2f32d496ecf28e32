# SPDX-License-Identifier: GPL-2.0-or-later
"""`python3 -m unittest -v`, and how long each test took: python3 timed.py TEST…"""

import time
import unittest


class Result(unittest.TextTestResult):
    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def addSuccess(self, test):
        unittest.TestResult.addSuccess(self, test)
        self.stream.writeln(f"ok, {time.monotonic() - self.began:.1f} s")


unittest.main(module=None, testRunner=unittest.TextTestRunner(verbosity=2, resultclass=Result))
