"""Labels for containers and shelves: one per page of 100 by 60 millimetres, as label printers take them."""

from collections.abc import Sequence
from uuid import UUID

from domain.checks import checked_whole
from domain.custom_fields.fields import FieldPlace
from services.custom_fields.shown import ShownValue, shown_values
from services.db.work import Work
from services.plant.places import list_plants
from services.printing.codes import qr_code
from services.printing.letterheads import LOGO, load_letterhead
from services.printing.travellers import moment, quantity
from services.printing.typesetting import Printout
from services.production.material_queries import load_material
from services.production.order_queries import get_order
from services.translations import translator

MOST_COPIES = 200
MOST_FACTS = 4
"""What fits beside the code; custom fields come after what the label is about."""
SOURCE = (
    LOGO
    + """
#let d = json(bytes(sys.inputs.data))
#set document(title: d.number)
#set text(font: ("Roboto", "Liberation Sans", "DejaVu Sans", "Arial", "Helvetica"), size: 9pt, lang: d.language)
#set page(width: 100mm, height: 60mm, margin: 4mm)
#set par(spacing: 1mm)
#set block(spacing: 1mm)
#let label = {
  grid(
    columns: (1fr, 30mm),
    gutter: 3mm,
    {
      box(height: 8mm, clip: true, align(left + horizon,
        if d.head.logo != "" { logo(d.head.logo, 8mm, 56mm) }
        else { text(size: 11pt, weight: "bold", d.head.name) }))
      v(1mm)
      text(size: 8pt, d.title)
      linebreak()
      text(size: if d.number.len() > 18 { 11pt } else { 15pt }, weight: "bold", d.number)
      v(0.5mm)
      block(height: 9mm, clip: true, text(size: 10pt, d.what))
    },
    { image("code.svg", width: 30mm) },
  )
  block(height: 17mm, clip: true, grid(
    columns: (auto, 1fr),
    row-gutter: 1.4mm,
    column-gutter: 4mm,
    ..d.facts.map(fact => (text(size: 8pt, fact.label), text(weight: "medium", fact.text))).flatten(),
  ))
}
#for copy in range(d.copies) {
  if copy > 0 { pagebreak() }
  label
}
"""
)


async def print_order_labels(work: Work, *, order_id: UUID, copies: int, language: str) -> Printout:
    """Return labels for the containers of an order, with its custom fields that are marked for labels.

    Raises:
        Forbidden: the actor may not read orders.
        NotFound: there is no such order in this scope.
        InvalidWholeNumber: fewer than one or more than 200 copies.
    """
    checked_whole(copies, field="copies", least=1, most=MOST_COPIES)
    order = await get_order(work, order_id=order_id)
    zone = next((one.time_zone for one in await list_plants(work) if one.id == order.plant_id), "UTC")
    custom = await shown_values(work, "work_order", [order_id], where=FieldPlace.LABEL, language=language, zone=zone)
    _ = translator(language)
    facts = [
        (_("Material"), order.material_number),
        (_("Quantity"), f"{quantity(order.quantity, language)} {order.unit}"),
        (_("Due on"), "" if order.due_at is None else moment(order.due_at, zone, language)),
    ]
    return await _printed(
        work,
        title=_("Work order"),
        number=order.number,
        what=order.material_description,
        facts=_with_custom(facts, custom.get(order_id, ())),
        copies=copies,
        language=language,
    )


async def print_material_labels(work: Work, *, key: str, copies: int, language: str) -> Printout:
    """Return labels for a material by its number or id, with its custom fields that are marked for labels.

    Raises:
        Forbidden: the actor may not read materials.
        NotFound: there is no such material.
        InvalidWholeNumber: fewer than one or more than 200 copies.
    """
    checked_whole(copies, field="copies", least=1, most=MOST_COPIES)
    material = await load_material(work, key=key)
    custom = await shown_values(work, "material", [material.id], where=FieldPlace.LABEL, language=language)
    _ = translator(language)
    return await _printed(
        work,
        title=_("Material"),
        number=material.number,
        what=material.description,
        facts=_with_custom([(_("Unit"), material.unit)], custom.get(material.id, ())),
        copies=copies,
        language=language,
    )


def _with_custom(facts: list[tuple[str, str]], custom: Sequence[ShownValue]) -> list[tuple[str, str]]:
    return [fact for fact in (*facts, *((one.label, one.text) for one in custom)) if fact[1]][:MOST_FACTS]


async def _printed(
    work: Work,
    *,
    title: str,
    number: str,
    what: str,
    facts: list[tuple[str, str]],
    copies: int,
    language: str,
) -> Printout:
    letterhead = await load_letterhead(work)
    data = {
        "head": letterhead.data,
        "language": language,
        "title": title,
        "number": number,
        "what": what,
        "facts": [{"label": label, "text": words} for label, words in facts],
        "copies": copies,
    }
    files = {**letterhead.files, "code.svg": qr_code(number)}
    return Printout(f"{number}.pdf", SOURCE, data, files)
