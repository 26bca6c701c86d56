"""Writes what follows from schema.py: the charms' copies of the models, the READMEs' tables."""

from __future__ import annotations

from interface_checks import readme
from interface_checks.registry import interfaces


def main() -> None:
    """Write what differs, and say what was written."""
    for interface in interfaces():
        wanted = dict.fromkeys(interface.copies, interface.copied_text)
        wanted[interface.folder / "README.md"] = readme.with_fields(interface)
        for path, text in wanted.items():
            if not path.exists() or path.read_text() != text:
                path.write_text(text)
                print(f"wrote {path}")


if __name__ == "__main__":
    main()
