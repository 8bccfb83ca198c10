"""The pages of the registry as HTML: the same templates for `serve` and for the static report."""
