"""What makes a release: versions, the wheel, the image's place in action.yml, the tags. `python -m release --help`."""
