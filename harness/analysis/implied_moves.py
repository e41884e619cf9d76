"""The stock moves that orders stand for, of a ledger that keeps no record of moves."""

import numpy as np
import pandas as pd


def implied_moves(orders: pd.DataFrame) -> pd.DataFrame:
    """Return the moves of orders: reserved when accepted; sold, or given back, when settled."""
    settled = orders[orders["settled"].to_numpy(dtype=np.bool_)]
    is_sold = (settled["status"] == "confirmed").to_numpy(dtype=np.bool_)
    reserved = orders.assign(kind="reserve", at_ns=orders["accepted_ns"])
    ended = settled.assign(kind=np.where(is_sold, "sell", "release"), at_ns=settled["settled_ns"])
    return pd.concat([reserved, ended])[["order_id", "kind", "quantity", "at_ns"]]
