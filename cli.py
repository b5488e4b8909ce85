"""Launcher for a checkout: ``python cli.py ingest results/`` is ``cetrack ingest results/``."""

from cetrack.cli import main

if __name__ == "__main__":
    main()
