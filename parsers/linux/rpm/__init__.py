"""Packages of rpm: the header of each, and the shapes of the database that holds them."""
