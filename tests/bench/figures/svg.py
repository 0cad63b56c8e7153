"""A picture in SVG: rectangles, lines and text, in colours that are legible on light and dark."""

from xml.sax.saxutils import escape

GREY = "#7d838c"  # text and axes; half way between white and black
FONT = "ui-sans-serif, system-ui, 'DejaVu Sans', sans-serif"


class Picture:
    """No background: the page's shows through."""

    def __init__(self, width, height, title):
        self.width, self.height = width, height
        self.parts = [f"<title>{escape(title)}</title>"]

    def rect(self, x, y, width, height, fill):
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{fill}"/>'
        )

    def line(self, x1, y1, x2, y2, stroke=GREY, width=1, dash=""):
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}"'
            f' stroke-width="{width}"{dashed}/>'
        )

    def text(self, x, y, text, anchor="start", size=12, bold=False):
        weight = ' font-weight="bold"' if bold else ""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"{weight}>'
            f"{escape(text)}</text>"
        )

    def save(self, path):
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}"'
            f' width="{self.width}" height="{self.height}" font-family="{FONT}" fill="{GREY}">'
        )
        path.write_text("\n".join([head, *self.parts, "</svg>", ""]), encoding="utf-8")
