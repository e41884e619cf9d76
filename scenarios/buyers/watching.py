"""The buyer that listens to the event stream of its order instead of asking."""

from harness.load.buyer import Buyer
from harness.load.event_stream import EventStreamParser
from harness.load.request_outcomes import REJECTED

RECONNECTIONS = 3
RECONNECT_AFTER_MS = 1000
RECONNECT_LIMIT_MS = 5000


class WatchingBuyer(Buyer):
    """Listens to the events of an accepted order; a stream that breaks is taken up again."""

    def watch(self, order_id: str) -> None:
        """Listen until the order is final; ask once if no stream showed its end."""
        deadline_ns = self.watch_deadline_ns()
        parser = EventStreamParser()
        for tried in range(RECONNECTIONS + 1):
            answer = self.follow_events(order_id, parser, deadline_ns, tried)
            if answer.is_final:
                return
            refused = answer.outcome == REJECTED
            if refused or tried == RECONNECTIONS or not self.may_go_on(deadline_ns):
                break
            wait_ms = RECONNECT_AFTER_MS if parser.retry_ms is None else parser.retry_ms
            self.pause(min(wait_ms, RECONNECT_LIMIT_MS) / 1000)
        self.ask_status(order_id)
