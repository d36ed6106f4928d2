"""A sealed file: its bytes, its form, its claims and its signature."""
