"""Trains a small booster, stores it as text as a model registry does, loads it and predicts."""

import lightgbm as lgb
import numpy as np


def handler(event, context):
    features = np.column_stack([np.arange(200.0), np.arange(200) % 7])
    labels = (features[:, 0] >= 100).astype(int)
    settings = {
        "objective": "binary",
        "deterministic": True,
        "num_threads": 2,
        "verbosity": -1,
        "min_data_in_leaf": 5,
        "force_row_wise": True,
    }
    trained = lgb.train(settings, lgb.Dataset(features, labels), num_boost_round=30)
    model = lgb.Booster(model_str=trained.model_to_string())
    likely = model.predict(np.array(event["records"], dtype=float))
    return {
        "labels": (likely > 0.5).astype(int).tolist(),
        "sure": bool(np.all(np.abs(likely - 0.5) > 0.4)),
        "trees": model.num_trees(),
        "split_on": model.feature_importance("gain").argmax().item(),
    }
