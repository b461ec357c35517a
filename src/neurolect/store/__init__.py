"""Run folders: writing them whole, reading them lazily."""

from neurolect.store.manifest import new_manifest, read_manifest, write_manifest
from neurolect.store.run_folder import Neuron, Run, open_run

__all__ = ["Neuron", "Run", "new_manifest", "open_run", "read_manifest", "write_manifest"]
