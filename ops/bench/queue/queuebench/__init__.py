"""Measures Packshot's queue and ledger beside other job queues, on the same servers in the same run."""
