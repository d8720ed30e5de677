"""The desk of a new organization's admin, from the platform's invitation to the audit that says who did all of it."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from services.demo import PLATFORM_SIGN_IN
from tests.browser.a_day import PATIENCE_MS, Dialog, choose, fill, press, search
from tests.browser.a_desk import (
    PASSWORD,
    Desk,
    accept_invitation,
    choose_header,
    choose_several,
    look_of,
    material_rows,
    new_field,
    open_page,
    open_wall,
    picture,
    rgb,
    set_up,
    shown_once,
    sign_in,
)
from tests.product.installation import DEMO_PASSWORD, Installation

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

WALL = "/wall/andon/VALVE"
DEMO_WALL = "/wall/andon/CUT"
GREEN, VIOLET = "#0f5132", "#4c1d95"
"""Colours of the header, both dark enough for white words."""
FIELDS = {"drawing": "string", "weight": "number", "surface": "string", "approved_on": "string", "rohs": "boolean"}
"""The keys of the fields that the admin adds to materials, and what a program reads their values as."""


@pytest.fixture
def desk(browser: Browser, product: Installation) -> Iterator[Desk]:
    """A product in which the organization of this walk is not there yet."""
    expect.set_options(timeout=PATIENCE_MS)
    opened = Desk(browser, product)
    yield opened
    opened.close()
    expect.set_options(timeout=None)


def test_an_admins_desk(desk: Desk, tmp_path: Path) -> None:
    pat, link = the_platform_makes_an_organization(desk)
    ada = its_first_admin_accepts_and_signs_in(desk, link)
    a_lane_for_a_wall(ada)
    vera = two_people_are_invited_and_one_comes(desk, ada)
    a_role_of_their_own_reaches_an_open_screen(ada, vera)
    five_fields_of_materials(ada)
    the_form_asks_for_them(ada)
    the_table_shows_and_filters_them(ada, tmp_path)
    programs_read_them(desk, ada)
    the_wall_follows_the_branding(desk, ada, vera)
    the_audit_knows_who_did_all_of_it(ada)
    the_platform_sees_nothing_of_it(desk, pat, ada)


def the_platform_makes_an_organization(desk: Desk) -> tuple[Page, str]:
    """Return the platform's screen and the link with which the first admin comes in."""
    page = desk.sit_down()
    sign_in(page, "/sign-in", PLATFORM_SIGN_IN, DEMO_PASSWORD)
    page.wait_for_url("**/platform/organizations")
    press(page, "Make an organization")
    with Dialog(page, "New organization") as form:
        fill(form, Name="Valve Works", Short_name=desk.slug)
        fill(form, Name_of_its_first_admin="Ada Admin")
        fill(form, **{"E-mail address of its first admin": f"ada@{desk.slug}.example"})
    link = shown_once(page, "Hand this link to the first admin", "Link")
    row = page.get_by_role("row").filter(has_text=desk.slug)
    expect(row).to_contain_text("Valve Works")
    expect(row).to_contain_text("Active")
    return page, link


def its_first_admin_accepts_and_signs_in(desk: Desk, link: str) -> Page:
    page = desk.sit_down()
    accept_invitation(page, link, "Choose a password for", "Password", "Password again", "Choose and sign in")
    expect(page.get_by_role("heading", name="Is everything set up?")).to_be_visible()

    press(page, "Sign out")
    page.wait_for_url("**/sign-in*")
    sign_in(page, f"/o/{desk.slug}", f"ada@{desk.slug}.example", PASSWORD)
    expect(page.get_by_text("Add the first plant.")).to_be_visible()

    page.goto(link)
    expect(page.get_by_role("alert")).to_be_visible()
    return page


def a_lane_for_a_wall(page: Page) -> None:
    open_page(page, "/admin/plants")
    press(page, "Add a plant")
    with Dialog(page, "New plant") as form:
        fill(form, Code="HAM", Name="Hamburg")
        search(form, "Time zone", "Europe/Berlin")
    press(page, "Add a department")
    with Dialog(page, "New department") as form:
        fill(form, Code="ASM", Name="Assembly")
    press(page, "Add a lane")
    with Dialog(page, "New lane") as form:
        fill(form, Code="VALVE", Name="Valve line")
    press(page, "Add a machine")
    with Dialog(page, "New machine") as form:
        fill(form, Code="V-01", Name="Lathe")
    expect(page.get_by_role("button", name="V-01")).to_be_visible()


def two_people_are_invited_and_one_comes(desk: Desk, page: Page) -> Page:
    """Return the screen of the one who comes, whose browser asks for German."""
    set_up(page, "Users")
    links = {}
    for key, name, role in (("vera", "Vera Viewer", "Viewer"), ("olga", "Olga Operator", "Operator")):
        press(page, "Invite")
        with Dialog(page, "Invite somebody", action="Invite") as form:
            fill(form, **{"E-mail address": f"{key}@{desk.slug}.example", "Name": name})
            if role != "Operator":  # which a new person has unless somebody says otherwise
                choose_several(form, "Roles", "Operator", role)
        links[key] = shown_once(page, "Hand this link over", "Link")
    for name, role in (("Vera Viewer", "Viewer"), ("Olga Operator", "Operator")):
        row = page.get_by_role("row").filter(has_text=name)
        expect(row.get_by_role("cell", name=role, exact=True)).to_be_visible()
        expect(row).to_contain_text("Invited")

    vera = desk.sit_down(locale="de-DE")
    accept_invitation(
        vera, links["vera"], "Wählen Sie ein Passwort", "Passwort", "Passwort wiederholen", "Wählen und anmelden"
    )
    expect(vera.get_by_role("navigation", name="Bereiche")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="Vera Viewer")).to_contain_text("Active")
    expect(page.get_by_role("row").filter(has_text="Olga Operator")).to_contain_text("Invited")
    return vera


def a_role_of_their_own_reaches_an_open_screen(page: Page, vera: Page) -> None:
    set_up(page, "Roles")
    press(page, "Make a role")
    with Dialog(page, "New role") as form:
        fill(form, Name="Material clerk", Key="clerk", Description="Keeps materials")
    with Dialog(page, "What Material clerk may do") as form:
        form.get_by_role("switch", name="See orders, materials and routings").click()
        form.get_by_role("switch", name="Plan, release and end orders, and write materials").click()
    column = page.get_by_role("columnheader").all_inner_texts().index("Material clerk")
    for right, answer in (("Plan, release and end orders", "Yes"), ("Report pieces at a terminal", "No")):
        cells = page.get_by_role("row").filter(has_text=right).locator("th, td")
        expect(cells.nth(column).get_by_role("img")).to_have_accessible_name(answer)

    open_page(vera, "/materials")
    expect(vera.get_by_text("Es gibt noch kein Material")).to_be_visible()
    expect(vera.get_by_role("button", name="Neues Material")).to_have_count(0)
    set_up(page, "Users")
    page.get_by_role("link", name="Vera Viewer").click()
    press(page, "Roles and rights")
    press(page, "Change roles")
    with Dialog(page, "Roles of Vera Viewer") as form:
        form.get_by_role("switch", name="Material clerk").click()
    expect(page.locator(".u-rights__row").filter(has_text="Plan, release")).to_contain_text("By Material clerk")

    press(vera, "Neues Material")
    with Dialog(vera, "Neues Material", action="Speichern") as form:
        fill(form, Nummer="V-100", Bezeichnung="Ventil")
    vera.wait_for_url("**/materials/V-100")
    vera.goto("/admin/roles")
    expect(vera.get_by_text("Das dürfen Sie nicht.")).to_be_visible()
    refused = vera.request.get("/api/v1/roles/")
    assert refused.status == 403, refused.text()

    open_page(vera, "/materials/V-100")
    expect(vera.get_by_role("button", name="Bearbeiten")).to_be_visible()
    set_up(page, "Roles")
    card = page.locator(".u-role-card").filter(has_text="Material clerk")
    press(card, "Rights")
    with Dialog(page, "What Material clerk may do") as form:
        form.get_by_role("switch", name="Plan, release and end orders, and write materials").click()
    expect(vera.get_by_role("button", name="Bearbeiten")).to_have_count(0)
    expect(vera.get_by_text("Ventil").first).to_be_visible()


def five_fields_of_materials(page: Page) -> None:
    set_up(page, "Custom fields")
    page.get_by_role("link", name="Materials", exact=True).last.click()
    with new_field(page, "Text", "Drawing", "Zeichnung") as form:
        form.get_by_role("switch", name="Must be filled in").click()
    with new_field(page, "Numeric value", "Weight", "Gewicht") as form:
        fill(form, Unit="kg", Digits_behind_the_point="2")
        choose_several(form, "Shown in", "Filters")
    with new_field(page, "Choice", "Surface", "Oberfläche") as form:
        for number, (english, german) in enumerate((("Blank", "Blank"), ("Galvanized", "Verzinkt"))):
            if number:
                press(form, "Add a choice")
            fill(form.locator(".u-choice-row").nth(number), English=english, German=german)
        choose_several(form, "Shown in", "Filters")
    with new_field(page, "Date", "Approved on", "Freigegeben am"):
        pass
    with new_field(page, "Yes or no", "RoHS", "RoHS"):
        pass

    rows = page.locator(".u-field-row")
    expect(rows).to_have_count(len(FIELDS))
    for row, key in zip(rows.all(), FIELDS, strict=True):
        expect(row).to_contain_text(f"{key} · ")
    preview = page.get_by_role("region", name="Preview")
    press(preview, "German")
    expect(preview.get_by_label("Oberfläche")).to_be_visible()


def the_form_asks_for_them(page: Page) -> None:
    open_page(page, "/materials")
    press(page, "New material")
    with Dialog(page, "New material") as form:
        fill(form, Number="V-200", Description="Ball valve", Weight="1.25", Approved_on="2026-03-01")
        choose(form, "Surface", "Galvanized")
        choose(form, "RoHS", "Yes")
        press(form, "Save")
        expect(form.get_by_role("alert").filter(has_text="Drawing")).to_be_visible()
        expect(form.get_by_label("Weight")).to_have_value("1.25")
        fill(form, **{"Drawing *": "D-4711"})
    page.wait_for_url("**/materials/V-200")
    facts = page.locator(".u-material__names")
    for words in ("D-4711", "1.25 kg", "Galvanized", "Mar 1, 2026", "Yes"):
        expect(facts).to_contain_text(words)

    open_page(page, "/materials")
    press(page, "New material")
    with Dialog(page, "New material") as form:
        fill(form, Number="V-300", Weight="12")
        fill(form, **{"Drawing *": "D-4712"})
        choose(form, "Surface", "Blank")
    page.wait_for_url("**/materials/V-300")


def the_table_shows_and_filters_them(page: Page, place: Path) -> None:
    open_page(page, "/materials")
    heads = page.get_by_role("columnheader")
    for label in ("Drawing", "Weight", "Surface", "Approved on", "RoHS"):
        expect(heads.filter(has_text=label)).to_be_visible()
    expect(material_rows(page)).to_have_count(3)
    expect(page.get_by_role("row").filter(has_text="V-200")).to_contain_text("Galvanized")

    press(page, "Filter")
    with Dialog(page, "Filter", action="Apply") as form:
        fill(form, **{"Weight (kg) until": "5"})
        choose_several(form, "Surface", "Galvanized")
    expect(material_rows(page)).to_have_count(1)
    expect(material_rows(page)).to_contain_text("V-200")
    expect(page).to_have_url(re.compile(r"custom\.weight\.max=5"))
    expect(page).to_have_url(re.compile(r"custom\.surface=galvanized"))
    page.reload()
    expect(material_rows(page)).to_have_count(1)
    press(page, "Take the filter away: Weight: ≤ 5 kg", "Take the filter away: Surface: Galvanized")
    expect(material_rows(page)).to_have_count(3)
    expect(page).not_to_have_url(re.compile(r"custom\."))

    press(page, "Tables")
    with page.expect_download() as downloading:
        page.get_by_text("Export materials (CSV)").click()
    file = place / "materials.csv"
    downloading.value.save_as(file)
    rows = {row["number"]: row for row in csv.DictReader(io.StringIO(file.read_text("utf-8-sig")))}
    assert rows.keys() == {"V-100", "V-200", "V-300"}
    assert {key: rows["V-200"][f"custom.{key}"] for key in FIELDS} == {
        "drawing": "D-4711", "weight": "1.25", "surface": "galvanized", "approved_on": "2026-03-01", "rohs": "yes",
    }  # fmt: skip


def programs_read_them(desk: Desk, page: Page) -> None:
    open_page(page, "/admin/api-keys")
    press(page, "Make a key")
    with Dialog(page, "New key") as form:
        fill(form, Name="ERP")
        choose_several(form, "May do", "Production and orders: see only")
    program = desk.program(shown_once(page, "Copy the key now", "Key"))
    expect(page.get_by_role("row").filter(has_text="ERP")).to_contain_text("Valid")

    document = program.get("/api/v1/openapi.json?org_schema=true").json()
    described = document["components"]["schemas"]["MaterialCustomShown"]["properties"]
    assert {key: one["type"][0] for key, one in described.items()} == FIELDS
    assert described["surface"]["enum"] == ["blank", "galvanized", None]
    assert described["approved_on"]["format"] == "date"
    (material,) = program.get("/api/v1/materials/?custom.surface=galvanized").json()["items"]
    assert material["number"] == "V-200"
    assert material["custom"] == {
        "drawing": "D-4711", "weight": 1.25, "surface": "galvanized", "approved_on": "2026-03-01", "rohs": True,
    }  # fmt: skip
    refused = program.post("/api/v1/materials/", data={"number": "V-400", "unit": "pcs"})
    assert refused.status == 403, refused.text()


def the_wall_follows_the_branding(desk: Desk, page: Page, vera: Page) -> None:
    open_wall(vera, WALL)
    expect(vera.locator(".u-brand-bar")).to_have_count(0)
    demo = desk.sit_down()
    sign_in(demo, f"/sign-in?next={DEMO_WALL}", "supervisor@demo.example", DEMO_PASSWORD)
    open_wall(demo, DEMO_WALL)
    of_demo = look_of(demo)
    for wall in (vera, demo):
        wall.evaluate("window.unloaded = false")

    set_up(page, "Branding")
    fill(page.locator(".u-frame__content"), Name="Valves & Sons", Words_above_walls="Every valve counts")
    choose_header(page, GREEN)
    press(page, "Save")
    bar = vera.locator(".u-brand-bar")
    expect(bar).to_contain_text("Every valve counts")
    expect(bar).to_have_css("background-color", rgb(GREEN))
    expect(page.locator(".u-rail__brand")).to_contain_text("Valves & Sons")

    choose_header(page, VIOLET)
    press(page, "Save")
    expect(bar).to_have_css("background-color", rgb(VIOLET))
    expect(page.locator(".u-rail")).to_have_css("background-color", rgb(VIOLET))
    logo = page.locator(".u-asset").filter(has_text="On the rail, walls")
    logo.locator("input[type=file]").set_input_files({"name": "logo.png", "mimeType": "image/png", "buffer": picture()})
    expect(logo.get_by_role("img", name="Logo")).to_be_visible()
    expect(bar.get_by_role("img", name="Valves & Sons")).to_be_visible()
    assert vera.evaluate("window.unloaded") is False

    assert look_of(demo) == of_demo
    assert demo.evaluate("window.unloaded") is False
    gate = desk.sit_down()
    gate.goto(f"/o/{desk.slug}")
    expect(gate.get_by_role("img", name="Valves & Sons")).to_be_visible()
    gate.goto("/o/demo")
    expect(gate.get_by_label("E-mail address")).to_be_visible()
    expect(gate.get_by_role("img", name="Valves & Sons")).to_have_count(0)


def the_audit_knows_who_did_all_of_it(page: Page) -> None:
    set_up(page, "Audit")
    for kind, words in (
        ("Invitation", "Invitation Vera Viewer added"),
        ("Role", "Role Material clerk added"),
        ("Permission", "Permission Plan, release and end orders, and write materials and routings removed"),
        ("Assigned role", "Assigned role clerk added"),
        ("Custom field", "Custom field weight added"),
        ("API key", "API key ERP added"),
        ("Branding", "Branding Valves & Sons changed"),
    ):
        search(page.locator(".u-frame__content"), "Kind of things", kind)
        expect(page.locator(".u-change").filter(has_text=words).first).to_contain_text("Ada Admin")
        expect(page).to_have_url(re.compile(r"table=\w+"))

    press(page, "Verify the chain")
    expect(page.get_by_role("status").filter(has_text="Nothing was altered: all")).to_be_visible()


def the_platform_sees_nothing_of_it(desk: Desk, page: Page, admin: Page) -> None:
    open_page(page, "/platform/organizations")
    row = page.get_by_role("row").filter(has_text=desk.slug)
    expect(row.get_by_role("cell").nth(2)).to_have_text("3")
    for path in ("/materials", "/materials/V-200", WALL):
        page.goto(path)
        expect(
            page.get_by_text(re.compile("^There is no (plant yet|material with this id|lane with this id)"))
        ).to_be_visible()
        expect(page.get_by_text("Ball valve")).to_have_count(0)
    for path in ("materials", "machines", "users"):
        theirs = admin.request.get(f"/api/v1/{path}/").json()["items"][0]["id"]
        answer = page.request.get(f"/api/v1/{path}/{theirs}")
        assert answer.status == 404, answer.text()
        assert theirs not in page.request.get(f"/api/v1/{path}/").text()
    stranger = desk.sit_down()
    sign_in(stranger, f"/o/{desk.slug}", PLATFORM_SIGN_IN, DEMO_PASSWORD)
    expect(stranger.get_by_role("alert")).to_be_visible()
