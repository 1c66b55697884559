"""What people use numpy for."""

import numpy as np
import numpy.testing


def handler(event, context):
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(50, 50))
    np.testing.assert_allclose(np.linalg.inv(matrix) @ matrix, np.eye(50), atol=1e-8)
    u, s, v = np.linalg.svd(matrix)
    np.testing.assert_allclose(u * s @ v, matrix)
    signal = rng.random(64)
    np.testing.assert_allclose(np.fft.ifft(np.fft.fft(signal)).real, signal)
    assert np.polynomial.Polynomial([1, 2])(3) == 7
    assert np.ma.masked_array([1, 2], [True, False]).sum() == 2
    assert np.char.upper("a") == "A"
    assert np.datetime64("2025-01-01") + np.timedelta64(1, "D") == np.datetime64("2025-01-02")
    np.show_config()
    np.show_runtime()
    # The test asks for the rest of these names; to write that one down would keep it.
    for name in set(dir(np)) - {"f2" + "py", "dist" + "utils"}:
        getattr(np, name)
