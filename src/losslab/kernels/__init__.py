"""Fused kernels: value and gradient of a loss, or an update, in one pass; and what chooses them or the rules."""
