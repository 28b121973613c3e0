"""Databases that lie in one file: records out of pages, without the library that wrote them."""
