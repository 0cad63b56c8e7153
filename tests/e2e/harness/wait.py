"""Waiting for what other processes do: always by looking, always with a bound."""
import time

from harness.places import PATIENCE


def wait_until(condition, what, limit=PATIENCE):
    """Looks until condition() gives something true, and gives that."""
    end = time.monotonic() + limit
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"not within {limit} s: {what}")
        time.sleep(0.01)
