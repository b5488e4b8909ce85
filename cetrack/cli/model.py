"""``cetrack model``: correct what is known about models."""

from __future__ import annotations

from typing import Annotated

import typer

from cetrack.cli import opening, output
from cetrack.cli.ingest import parse_settings
from cetrack.cli.options import Db
from cetrack.errors import UsageError

app = typer.Typer(
    help="Correct what is known about models.", no_args_is_help=True, rich_markup_mode=None
)
_REFERENCE = "NAME, or NAME[library,3x224x224] where several have the name."


@app.command("set")
def set_(
    model: Annotated[str, typer.Argument(metavar="MODEL", help=_REFERENCE)],
    values: Annotated[
        list[str],
        typer.Argument(
            metavar="KEY=VALUE", help="library=, category=, input_shape= or description=."
        ),
    ],
    db: Db = None,
) -> None:
    """Set the library, category, input shape or description of a model.

    \b
    Examples:
      cetrack model set resnet50 library=timm category=vision
      cetrack model set 'resnet50[timm,]' input_shape=3x224x224
    """
    from cetrack.linking import set_model

    changes = _changes(values)
    with opening.open_store(db) as store:
        set_model(store, model, changes)
    output.say(f"{model}: {', '.join(f'{key} = {value}' for key, value in changes.items())}")


@app.command("merge")
def merge(
    source: Annotated[str, typer.Argument(metavar="MODEL", help=_REFERENCE)],
    target: Annotated[str, typer.Argument(metavar="INTO", help="The model that stays.")],
    db: Db = None,
) -> None:
    """Give all runs of a model to another one, and remove the first.

    \b
    Examples:
      cetrack model merge ResNet50 'resnet50[timm,3x224x224]'
    """
    from cetrack.linking import merge_models

    with opening.open_store(db) as store:
        moved = merge_models(store, source, target)
    output.say(f"{moved:,} run{'' if moved == 1 else 's'} of {source} now belong to {target}")


def _changes(texts: list[str]) -> dict[str, str]:
    for text in texts:
        if "=" not in text:
            raise UsageError(f"'{text}' is not KEY=VALUE", hint="write library=timm")
    return parse_settings(texts)
