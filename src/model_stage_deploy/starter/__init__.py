"""Files that `init` writes: a commented mapping and a workflow."""
