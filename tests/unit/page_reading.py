"""A page as a browser's parser would take it: its elements with their attributes, and its text."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

# They have no end.
_EMPTY = frozenset({"meta", "link", "base", "img", "br", "hr", "input"})


@dataclass(frozen=True, slots=True)
class Element:
    """One element: where it is, what it is called and what it has."""

    path: tuple[str, ...]
    attributes: tuple[tuple[str, str | None], ...]

    @property
    def tag(self) -> str:
        return self.path[-1]

    def get(self, name: str) -> str | None:
        return dict(self.attributes).get(name)


@dataclass
class Page:
    """What was found, in its order; `texts` are by the element they stand in."""

    elements: list[Element] = field(default_factory=list)
    texts: list[tuple[tuple[str, ...], str]] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)

    @property
    def shape(self) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
        """Give what must not depend on any text: elements, where they are, the names of their attributes."""
        return [(each.path, tuple(sorted(name for name, _ in each.attributes))) for each in self.elements]

    @property
    def text(self) -> str:
        return "".join(text for path, text in self.texts if "style" not in path)

    def all(self, tag: str) -> list[Element]:
        return [each for each in self.elements if each.tag == tag]

    def within(self, tag: str) -> list[str]:
        """Give the text of each stretch that stands in such elements."""
        return [text for path, text in self.texts if tag in path]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.page.elements.append(Element((*self._open, tag), tuple(attrs)))
        if tag not in _EMPTY:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.page.elements.append(Element((*self._open, tag), tuple(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> ends nothing"
        assert self._open.pop() == tag, f"</{tag}> ends another element"

    def handle_data(self, data: str) -> None:
        self.page.texts.append((tuple(self._open), data))

    def handle_comment(self, data: str) -> None:
        self.page.strange.append(data)

    def unknown_decl(self, data: str) -> None:
        self.page.strange.append(data)

    def handle_pi(self, data: str) -> None:
        self.page.strange.append(data)


def read(page: str) -> Page:
    """Read a page; an element that is not ended as it began is an error."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert reader._open == []  # noqa: SLF001 - ours
    return reader.page
