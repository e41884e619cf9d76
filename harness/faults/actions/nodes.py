"""Faults of nodes: a machine is taken off the network, or its engine is stopped."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from harness.faults.actions.base import FaultAction, carries_out


class NodeAction(FaultAction, ABC):
    """Hits a node, and with it every replica that runs there."""

    @property
    def _node(self) -> str:
        """Return the node that is hit."""
        assert self._fault.node is not None  # noqa: S101 - the scenario refuses it
        return self._fault.node

    def facts(self) -> Mapping[str, Any]:
        """Return the services that are hit with it."""
        return {"services": self._deployment.services_on(self._node)}

    @abstractmethod
    def inject(self) -> None:
        """Break it."""

    def undo(self) -> None:
        """Bring it back."""
        self._deployment.bring_back_node(self._node)

    def recover(self) -> None:
        """Start what ended on it, and wait until all is healthy."""
        self._deployment.revive_node(self._node)


@carries_out("partition_node")
class PartitionNode(NodeAction):
    """Takes nodes off the network; what runs on them runs on."""

    def inject(self) -> None:
        """Take it off."""
        self._deployment.partition_node(self._node)


@carries_out("stop_node")
class StopNode(NodeAction):
    """Stops the engines of nodes, with which their containers end."""

    def inject(self) -> None:
        """Stop it."""
        self._deployment.stop_node(self._node)
