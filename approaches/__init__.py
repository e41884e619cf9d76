"""The systems under test, and the payment provider that they share."""
