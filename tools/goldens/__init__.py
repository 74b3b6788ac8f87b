"""The makers of golden outputs: one module a group of goldens, `values` and `store` shared by all of them."""
