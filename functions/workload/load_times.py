"""How long each heavy module took to import.

What must stay true: this file imports nothing heavy itself, and it measures
with a monotonic clock, so that a clock correction never changes a load time.
"""

from contextlib import contextmanager
from time import perf_counter_ns

# Milliseconds by module name, in the order in which the modules were imported.
LOAD_TIMES_MS: dict[str, float] = {}


@contextmanager
def timed(module):
    """Record the time that the body, the import of `module`, takes."""
    start = perf_counter_ns()
    yield
    LOAD_TIMES_MS[module] = round((perf_counter_ns() - start) / 1e6, 3)
