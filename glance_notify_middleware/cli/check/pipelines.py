"""The pipelines of a paste file, as Glance and PasteDeploy walk them for a flavor.

Glance (33.0.0, `glance.common.config.load_paste_app`) loads the application `glance-api`, or with a
flavor `glance-api-<flavor>`. A composite of `glance.api:pipeline_factory` has a line for each
flavor, `default` without one: its last word is an application, the others are filters. Other
composites map paths to applications (`paste.urlmap`). Glance up to 2023 has `[pipeline:...]`
sections instead.
"""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from glance_notify_middleware.cli.check.ini_file import IniFile, Section
from glance_notify_middleware.cli.paste_file import THIS_PACKAGE, USUAL

ROOT = "glance-api"
_APPLICATIONS = ("app", "application", "composite", "composit", "pipeline", "filter-app")
_OF_CONTEXT = re.compile(r"glance\.api\.middleware\.context:(\w+)")
_OF_CACHE = re.compile(r"glance\.api\.middleware\.cache:")
_OF_IMAGES = re.compile(r"glance\.api\.v\d\.router:")
_FILTERS = ("filter:", "filter-app:")
_PATHS = ("/", "http://", "https://", "domain ")


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A line with the words of filters, and of an application at its end."""

    section: str
    name: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A filter's word in a chain, and the pipeline that it stands in; None: in a `filter-with`, or
    in a section [filter-app:...]."""

    word: str
    pipeline: Pipeline | None


@dataclass(frozen=True, slots=True)
class Chain:
    """The filters that a request passes on its way to an application, and their pipelines."""

    places: tuple[Place, ...]
    pipelines: tuple[Pipeline, ...]
    application: str
    """The factory of the application."""

    @property
    def words(self) -> tuple[str, ...]:
        """The filters' words."""
        return tuple(place.word for place in self.places)


class Pipelines:
    """The chains of a paste file."""

    def __init__(self, file: IniFile) -> None:
        self._file = file

    @property
    def path(self) -> Path:
        """The path of the paste file."""
        return self._file.path

    def filter_sections(self) -> list[str]:
        """The sections of the filters of this package, in the order of the file."""
        return [
            section
            for section in self._file.sections
            if section.startswith(_FILTERS) and self.is_of_this_package(section.partition(":")[2])
        ]

    def usual_word(self) -> str:
        """The word of the first filter of this package that a pipeline can name."""
        found = (section.partition(":") for section in self.filter_sections())
        return next((name for kind, _, name in found if kind == "filter"), USUAL)

    def flavors(self) -> list[str]:
        """The flavors that the file has; `default` is the one without a name."""
        names = (name.partition(":") for name in self._file.sections)
        roots = [name for kind, _, name in names if kind in _APPLICATIONS]
        found = [name.removeprefix(f"{ROOT}-") for name in roots if name.startswith(f"{ROOT}-")]
        return (["default"] if ROOT in roots else []) + found

    def chains(self, flavor: str) -> list[Chain]:
        """The chains of a flavor that lead to images; where none is known to, all with a filter."""
        root = ROOT if flavor == "default" else f"{ROOT}-{flavor}"
        found = list(self._walk(root, flavor, Chain((), (), "")))
        of_images = [chain for chain in found if _OF_IMAGES.search(chain.application)]
        return of_images or [chain for chain in found if chain.places]

    def is_of_this_package(self, word: str) -> bool:
        """Whether a filter is of this package, or has its usual name, and no section."""
        if word == USUAL and self._section(("filter", "filter-app"), word) is None:
            return True
        return bool(THIS_PACKAGE.search(self._factory(word)))

    def is_unknown(self, word: str) -> bool:
        """Whether a filter's word has no section, and is no name of a package's or a file's."""
        if ":" in word or self.is_of_this_package(word):
            return False
        return self._section(("filter", "filter-app"), word) is None

    def meant(self, words: Sequence[str]) -> list[str]:
        """The words of a pipeline without those that are unknown: with the filters in their places
        that are probably meant, where there are such."""
        filters = [name.partition(":")[2] for name in self._file.sections if "filter:" in name]
        found: list[str] = []
        for word in words[:-1]:
            if not self.is_unknown(word):
                found.append(word)
                continue
            left = [name for name in filters if name not in words]
            found += difflib.get_close_matches(word, left, n=1)
        return [*found, *words[-1:]]

    def context(self, word: str) -> str:
        """The class of Glance's context that a filter is; empty: it is something else."""
        match = _OF_CONTEXT.search(self._factory(word))
        return match[1] if match else ""

    def is_cache(self, word: str) -> bool:
        """Whether a filter is Glance's cache."""
        return bool(_OF_CACHE.search(self._factory(word)))

    def _factory(self, word: str) -> str:
        """What makes the filter of a word: the texts of its factory, and of its `use`."""
        texts = []
        for _ in range(len(self._file.sections)):
            section = self._section(("filter", "filter-app"), word)
            if section is None:
                break
            word = section.text("use")
            texts += [section.text("paste.filter_factory"), word]
        return " ".join(texts)

    def _section(self, kinds: tuple[str, ...], name: str) -> Section | None:
        sections = self._file.sections
        return next((sections[f"{k}:{name}"] for k in kinds if f"{k}:{name}" in sections), None)

    def _walk(self, name: str, flavor: str, before: Chain, depth: int = 20) -> Iterator[Chain]:
        """The chains from an application on; `before` is what leads to it."""
        section = self._section(_APPLICATIONS, name)
        if section is None or not depth:
            return
        kind = section.name.partition(":")[0]
        places = [Place(word, None) for word in section.text("filter-with").split()]
        if kind == "filter-app":
            places.append(Place(name, None))
        before = Chain((*before.places, *places), before.pipelines, "")
        factory = section.text("paste.composite_factory") or section.text("paste.composit_factory")
        if kind == "pipeline":
            line = "pipeline"
        elif factory.endswith(":pipeline_factory"):
            line = flavor
        else:
            for each in self._next(section, kind):
                yield from self._walk(each, flavor, before, depth - 1)
            if kind in ("app", "application"):
                texts = (section.text("paste.app_factory"), section.text("use"))
                yield Chain(before.places, before.pipelines, " ".join(texts))
            return
        if words := tuple(section.text(line).split()):
            pipeline = Pipeline(section.name, line, words)
            passed = tuple(Place(word, pipeline) for word in words[:-1])
            chain = Chain((*before.places, *passed), (*before.pipelines, pipeline), "")
            yield from self._walk(words[-1], flavor, chain, depth - 1)

    def _next(self, section: Section, kind: str) -> Iterator[str]:
        """The applications that one leads to which has no words of filters."""
        if kind == "filter-app":
            yield section.text("next")
        elif kind in ("composite", "composit"):
            for name in section.lines:
                if name.startswith(_PATHS):
                    yield section.text(name)
