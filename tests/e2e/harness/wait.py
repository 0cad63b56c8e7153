"""Waiting for what other processes do: always by looking, always with a bound."""
import time

from harness.places import PATIENCE


def wait_until(condition, what, limit=PATIENCE):
    """Waits until condition() returns something true, and returns that."""
    end = time.monotonic() + limit
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"not within {limit} s: {what}")
        time.sleep(0.01)
