"""The losses beside those of other packages: `make peers`. No part of `make test`.

One file for each package, with rows of two calls, both as code. They are made on the same inputs, drawn by seed.
"""
