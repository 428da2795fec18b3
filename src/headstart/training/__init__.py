"""The one gradient loop and what it is made of; torch lives here."""
