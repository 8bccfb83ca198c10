"""Gates: what must hold before a stage is deployed. The contract, then one file per gate."""
