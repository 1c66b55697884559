"""A small web API behind an HTTP API of the gateway."""

from fastapi import Depends, FastAPI, HTTPException, Query
from mangum import Mangum
from pydantic import BaseModel, Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="SHOP_")
    currency: str = "EUR"


def settings():
    return Settings()


class Item(BaseModel):
    name: str = Field(min_length=1)
    price: float = Field(gt=0)


app = FastAPI(title="shop")


@app.post("/items", status_code=201)
async def add(item: Item, chosen: Settings = Depends(settings)):
    return {"label": f"{item.name}: {item.price:.2f} {chosen.currency}"}


@app.get("/items/{number}")
def find(number: int, verbose: bool = Query(default=False)):
    if number > 9:
        raise HTTPException(404, "no such item")
    return {"number": number, "verbose": verbose}


gateway = Mangum(app, lifespan="off")


def handler(event, context):
    answers = []
    for method, path, query, body in event["requests"]:
        request = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": query,
            "headers": {"content-type": "application/json"},
            "requestContext": {
                "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"}
            },
            "body": body,
            "isBase64Encoded": False,
        }
        answer = gateway(request, context)
        answers.append([answer["statusCode"], answer["body"] if len(answer["body"]) < 100 else "long"])
    return {"answers": answers, "paths": sorted(app.openapi()["paths"])}
