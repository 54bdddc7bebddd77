"""The templates beside this file (pages, and a Python file), and what is put into a page as it is."""

import base64
import hashlib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

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


def embedded(content: Any) -> Markup:
    """JSON that can stand in a script element, whatever a name in it says."""
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def asset(name: str) -> Markup:
    """The text of a style sheet, a script or a list of words among the templates, by its file name."""
    return Markup((Path(__file__).parent / "templates" / name).read_text(encoding="utf-8"))


@cache
def plotly() -> Markup:
    """plotly's own script, so that a page needs no network."""
    from plotly.offline import get_plotlyjs  # here, because only pages with charts need it

    return Markup(get_plotlyjs().replace("</script", "<\\/script"))


def policy(scripts: Iterable[str]) -> str:
    """A content security policy under which these scripts run and no other, should one ever come in with a name."""
    hashes = (base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{one}'" for one in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
