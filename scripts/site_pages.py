"""Pages that the documentation site has besides docs/: the README, CONTRIBUTING and the API reference.

MkDocs calls these functions while it builds the site (`hooks` in mkdocs.yml).
"""

import inspect
import posixpath
import re
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import griffe
from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parent.parent
# Python files are looked up from the project's folder, as the documented package is.
sys.path.insert(0, str(ROOT))

PAGES = {"index.md": "README.md", "contributing.md": "CONTRIBUTING.md"}
_EXAMPLE = re.compile(r"^>>> .*(?:\n.+)*", re.M)
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)#:\s]+)(#[^)\s]*)?\)")


class FencedExamples(griffe.Extension):
    """Shows the examples of a docstring (`>>>`, to the next blank line) as code."""

    def on_object(self, *, obj, **_):
        if obj.docstring:
            obj.docstring.value = _EXAMPLE.sub(r"```pycon\n\g<0>\n```", obj.docstring.value)


def on_config(config):
    """Add the decisions and the API reference to the navigation."""
    decisions = sorted((ROOT / "docs" / "decisions").glob("0*.md"))
    config.nav += [
        {"Decisions": ["decisions/README.md", *(f"decisions/{one.name}" for one in decisions)]},
        {"API reference": [f"reference/{name}.md" for name in packages()]},
    ]
    return config


def on_files(files, config):
    """Add README, CONTRIBUTING and one reference page a package."""
    for page, source in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=linked(text, source)))
    for name, text in reference().items():
        files.append(File.generated(config, f"reference/{name}.md", content=text))
    return files


def on_page_markdown(markdown, page, **_):
    """Let the links of a page of docs/ lead to pages of the site."""
    if page.file.src_uri in PAGES or page.file.src_uri.startswith("reference/"):
        return markdown
    return linked(markdown, f"docs/{page.file.src_uri}")


def linked(markdown: str, source: str) -> str:
    """Return a file's Markdown with its links led to pages of the site; other files lose the link."""
    here = posixpath.dirname(source)
    pages = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md"}
    page = pages.get(source, source.removeprefix("docs/"))

    def replace(match: re.Match) -> str:
        image, text, target, anchor = match.groups()
        path = posixpath.normpath(posixpath.join(here, target))
        if path in pages:
            goal = pages[path]
        elif path.startswith("docs/"):
            goal = path.removeprefix("docs/")
            goal += "" if posixpath.splitext(goal)[1] else "/README.md"
        else:
            return text if text.startswith("`") else f"`{text}`"
        goal = posixpath.relpath(goal, posixpath.dirname(page) or ".")
        return f"{image}[{text}]({goal}{anchor or ''})"

    return _LINK.sub(replace, markdown)


def packages() -> dict[str, tuple[str, ...]]:
    """Return the public names of `toolkit` and of each of its packages, by the package's name."""
    toolkit = import_module("toolkit")
    inside = [one.name for one in iter_modules(toolkit.__path__) if one.ispkg]
    names = ["toolkit", *(f"toolkit.{name}" for name in sorted(inside))]
    public = {name: tuple(getattr(import_module(name), "__all__", ())) for name in names}
    return {name: every for name, every in public.items() if every}


def reference() -> dict[str, str]:
    """Return the page of each package; a name is described once, where its package lists it."""
    described: dict[str, str] = {}
    pages = {}
    for name, public in reversed(packages().items()):
        lines = [f"# {name}", "", inspect.cleandoc(import_module(name).__doc__ or ""), ""]
        for one in sorted(public, key=str.lower):
            path = defined_at(name, one)
            if path in described:
                lines += [f"## {one}", "", f"See [`{described[path]}.{one}`][{path}].", ""]
                continue
            described[path] = name
            lines += [f"::: {path}", ""]
        pages[name] = "\n".join(lines)
    return pages


def defined_at(package: str, name: str) -> str:
    """Return the dotted path of the module's own definition of a package's public name."""
    value = getattr(import_module(package), name)
    if inspect.ismodule(
        value
    ):  # a module may be named like a function of its own, and be called like it
        own = getattr(getattr(value, name, None), "__module__", None) == value.__name__
        return f"{value.__name__}.{name}" if own else value.__name__
    if inspect.isclass(value) or inspect.isroutine(value) or hasattr(value, "__wrapped__"):
        return f"{value.__module__}.{value.__qualname__}"
    where = getattr(import_module(package), "_WHERE", {}).get(name)
    return f"{package}.{where}.{name}" if where else f"{package}.{name}"
