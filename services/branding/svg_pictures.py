"""Vector pictures, taken apart and put together from what cannot do harm.

An SVG is a program when it wants to be. So nothing is passed on that is not listed here; what runs, fetches or embeds
is refused with its name, and what only an editor needs (its own namespaces, comments, metadata) is left out.
"""

import re
from collections import Counter

from lxml import etree

from services.branding.picture_rules import SvgRefused, SvgUnreadable

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
MOST_ELEMENTS = 5_000
MOST_DEPTH = 60
MOST_DRAWN = 20_000
"""Elements that are drawn once every `use` has repeated what it points to."""

ELEMENTS = frozenset(
    """
    svg g defs symbol use title desc style path rect circle ellipse line polyline polygon text tspan linearGradient
    radialGradient stop clipPath mask filter feGaussianBlur feOffset feBlend feFlood feComposite feMerge feMergeNode
    feColorMatrix
    """.split()  # noqa: SIM905 - as many lines as there are names would hide them
)
RUNS = frozenset(
    """
    script foreignObject iframe object embed handler listener animate animateColor animateMotion animateTransform set
    discard a image feImage audio video canvas cursor font-face-uri switch tref mpath
    """.split()  # noqa: SIM905
)
ATTRIBUTES = frozenset(
    """
    id class style transform viewBox preserveAspectRatio version width height x y x1 y1 x2 y2 cx cy r rx ry fx fy fr d
    points dx dy rotate textLength lengthAdjust pathLength offset gradientUnits gradientTransform spreadMethod
    clipPathUnits maskUnits maskContentUnits filterUnits primitiveUnits in in2 result stdDeviation mode operator k1 k2
    k3 k4 type values fill fill-opacity fill-rule stroke stroke-width stroke-opacity stroke-linecap stroke-linejoin
    stroke-miterlimit stroke-dasharray stroke-dashoffset opacity color clip-path clip-rule mask filter stop-color
    stop-opacity flood-color flood-opacity font-family font-size font-weight font-style font-variant letter-spacing
    word-spacing text-anchor text-decoration dominant-baseline alignment-baseline baseline-shift display visibility
    overflow vector-effect shape-rendering text-rendering color-interpolation-filters paint-order mix-blend-mode
    isolation
    """.split()  # noqa: SIM905
)
FETCHES = re.compile(r"url\s*\(|@|\\|expression\s*\(|javascript\s*:|data\s*:", re.IGNORECASE)
OWN_PART = re.compile(r"#[A-Za-z_][\w.-]{0,200}")
OWN_URL = re.compile(r"url\(\s*(['\"]?)#[A-Za-z_][\w.-]{0,200}\1\s*\)")


def cleaned_svg(content: bytes) -> bytes:
    """Return an SVG made of harmless parts only.

    Raises:
        SvgRefused: it holds a script, an event handler, a foreign object, a link, an animation, or a reference to
            anything outside itself.
        SvgUnreadable: it is no SVG, declares a document type, has no size, or is drawn without end.
    """
    root = _parsed(content)
    _refuse_unlisted(root)
    if "viewBox" not in root.attrib and not {"width", "height"} <= set(root.attrib):
        raise SvgUnreadable
    if _drawn(root) > MOST_DRAWN:
        raise SvgUnreadable
    etree.cleanup_namespaces(root)
    cleaned: bytes = etree.tostring(root, encoding="utf-8")
    return cleaned


def _parsed(content: bytes) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False,
        remove_comments=True, remove_blank_text=False,
    )  # fmt: skip
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise SvgUnreadable from error
    if root.tag != f"{{{SVG}}}svg" or root.getroottree().docinfo.doctype:
        raise SvgUnreadable
    if any(True for _ in root.itersiblings(preceding=True)):  # comments are gone, what is left are instructions
        raise SvgRefused(part="<?xml-stylesheet?>")
    return root


def _refuse_unlisted(root: etree._Element) -> None:
    """Drop what an editor left, refuse what runs."""
    count = 0
    waiting = [(root, 0)]
    while waiting:
        element, depth = waiting.pop()
        count += 1
        if count > MOST_ELEMENTS or depth > MOST_DEPTH:
            raise SvgUnreadable
        _clean_attributes(element)
        for child in list(element):
            name = _listed_name(child)
            if name is None:
                _drop(child)
            else:
                waiting.append((child, depth + 1))
        if etree.QName(element).localname == "style":
            _refuse_fetching(element.text or "", "style")


def _listed_name(element: etree._Element) -> str | None:
    """Return the name of a listed element, None for one to leave out."""
    if not isinstance(element.tag, str):  # an entity or a processing instruction
        raise SvgRefused(part=str(element)[:40])
    name = etree.QName(element)
    if name.localname in RUNS or name.namespace == "http://www.w3.org/1999/xhtml":
        raise SvgRefused(part=f"<{name.localname}>")
    return name.localname if name.namespace == SVG and name.localname in ELEMENTS else None


def _clean_attributes(element: etree._Element) -> None:
    for given, value in list(element.attrib.items()):
        name = etree.QName(given)
        if name.localname.lower().startswith("on"):
            raise SvgRefused(part=name.localname)
        is_reference = name.localname == "href" and name.namespace in {None, XLINK}
        if is_reference and not OWN_PART.fullmatch(value.strip()):
            raise SvgRefused(part="href")
        if is_reference or (name.namespace is None and name.localname in ATTRIBUTES):
            _refuse_fetching(value, name.localname)
        else:
            del element.attrib[given]


def _refuse_fetching(text: str, part: str) -> None:
    if FETCHES.search(OWN_URL.sub("", text)):
        raise SvgRefused(part=part)


def _drop(element: etree._Element) -> None:
    """Take an element out and leave the words behind it where they are."""
    parent, tail = element.getparent(), element.tail
    if parent is None:
        return
    before = element.getprevious()
    if tail and before is not None:
        before.tail = (before.tail or "") + tail
    elif tail:
        parent.text = (parent.text or "") + tail
    parent.remove(element)


def _drawn(root: etree._Element) -> int:
    """Return how many elements are drawn once each `use` stands for what it points to; a ring counts as endless."""
    by_id: dict[str, etree._Element] = {str(one.get("id")): one for one in root.iter() if one.get("id")}
    known: dict[etree._Element, int] = {}
    under_way: Counter[etree._Element] = Counter()

    def count(element: etree._Element, depth: int) -> int:
        if element in known:
            return known[element]
        if under_way[element] or depth > 4 * MOST_DEPTH:
            raise SvgUnreadable
        under_way[element] += 1
        total = 1 + sum(count(child, depth + 1) for child in element)
        if etree.QName(element).localname == "use":
            target = by_id.get((element.get("href") or element.get(f"{{{XLINK}}}href") or "").strip()[1:])
            total += 0 if target is None else count(target, depth + 1)
        under_way[element] -= 1
        known[element] = min(total, MOST_DRAWN + 1)
        return known[element]

    return count(root, 0)
