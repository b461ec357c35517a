"""Run folders: writing them whole, reading them lazily."""

from neurolect.store.manifest import SCHEMA_VERSION, new_manifest, read_manifest, write_manifest
from neurolect.store.run_folder import Neuron, Run, open_run

__all__ = ["SCHEMA_VERSION", "Neuron", "Run", "new_manifest", "open_run", "read_manifest", "write_manifest"]
