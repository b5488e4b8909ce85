"""Steps of ``cetrack.export_tb``: what is read, each run's own file, the lines across runs."""
