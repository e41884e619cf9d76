"""The buyer that asks again and again how its order is doing: the published load."""

from harness.load.buyer import Buyer


class PollingBuyer(Buyer):
    """Asks for the state of an accepted order in fixed intervals."""

    def watch(self, order_id: str) -> None:
        """Poll the order until it is final, or for `watch_limit_s`."""
        deadline_ns = self.watch_deadline_ns()
        while self.may_go_on(deadline_ns):
            self.pause(self.plan.load.poll_interval_s)
            if self.ask_status(order_id).is_final:
                return
