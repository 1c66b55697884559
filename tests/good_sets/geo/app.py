"""Joins deliveries to zones, measures in metres, and stores the result as GeoPackage and GeoJSON."""

import json
import tempfile
from pathlib import Path

import geopandas as gpd
import pyproj
from shapely.geometry import Point, box


def handler(event, context):
    zones = gpd.GeoDataFrame(
        {"zone": list(event["zones"])}, geometry=[box(*bounds) for bounds in event["zones"].values()], crs="EPSG:4326"
    )
    deliveries = gpd.GeoDataFrame(geometry=[Point(place) for place in event["deliveries"]], crs="EPSG:4326")
    joined = gpd.sjoin(deliveries, zones, predicate="within")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "joined.gpkg")
        joined[["zone", "geometry"]].to_file(path, driver="GPKG")
        back = gpd.read_file(path)
    metres = back.to_crs("EPSG:25832")
    east, north = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:25832", always_xy=True).transform(9, 0)
    distance = pyproj.Geod(ellps="WGS84").line_length([0, 0], [0, 1])
    return {
        "zones": joined["zone"].value_counts().sort_index().to_dict(),
        "crs": metres.crs.to_epsg(),
        "meridian": [round(east), round(north)],
        "apart": round(metres.geometry.iloc[0].distance(metres.geometry.iloc[1])),
        "degree_km": round(distance / 1000, 1),
        "features": len(json.loads(back.to_json())["features"]),
        "area": zones.union_all().area,
    }
