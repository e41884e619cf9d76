"""What any approach sells, and how: schema, accounts, order states, payments, problem bodies.

The approaches differ only in architecture; everything a buyer could notice besides that is here,
once. This package imports nothing, so that the health probe starts fast.
"""
