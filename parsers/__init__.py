"""Readers of formats: pure functions from bytes or text to frozen typed models."""
