"""One file for each formula: who is expected to do it best."""
