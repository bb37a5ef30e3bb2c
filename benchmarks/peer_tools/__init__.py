"""Parts of `benchmarks/peers.py`: cases, tools and how to get them, the runner, the judge, the table."""
