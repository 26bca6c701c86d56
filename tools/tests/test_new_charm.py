"""A new charm has its new name everywhere, and passes its lint and unit tests.

A new charm is a copy of a charm's folder. So this also shows that the folder is complete.
"""

from __future__ import annotations

import configparser
import dataclasses
import os
import pathlib
import re
import shlex
import subprocess
import sys

import pytest
import yaml

import new_charm

ROOT = pathlib.Path(__file__).parents[2]
CHARMS = sorted(path.parent.name for path in ROOT.glob("charms/*/charmcraft.yaml"))
NAME = "our-blog"

# A copied charm must not need the repository. But localjuju in this environment comes from the
# repository, and a test may use an absolute path. So an audit hook refuses to open its files.
REFUSE_REPOSITORY = """\
import os
import sys

REPOSITORY = os.environ["REPOSITORY"] + os.sep


def refuse_repository(event, arguments):
    if event == "open" and isinstance(arguments[0], str):
        path = os.path.realpath(arguments[0])
        if path.startswith(REPOSITORY) and not path.startswith(os.path.realpath(sys.prefix)):
            raise PermissionError(f"a copied charm has no {path}")


sys.addaudithook(refuse_repository)
"""


def run_as_tox(folder: pathlib.Path, environment: str, scratch: pathlib.Path) -> str:
    """Run the commands of an environment in a folder's tox.ini, and return the output.

    This uses the programs of the current environment. pytest cannot open the repository's files.

    Raises:
        AssertionError: a command failed.
    """
    scratch.mkdir(exist_ok=True)
    (scratch / "refuse_repository.py").write_text(REFUSE_REPOSITORY)
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(folder / "tox.ini")
    paths = [str(pathlib.Path(sys.executable).parent), os.environ["PATH"]]
    printed = ""
    for command in tox[f"testenv:{environment}"]["commands"].strip().splitlines():
        done = subprocess.run(
            shlex.split(command.replace("{posargs}", "-q -p refuse_repository")),
            cwd=folder,
            env={
                **os.environ,
                "PATH": os.pathsep.join(paths),
                "PYTHONPATH": str(scratch),
                "REPOSITORY": str(ROOT.resolve()),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        printed += done.stdout
        assert done.returncode == 0, f"{command}\n{printed}"
    return printed


@dataclasses.dataclass
class Made:
    """A new charm. Its linters and tests may write more files into `folder`."""

    source: str
    folder: pathlib.Path
    texts: dict[str, str]
    """The content of each of its files."""
    steps: str


@pytest.fixture(scope="module", params=CHARMS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp(request.param) / NAME
    new_charm.make(request.param, NAME, folder)
    files = [path for path in folder.rglob("*") if path.is_file()]
    texts = {str(path.relative_to(folder)): path.read_text() for path in files}
    return Made(request.param, folder, texts, new_charm.next_steps(NAME, folder))


def test_passes_its_lint(made: Made, tmp_path: pathlib.Path) -> None:
    run_as_tox(made.folder, "lint", tmp_path / "scratch")


def test_passes_its_unit_tests(made: Made, tmp_path: pathlib.Path) -> None:
    run_as_tox(made.folder, "unit", tmp_path / "scratch")


# Names of interfaces, which other charms use too, and names of MongoDB.
KEPT_NAMES = {
    "demo-provider": "DemoProvider(App|Unit)",
    "demo-requirer": "DemoRequirerApp",
    "mongodb": (
        r"MongoDB|mongodb://|mongodb\.(com|org)|mongodb-(org|linux|\{)|(/|\bvar/)lib/mongodb|\brun/mongodb"
        r"|mongodb_(interface|repository)|interface:? `?mongodb\b|Mongodb(Prov|Req|User)\w+"
        r"|`mongodb` relations|user: str . None = .mongodb."
    ),
}


def test_old_name_is_nowhere(made: Made) -> None:
    old = re.compile(made.source.replace("-", "[-_ ]?"), re.I)
    kept_names = re.compile(KEPT_NAMES.get(made.source, "(?!)"))
    found = [
        f"{file}: {line}"
        for file, text in made.texts.items()
        for line in [file, *text.splitlines()]
        if old.search(kept_names.sub("", line))
    ]
    assert found == []


def test_new_name_is_used(made: Made) -> None:
    metadata = yaml.safe_load(made.texts["charmcraft.yaml"])
    assert (metadata["name"], metadata["title"]) == ("our-blog", "Our blog")
    old = yaml.safe_load((ROOT / "charms" / made.source / "charmcraft.yaml").read_text())
    assert metadata.keys() == old.keys()
    for side in ("provides", "requires"):
        assert metadata.get(side) == old.get(side)
    interfaces = [peer["interface"] for peer in metadata.get("peers", {}).values()]
    assert interfaces == ["our-blog-replicas"] * len(interfaces)
    assert re.search(r"^class OurBlogCharm\(ops\.CharmBase\)", made.texts["src/charm.py"], re.M)
    assert re.search(r'^name = "our-blog(-charm)?"$', made.texts["pyproject.toml"], re.M)


def test_service_of_the_new_charm_has_its_name(made: Made) -> None:
    if made.source == "my-node-app":
        for line in (
            'user: str | None = "our-blog"',
            'service = "our-blog"',
            'app_dir = pathlib.Path("/opt/our-blog")',
            'unit_file = pathlib.Path("/etc/systemd/system/our-blog.service")',
        ):
            assert line in made.texts["src/node_app.py"]
        assert '"name": "our-blog"' in made.texts["app/package.json"]


def test_names_of_mongodb_are_kept(made: Made) -> None:
    if made.source == "mongodb":
        code = (ROOT / "charms/mongodb/src/mongod.py").read_text()
        for own in ('= "mongodb"', "/run/mongodb", "/var/lib/mongodb", "mongodb-org-server"):
            assert made.texts["src/mongod.py"].count(own) == code.count(own) > 0, own


def test_readme_has_no_links_to_other_folders(made: Made) -> None:
    readme = made.texts["README.md"]
    assert readme.startswith("# our-blog\n")
    assert "Copy" not in readme
    targets = re.findall(r"\]\(([^)#:]+)\)", readme)
    assert [target for target in targets if not (made.folder / target).exists()] == []


def test_next_steps_list_each_placeholder(made: Made) -> None:
    # example.com is a placeholder too.
    placeholder = re.compile(r"fill-in|(//|@)example\.com")
    places = [
        (file, line.strip())
        for file, text in made.texts.items()
        for line in text.splitlines()
        if placeholder.search(line)
    ]
    steps = made.steps
    assert [
        place for place in places if f"{place[0]}:" not in steps or place[1] not in steps
    ] == []
    metadata = yaml.safe_load(made.texts["charmcraft.yaml"])
    texts = [metadata["summary"], metadata["description"].strip()]
    texts += [f"{key}: {link}" for key, link in metadata["links"].items()]
    assert len(texts) == 6
    assert [text for text in texts if text not in steps] == []


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("my-node-app", "shop", "shop"),
        ("my_node_app", "our-shop", "our_shop"),
        ("MY_NODE_APP", "our-shop", "OUR_SHOP"),
        ("My Node app", "our-shop", "Our shop"),
        ("my node app", "our-shop", "our shop"),
        ("MyNodeApp", "our-shop", "OurShop"),
        ("myNodeApp", "our-shop", "ourShop"),
        ("mongodb", "our-shop", "our-shop"),
        ("MONGODB", "our-shop", "OUR_SHOP"),
    ],
)
def test_new_name_has_the_style_of_the_old_name(text: str, name: str, expected: str) -> None:
    assert new_charm.spell_like(text, name.split("-")) == expected


def test_new_name_may_contain_the_old_name(tmp_path: pathlib.Path) -> None:
    new_charm.make("replicas-demo", "my-replicas-demo", tmp_path / "new")
    assert "my-my-" not in (tmp_path / "new/README.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no-charm", "blog"], "FROM=no-charm: this charm does not exist; use demo-provider, "),
        (["", "blog"], "FROM=: this charm does not exist"),
        (["mongodb", ""], "NAME=: use lower-case letters"),
        (["mongodb", "Blog"], "NAME=Blog: use lower-case letters"),
        (["mongodb", "my_blog"], "NAME=my_blog: use lower-case letters"),
        (["mongodb", "2blogs"], "NAME=2blogs: use lower-case letters"),
        (["mongodb", "blog-2"], "NAME=blog-2: use lower-case letters"),
        (["mongodb", "blog-"], "NAME=blog-: use lower-case letters"),
        (["mongodb", "a" * 33], f"NAME={'a' * 33}: use at most 32 characters"),
        (["mongodb", "my-node-app"], "NAME=my-node-app: a charm of this repository has this name"),
        (["mongodb", "blog", "README.md"], "README.md: this folder or file already exists"),
        (["mongodb", "blog", "README.md/blog"], "README.md/blog: this folder cannot be made"),
    ],
)
def test_invalid_arguments_are_refused(
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", ["new_charm.py", *arguments])
    assert new_charm.main() == 1
    output = capsys.readouterr()
    assert message in output.err
    assert (output.err.count("\n"), output.out) == (1, "")


def test_folder_without_git_repository_is_an_error(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "charms").symlink_to(ROOT / "charms")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nothing"))
    with pytest.raises(new_charm.NewCharmError, match="git cannot list the files of"):
        new_charm.make("mongodb", NAME, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_main_prints_the_next_steps(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["new_charm.py", "demo-provider", NAME, str(tmp_path / "it")])
    assert new_charm.main() == 0
    output = capsys.readouterr().out
    assert f"our-blog is in {tmp_path / 'it'}." in output
    assert "charmcraft pack" in output


def test_copied_charm_cannot_open_files_of_the_repository(tmp_path: pathlib.Path) -> None:
    copy = tmp_path / "copy"
    (copy / "tests/unit").mkdir(parents=True)
    test = f"def test_it():\n    open({str(ROOT / 'README.md')!r})\n"
    (copy / "tests/unit/test_it.py").write_text(test)
    (copy / "tox.ini").write_text("[testenv:unit]\ncommands = pytest tests/unit {posargs}\n")
    with pytest.raises(AssertionError, match="PermissionError: a copied charm has no"):
        run_as_tox(copy, "unit", tmp_path / "scratch")
