"""Checks the interfaces, and that charms follow them."""
