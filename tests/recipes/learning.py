"""A model, a regression and a figure: what scikit-learn, statsmodels and matplotlib are for."""

import io

import matplotlib
import numpy as np
import statsmodels.api as sm
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402


def handler(event, context):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200, 3))
    y = (x[:, 0] + x[:, 1] > 0).astype(int)
    train_x, test_x, train_y, test_y = train_test_split(x, y, random_state=1)
    model = RandomForestClassifier(n_estimators=20, random_state=1).fit(train_x, train_y)
    assert model.score(test_x, test_y) > 0.8
    fit = sm.OLS(x[:, 0] * 2 + 1, sm.add_constant(x[:, 0])).fit()
    assert abs(fit.params[1] - 2) < 1e-9
    figure, axes = plt.subplots()
    axes.plot(x[:, 0])
    axes.set_title("drawn with a font")
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    assert picture.getvalue().startswith(b"\x89PNG")
    return "ok"
