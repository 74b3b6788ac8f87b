"""The makers of golden outputs: a module per group of goldens; all share `values` and `store`."""
