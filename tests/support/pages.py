"""What a page and its Markdown show, read back."""

from html.parser import HTMLParser

from markdown_it import MarkdownIt


class Html(HTMLParser):
    """Tags, ids, links, texts and the rows of tables, as a browser would have them."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.links, self.rows, self.texts = [], [], [], [], []
        self._cell = None
        self._raw = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = {name: value or "" for name, value in attrs}
        self.tags.append((tag, given))
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given[name] for name in ("href", "src", "xlink:href") if name in given]
        self._raw = tag if tag in ("script", "style") else self._raw
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            self._cell = ""

    def handle_endtag(self, tag):
        self._raw = "" if tag == self._raw else self._raw
        if tag in ("td", "th") and self._cell is not None:
            self.rows[-1].append(" ".join(self._cell.split()))
            self._cell = None

    def handle_data(self, data):
        if self._raw:
            return
        self.texts.append(data)
        if self._cell is not None:
            self._cell += data


def markdown_tokens(text):
    """Tokens of CommonMark with tables and struck-out text, HTML let through."""
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)


def markdown_rows(text):
    """The rows of all tables, as a reader sees them."""
    rows = []
    inside = False
    for token in markdown_tokens(text):
        if token.type == "tr_open":
            rows.append([])
        if token.type in ("td_open", "th_open"):
            inside = True
        if token.type == "inline" and inside:
            rows[-1].append(" ".join("".join(child.content for child in token.children).split()))
        if token.type in ("td_close", "th_close"):
            inside = False
    return rows
