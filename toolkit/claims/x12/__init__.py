"""X12 files: 835 remittances, and 277CA, 277, 999, 997 and TA1 acknowledgments."""
