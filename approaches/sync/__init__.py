"""The synchronous shop: Flask under waitress, one process, the payment inside the request.

A thread of the server is held for as long as the payment gateway takes, so the capacity is THREADS
divided by that time: 1.6 orders/s with waitress's default of 4 threads and charges of 2.5 s. That
is the system under test, not an accident; what is avoidable is avoided: the connection to the
database is *not* held meanwhile, no lock outlives its statement's commit, and a request whose
client has hung up is not started.
"""
