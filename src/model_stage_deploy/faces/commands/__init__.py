"""One module for each group of commands: `ARGUMENTS` says what a command takes, `RUN` what it does."""
