"""The explorer: runs as pages of a browser, served live or written as a site."""

from neurolect.explorer.answers.source import Answers
from neurolect.explorer.options import ServeOptions
from neurolect.explorer.server.running import serve
from neurolect.explorer.site.export import export_folder

__all__ = ["Answers", "ServeOptions", "export_folder", "serve"]
