"""Engines, dialects and the schema's history: the only place that tells databases apart."""
