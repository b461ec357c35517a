"""Run folders: writing them whole, reading them lazily."""

from neurolect.store.manifest import new_manifest, read_manifest, write_manifest
from neurolect.store.run_folder import Neuron, Run, open_run
from neurolect.store.sides import SIDES

__all__ = ["SIDES", "Neuron", "Run", "new_manifest", "open_run", "read_manifest", "write_manifest"]
