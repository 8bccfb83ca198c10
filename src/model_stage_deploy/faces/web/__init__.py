"""`serve`: the pages of the registry over HTTP on this machine, with dialogs that change it."""
