"""In place of the package pyperf, which starts processes of its own: pyperformance's programs run so many loops, in this
one. The number is the last argument."""

import argparse
import sys
import time

perf_counter = time.perf_counter
LOOPS = int(sys.argv.pop())


class Runner:
    def __init__(self, **_):
        self.metadata = {}
        self.argparser = argparse.ArgumentParser()

    def parse_args(self, *arguments):
        self.args = self.argparser.parse_args(*arguments)
        return self.args

    def bench_func(self, name, function, *arguments, **_):
        self.parse_args()
        for _ in range(LOOPS):
            function(*arguments)
        print(name)

    def bench_time_func(self, name, function, *arguments, **_):
        self.parse_args()
        function(LOOPS, *arguments)
        print(name)
