"""Statistics: arrays in, values out; knows no database."""
