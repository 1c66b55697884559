"""Trains a small booster on the CPU, stores it as UBJSON, loads it, predicts and explains."""

import numpy as np
import xgboost as xgb


def handler(event, context):
    features = np.column_stack([np.arange(200.0), np.arange(200) % 7])
    labels = (features[:, 0] >= 100).astype(int)
    data = xgb.DMatrix(features, labels, feature_names=["age", "weekday"])
    settings = {"objective": "binary:logistic", "max_depth": 2, "nthread": 2, "tree_method": "hist"}
    trained = xgb.train(settings, data, num_boost_round=30)
    model = xgb.Booster(model_file=trained.save_raw("ubj"))
    records = xgb.DMatrix(np.array(event["records"], dtype=float), feature_names=["age", "weekday"])
    likely = model.predict(records)
    why = model.predict(records, pred_contribs=True)
    return {
        "labels": (likely > 0.5).astype(int).tolist(),
        "sure": bool(np.all(np.abs(likely - 0.5) > 0.4)),
        "split_on": max(model.get_score(importance_type="gain").items(), key=lambda item: item[1])[0],
        "explained_by": [["age", "weekday"][column] for column in np.abs(why[:, :2]).argmax(axis=1)],
    }
