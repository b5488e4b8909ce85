"""``python -m cetrack``."""

from cetrack.cli import main

if __name__ == "__main__":
    main()
