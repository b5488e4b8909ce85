"""Statistics on plain arrays: arrays in, values out. Knows neither runs nor databases."""
