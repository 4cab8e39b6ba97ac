"""Where the filter stands in Glance's pipelines, and where it belongs."""

from collections.abc import Iterator

from glance_notify_middleware.cli import mends
from glance_notify_middleware.cli.check.pipelines import Chain, Pipeline, Pipelines
from glance_notify_middleware.cli.glance_conf import GlanceConf
from glance_notify_middleware.config.finding import Finding, Level

_FACTORY = "paste.filter_factory = glance_notify_middleware:filter_factory"


def findings(pipelines: Pipelines, conf: GlanceConf | None, name: str) -> Iterator[Finding]:
    """What is wrong with the place of the filter in the pipelines of all flavors.

    `name` is that of the filter's section. Without `conf` the flavor is not known: the filter must
    stand in some pipeline.
    """
    flavors = pipelines.flavors()
    used = flavors if conf is None else [conf.flavor]
    if conf and conf.flavor not in flavors:
        yield _unknown_flavor(conf, flavors)
        used = flavors
    with_filter = [flavor for flavor in used if _has_filter(pipelines, flavor)]
    if not with_filter and used == flavors:
        used = [flavor for flavor in flavors if flavor.startswith("keystone")][:1] or flavors[:1]
    for flavor in with_filter or used:
        yield from _of_flavor(pipelines, flavor, name)
    yield from _elsewhere(pipelines, with_filter or used, name, is_known=conf is not None)


def missing_section(pipelines: Pipelines, name: str) -> Finding:
    """The finding that the paste file has no section of the filter."""
    what = f"{pipelines.path} has no section [filter:{name}] with a factory of this package"
    mend = mends.line_in(f"filter:{name}", pipelines.path, _FACTORY)
    return Finding(Level.ERROR, "section-missing", what, mend)


def _unknown_flavor(conf: GlanceConf, flavors: list[str]) -> Finding:
    place = conf.place("paste_deploy", "flavor")
    return Finding(
        Level.ERROR,
        "flavor-unknown",
        f"the paste file has no pipeline of the flavor that {place} names, so that Glance does "
        f"not start; it has: {', '.join(flavors) or 'none'}",
        mends.line_in(
            "paste_deploy",
            place,
            f"flavor = {'keystone' if 'keystone' in flavors else ([*flavors, ''])[0]}",
        ),
    )


def _has_filter(pipelines: Pipelines, flavor: str) -> bool:
    return any(
        pipelines.is_of_this_package(word)
        for chain in pipelines.chains(flavor)
        for word in chain.words
    )


def _of_flavor(pipelines: Pipelines, flavor: str, name: str) -> Iterator[Finding]:
    for chain in pipelines.chains(flavor):
        yield from _unknown_words(pipelines, chain)
        found = [index for index, word in enumerate(chain.words) if _is_filter(pipelines, word)]
        if not found:
            yield _missing(pipelines, chain, flavor, name)
            continue
        index = found[0]
        yield from _misplaced(pipelines, chain, index)
        for again in found[1:]:
            if chain.words[again] == chain.words[index]:
                yield _repeated(pipelines, chain, index)


def _unknown_words(pipelines: Pipelines, chain: Chain) -> Iterator[Finding]:
    for place in chain.places:
        if place.pipeline and pipelines.is_unknown(place.word):
            line = f"the line {place.pipeline.name} of [{place.pipeline.section}]"
            what = (
                f"{line} has the word {place.word}, and there is no section [filter:{place.word}]"
            )
            mended = f"{place.pipeline.name} = {' '.join(pipelines.meant(place.pipeline.words))}"
            yield Finding(
                Level.ERROR,
                "word-unknown",
                f"{what}, so that Glance does not start",
                mends.line_in(place.pipeline.section, pipelines.path, mended),
            )


def _is_filter(pipelines: Pipelines, word: str) -> bool:
    return pipelines.is_of_this_package(word)


def _missing(pipelines: Pipelines, chain: Chain, flavor: str, name: str) -> Finding:
    what = f"the pipeline of the flavor {flavor} has no word {name}: nothing is reported"
    return Finding(Level.ERROR, "filter-missing", what, _mended(pipelines, chain, name))


def _misplaced(pipelines: Pipelines, chain: Chain, index: int) -> Iterator[Finding]:
    place = chain.places[index]
    # The name of a section [filter-app:...] is no word of a pipeline.
    word = place.word if place.pipeline else pipelines.usual_word()
    where = _line_of(chain, index)
    if any(map(pipelines.is_cache, chain.words[:index])):
        yield Finding(
            Level.ERROR,
            "filter-behind-cache",
            f"{where} has {word} behind the cache: downloads that the cache answers are not "
            "reported",
            _mended(pipelines, chain, word),
        )
    if any(map(pipelines.context, chain.words[index:])):
        yield Finding(
            Level.WARNING,
            "filter-before-context",
            f"{where} has {word} before the context: an operation that is cut is reported "
            "without its user, project and request id, one that another node did is reported "
            "twice, and the end of an import is not seen",
            _mended(pipelines, chain, word),
        )


def _repeated(pipelines: Pipelines, chain: Chain, index: int) -> Finding:
    word = chain.words[index]
    what = f"{_line_of(chain, index)} has {word} more than once: each event is reported twice"
    return Finding(Level.ERROR, "filter-repeated", what, _mended(pipelines, chain, word))


def _elsewhere(
    pipelines: Pipelines, used: list[str], name: str, *, is_known: bool
) -> Iterator[Finding]:
    """The pipelines of other flavors that lack the filter, and have the context of those in use.

    `is_known`: whether it is known that those are in use.
    """
    unused = ", which is not in use," if is_known else ""
    end = "" if is_known else " (it is not known which flavor is in use)"
    contexts = {_context(pipelines, chain) for each in used for chain in pipelines.chains(each)}
    for flavor in pipelines.flavors():
        for chain in pipelines.chains(flavor):
            has_filter = any(_is_filter(pipelines, word) for word in chain.words)
            if flavor in used or has_filter or _context(pipelines, chain) not in contexts:
                continue
            yield Finding(
                Level.WARNING,
                "filter-missing-elsewhere",
                f"the pipeline of the flavor {flavor}{unused} has no word {name}: with that flavor "
                f"nothing would be reported{end}",
                _mended(pipelines, chain, name),
            )


def _context(pipelines: Pipelines, chain: Chain) -> str:
    return next(filter(None, map(pipelines.context, chain.words)), "")


def _line_of(chain: Chain, index: int) -> str:
    pipeline = chain.places[index].pipeline
    if pipeline is None:
        return "a section"
    return f"the line {pipeline.name} of [{pipeline.section}]"


def _mended(pipelines: Pipelines, chain: Chain, word: str) -> str:
    """The line of the chain's pipeline with `word` directly behind the context, and there alone."""
    if not chain.pipelines:
        return f"put {word} in front of the application, by [filter-app:...] or filter-with"
    pipeline = _best(pipelines, chain)
    words = [each for each in pipelines.meant(pipeline.words) if each != word]
    behind = [index + 1 for index, each in enumerate(words) if pipelines.context(each)]
    before = [index for index, each in enumerate(words) if pipelines.is_cache(each)]
    words.insert((behind[-1:] or before[:1] or [len(words) - 1])[0], word)
    line = f"{pipeline.name} = {' '.join(words)}"
    return mends.line_in(pipeline.section, pipelines.path, line)


def _best(pipelines: Pipelines, chain: Chain) -> Pipeline:
    """The pipeline that the filter belongs to: the one with the context, else the last."""
    found = [each for each in chain.pipelines if any(map(pipelines.context, each.words))]
    return (found or list(chain.pipelines))[-1]
