"""Small templates as Inkscape, LibreOffice, drawing programs of the web and hands write them. Of each: what a person who
drew it expects, SAME as rsvg-convert shows it, or the code that refuses it by name."""

SAME = ""
HEAD = ('<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        'xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape" '
        'xmlns:sodipodi="http://sodipodi.sourceforge.net/DTD/sodipodi-0.dtd" width="100mm" height="60mm" %s>\n')
VIEW = 'viewBox="0 0 100 60" '
FONT = 'font-family="DejaVu Sans" font-size="6"'


def page(body, root=VIEW + FONT):
    return HEAD % root + body + "\n</svg>\n"


def text(attributes="", words="PIN {{secret}}", root=VIEW + FONT):
    return page(f'<text x="30" y="30" {attributes}>{words}</text>', root)


INKSCAPE = ("font-style:normal;font-variant:normal;font-weight:normal;font-stretch:normal;font-size:6px;"
            "line-height:1.25;font-family:'DejaVu Sans';-inkscape-font-specification:'DejaVu Sans, Normal';"
            "font-variant-ligatures:normal;font-variant-caps:normal;font-variant-numeric:normal;"
            "font-variant-east-asian:normal;letter-spacing:0px;word-spacing:0px;text-anchor:start;fill:#202020;"
            "fill-opacity:1;stroke:none;stroke-width:0.264583;stroke-opacity:1")
LIBREOFFICE = ('<g class="com.sun.star.drawing.TextShape"><g id="id3"><rect class="BoundingBox" stroke="none" fill="none" '
               'x="10" y="10" width="60" height="20"/><text class="SVGTextShape"><tspan class="TextParagraph" '
               'font-family="DejaVu Sans, sans-serif" font-size="6px" font-weight="400"><tspan class="TextPosition" '
               'x="12" y="24"><tspan fill="rgb(0,0,0)" stroke="none" style="white-space: pre">PIN {{secret}}</tspan>'
               '</tspan></tspan></text></g></g>')

LOOKS = {
    # --- as they should be drawn ---
    "plain": (SAME, text()),
    "bold": (SAME, text('font-weight="bold"')),
    "weight-700": (SAME, text('style="font-weight:700"')),
    "italic": (SAME, text('font-style="italic"')),
    "mono": (SAME, text('font-family="DejaVu Sans Mono"')),
    "family-list": (SAME, text("style=\"font-family:'No Such Font','DejaVu Sans',serif\"")),
    "size-points": (SAME, text('font-size="14pt"', root='font-family="DejaVu Sans" viewBox="0 0 378 227"')),
    "size-mm": (SAME, text('font-size="5mm"', root='font-family="DejaVu Sans" viewBox="0 0 378 227"')),
    "size-em": (SAME, page('<g font-size="5"><text x="9" y="30" font-size="1.5em">{{secret}}</text></g>')),
    "size-percent": (SAME, page('<g font-size="9"><text x="9" y="30" font-size="70%">{{secret}}</text></g>')),
    "colour-name": (SAME, text('fill="darkgreen"')),
    "colour-short": (SAME, text('fill="#036"')),
    "colour-rgb": (SAME, text('fill="rgb(120, 20, 20)"')),
    "colour-percent": (SAME, text('fill="rgb(50%, 10%, 10%)"')),
    "opacity": (SAME, text('opacity="0.6"')),
    "fill-opacity": (SAME, text('fill-opacity="0.6"')),
    "white-on-dark": (SAME, page(f'<rect width="100" height="60" fill="#123"/><text x="9" y="30" fill="#fff">{{{{secret}}}}</text>')),
    "middle": (SAME, text('text-anchor="middle"')),
    "end": (SAME, page('<text x="70" y="30" text-anchor="end">{{secret}}</text>')),
    "end-of-a-group": (SAME, page('<g text-anchor="end"><text x="90" y="30">PIN {{secret}}</text></g>')),
    "middle-in-two-colours": (SAME, text('text-anchor="middle"', 'PIN <tspan fill="#a00">{{secret}}</tspan>')),
    "anchor-of-a-tspan": (SAME, page('<text><tspan x="90" y="40" text-anchor="end">PIN {{secret}}</tspan></text>')),
    "anchor-of-the-second-line": (SAME, page('<text x="5" y="10">PIN<tspan x="90" y="40" text-anchor="end">{{secret}}'
                                             '</tspan></text>')),
    "anchor-within-a-line": (SAME, text(words='PIN <tspan text-anchor="end">{{secret}}</tspan>')),
    "letter-spacing": (SAME, text('letter-spacing="1"')),
    "letter-spacing-end": (SAME, page('<text x="70" y="30" letter-spacing="1" text-anchor="end">{{secret}}</text>')),
    "dx": (SAME, text(words='PIN:<tspan dx="3">{{secret}}</tspan>')),
    "dy": (SAME, text(words='PIN <tspan dy="-2">{{secret}}</tspan>')),
    "dx-after-a-blank": (SAME, text(words='PIN: <tspan dx="5">{{secret}}</tspan>')),
    "dy-and-back": (SAME, text(words='P<tspan dy="2">I</tspan><tspan dy="-2">N</tspan> {{secret}}')),
    "dx-of-the-text": (SAME, text('dx="4" dy="3"')),
    "lines": (SAME, page('<text x="10" y="10"><tspan x="10" y="10">first line</tspan><tspan x="10" y="20">PIN {{secret}}'
                         '</tspan></text>')),
    "lines-by-dy": (SAME, page('<text x="10" y="10">first line<tspan x="10" dy="8">second</tspan><tspan x="10" dy="1.2em">'
                               '{{secret}}</tspan></text>'.replace("1.2em", "8"))),
    "lines-in-the-middle": (SAME, page('<text y="10" text-anchor="middle"><tspan x="50" y="10">first</tspan><tspan x="50" '
                                       'y="20">PIN {{secret}}</tspan></text>')),
    "y-alone": (SAME, text(words='PIN <tspan y="40">{{secret}}</tspan>')),
    "y-alone-in-the-middle": (SAME, text('text-anchor="middle"', 'PIN<tspan y="40">{{secret}}</tspan>')),
    "nested-tspans": (SAME, text(words='P<tspan fill="red">I<tspan font-weight="bold">N</tspan></tspan> {{secret}}')),
    "entities": (SAME, text(words="&#80;I&#x4e; &lt;{{secret}}&gt;")),
    "cdata": (SAME, text(words="<![CDATA[PIN <]]> {{secret}}")),
    "comment-in-words": (SAME, text(words="PI<!-- no -->N {{secret}}")),
    "blanks": (SAME, page('<text x="10" y="30">\n   PIN\n   {{secret}}\n</text>')),
    "space-preserve": (SAME, page('<text x="10" y="30" xml:space="preserve">PIN   {{secret}}</text>')),
    "translate": (SAME, text('transform="translate(-10, 12)"')),
    "rotate": (SAME, text('transform="rotate(-15 30 30)"')),
    "scale": (SAME, text('transform="scale(0.8)"')),
    "skew": (SAME, text('transform="skewX(-20)"')),
    "mirror": (SAME, page('<text transform="matrix(-1 0 0 1 100 0)" x="20" y="30">PIN {{secret}}</text>')),
    "groups": (SAME, page('<g transform="translate(5 5)"><g transform="scale(0.9)"><text x="20" y="30">PIN {{secret}}</text>'
                          "</g></g>")),
    "style-wins": (SAME, text('fill="red" style="fill:navy"')),
    "comment-first": (SAME, text('style="/* old */ fill:navy"')),
    "comment-within": (SAME, text('style="fill:/* was red */navy;/* font-size:3px; */font-weight:bold"')),
    "important": (SAME, text('style="fill:navy !important;fill:red"')),
    "important-visible": (SAME, text('style="visibility:visible !important"')),
    "important-hidden-draft": (SAME, page('<text x="9" y="10" style="display:none !important">draft</text><text x="9" y="30">'
                                          "{{secret}}</text>")),
    "comment-hidden-draft": (SAME, page('<text x="9" y="10" style="/* old */display:none">draft</text><text x="9" y="30">'
                                        "{{secret}}</text>")),
    "hidden-draft": (SAME, page('<text x="9" y="10" visibility="hidden">draft</text><text x="9" y="30">{{secret}}</text>')),
    "visible-in-hidden": (SAME, page('<g visibility="hidden"><text x="9" y="30" visibility="visible">{{secret}}</text></g>')),
    "current-colour": (SAME, text('fill="currentColor" color="#a00"')),
    "current-colour-of-a-group": (SAME, page('<g color="#060"><text x="9" y="30" style="fill:currentColor">{{secret}}</text></g>')),
    "current-colour-handed-down": (SAME, page('<g color="#060" fill="currentColor"><text x="9" y="30" color="#a00">{{secret}}'
                                              "</text></g>")),
    "semicolon-in-quotes": (SAME, text("style=\"font-family:'a;fill:red','DejaVu Sans'\"")),
    "capital-properties": (SAME, text('style="FILL:navy"')),
    "inkscape": (SAME, page(f'<g inkscape:label="Layer 1" inkscape:groupmode="layer" id="layer1"><text xml:space="preserve" '
                            f'style="{INKSCAPE}" x="12" y="24" id="text1"><tspan sodipodi:role="line" id="tspan1" x="12" '
                            f'y="24" style="stroke-width:0.264583">PIN {{{{secret}}}}</tspan></text></g>', VIEW)),
    "inkscape-lines": (SAME, page(f'<text xml:space="preserve" style="{INKSCAPE}" x="12" y="14"><tspan sodipodi:role="line" '
                                  'x="12" y="14">one</tspan><tspan sodipodi:role="line" x="12" y="21.5">PIN {{secret}}'
                                  "</tspan></text>", VIEW)),
    "inkscape-centred": (SAME, page(f'<text xml:space="preserve" style="{INKSCAPE.replace("anchor:start", "anchor:middle")};'
                                    'text-align:center" x="50" y="14"><tspan sodipodi:role="line" x="50" y="14">one</tspan>'
                                    '<tspan sodipodi:role="line" x="50" y="21.5">PIN {{secret}}</tspan></text>', VIEW)),
    "libreoffice": (SAME, page(LIBREOFFICE, VIEW)),
    "figma": (SAME, page('<text fill="black" xml:space="preserve" style="white-space: pre" font-family="DejaVu Sans" '
                         'font-size="6" letter-spacing="0em"><tspan x="12" y="24">PIN {{secret}}</tspan></text>', VIEW)),
    "illustrator": (SAME, page('<text transform="translate(12 24)" font-size="6" font-family="DejaVu Sans" fill="#231f20">PIN '
                               '<tspan x="0" y="8">{{secret}}</tspan></text>', VIEW)),
    "wide-view": (SAME, text(root='viewBox="0 0 100 60.2" ' + FONT)),
    "shifted-view": (SAME, text(root='viewBox="-5 -5 100 60" ' + FONT)),
    "under-a-drawing": (SAME, page('<text x="9" y="20">old words</text><rect x="5" y="10" width="60" height="15" fill="#ccc"/>'
                                   '<text x="9" y="40">{{secret}}</text>')),
    "between-drawings": (SAME, page('<rect x="5" y="10" width="60" height="15" fill="#cdf"/><text x="9" y="20">{{secret}}</text>'
                                    '<circle cx="80" cy="40" r="9" fill="#fc8"/><text x="70" y="42">over</text>'
                                    '<path d="M60 50H95" stroke="#000"/>')),
    "cover-in-a-group": (SAME, page('<g><text x="9" y="20">old</text></g><g transform="translate(5 10)"><rect width="30" height="15" '
                                    'fill="#ccc"/></g><text x="9" y="40">{{secret}}</text>')),
    "lang": (SAME, text('xml:lang="sr"', "б г {{secret}}")),
    "use-of-a-drawing": (SAME, page('<rect id="r" x="5" y="5" width="9" height="9"/><use href="#r" x="20"/><text x="9" y="40">'
                                    "{{secret}}</text>")),
    # --- refused by name ---
    "middle-with-dy": ("svg-text", text('text-anchor="middle"', 'PIN <tspan dy="-1">{{secret}}</tspan>')),
    "end-with-dx": ("svg-text", text('text-anchor="end"', 'PIN:<tspan dx="3">{{secret}}</tspan>')),
    "anchored-then-dx": ("svg-text", page('<text><tspan x="50" y="20" text-anchor="middle">PIN</tspan><tspan dx="3">{{secret}}'
                                          "</tspan></text>")),
    "list-of-x": ("svg-text", text('dx="1 2 3"')),
    "transform-style": ("svg-style", text('style="transform:translate(9px,9px)"')),
    "transform-style-of-a-group": ("svg-style", page('<g style="transform:translate(9px,9px)"><text x="9" y="20">{{secret}}</text></g>')),
    "translate-style": ("svg-style", text('style="translate:9px 9px"')),
    "transform-origin": ("svg-style", text('transform="rotate(9)" transform-origin="30 30"')),
    "transform-of-the-root": ("svg-transform", text(root=VIEW + FONT + ' transform="translate(0 10)"')),
    "aspect-none": ("svg-size", text(root='viewBox="0 0 100 60.2" preserveAspectRatio="none" ' + FONT)),
    "aspect-min": ("svg-size", text(root='viewBox="0 0 100 60.2" preserveAspectRatio="xMinYMin meet" ' + FONT)),
    "no-family": ("svg-style", text(root=VIEW + 'font-size="6"')),
    "no-size": ("svg-style", text(root=VIEW + 'font-family="DejaVu Sans"')),
    "stretch": ("svg-style", text('font-stretch="condensed"')),
    "bidi-override": ("svg-style", text('direction="rtl" unicode-bidi="bidi-override"')),
    "stroke": ("svg-style", text('stroke="#000"')),
    "gradient": ("svg-style", text('fill="url(#g)"')),
    "shadow": ("svg-style", text('style="text-shadow:1px 1px red"')),
    "small-caps": ("svg-style", text('font-variant="small-caps"')),
    "features": ("svg-style", text('style="font-feature-settings:\'zero\'"')),
    "underline": ("svg-style", text('text-decoration="underline"')),
    "upper-case": ("svg-style", text('style="text-transform:uppercase"')),
    "word-spacing": ("svg-style", text('word-spacing="4"')),
    "baseline": ("svg-style", text('dominant-baseline="middle"')),
    "raised": ("svg-style", text(words='P<tspan baseline-shift="super">{{secret}}</tspan>')),
    "system-language": ("svg-style", text('systemLanguage="de"')),
    "unknown-property": ("svg-style", text('style="text-emphasis:dot"')),
    "escape": ("svg-style", text('style="f\\69ll:red"')),
    "open-comment": ("svg-style", text('style="fill:red;/* and so on"')),
    "important-attribute": ("svg-style", text('visibility="visible !important"')),
    "faded-group": ("svg-style", page('<g opacity="0.5"><text x="9" y="20">{{secret}}</text></g>')),
    "faded-tspan": ("svg-style", text(words='PIN <tspan opacity="0.5">{{secret}}</tspan>')),
    "masked": ("svg-style", page('<mask id="m"><rect width="9" height="9"/></mask><g mask="url(#m)"><text x="9" y="20">{{secret}}'
                                 "</text></g>")),
    "clone": ("svg-reference", page('<text id="w" x="9" y="20">{{secret}}</text><use xlink:href="#w" y="20"/>')),
    "clone-of-a-group": ("svg-reference", page('<g id="w"><text x="9" y="20">{{secret}}</text></g><use href="#w" y="20"/>')),
    "two-boxes": ("svg-style", page('<defs><rect id="a" x="5" y="5" width="40" height="20"/><rect id="b" x="5" y="30" width="40" '
                                    'height="20"/></defs><text style="shape-inside:url(#a) url(#b)">{{secret}}</text>')),
    "padded-box": ("svg-style", page('<defs><rect id="a" x="5" y="5" width="60" height="40"/></defs><text style="shape-inside:url(#a);'
                                     'shape-padding:9">{{secret}}</text>')),
    "moved-box": ("svg-box", page('<defs><rect id="a" x="5" y="5" width="60" height="20" transform="translate(3,9)"/></defs><text '
                                  'style="shape-inside:url(#a)">{{secret}}</text>')),
    "box-in-a-moved-group": ("svg-box", page('<g transform="translate(3,9)"><rect id="a" x="5" y="5" width="60" height="20" '
                                             'fill="none"/></g><text style="shape-inside:url(#a)">{{secret}}</text>')),
    "text-path": ("svg-element", page('<path id="p" d="M5 30H90"/><text x="9" y="9"><textPath href="#p">{{secret}}</textPath></text>')),
    "style-sheet": ("svg-element", page('<style>text { fill: red }</style><text x="9" y="20">{{secret}}</text>')),
    "symbol": ("svg-text", page('<symbol id="s"><text x="9" y="20">{{secret}}</text></symbol>')),
    "switch": ("svg-text", page('<switch><text x="9" y="20">{{secret}}</text></switch>')),
    "nested-svg": ("svg-text", page('<svg x="9"><text x="9" y="20">{{secret}}</text></svg>')),
}
