"""The command line: each verb parses, calls one public function, prints."""

from neurolect.cli import stages  # the order of imports is the order of the verbs in --help

# isort: split
from neurolect.cli import reading

# isort: split
from neurolect.cli import explorer

# isort: split
from neurolect.cli import naming

# isort: split
from neurolect.cli import relations

# isort: split
from neurolect.cli import models

# isort: split
from neurolect.cli import truth

# isort: split
from neurolect.cli import interventions

# isort: split
from neurolect.cli import steering

# isort: split
from neurolect.cli import probing

# isort: split
from neurolect.cli import machine
from neurolect.cli.app import app
from neurolect.cli.main import main

__all__ = [
    "app",
    "explorer",
    "interventions",
    "machine",
    "main",
    "models",
    "naming",
    "probing",
    "reading",
    "relations",
    "stages",
    "steering",
    "truth",
]
