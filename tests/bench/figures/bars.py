"""Horizontal bars in groups: the one kind of plot that there is here."""

from svg import Picture

WIDTH, LABEL, VALUE, LEFT = 720, 190, 70, 12
BAR, GAP, HEAD = 15, 12, 56
COLOURS = [  # each legible on white and black
    "#8b949e", "#3f8fd2", "#2fa36b", "#d98a2b", "#b065c9", "#d0605e",
]
DASHES = "3 2"


class Bars:
    """Groups of bars, each bar a list of (series, value) that are drawn one after another.

    A series keeps its colour in all plots that are given the same list of them.
    """

    def __init__(self, title, series, one=None):
        self.title, self.series = title, series
        self.one = one  # who is 1.0, where the values are ratios
        self.groups = []  # label, [(label, parts, text)], limit or None

    def add_group(self, label, bars, limit=None):
        if bars:
            self.groups.append((label, bars, limit))

    def colour(self, name):
        return COLOURS[self.series.index(name)]

    def longest(self):
        sums = [sum(value for _, value in parts) for _, bars, _ in self.groups for _, parts, _ in bars]
        return max(sums + [limit for _, _, limit in self.groups if limit])

    def height(self):
        return HEAD + sum(len(bars) * BAR + GAP for _, bars, _ in self.groups)

    def unnamed(self):
        """The series that no bar has as its label."""
        bars = [bar for _, bars, _ in self.groups for bar in bars]
        used = {series for _, parts, _ in bars for series, _ in parts}
        return [name for name in self.series if name in used - {label for label, _, _ in bars}]

    def draw_legend(self, picture):
        x, y = LABEL, HEAD - 18
        for name in self.unnamed():
            picture.rect(x, y - 9, 10, 10, self.colour(name))
            picture.text(x + 15, y, name)
            x += 35 + 7 * len(name)
        if any(limit for _, _, limit in self.groups):
            picture.line(x + 4, y - 11, x + 4, y + 3, width=2, dash=DASHES)
            picture.text(x + 15, y, "at most")

    def draw_one(self, picture, bottom, scale):
        x = LABEL + scale
        picture.line(x, HEAD - 8, x, bottom)
        picture.text(x, HEAD - 12, self.one, "middle", size=11)

    def draw_group(self, picture, y, group, scale):
        label, bars, limit = group
        picture.text(LEFT, y + BAR - 4, label, bold=True)
        for i, (name, parts, text) in enumerate(bars):
            top, x = y + i * BAR, LABEL
            picture.text(LABEL - 6, top + BAR - 4, name, "end", size=11)
            for series, value in parts:
                picture.rect(x, top + 1, value * scale, BAR - 3, self.colour(series))
                x += value * scale
            picture.text(WIDTH - LEFT, top + BAR - 4, text, "end", size=11)
        if limit:
            x = LABEL + limit * scale
            picture.line(x, y - 2, x, y + len(bars) * BAR, width=2, dash=DASHES)

    def save(self, path):
        if not self.groups:
            return
        picture = Picture(WIDTH, self.height(), self.title)
        scale = (WIDTH - LABEL - VALUE) / self.longest()
        picture.text(LEFT, 18, self.title, size=14, bold=True)
        self.draw_legend(picture)
        y = HEAD
        for group in self.groups:
            self.draw_group(picture, y, group, scale)
            y += len(group[1]) * BAR + GAP
        picture.line(LABEL, HEAD - 4, LABEL, y - GAP + 4)
        if self.one:
            self.draw_one(picture, y - GAP + 4, scale)
        picture.save(path)
