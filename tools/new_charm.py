"""Start your own charm: copy a charm of charms/, and rename the copy everywhere.

    new_charm.py FROM NAME [TO]

`make new-charm FROM=my-node-app NAME=blog` calls this. The copy is a complete charm: its lint and
unit tests pass, and you can pack it. The text `fill-in` marks the places where only you know the
text. At the end, this prints all these places.
"""

from __future__ import annotations

import argparse
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import yaml

from pack import copy_charm

ROOT = pathlib.Path(__file__).parents[1]
FILL_IN = "fill-in"
"""Marks each place where the owner of a new charm must write something."""

# Juju's rule for the names of applications. charmcraft accepts some more names.
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]*[a-z][a-z0-9]*)*")
LONGEST_NAME = 32
"""The limit in Linux for the name of a system user. Some charms have such a user."""

PRODUCT_WORDS = {
    "mongodb": [
        "MongoDB",
        "mongodb://",
        r"mongodb\.(?:com|org)",  # MongoDB's hosts
        r"mongodb-(?:org|linux|\{|\d)",  # the Debian package, the archive, the socket
        r"(?:var/lib|run)/mongodb(?![\w-])",
        r'user(?:: [\w |]+)? = "mongodb"',  # the Debian package creates this user
        "mongodb_repository",
    ]
}
"""Patterns of names that this does not rename, because they belong to a product."""


class NewCharmError(Exception):
    """The new charm cannot be made, for the reason in the message."""


def check(charms: list[str], source: str, name: str, to: pathlib.Path) -> None:
    """Raise NewCharmError unless the charm `source` can be copied to `to` as `name`."""
    if source not in charms:
        raise NewCharmError(f"FROM={source}: this charm does not exist; use {', '.join(charms)}")
    if not NAME.fullmatch(name):
        raise NewCharmError(
            f"NAME={name}: use lower-case letters, digits and hyphens; start with a letter, and "
            "use a letter in each part between hyphens"
        )
    if len(name) > LONGEST_NAME:
        raise NewCharmError(f"NAME={name}: use at most {LONGEST_NAME} characters")
    if name in charms:
        raise NewCharmError(f"NAME={name}: a charm of this repository has this name")
    if to.exists():
        raise NewCharmError(f"TO={to}: this folder or file already exists; name a new folder")


def spell_like(text: str, words: list[str]) -> str:
    """Write a name of several words in the same style as `text`.

    The styles are `my-node-app`, `my_node_app`, `MY_NODE_APP`, `My node app`, `MyNodeApp` and
    `myNodeApp`. A single word in lower case has the first style.
    """
    for separator in "-_ ":
        if separator in text:
            spelled = separator.join(words)
            if text.isupper():
                return spelled.upper()
            return spelled.capitalize() if text[0].isupper() else spelled
    if text.islower():
        return "-".join(words)
    if text.isupper():
        return "_".join(words).upper()
    joined = "".join(word.capitalize() for word in words)
    return joined if text[0].isupper() else words[0] + joined[len(words[0]) :]


def any_spelling(name: str) -> str:
    """Return a pattern for a name in any style, also at the beginning of a longer name."""
    words = "[-_ ]?".join(map(re.escape, name.split("-")))
    return rf"(?<![A-Za-z0-9])(?i:{words})(?![a-z0-9])"


class Renaming:
    """Replaces all names of a charm with the names of a new charm."""

    def __init__(self, charm: pathlib.Path, name: str):
        """Find the charm's names.

        Args:
            charm: the folder of the charm.
            name: the name of the new charm.
        """
        metadata = yaml.safe_load((charm / "charmcraft.yaml").read_text())
        (charm_class,) = re.findall(
            r"^class (\w+)\(ops\.CharmBase\)", (charm / "src/charm.py").read_text(), re.M
        )
        words = name.split("-")
        patterns = _patterns_to_keep(charm, metadata)
        self._new_words = {"class": [*words, "charm"], "name": words}
        # No other charm uses the interface of a peer relation, so rename the interface too.
        for number, (endpoint, peer) in enumerate(metadata.get("peers", {}).items()):
            patterns.append(f"(?P<peer{number}>{any_spelling(peer['interface'])})")
            self._new_words[f"peer{number}"] = [*words, *endpoint.split("-")]
        patterns.append(rf"(?P<class>\b{charm_class}\b)")
        patterns.append(f"(?P<name>{any_spelling(metadata['name'])})")
        # One pattern and one pass, because a new name may contain the old name.
        self._pattern = re.compile("|".join(patterns), re.M)

    def __call__(self, text: str) -> str:
        """Return `text` with the new names."""
        return self._pattern.sub(self._replace, text)

    def _replace(self, match: re.Match[str]) -> str:
        kind = match.lastgroup
        return match[0] if kind is None else spell_like(match[0], self._new_words[kind])


def _patterns_to_keep(charm: pathlib.Path, metadata: dict[str, Any]) -> list[str]:
    """Return patterns of names that stay: names of products and of interfaces."""
    patterns = list(PRODUCT_WORDS.get(metadata["name"], []))
    for side in ("provides", "requires"):
        for endpoint in metadata.get(side, {}).values():
            interface: str = endpoint["interface"]
            patterns += [rf"interface:? `?{interface}(?![\w-])", f"`{interface}` relations"]
            module = charm / "src" / f"{interface.replace('-', '_')}_interface.py"
            if module.exists():
                patterns.append(rf"\b{module.stem}\b")
                names = re.findall(r"^class (\w+)", module.read_text(), re.M)
                patterns += [rf"\b{name}\b" for name in names]
    return patterns


def write_placeholders(charmcraft_yaml: str, name: str) -> str:
    """Return charmcraft.yaml with a new title, and with placeholders for the owner."""
    title = spell_like("Some name", name.split("-"))
    new = {
        "title": f"title: {title}\n",
        "summary": f"summary: {FILL_IN} - what {name} is, in one line.\n",
        "description": f"description: |\n  {FILL_IN} - what {name} does, for whom, and why.\n",
    }
    for key, lines in new.items():
        # The line of the key, and the indented or empty lines below it.
        charmcraft_yaml, count = re.subn(
            rf"^{key}:.*\n(?:\n*[ ].*\n)*", lines, charmcraft_yaml, flags=re.M
        )
        if count != 1:
            raise NewCharmError(f"charmcraft.yaml must have one line with {key}, but has {count}")
    return charmcraft_yaml


def shorten_readme(readme: str) -> str:
    """Return a README without text about the charm as an example.

    This removes the section about copying, the sentence about Juju's guide, and links to other
    folders.
    """
    readme = re.sub(r"^## Copy this folder\n.*?(?=^## |\Z)", "", readme, flags=re.M | re.S)
    begin, inside, end = r"(?<=[.:]\s)", r"(?:[^.]|\.(?!\s))*", r"\.(?: |(?=\n))"
    for sentence in ("Copy it if", rf"{inside}\(\.\./\.\./docs/from-the-guide\.md\)"):
        readme = re.sub(f"{begin}{sentence}{inside}{end}", "", readme)
    readme = re.sub(r"\[([^]]+)\]\(\.\./[^)]*\)", r"\1", readme)
    readme = re.sub(r" +$", "", readme, flags=re.M)
    return re.sub(r"\n{3,}", "\n\n", readme).rstrip() + "\n"


def rename_files(folder: pathlib.Path, rename: Renaming, name: str) -> None:
    """Rename every file of a copied charm, and the names in its text."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        text = rename(path.read_text())
        relative = path.relative_to(folder)
        if str(relative) == "charmcraft.yaml":
            text = write_placeholders(text, name)
        if str(relative) == "README.md":
            text = shorten_readme(text)
        path.write_text(text)
        renamed = folder / rename(str(relative))
        renamed.parent.mkdir(parents=True, exist_ok=True)
        path.rename(renamed)


def tidy(folder: pathlib.Path) -> None:
    """Sort imports and wrap lines again, because the new names have other lengths.

    Ruff cannot wrap text. It adds a comment to each text line that is too long, which stops its
    warning.
    """
    for arguments in (
        ["format"],
        ["check", "--add-noqa", "--select=E501"],
        ["check", "--fix"],
    ):
        command = [sys.executable, "-m", "ruff", *arguments, "--quiet", "--no-cache"]
        subprocess.run(command, cwd=folder, check=True)


def places_to_fill_in(folder: pathlib.Path) -> Iterator[str]:
    """Return each line that the owner must write, as `file:number: line`."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if FILL_IN in line:
                yield f"{path.relative_to(folder)}:{number}: {line.strip()}"


def make(source: str, name: str, to: pathlib.Path) -> None:
    """Make the charm `name` in the folder `to` from the charm `source` of this repository.

    Raises:
        NewCharmError: the charm cannot be made. This leaves no folder `to`.
    """
    charms = sorted(path.parent.name for path in ROOT.glob("charms/*/charmcraft.yaml"))
    check(charms, source, name, to)
    charm = ROOT / "charms" / source
    rename = Renaming(charm, name)
    try:
        to.mkdir(parents=True)
    except OSError as error:
        raise NewCharmError(f"TO={to}: this folder cannot be made: {error.strerror}") from error
    try:
        copy_charm(charm, to)
    except (OSError, subprocess.CalledProcessError) as error:
        to.rmdir()
        raise NewCharmError(f"git cannot list the files of charms/{source}: {error}") from error
    rename_files(to, rename, name)
    tidy(to)


def next_steps(name: str, to: pathlib.Path) -> str:
    """Return the next steps for the owner of a new charm."""
    places = "\n".join(f"     {place}" for place in places_to_fill_in(to))
    return f"""
{name} is in {to}. Next:

  1. cd {to} && git init --initial-branch main && git add .
  2. Test it: uvx tox. This also writes uv.lock with the versions of all packages.
     Commit it, and delete the build-environment with UV_FROZEN from charmcraft.yaml.
  3. Replace each {FILL_IN} with your own text:
{places}
  4. Draw your own icon.svg. Read README.md, and change it where {name} behaves differently.
  5. charmcraft pack
"""


def main() -> int:
    """Make the charm that the command line names, and print the next steps."""
    parser = argparse.ArgumentParser(description="Make a new charm from a charm in charms/.")
    parser.add_argument("source", metavar="FROM", help="a charm in charms/, such as my-node-app")
    parser.add_argument("name", metavar="NAME", help="the name of the new charm, such as blog")
    parser.add_argument(
        "to",
        metavar="TO",
        nargs="?",
        help="the new folder; default: NAME next to the repository",
    )
    args = parser.parse_args()
    to = pathlib.Path(args.to).expanduser() if args.to else ROOT.parent / args.name
    try:
        make(args.source, args.name, to.resolve())
    except NewCharmError as error:
        print(f"new-charm: {error}", file=sys.stderr)
        return 1
    print(next_steps(args.name, to.resolve()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
