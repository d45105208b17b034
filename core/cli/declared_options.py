"""Commands whose options their spec declares."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields
from typing import Annotated, Any, get_type_hints

import typer
from typer.core import TyperCommand

from assay.core.cli.config_option import ConfigOption, SaveConfigOption, with_config
from assay.core.cli.options import Running, split_words
from assay.core.specs.commands import Command
from assay.core.specs.config_file import config_text
from assay.core.specs.options import CommandOption


def declared_command(app: typer.Typer, command: Command) -> Callable[[Callable[..., None]], Any]:
    """Registers a function as a command whose ``spec`` is built from the declared options.

    Its other parameters are options of its own; ``how`` is a ``Running`` and stands for that class'
    fields.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(function, eval_str=True).parameters
        running = own["how"].annotation

        def run(**given: Any) -> None:
            from assay.core.audit.early_checks import check_early
            from assay.core.audit.store_lookups import StoreLookups

            given.pop("config", None)
            target = given.pop("save_config", None)
            asked = {one.name: _as_value(one, given.pop(one.name)) for one in command.options}
            how = running(**{one.name: given.pop(one.name) for one in fields(running)})
            spec = command.build(asked, StoreLookups(how.place))
            check_early(spec)
            if target:
                target.write_text(config_text(command, command.given(asked)), encoding="utf-8")
            function(spec, how=how, **given)

        run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [
                *map(_parameter, command.options),
                *(
                    one.replace(kind=inspect.Parameter.KEYWORD_ONLY)
                    for name, one in own.items()
                    if name not in ("spec", "how")
                ),
                *_parameters_of(running),
                *_config_parameters(command),
            ]
        )
        app.command(command.name, help=inspect.getdoc(function), cls=_Configured)(run)
        return function

    return register


class _Configured(TyperCommand):
    """Replaces a config file option by the file's options before anything is parsed."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        # No file is read while a shell completes a command.
        words = args if ctx.resilient_parsing else with_config([str(self.name), *args])[1:]
        return super().parse_args(ctx, words)


def _parameter(one: CommandOption) -> inspect.Parameter:
    declared = one.declared
    kind = one.kind
    is_list = one.is_repeated and not declared.is_joined
    if one.is_repeated:
        kind = list[kind] if is_list else str  # type: ignore[valid-type]
    default = one.default
    if isinstance(default, tuple):
        default = list(default) if is_list else ",".join(default)
    if default is None:
        kind = kind | None
    if declared.is_argument:
        info: Any = typer.Argument(help=declared.help)
    else:
        flags = one.flag if one.kind is not bool or not default else f"{one.flag}/--no-{one.key}"
        info = typer.Option(
            flags, help=declared.help or None, min=declared.minimum, show_default=_shown(one)
        )
    return inspect.Parameter(
        one.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if one.is_required else default,
        annotation=Annotated[kind, info],
    )


def _shown(one: CommandOption) -> bool | str:
    return one.declared.unset or True


def _as_value(one: CommandOption, value: Any) -> Any:
    """The typed text as a value of the spec."""
    return split_words(value) if one.declared.is_joined else value


def _parameters_of(running: type[Running]) -> list[inspect.Parameter]:
    types = get_type_hints(running, include_extras=True)
    kind = inspect.Parameter.KEYWORD_ONLY
    return [
        inspect.Parameter(one.name, kind, default=one.default, annotation=types[one.name])
        for one in fields(running)
    ]


def _config_parameters(command: Command) -> list[inspect.Parameter]:
    if not command.has_config:
        return []
    kind = inspect.Parameter.KEYWORD_ONLY
    return [
        inspect.Parameter("config", kind, default=None, annotation=ConfigOption),
        inspect.Parameter("save_config", kind, default=None, annotation=SaveConfigOption),
    ]
