"""Fits a line, a seasonal forecast and a test of means, on numbers whose answers are known."""

import numpy as np
import pandas as pd
import statsmodels.api as sm
import statsmodels.formula.api as smf
from scipy import optimize, stats
from statsmodels.tsa.holtwinters import ExponentialSmoothing


def handler(event, context):
    x = np.arange(24.0)
    frame = pd.DataFrame({"x": x, "season": np.tile(event["season"], 6), "y": 3 + 2 * x})
    line = smf.ols("y ~ x", frame).fit()
    weighted = sm.WLS(frame["y"], sm.add_constant(frame["x"]), weights=np.ones(24)).fit()
    frame["sales"] = frame["y"] + frame["season"]
    series = frame.set_index(pd.date_range("2020-01-01", periods=24, freq="QS"))["sales"]
    model = ExponentialSmoothing(series, trend="add", seasonal="add", seasonal_periods=4).fit()
    forecast = model.forecast(4)
    best = optimize.minimize_scalar(lambda value: (value - 1.5) ** 2)
    return {
        "intercept": round(line.params["Intercept"], 6),
        "slope": round(line.params["x"], 6),
        "same": bool(np.allclose(line.params.to_numpy(), weighted.params.to_numpy())),
        "forecast": [round(value) for value in forecast],
        "quarter": str(forecast.index[0].to_period("Q")),
        "p": round(stats.ttest_ind([1, 2, 3], [1, 2, 3]).pvalue, 6),
        "best": round(best.x, 4),
    }
