"""Holds interfaces to what they say, and charms to their interfaces."""
