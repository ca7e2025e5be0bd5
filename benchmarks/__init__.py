"""Benchmarks: `make bench`. They time and compare; nothing of the toolkit imports them."""
