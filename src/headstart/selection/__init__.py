"""Choosing: the head, the recipe, the verdict."""
