"""Settings of a run: types, limits, and reading from YAML files."""
