"""The main job on a throw-away registry, for a first look without GitHub: `python -m model_stage_deploy demo`."""
