"""Files and arrays to tensors in memory: loaded, split, prepared."""
