"""Generate files from schema.py: the charms' copies of the models, and the READMEs' tables."""

from __future__ import annotations

from interface_checks import readme
from interface_checks.registry import interfaces


def main() -> None:
    """Write files that have changed, and print their names."""
    for interface in interfaces():
        expected = dict.fromkeys(interface.copies, interface.copied_text)
        expected[interface.folder / "README.md"] = readme.with_fields(interface)
        for path, text in expected.items():
            if not path.exists() or path.read_text() != text:
                path.write_text(text)
                print(f"wrote {path}")


if __name__ == "__main__":
    main()
