"""The traveller of an order: the paper that goes with it through the plant, A4, in the look of the organization."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from babel.numbers import format_decimal

from domain.custom_fields.fields import FieldPlace
from domain.errors import NotFound
from services.custom_fields.shown import shown_values
from services.db.work import Work
from services.plant.places import list_plants
from services.printing.codes import qr_code
from services.printing.letterheads import LOGO, load_letterhead
from services.printing.typesetting import Printout
from services.production.operation_queries import OperationInfo, load_operations
from services.production.order_queries import OrderInfo, get_order
from services.translations import Translate, translator

SOURCE = (
    LOGO
    + """
#let d = json(bytes(sys.inputs.data))
#set document(title: d.title + " " + d.number)
#set text(font: ("Roboto", "Liberation Sans", "DejaVu Sans", "Arial", "Helvetica"), size: 10pt, lang: d.language)
#set page(
  paper: "a4",
  margin: (top: 36mm, bottom: 20mm, x: 16mm),
  header: {
    set text(size: 9pt)
    grid(
      columns: (1fr, auto),
      align: (left + horizon, right + horizon),
      if d.head.logo != "" { logo(d.head.logo, 14mm, 70mm) }
      else { text(size: 15pt, weight: "bold", d.head.name) },
      text(fill: luma(30%), d.head.text),
    )
    v(1mm)
    line(length: 100%, stroke: 1.2pt + rgb(d.head.color))
  },
  header-ascent: 6mm,
  footer: context {
    set text(size: 8pt, fill: luma(30%))
    grid(
      columns: (1fr, auto),
      d.printed,
      d.page + " " + str(counter(page).get().first()) + " / " + str(counter(page).final().first()),
    )
  },
)
#grid(
  columns: (1fr, auto),
  gutter: 8mm,
  {
    text(size: 11pt, fill: luma(30%), d.title)
    linebreak()
    text(size: 24pt, weight: "bold", d.number)
    v(2mm)
    grid(
      columns: (auto, 1fr),
      row-gutter: 2.2mm,
      column-gutter: 6mm,
      ..d.facts.map(fact => (text(fill: luma(30%), fact.label), text(weight: "medium", fact.text))).flatten(),
    )
  },
  align(center, { image("code.svg", width: 34mm); v(-1mm); text(size: 8pt, d.number) }),
)
#if d.note != "" { v(2mm); block(fill: luma(94%), inset: 3mm, radius: 1mm, width: 100%, d.note) }
#v(4mm)
#text(size: 13pt, weight: "bold", d.words.operations)
#if d.operations.len() == 0 { block(text(fill: luma(30%), d.words.none)) } else {
  table(
    columns: (auto, 1fr, auto, auto, auto, 20mm, 20mm, 28mm),
    align: (right, left, left, right, right, left, left, left),
    inset: (x: 2mm, y: 2.4mm),
    stroke: 0.5pt + luma(60%),
    table.header(..d.columns.map(words => text(size: 8pt, weight: "bold", words))),
    ..d.operations.map(one => (
      str(one.sequence),
      {
        text(weight: "bold", one.name)
        if one.instructions != "" { linebreak(); text(size: 8.5pt, one.instructions) }
      },
      one.place, one.setup, one.run, [], [], [],
    )).flatten(),
  )
}
"""
)


async def print_traveller(work: Work, *, order_id: UUID, language: str) -> Printout:
    """Return the traveller of an order in a language, with its custom fields that are marked for reports.

    Raises:
        Forbidden: the actor may not read orders.
        NotFound: there is no such order in this scope.
    """
    order = await get_order(work, order_id=order_id)
    operations = await load_operations(work, order_id=order_id)
    plant = next((one for one in await list_plants(work) if one.id == order.plant_id), None)
    if plant is None:
        raise NotFound(what="plant")
    zone = plant.time_zone
    custom = await shown_values(work, "work_order", [order_id], where=FieldPlace.REPORT, language=language, zone=zone)
    letterhead = await load_letterhead(work)
    _ = translator(language)
    facts = [*_facts(order, plant.name, language, zone), *((one.label, one.text) for one in custom.get(order_id, ()))]
    data = {
        "head": letterhead.data,
        "language": language,
        "title": _("Work order"),
        "number": order.number,
        "facts": [{"label": label, "text": words} for label, words in facts if words],
        "note": order.note,
        "words": {"operations": _("Operations"), "none": _("The order has no operations yet.")},
        "columns": [
            _("No."), _("Operation"), _("Place"), _("Setup"), _("Per piece"), _("Good"), _("Scrap"), _("Name, date"),
        ],
        "operations": [_operation(one, language) for one in operations],
        "printed": _("Printed {time}").format(time=moment(work.now, zone, language)),
        "page": _("Page"),
    }  # fmt: skip
    files = {**letterhead.files, "code.svg": qr_code(order.number)}
    return Printout(f"{order.number}.pdf", SOURCE, data, files)


def _facts(order: OrderInfo, plant: str, language: str, zone: str) -> list[tuple[str, str]]:
    _ = translator(language)
    return [
        (_("Material"), f"{order.material_number} · {order.material_description}".rstrip(" ·")),
        (_("Quantity"), f"{quantity(order.quantity, language)} {order.unit}"),
        (_("Due on"), "" if order.due_at is None else moment(order.due_at, zone, language)),
        (_("Priority"), str(order.priority)),
        (_("Plant"), plant),
    ]


def _operation(one: OperationInfo, language: str) -> dict[str, object]:
    _ = translator(language)
    return {
        "sequence": one.sequence,
        "name": one.name,
        "instructions": one.instructions,
        "place": one.place_code,
        "setup": _duration(one.setup_time_s, language, _),
        "run": "" if one.run_time_s is None else _duration(one.run_time_s, language, _),
    }


def _duration(seconds: Decimal, language: str, _: Translate) -> str:
    """Write a planned time: minutes from two of them on."""
    if not seconds:
        return ""
    if seconds < 120:
        return _("{number} s").format(number=quantity(seconds, language))
    return _("{number} min").format(number=quantity((seconds / 60).quantize(Decimal("0.1")), language))


def quantity(value: Decimal, language: str) -> str:
    """Write a quantity as a language does."""
    written: str = format_decimal(value, format="#,##0.######", locale=language)
    return written


def moment(at: datetime, zone: str, language: str) -> str:
    """Write day and time of an instant in a plant."""
    written: str = format_datetime(at.astimezone(ZoneInfo(zone)), format="short", locale=language)
    return written
