"""Start a charm of your own: copy one of charms/, and give the copy its own name everywhere.

    new_charm.py FROM NAME [TO]

`make new-charm FROM=my-node-app NAME=blog` calls it. The copy is a whole charm: it passes its
lint and its unit tests, and packs. What only its owner knows, it has as `fill-in`, and the places
are printed at the end.
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
"""What stands where the owner of a new charm has to write something."""

# Juju's rule for the names of applications, which charmcraft's is a little wider than.
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]*[a-z][a-z0-9]*)*")
LONGEST_NAME = 32
"""Linux allows no longer name of a system user, which some of the charms have."""

PRODUCT_WORDS = {
    "mongodb": [
        "MongoDB",
        "mongodb://",
        r"mongodb\.(?:com|org)",  # hosts
        r"mongodb-(?:org|linux|\{|\d)",  # the Debian package, the archive, the socket
        r"(?:var/lib|run)/mongodb(?![\w-])",
        r'user(?:: [\w |]+)? = "mongodb"',  # the Debian package makes this user
        "mongodb_repository",
    ]
}
"""Patterns of what keeps its name, because it is the name of a product and not of the charm."""


class NewCharmError(Exception):
    """A new charm cannot be made; the message says why."""


def check(charms: list[str], source: str, name: str, to: pathlib.Path) -> None:
    """Raise NewCharmError unless the charm `source` can be copied to `to` as `name`."""
    if source not in charms:
        raise NewCharmError(f"FROM={source}: there is no such charm; use {', '.join(charms)}")
    if not NAME.fullmatch(name):
        raise NewCharmError(
            f"NAME={name}: use lower-case letters, digits and hyphens; start with a letter, and "
            "have a letter in each part between hyphens"
        )
    if len(name) > LONGEST_NAME:
        raise NewCharmError(f"NAME={name}: use at most {LONGEST_NAME} characters")
    if name in charms:
        raise NewCharmError(f"NAME={name}: this is the name of a charm of this repository")
    if to.exists():
        raise NewCharmError(f"TO={to}: it exists already; name a new folder")


def spell_like(text: str, words: list[str]) -> str:
    """Spell a name of several words in the way in which `text` spells another name.

    `my-node-app`, `my_node_app`, `MY_NODE_APP`, `My node app`, `MyNodeApp` and `myNodeApp` are
    told apart. A single word in lower case is taken for the first of these.
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
    """Return a pattern for a name in any spelling, which may be the beginning of a longer one."""
    words = "[-_ ]?".join(map(re.escape, name.split("-")))
    return rf"(?<![A-Za-z0-9])(?i:{words})(?![a-z0-9])"


class Renaming:
    """Gives everything that has a charm's name the name of a new charm."""

    def __init__(self, charm: pathlib.Path, name: str):
        """Find out which names are the charm's own.

        Args:
            charm: the folder of the charm.
            name: the name of the new charm.
        """
        metadata = yaml.safe_load((charm / "charmcraft.yaml").read_text())
        (charm_class,) = re.findall(
            r"^class (\w+)\(ops\.CharmBase\)", (charm / "src/charm.py").read_text(), re.M
        )
        words = name.split("-")
        patterns = _kept(charm, metadata)
        self._new_words = {"class": [*words, "charm"], "name": words}
        # Both sides of a peer relation are this charm, so its interface is the charm's own.
        for number, (endpoint, peer) in enumerate(metadata.get("peers", {}).items()):
            patterns.append(f"(?P<peer{number}>{any_spelling(peer['interface'])})")
            self._new_words[f"peer{number}"] = [*words, *endpoint.split("-")]
        patterns.append(rf"(?P<class>\b{charm_class}\b)")
        patterns.append(f"(?P<name>{any_spelling(metadata['name'])})")
        # One pattern, and so one pass: a new name that has the old one in it is not replaced.
        self._pattern = re.compile("|".join(patterns), re.M)

    def __call__(self, text: str) -> str:
        """Return `text` with the names of the new charm."""
        return self._pattern.sub(self._replace, text)

    def _replace(self, match: re.Match[str]) -> str:
        kind = match.lastgroup
        return match[0] if kind is None else spell_like(match[0], self._new_words[kind])


def _kept(charm: pathlib.Path, metadata: dict[str, Any]) -> list[str]:
    """Return patterns of what keeps its name: products, and what the other side names too."""
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
    """Return charmcraft.yaml with a title for `name`, and with what its owner has to write."""
    title = spell_like("Some name", name.split("-"))
    new = {
        "title": f"title: {title}\n",
        "summary": f"summary: {FILL_IN} - what {name} is, in one line.\n",
        "description": f"description: |\n  {FILL_IN} - what {name} does, for whom, and why.\n",
    }
    for key, lines in new.items():
        # The key's line, and those below it that are indented or empty.
        charmcraft_yaml, count = re.subn(
            rf"^{key}:.*\n(?:\n*[ ].*\n)*", lines, charmcraft_yaml, flags=re.M
        )
        if count != 1:
            raise NewCharmError(f"charmcraft.yaml has {count} lines with {key}, and not one")
    return charmcraft_yaml


def shorten_readme(readme: str) -> str:
    """Return a README without what is about the charm as an example for others.

    That is how to copy it, what it answers in Juju's guide, and links that lead out of the folder.
    """
    readme = re.sub(r"^## Copy this folder\n.*?(?=^## |\Z)", "", readme, flags=re.M | re.S)
    begin, inside, end = r"(?<=[.:]\s)", r"(?:[^.]|\.(?!\s))*", r"\.(?: |(?=\n))"
    for sentence in ("Copy it if", rf"{inside}\(\.\./\.\./docs/from-the-guide\.md\)"):
        readme = re.sub(f"{begin}{sentence}{inside}{end}", "", readme)
    readme = re.sub(r"\[([^]]+)\]\(\.\./[^)]*\)", r"\1", readme)
    readme = re.sub(r" +$", "", readme, flags=re.M)
    return re.sub(r"\n{3,}", "\n\n", readme).rstrip() + "\n"


def rename_files(folder: pathlib.Path, rename: Renaming, name: str) -> None:
    """Give every file of a copied charm, and what it says, the new names."""
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
    """Sort imports and break lines anew, because names have other lengths now.

    Lines of text that are too long now are marked for ruff, and left for a person to break.
    """
    for arguments in (
        ["format"],
        ["check", "--add-noqa", "--select=E501"],
        ["check", "--fix"],
    ):
        command = [sys.executable, "-m", "ruff", *arguments, "--quiet", "--no-cache"]
        subprocess.run(command, cwd=folder, check=True)


def places_to_fill_in(folder: pathlib.Path) -> Iterator[str]:
    """Return each line that the owner of the new charm has to write, as `file:number: line`."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if FILL_IN in line:
                yield f"{path.relative_to(folder)}:{number}: {line.strip()}"


def make(source: str, name: str, to: pathlib.Path) -> None:
    """Make the charm `name` in the folder `to` out of the charm `source` of this repository.

    Raises:
        NewCharmError: it cannot be made; then there is no folder `to`.
    """
    charms = sorted(path.parent.name for path in ROOT.glob("charms/*/charmcraft.yaml"))
    check(charms, source, name, to)
    charm = ROOT / "charms" / source
    rename = Renaming(charm, name)
    try:
        to.mkdir(parents=True)
    except OSError as error:
        raise NewCharmError(f"TO={to}: it cannot be made: {error.strerror}") from error
    try:
        copy_charm(charm, to)
    except (OSError, subprocess.CalledProcessError) as error:
        to.rmdir()
        raise NewCharmError(f"git has to list the files of charms/{source}: {error}") from error
    rename_files(to, rename, name)
    tidy(to)


def next_steps(name: str, to: pathlib.Path) -> str:
    """Return what the owner of a new charm does next."""
    places = "\n".join(f"     {place}" for place in places_to_fill_in(to))
    return f"""
{name} is in {to}. Next:

  1. cd {to} && git init --initial-branch main && git add .
  2. Test it: uvx tox. That also writes uv.lock, which keeps the versions of all packages.
     Commit it, and delete the build-environment with UV_FROZEN from charmcraft.yaml.
  3. Write what only you know, in place of {FILL_IN}:
{places}
  4. Draw your own icon.svg, and read README.md: change what {name} does differently.
  5. charmcraft pack
"""


def main() -> int:
    """Make the charm that the command line names, and print what to do next."""
    parser = argparse.ArgumentParser(description="Make a new charm from one of charms/.")
    parser.add_argument("source", metavar="FROM", help="a folder of charms/, such as my-node-app")
    parser.add_argument("name", metavar="NAME", help="the name of the new charm, such as blog")
    parser.add_argument(
        "to", metavar="TO", nargs="?", help="its folder, by default beside this repository"
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
