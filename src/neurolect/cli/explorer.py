"""The verb that shows runs in a browser: serve."""

from typing import Annotated

import typer

from neurolect.cli.app import app, echo
from neurolect.cli.arguments import Config, Settings, read_config, run_folder


@app.command()
def serve(
    folders: Annotated[
        list[str],
        typer.Argument(
            help="Run folders, or their URLs; folders of probing judge, probing all, compare.", metavar="RUN..."
        ),
    ],
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any free one.")] = 8765,
    host: Annotated[
        str, typer.Option(help="Where it listens; other than this machine alone, the address has a token.")
    ] = "127.0.0.1",
    model: Annotated[str | None, typer.Option(help="The model that typed sentences are given to.")] = None,
    config: Config = None,
    settings: Settings = None,
) -> None:
    """Walk through runs in a browser."""
    from neurolect.explorer import serve

    paths = [run_folder(each) for each in folders]
    options = read_config(config, settings).serve

    def ready(address: str) -> None:
        echo(f"Open {address} in a browser; Ctrl-C ends it.")

    serve(paths, host=host, port=port, model=model, options=options, ready=ready)
