"""Transfer learning that pays off, and proves it."""

__version__ = "0.1.0"
