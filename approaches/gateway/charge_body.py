"""The body of a charge, as a client sends it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from approaches.gateway.charges import ChargeRequest

Text = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[ -~]+$")]


class ChargeBody(BaseModel):
    """Body of POST /charges."""

    model_config = ConfigDict(extra="forbid", strict=True)

    order_id: Text
    reference: Text
    amount_cents: int = Field(ge=0, le=2**53)

    def request(self) -> ChargeRequest:
        """Return what is asked to be charged."""
        return ChargeRequest(self.order_id, self.reference, self.amount_cents)
