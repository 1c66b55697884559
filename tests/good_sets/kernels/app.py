"""Compiles a loop and a ufunc at run time, and finds routes in a network."""

import networkx as nx
import numpy as np
from numba import njit, prange, vectorize


@njit(cache=False)
def collatz(number):
    steps = 0
    while number != 1:
        number = number // 2 if number % 2 == 0 else 3 * number + 1
        steps += 1
    return steps


@njit(parallel=True)
def total(values):
    result = 0.0
    for index in prange(values.size):
        result += values[index] ** 2
    return result


@vectorize(["float64(float64, float64)"])
def larger(left, right):
    return left if left > right else right


def handler(event, context):
    roads = nx.Graph()
    roads.add_weighted_edges_from([tuple(road) for road in event["roads"]])
    links = nx.DiGraph([("a", "b"), ("b", "a"), ("c", "a")])
    matrix = nx.to_numpy_array(roads)
    return {
        "steps": [collatz(number) for number in (1, 6, 27)],
        "total": total(np.arange(5.0)),
        "larger": larger(np.array([1.0, 5.0]), np.array([3.0, 2.0])).tolist(),
        "route": nx.shortest_path(roads, "a", "d", weight="weight"),
        "length": nx.shortest_path_length(roads, "a", "d", weight="weight"),
        "components": nx.number_strongly_connected_components(links),
        "weights": float(matrix.sum()),
    }
