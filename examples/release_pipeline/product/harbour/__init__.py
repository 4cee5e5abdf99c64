"""Tide tables and berth plans."""

__version__ = "1.4.0"
