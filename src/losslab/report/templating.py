"""The templates beside this file: a page, and a Python file."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Template


def template(name: str, *, escape: bool) -> "Template":
    """A template by its file name; `escape` for HTML. A name that a template does not get is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # on first use: importing losslab stays quick

    environment = Environment(
        loader=PackageLoader("losslab.report"),
        autoescape=escape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name)
