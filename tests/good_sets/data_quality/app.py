"""Checks a batch against a schema and says which rows fail what."""

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series


class Orders(pa.DataFrameModel):
    order_id: Series[int] = pa.Field(unique=True)
    amount: Series[float] = pa.Field(gt=0, coerce=True)
    country: Series[str] = pa.Field(isin=["DE", "FR"])

    @pa.check("order_id")
    def is_even(cls, numbers):
        return numbers % 2 == 0


def handler(event, context):
    good = Orders.validate(pd.DataFrame(event["good"]))
    try:
        Orders.validate(pd.DataFrame(event["bad"]), lazy=True)
        failures = []
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases
        failures = sorted(f"{row.column} {row.failure_case}" for row in cases.itertuples())
    return {"types": [str(kind) for kind in good.dtypes[:2]], "failures": failures}
