"""Writes a workbook with a chart, changes it with another library, and reads the sheet back."""

import io

import openpyxl
import pandas as pd


def handler(event, context):
    frame = pd.DataFrame(event["sales"])
    totals = frame.pivot_table(index="region", columns="quarter", values="amount", aggfunc="sum", margins=True)
    stored = io.BytesIO()
    with pd.ExcelWriter(stored, engine="xlsxwriter") as writer:
        totals.to_excel(writer, sheet_name="Totals")
        chart = writer.book.add_chart({"type": "column"})
        chart.add_series({"values": ["Totals", 1, 1, 2, 1]})
        writer.sheets["Totals"].insert_chart("F2", chart)
    stored.seek(0)
    book = openpyxl.load_workbook(stored)
    sheet = book["Totals"]
    sheet["A6"] = "checked"
    sheet["B6"] = "=SUM(B2:B3)"
    again = io.BytesIO()
    book.save(again)
    again.seek(0)
    back = pd.read_excel(again, sheet_name="Totals", index_col=0, engine="openpyxl")
    return {
        "columns": [str(column) for column in back.columns],
        "all": float(back.loc["All", "All"]),
        "south": [float(value) for value in back.loc["south"]],
        "cells": sheet.dimensions,
    }
