"""A loop that is compiled when it is first called, alone and on several threads."""

import numba
import numpy as np


@numba.njit
def total(values):
    result = 0.0
    for value in values:
        result += value
    return result


@numba.njit(parallel=True)
def squares(values):
    result = np.empty_like(values)
    for index in numba.prange(values.size):
        result[index] = values[index] ** 2
    return result


def handler(event, context):
    assert total(np.arange(4.0)) == 6.0
    assert squares(np.arange(3.0)).tolist() == [0, 1, 4]
    return "ok"
