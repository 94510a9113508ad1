"""Statistics of paired runs: plain functions over numpy arrays, without torch, pandas, a clock or a file."""
