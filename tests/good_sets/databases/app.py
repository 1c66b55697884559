"""Maps orders with SQLAlchemy on SQLite, and speaks the dialects of PostgreSQL and MySQL as far as no server is needed."""

import psycopg2
import psycopg2.extensions
import pymysql.converters
from sqlalchemy import ForeignKey, create_engine, func, select
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customers"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    orders: Mapped[list["Order"]] = relationship(back_populates="customer")


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    amount: Mapped[int]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    customer: Mapped[Customer] = relationship(back_populates="orders")


def handler(event, context):
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        for name, amounts in event["orders"].items():
            session.add(Customer(name=name, orders=[Order(amount=amount) for amount in amounts]))
        session.commit()
        query = select(Customer.name, func.sum(Order.amount)).join(Order).group_by(Customer.name).order_by(Customer.name)
        totals = [list(row) for row in session.execute(query)]
    upsert = postgresql.insert(Customer).values(name="x").on_conflict_do_nothing()
    try:
        psycopg2.connect(host="/nonexistent", dbname="none", connect_timeout=1)
        reason = None
    except psycopg2.OperationalError as error:
        reason = type(error).__name__
    for url in ("postgresql+psycopg2://", "mysql+pymysql://"):
        create_engine(url)
    return {
        "totals": totals,
        "postgresql": "ON CONFLICT DO NOTHING" in str(upsert.compile(dialect=postgresql.dialect())),
        "mysql": str(select(Order.id).limit(1).compile(dialect=mysql.dialect())).split("\n")[-1].strip(),
        "dsn": psycopg2.extensions.parse_dsn("postgresql://u@db.example:5433/shop"),
        "connect": reason,
        "escaped": pymysql.converters.escape_string("it's"),
    }
